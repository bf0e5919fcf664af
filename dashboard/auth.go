package dashboard

import (
	"bufio"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lifeline/change"
	"lifeline/semantic"
)

// The roles. A viewer sees pages, rows and exports; data sees SQL and raw values besides.
const (
	RoleViewer = "viewer"
	RoleData   = "data"
)

// The ways to know who asks.
const (
	AuthNone  = "none"  // Everyone may see everything; only on loopback.
	AuthBasic = "basic" // Names and passwords of a file; tokens of the same file are taken too.
	AuthToken = "token" // Bearer tokens of a file.
	AuthProxy = "proxy" // A proxy in front says who it is and proves itself by a secret.
)

// Auth says how askers are known.
type Auth struct {
	Mode    string
	File    string   // Of users and tokens: a line each, name:roles:hash, as HashSecret writes hashes; # begins a comment.
	Header  string   // Of the proxy, with the user's name; X-Forwarded-User where none is given.
	Groups  string   // Of the proxy, with groups by comma; a group of the name data gives that role.
	Secret  string   // Of the proxy, which it sends as X-Lifeline-Proxy-Secret.
	Proxies []string // Networks that the proxy asks from; loopback where none are given.
	Contact string   // Whom to ask for a role.
}

// identity is who asks.
type identity struct {
	name  string
	roles []string
}

func (u *identity) has(role string) bool {
	return slices.Contains(u.roles, role) || role == RoleViewer && slices.Contains(u.roles, RoleData)
}

// key counts the work of one asker; without names, of one address.
func (u *identity) key(r *http.Request) string {
	if u.name != "" {
		return u.name
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

const hashRounds = 300000

// HashSecret makes the hash of a password or token for the users' file.
func HashSecret(secret string) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	sum, err := pbkdf2.Key(sha256.New, secret, salt, hashRounds, 32)
	if err != nil {
		return "", fmt.Errorf("hash: %w", err)
	}
	b := base64.RawStdEncoding
	return fmt.Sprintf("pbkdf2-sha256$%d$%s$%s", hashRounds, b.EncodeToString(salt), b.EncodeToString(sum)), nil
}

type account struct {
	identity
	token   bool
	expires time.Time
	rounds  int
	salt    []byte
	sum     []byte
}

// guard decides who asks.
type guard struct {
	Auth

	accounts []account
	proxies  []netip.Prefix
	known    sync.Map // Digest of a proven secret to its account, so that the slow hash is paid once.
	key      [32]byte
	slow     *throttle
	hashing  *semantic.Queue
}

func newGuard(a Auth) (*guard, error) {
	g := &guard{Auth: a, slow: newThrottle(10, 30, time.Minute), hashing: hashingQueue()}
	if _, err := rand.Read(g.key[:]); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	switch a.Mode {
	case "", AuthNone:
		g.Mode = AuthNone
	case AuthBasic, AuthToken:
		return g, g.read()
	case AuthProxy:
		if len(a.Secret) < 16 {
			return nil, authProblem("a proxy needs a shared secret of 16 characters or more", "LIFELINE_PROXY_SECRET=…")
		}
		if g.Header == "" {
			g.Header = "X-Forwarded-User"
		}
		if len(a.Proxies) == 0 {
			a.Proxies = []string{"127.0.0.0/8", "::1/128"}
		}
		for _, text := range a.Proxies {
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, authProblem(fmt.Sprintf("%q is not a network", text), "10.0.0.0/8")
			}
			g.proxies = append(g.proxies, prefix)
		}
	default:
		return nil, authProblem(fmt.Sprintf("there is no authentication %q", a.Mode), "none, basic, token or proxy")
	}
	return g, nil
}

func authProblem(what, try string) error {
	return &change.Problem{Err: errors.New(what), Class: change.ClassUsage, Try: try}
}

// read takes in the users' file: name:roles:hash, with token or token=YYYY-MM-DD (its last day, UTC) among the roles for a token.
func (g *guard) read() error {
	if g.File == "" {
		return authProblem("--auth "+g.Mode+" needs a file of users", "lifeline serve --add-user NAME --users users.txt")
	}
	f, err := os.Open(g.File)
	if err != nil {
		return fmt.Errorf("read the users: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		a, err := parseAccount(text)
		if err != nil {
			return &change.Problem{
				Err: err, Where: fmt.Sprintf("%s:%d", g.File, n), Class: change.ClassUsage,
				Try: "name:viewer,data:pbkdf2-sha256$…",
			}
		}
		g.accounts = append(g.accounts, a)
	}
	if len(g.accounts) == 0 {
		return authProblem("the file of users is empty", "lifeline serve --add-user NAME --users "+g.File)
	}
	return lines.Err()
}

func parseAccount(line string) (account, error) {
	a := account{}
	parts := strings.SplitN(line, ":", 3)
	if len(parts) != 3 || parts[0] == "" {
		return a, errors.New("a user is name:roles:hash")
	}
	a.name = parts[0]
	for role := range strings.SplitSeq(parts[1], ",") {
		name, day, _ := strings.Cut(strings.TrimSpace(role), "=")
		switch name {
		case RoleViewer, RoleData:
			a.roles = append(a.roles, name)
		case "token":
			a.token = true
			if day != "" {
				last, err := time.Parse(time.DateOnly, day)
				if err != nil {
					return a, fmt.Errorf("%q is not a day", day)
				}
				a.expires = last.AddDate(0, 0, 1)
			}
		default:
			return a, fmt.Errorf("there is no role %q", role)
		}
	}
	hash := strings.Split(parts[2], "$")
	if len(hash) != 4 || hash[0] != "pbkdf2-sha256" {
		return a, errors.New("the hash is not in the form that lifeline writes")
	}
	var err error
	if a.rounds, err = strconv.Atoi(hash[1]); err != nil || a.rounds < 1000 || a.rounds > 10000000 {
		return a, errors.New("the hash has no rounds")
	}
	if a.salt, err = base64.RawStdEncoding.DecodeString(hash[2]); err != nil {
		return a, errors.New("the hash has no salt")
	}
	if a.sum, err = base64.RawStdEncoding.DecodeString(hash[3]); err != nil || len(a.sum) != 32 {
		return a, errors.New("the hash is cut")
	}
	return a, nil
}

// whoIs tells who asks; nil and a problem where that is not proven.
func (g *guard) whoIs(r *http.Request) (*identity, *semantic.Problem) {
	switch g.Mode {
	case AuthNone:
		return g.anyone(), nil
	case AuthProxy:
		return g.fromProxy(r)
	}
	unknown := &semantic.Problem{Title: "Who are you?", Status: http.StatusUnauthorized, Detail: "this server wants to know who asks"}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return g.prove(r, "", strings.TrimSpace(token), true, unknown)
	}
	if name, password, ok := r.BasicAuth(); ok && g.Mode == AuthBasic {
		return g.prove(r, name, password, false, unknown)
	}
	return nil, unknown
}

// prove compares a secret with the file's hashes; a wrong one costs as much time as a right one.
func (g *guard) prove(r *http.Request, name, secret string, token bool, unknown *semantic.Problem) (*identity, *semantic.Problem) {
	digest := sha256.Sum256(append(g.key[:], fmt.Sprintf("%t\x00%s\x00%s", token, name, secret)...))
	if found, is := g.known.Load(digest); is {
		a := found.(*account)
		if a.expires.IsZero() || time.Now().Before(a.expires) {
			return &a.identity, nil
		}
		return nil, unknown
	}
	host := network(r)
	// Hashing costs a processor a fifth of a second: one at a time leaves the others to the pages.
	leave, err := g.hashing.Enter(r.Context(), host)
	if err != nil {
		return nil, &semantic.Problem{
			Title: "Too many at once", Status: http.StatusTooManyRequests, Detail: "many are proving who they are",
			Hint: "ask again in a moment", Retryable: true,
		}
	}
	defer leave()
	if found, is := g.known.Load(digest); is { // Proven while this one waited: a browser asks for much at once.
		return &found.(*account).identity, nil
	}
	if !g.slow.allow(host, name) {
		return nil, &semantic.Problem{
			Title: "Too many wrong passwords", Status: http.StatusTooManyRequests, Detail: "wait a minute",
			Retryable: true,
		}
	}
	tried := false
	for i := range g.accounts {
		a := &g.accounts[i]
		if a.token != token || !token && a.name != name {
			continue
		}
		tried = true
		sum, err := pbkdf2.Key(sha256.New, secret, a.salt, a.rounds, 32)
		if err == nil && subtle.ConstantTimeCompare(sum, a.sum) == 1 && (a.expires.IsZero() || time.Now().Before(a.expires)) {
			g.known.Store(digest, a)
			g.slow.forget(host, name)
			return &a.identity, nil
		}
	}
	if !tried {
		_, _ = pbkdf2.Key(sha256.New, secret, g.key[:16], hashRounds, 32)
	}
	return nil, unknown
}

// fromProxy believes the header only from the proxy's own network and with its secret; anything else is refused, not ignored.
func (g *guard) fromProxy(r *http.Request) (*identity, *semantic.Problem) {
	unknown := &semantic.Problem{
		Title: "Who are you?", Status: http.StatusUnauthorized,
		Detail: "requests come through the proxy, which says who asks and proves itself",
	}
	names := r.Header.Values(g.Header)
	if !g.isProxy(r) || len(names) != 1 || names[0] == "" {
		return nil, unknown
	}
	// A header that comes twice is the asker's and the proxy's; which is which cannot be known.
	if g.Groups != "" && len(r.Header.Values(g.Groups)) > 1 {
		return nil, unknown
	}
	u := &identity{name: names[0], roles: []string{RoleViewer}}
	if g.Groups != "" {
		for group := range strings.SplitSeq(r.Header.Get(g.Groups), ",") {
			if strings.TrimSpace(group) == RoleData {
				u.roles = append(u.roles, RoleData)
			}
		}
	}
	return u, nil
}

// isProxy tells whether a request comes from the proxy's network and has its secret.
func (g *guard) isProxy(r *http.Request) bool {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	near := r.RemoteAddr == "@" || r.RemoteAddr == "" // A Unix socket.
	if err == nil {
		near = slices.ContainsFunc(g.proxies, func(p netip.Prefix) bool { return p.Contains(at.Addr().Unmap()) })
	}
	secrets := r.Header.Values("X-Lifeline-Proxy-Secret")
	if !near || len(secrets) != 1 {
		return false
	}
	given, wants := sha256.Sum256([]byte(secrets[0])), sha256.Sum256([]byte(g.Secret))
	return subtle.ConstantTimeCompare(given[:], wants[:]) == 1
}

// anyone is who most visitors are: everybody may see everything where nobody is known, else a viewer.
func (g *guard) anyone() *identity {
	if g.Mode == AuthNone {
		return &identity{roles: []string{RoleViewer, RoleData}}
	}
	return &identity{roles: []string{RoleViewer}}
}

// challenge tells a browser to ask for a password.
func (g *guard) challenge(w http.ResponseWriter) {
	switch g.Mode {
	case AuthBasic:
		w.Header().Set("WWW-Authenticate", `Basic realm="Lifeline", charset="UTF-8"`)
	case AuthToken:
		w.Header().Set("WWW-Authenticate", `Bearer realm="Lifeline"`)
	}
}

// CheckAddress refuses to be heard beyond this machine by askers that nobody knows.
func CheckAddress(addr string, a Auth) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return authProblem(fmt.Sprintf("%q is not an address", addr), "--addr 127.0.0.1:8080")
	}
	ip, err := netip.ParseAddr(host)
	if a.Mode != AuthNone && a.Mode != "" || host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return authProblem(fmt.Sprintf("%s can be reached from other machines, and without authentication everyone there could read everything",
		addr),
		"--addr 127.0.0.1:8080, or --auth basic --users users.txt")
}
