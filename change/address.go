package change

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Address is a server's address, scheme://user:password@host:port/database?name=value, taken apart. It is read more strictly than a URL:
// where a password was not escaped, a part of it could be taken for the host, and be looked up and shown (promise 10).
type Address struct {
	Scheme      string
	User        string
	Password    string
	HasPassword bool
	Host        string // Without its port; several, with commas, where the driver takes several.
	Port        string
	Database    string
	Parameters  []AddressParameter // In their order.
}

// AddressParameter is one name=value behind the question mark.
type AddressParameter struct{ Name, Value string }

// EscapeHint says how special characters are written in an address.
const EscapeHint = "percent-encode what is special in the user and password: @ as %40, : %3A, / %2F, ? %3F, # %23, % %25, a blank %20"

var (
	errUnescaped = errors.New("the address cannot be read: its user or password has a character that is special in an address")
	hostName     = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)
)

// ParseAddress takes an address apart. Its errors hold nothing of the address, and are to be shown with EscapeHint.
func ParseAddress(text string) (Address, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return Address{}, errors.New("the address has no :// after the kind of server")
	}
	a := Address{Scheme: scheme}
	authority, tail := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, tail = rest[:end], rest[end:]
	}
	if strings.ContainsAny(tail, "@#") || strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return Address{}, errUnescaped
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if err := a.readUser(authority[:at]); err != nil {
			return Address{}, err
		}
		authority = authority[at+1:]
	}
	if err := a.readHosts(authority); err != nil {
		return Address{}, err
	}
	path, query, _ := strings.Cut(tail, "?")
	var err error
	if a.Database, err = url.PathUnescape(strings.TrimPrefix(path, "/")); err != nil {
		return Address{}, errUnescaped
	}
	return a, a.readParameters(query)
}

func (a *Address) readUser(text string) (err error) {
	user, password, has := strings.Cut(text, ":")
	a.HasPassword = has
	if a.User, err = url.PathUnescape(user); err == nil {
		a.Password, err = url.PathUnescape(password)
	}
	if err != nil {
		return errUnescaped
	}
	return nil
}

// readHosts reads host:port, [host]:port or several of them between commas.
func (a *Address) readHosts(text string) error {
	if strings.HasPrefix(text, "[") {
		end := strings.IndexByte(text, ']')
		if end < 0 || net.ParseIP(text[1:end]) == nil {
			return errors.New("the address cannot be read: between its brackets there is no IPv6 address")
		}
		a.Host, text = text[1:end], text[end+1:]
		if text != "" && text[0] != ':' {
			return errUnescaped
		}
		return a.readPort(strings.TrimPrefix(text, ":"))
	}
	for i, one := range strings.Split(text, ",") {
		host, port, _ := strings.Cut(one, ":")
		if !hostName.MatchString(host) && !strings.HasPrefix(strings.ToLower(host), "%2f") { // A socket's folder.
			return errUnescaped
		}
		if i > 0 {
			a.Host += ","
		}
		a.Host += host
		if err := a.readPort(port); err != nil {
			return err
		}
	}
	return nil
}

func (a *Address) readPort(text string) error {
	if text == "" {
		return nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err != nil || n == 0 {
		return errUnescaped // It may be a password's tail, so it is not shown.
	}
	a.Port = text
	return nil
}

func (a *Address) readParameters(query string) error {
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
		name, value, has := strings.Cut(pair, "=")
		var p AddressParameter
		var err error
		if p.Name, err = url.QueryUnescape(name); err != nil {
			return errUnescaped
		}
		if p.Value, err = url.QueryUnescape(value); err != nil {
			return errUnescaped
		}
		if !has {
			return errors.New("a parameter of the address has no value: write name=value")
		}
		if slices.ContainsFunc(a.Parameters, func(other AddressParameter) bool { return strings.EqualFold(other.Name, p.Name) }) {
			return errors.New("a parameter of the address is there twice")
		}
		a.Parameters = append(a.Parameters, p)
	}
	return nil
}

// String is the address without its password and without the values of its parameters, which may be secrets too.
func (a Address) String() string {
	out := a.Scheme + "://"
	if a.User != "" {
		out += url.PathEscape(a.User)
		if a.HasPassword {
			out += ":***"
		}
		out += "@"
	}
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.Port != "" {
		host += ":" + a.Port
	}
	out += host
	if a.Database != "" {
		out += "/" + url.PathEscape(a.Database)
	}
	for i, p := range a.Parameters {
		out += fmt.Sprintf("%c%s=…", "?&"[min(i, 1)], p.Name)
	}
	return out
}
