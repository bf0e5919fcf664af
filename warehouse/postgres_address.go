package warehouse

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// Parameters of a PostgreSQL address that are honoured. Others would be overridden by what the sessions of a run and of its readers need,
// or mean nothing: they are refused (promise 11).
var postgresParameters = []string{
	"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslsni", "sslnegotiation", "connect_timeout", "target_session_attrs",
	"host", "port", "user", "password", "dbname", "database", "passfile", "service", "servicefile", "channel_binding", "require_auth",
	"options",
}

// checkAddress refuses an address that cannot be read for certain, so that no part of a password is looked up as a host or shown.
func checkAddress(dsn string) error {
	a, err := change.ParseAddress(dsn)
	if err == nil && severalAt(dsn) {
		err = errors.New("the address cannot be read: an @ in the user or password has to be percent-encoded")
	}
	if err == nil {
		if _, bad := url.Parse(dsn); bad != nil { // The driver reads it as a URL.
			err = errors.New("the address cannot be read: a character in it has to be percent-encoded")
		}
	}
	if err != nil {
		return &change.Problem{
			Err: fmt.Errorf("the warehouse: %w", err), Class: change.ClassUsage,
			Try: change.EscapeHint + "; postgres://user:password@host:5432/database",
		}
	}
	before := map[string]string{
		"host": a.Host, "port": a.Port, "user": a.User, "password": a.Password, "dbname": a.Database, "database": a.Database,
	}
	for _, p := range a.Parameters {
		if before[p.Name] != "" {
			return &change.Problem{
				Err: fmt.Errorf("the warehouse address says %s twice, as a parameter too", p.Name), Class: change.ClassUsage,
				Try: "an address without the parameter " + p.Name,
			}
		}
		if !slices.Contains(postgresParameters, p.Name) {
			return &change.Problem{
				Err: fmt.Errorf("the warehouse address has the parameter %s, which has no effect", p.Name), Class: change.ClassUsage,
				Try: "an address without it; sslmode, sslrootcert, sslcert, sslkey, connect_timeout and options have one",
			}
		}
	}
	return nil
}

// severalAt reports whether an address has more than one @ before its host: the driver takes the first one for the last, and would look up
// a password's tail as a host.
func severalAt(dsn string) bool {
	_, rest, _ := strings.Cut(dsn, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return strings.Count(rest, "@") > 1
}

// badParameter says which parameter of an address has a value that cannot be used. Neither it nor what the driver says of it is quoted.
func badParameter(dsn string) error {
	a, err := change.ParseAddress(dsn)
	if err != nil {
		return badAddress()
	}
	files := url.Values{} // Of TLS, which only mean something together.
	for _, p := range a.Parameters {
		if slices.Contains([]string{"sslmode", "sslcert", "sslkey", "sslpassword"}, p.Name) {
			files.Set(p.Name, p.Value)
		}
	}
	for _, p := range a.Parameters {
		alone := url.Values{p.Name: {p.Value}}
		if files.Has(p.Name) && p.Name != "sslmode" {
			alone = files
		}
		if _, err := pgx.ParseConfig("postgres://h/d?" + alone.Encode()); err != nil {
			return &change.Problem{
				Err: fmt.Errorf("the warehouse address has a value of %s that cannot be used", p.Name), Class: change.ClassUsage,
				Try: "sslmode=disable, allow, prefer, require, verify-ca or verify-full; connect_timeout in seconds; files that are there, " +
					"sslcert with its sslkey",
			}
		}
	}
	return badAddress()
}
