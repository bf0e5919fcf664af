package change_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lifeline/change"
)

func TestAnAddressIsReadOrRefusedWithoutShowingAnyOfIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"mysql://u:p@h:3306/db":                  "u|p|h|3306|db",
		"mysql://u@h/db":                         "u||h||db",
		"mysql://h/db?a=b&c=d%26e":               "||h||db|a=b|c=d&e",
		"mysql://u:p%40ss%2Fw@[::1]:1/d%20b":     "u|p@ss/w|::1|1|d b",
		"mysql://u:p@ss{}\"^w@h/d":               "u|p@ss{}\"^w|h||d",
		"mysql://u:a:b@h/":                       "u|a:b|h||",
		"postgres://u:p@a:1,b:2/d?sslmode=allow": "u|p|a,b|2|d|sslmode=allow",
		"postgres:///d?host=%2Fvar%2Frun":        "||||d|host=/var/run",
	} {
		a, err := change.ParseAddress(text)
		require.NoError(t, err, text)
		parts := []string{a.User, a.Password, a.Host, a.Port, a.Database}
		for _, p := range a.Parameters {
			parts = append(parts, p.Name+"="+p.Value)
		}
		require.Equal(t, want, strings.Join(parts, "|"))
		if a.Password != "" {
			require.NotContains(t, strings.TrimPrefix(a.String(), "mysql://u"), ":"+a.Password)
		}
	}
	for _, text := range []string{
		"mysql://u:Topf@Secret/99@127.0.0.1:1/d", "mysql://u:Topf@Secret#99@127.0.0.1:1/d", "mysql://u:Topf@Secret?99@127.0.0.1:1/d",
		"mysql://u:Topf/Secret99@127.0.0.1:1/d", "mysql://u:Topf#Secret@h/d", "mysql://u:Topf?Secret@h/d", "mysql://u:50%Secret@h/d",
		"mysql://u:Topf Secret@h/d", "mysql://u:Topf\nSecret@h/d", "mysql://u:Topf@Secret:Topf/d", "mysql://u:Secret", "mysql:/u:Secret@h/d",
		"u:Secret@tcp(h:1)/d", "jdbc:mysql:Secret", "mysql://u:Topf@Se[cret/d", "mysql://[Secret]/d", "mysql://u@h:0/d", "mysql://u@h:99999/d",
		"mysql://u@h/d?Secret",
		"mysql://u:Topf@h/d#Secret",
	} {
		_, err := change.ParseAddress(text)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "Topf")
		require.NotContains(t, err.Error(), "ecret")
	}
}

// Whatever a password is: percent-encoded it comes back, and it is never shown; as it is, it comes back or the address is refused.
func TestAPasswordComesBackOrTheAddressIsRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[ -~é]{3,20}`).Draw(t, "password")
		a, err := change.ParseAddress("mysql://u:" + url.PathEscape(strings.ReplaceAll(password, "/", "%2F")) + "@h/d")
		if !strings.Contains(password, "%") && !strings.Contains(password, "/") {
			if err == nil {
				require.Equal(t, password, a.Password)
			}
		}
		escaped, err := change.ParseAddress("mysql://u:" + url.QueryEscape(strings.ReplaceAll(password, " ", "_")) + "@h/d")
		require.NoError(t, err)
		require.Equal(t, strings.ReplaceAll(password, " ", "_"), escaped.Password)
		raw, err := change.ParseAddress("mysql://u:" + password + "@h/d")
		if err == nil {
			require.Equal(t, "h", raw.Host)
			require.Equal(t, "d", raw.Database)
		}
	})
}
