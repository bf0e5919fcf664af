package warehouse

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"lifeline/change"
)

// Parameters of a PostgreSQL address that are honoured. Others would be overridden by what the sessions of a run and of its readers need,
// or mean nothing: they are refused (promise 11).
var postgresParameters = []string{
	"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslsni", "sslnegotiation", "ssl_min_protocol_version",
	"ssl_max_protocol_version",
	"connect_timeout", "target_session_attrs", "host", "port", "user", "password", "dbname", "database", "passfile", "service", "servicefile",
	"krbsrvname", "krbspn", "channel_binding", "require_auth", "options",
}

// checkAddress refuses an address that cannot be read for certain, so that no part of a password is looked up as a host or shown.
func checkAddress(dsn string) error {
	a, err := change.ParseAddress(dsn)
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
	for _, p := range a.Parameters {
		if !slices.Contains(postgresParameters, p.Name) {
			return &change.Problem{
				Err: fmt.Errorf("the warehouse address has the parameter %s, which has no effect", p.Name), Class: change.ClassUsage,
				Try: "an address without it; sslmode, sslrootcert, sslcert, sslkey, connect_timeout and options have one",
			}
		}
	}
	return nil
}
