package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"lifeline/change"
)

const addressForm = "mysql://user:password@host:3306/database"

// address is where a server is and who asks, taken from a DSN.
type address struct {
	network, host  string
	user, password string
	database       string
	tls            *tls.Config
	preferred      bool // Without TLS, if the server has none.
	timeout        time.Duration
	timed          bool   // It was said.
	shown          string // host:port/database, for messages.
}

// parseAddress reads mysql://user:password@host:port/database?tls=…&ca=FILE&cert=FILE&key=FILE&timeout=10s&socket=PATH, and more. TLS is
// also understood by the names that other programs have for it. A parameter that is not known is refused (promise 11).
func parseAddress(dsn string) (address, error) {
	parsed, err := change.ParseAddress(dsn)
	if err != nil {
		return address{}, &change.Problem{
			Err: fmt.Errorf("the source: %w", err), Class: change.ClassUsage, Try: change.EscapeHint + "; " + addressForm,
		}
	}
	a := address{network: "tcp", user: parsed.User, password: parsed.Password, database: parsed.Database, timeout: 10 * time.Second}
	host, port := parsed.Host, parsed.Port
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "3306"
	}
	a.host = net.JoinHostPort(host, port)
	s := &security{host: host}
	for _, p := range parsed.Parameters {
		if err := a.parameter(s, p.Name, p.Value); err != nil {
			return a, usage(err)
		}
	}
	if a.shown = a.host + "/" + a.database; strings.Contains(host, ",") {
		return a, usage(errors.New("the source's address names several hosts"))
	}
	if a.tls, err = s.config(); err != nil {
		return a, usage(err)
	}
	a.preferred = s.mode == tlsPreferred
	return a, nil
}

func usage(err error) error {
	return &change.Problem{
		Err: err, Class: change.ClassUsage, Try: addressForm + "?tls=required; the parameters are tls, ca, cert, key, tls-version, timeout, " +
			"socket",
	}
}

// parameter honours one parameter of the address. Names are compared without case, hyphens and underscores.
func (a *address) parameter(s *security, name, value string) (err error) {
	switch key := strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name)); key {
	case "tls", "sslmode", "tlsmode":
		return s.demand(name, value)
	case "ssl", "usessl", "requiressl", "verifyservercertificate", "trustservercertificate":
		return s.flag(name, key, value)
	case "ca", "sslca", "tlsca", "sslrootcert", "cafile":
		return once(&s.ca, name, value)
	case "cert", "sslcert", "tlscert", "clientcert":
		return once(&s.cert, name, value)
	case "key", "sslkey", "tlskey", "clientkey":
		return once(&s.key, name, value)
	case "tlsversion", "tlsversions", "enabledtlsprotocols":
		return s.versions(name, value)
	case "socket", "unixsocket":
		if a.network == "unix" || value == "" {
			return fmt.Errorf("%s of the source's address must be one path", name)
		}
		a.network, a.host = "unix", value
	case "timeout", "connecttimeout":
		if a.timed {
			return fmt.Errorf("%s of the source's address says again how long to wait", name)
		}
		a.timed = true
		if seconds, bad := strconv.ParseFloat(value, 64); bad == nil {
			a.timeout = time.Duration(seconds * float64(time.Second))
		} else if a.timeout, err = time.ParseDuration(value); err != nil {
			return fmt.Errorf("%s of the source's address is not a duration such as 10s", name)
		}
		if a.timeout <= 0 {
			return fmt.Errorf("%s of the source's address must be more than nothing", name)
		}
	case "charset", "characterencoding":
		if v := strings.ToLower(value); v != "utf8mb4" && v != "utf8" && v != "utf-8" {
			return fmt.Errorf("%s of the source's address must be utf8mb4: that is how every value is read, whatever its column has", name)
		}
	default:
		return fmt.Errorf("the source's address has an unknown parameter %s", name)
	}
	return nil
}

// once takes a file's name that may be said by one name only.
func once(set *string, name, value string) error {
	if *set != "" || value == "" {
		return fmt.Errorf("%s of the source's address must be one file", name)
	}
	*set = value
	return nil
}

// tlsMode is how a connection is secured.
type tlsMode int

const (
	tlsUnset tlsMode = iota
	tlsOff
	tlsPreferred
	tlsRequired // Encrypted, to whoever answers.
	tlsCA       // The certificate is from an authority that is trusted.
	tlsHost     // And for the host that was called.
)

// security is what an address says of TLS.
type security struct {
	host          string
	mode          tlsMode
	said          string // The parameter that said so.
	ca, cert, key string

	oldest, newest uint16 // Versions of TLS; 0 are Go's own limits.
}

var tlsModes = map[string]tlsMode{
	"false": tlsOff, "0": tlsOff, "no": tlsOff, "off": tlsOff, "disable": tlsOff, "disabled": tlsOff,
	"preferred": tlsPreferred, "prefer": tlsPreferred, "allow": tlsPreferred,
	"skip-verify": tlsRequired, "required": tlsRequired, "require": tlsRequired, "trust": tlsRequired,
	"verify-ca":       tlsCA,
	"verify-identity": tlsHost, "verify-full": tlsHost, "verify": tlsHost, "true": tlsHost, "1": tlsHost, "yes": tlsHost, "on": tlsHost,
}

func (s *security) set(name string, mode tlsMode) error {
	if s.mode != tlsUnset && s.mode != mode {
		return fmt.Errorf("%s and %s of the source's address say different things", s.said, name)
	}
	s.mode, s.said = mode, name
	return nil
}

// demand takes a mode by its name.
func (s *security) demand(name, value string) error {
	mode, ok := tlsModes[strings.ReplaceAll(strings.ToLower(value), "_", "-")]
	if !ok {
		return fmt.Errorf("%s of the source's address must be one of false, preferred, required, verify-ca, verify-identity, true", name)
	}
	return s.set(name, mode)
}

// flag takes a mode that is said by a parameter of its own.
func (s *security) flag(name, key, value string) error {
	on, known := map[string]bool{"true": true, "1": true, "yes": true, "false": false, "0": false, "no": false}[strings.ToLower(value)]
	switch {
	case !known:
		return fmt.Errorf("%s of the source's address must be true or false", name)
	case key == "verifyservercertificate" && on:
		s.mode, s.said = max(s.mode, tlsCA), name
	case (key == "trustservercertificate" || key == "verifyservercertificate") == on, key == "verifyservercertificate":
		s.mode, s.said = max(s.mode, tlsRequired), name
	case key == "trustservercertificate":
		s.mode, s.said = max(s.mode, tlsCA), name
	case on:
		s.mode, s.said = max(s.mode, tlsRequired), name
	default:
		return s.set(name, tlsOff)
	}
	return nil
}

// config makes what the connection needs; nil is no TLS.
func (s *security) config() (*tls.Config, error) {
	if s.mode == tlsUnset && (s.ca != "" || s.cert != "") {
		s.mode = tlsCA
	}
	switch {
	case s.mode <= tlsOff && s.ca+s.cert+s.key != "":
		return nil, fmt.Errorf("the source's address names certificates, and %s says that there is no TLS", s.said)
	case s.mode <= tlsOff && s.oldest != 0:
		return nil, errors.New("the source's address names a version of TLS, and asks for none: tls=required does")
	case s.mode <= tlsOff:
		return nil, nil
	case (s.cert == "") != (s.key == ""):
		return nil, errors.New("a client's certificate needs both cert and key in the source's address")
	}
	c := &tls.Config{
		ServerName: s.host, MinVersion: s.oldest, MaxVersion: s.newest,
		InsecureSkipVerify: s.mode < tlsHost, // Below that, by the user's word.
	}
	if s.ca != "" {
		if s.mode < tlsCA {
			return nil, fmt.Errorf("the source's address names an authority (ca), which %s does not ask: verify-ca does", s.said)
		}
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			return nil, fmt.Errorf("read the authority's certificate %s: %w", s.ca, cause(err))
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", s.ca)
		}
	}
	if s.cert != "" {
		pair, err := tls.LoadX509KeyPair(s.cert, s.key)
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate %s and its key: %w", s.cert, cause(err))
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if s.oldest != 0 && s.oldest < tls.VersionTLS12 { // Such servers know no others, and the address says that it may be so.
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			c.CipherSuites = append(c.CipherSuites, suite.ID)
		}
	}
	if s.mode == tlsCA {
		c.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(c.RootCAs, state) }
	}
	return c, nil
}

var tlsVersions = map[string]uint16{
	"1": tls.VersionTLS10, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

// versions reads the versions that may be spoken: TLSv1.1,TLSv1.2. Without it they are 1.2 and newer.
func (s *security) versions(name, value string) error {
	if s.oldest != 0 {
		return fmt.Errorf("%s of the source's address says again which versions of TLS there are", name)
	}
	for _, v := range strings.Split(value, ",") {
		id, ok := tlsVersions[strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(v)), "tls"), "v")]
		if !ok {
			return fmt.Errorf("%s of the source's address must be of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3", name)
		}
		if s.oldest == 0 || id < s.oldest {
			s.oldest = id
		}
		s.newest = max(s.newest, id)
	}
	return nil
}

// verifyChain checks who signed the server's certificate, whatever host it is for.
func verifyChain(roots *x509.CertPool, state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server shows no certificate")
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(o)
	return err
}
