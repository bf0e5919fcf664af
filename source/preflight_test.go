package source_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
	"lifeline/source/preflight"
)

// A server lists only the columns that the user may read, so Lifeline says that others are left out. A broken view is reported as broken,
// not as a missing right.
func TestWhatAUserCannotReadIsTold(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		d.exec(t, "create table T (ID int primary key, SECRET int, V int); create table GONE (ID int primary key); "+
			"create view LOST as select ID from GONE; create view STRANGE as select ID from T; drop table GONE")
		some := d.user(t, "")
		u, err := url.Parse(some)
		require.NoError(t, err)
		name := u.User.Username()
		d.exec(t, "grant select (ID, V) on "+d.name+".T to "+name)
		check := func(dsn string, tables ...source.Contract) []preflight.Result {
			src, err := source.Open(t.Context(), source.Options{DSN: dsn, Tables: tables})
			require.NoError(t, err)
			defer src.Close()
			return src.Check(t.Context())
		}
		requireFinding(t, check(some, source.Contract{Name: "t"}), "columns", preflight.Warn,
			"may read some columns only, and no other lands: T (ID, V)")
		known := source.Contract{Name: "t", Columns: []source.ContractColumn{{Name: "id", DataType: "int"}, {Name: "v", DataType: "int"}}}
		requireFinding(t, check(some, known), "columns", preflight.OK, "no column is hidden")
		requireFinding(t, check(d.dsn, source.Contract{Name: "t"}), "columns", preflight.OK, "no column is hidden")
		lost := requireFinding(t, check(d.dsn, source.Contract{Name: "LOST"}), "rights", preflight.Fail, "the view LOST cannot be read")
		require.Contains(t, lost.What, "1356")
		require.Contains(t, lost.Try, "show create view `LOST`")
		d.exec(t, "create or replace definer = nobody@nowhere view STRANGE as select ID from T")
		every := d.user(t, "select")
		strange := requireFinding(t, check(every, source.Contract{Name: "STRANGE"}), "rights", preflight.Fail, "the view STRANGE cannot be read")
		require.Contains(t, strange.Try, "definer")
	})
}

// A log-in that fails for a reason of its own says what to do about that one.
func TestALogInThatFailsSaysWhatToDo(t *testing.T) {
	t.Parallel()
	onEveryServer(t, func(t *testing.T, d *tester) {
		for what, want := range map[string]struct{ alter, try string }{
			"expired":  {"alter user {u} password expire", "a new password"},
			"locked":   {"alter user {u} account lock", "account unlock"},
			"an hour":  {"grant usage on *.* to {u} with max_queries_per_hour 1", "max_queries_per_hour 0"},
			"tls only": {"grant usage on *.* to {u} require ssl", "?tls=required"},
		} {
			if d.is56() && what != "an hour" && what != "tls only" || !d.maria && !d.is56() && want.alter[:5] == "grant" {
				continue
			}
			dsn := d.user(t, "select")
			u, err := url.Parse(dsn)
			require.NoError(t, err)
			d.exec(t, strings.ReplaceAll(want.alter, "{u}", u.User.Username()))
			_, err = source.Open(t.Context(), source.Options{DSN: dsn})
			var p *change.Problem
			require.ErrorAs(t, err, &p, what)
			require.Contains(t, p.Try, want.try, "%s: %v", what, err)
		}
		_, err := source.Open(t.Context(), source.Options{DSN: d.dsn + "?tls=required"})
		var p *change.Problem
		if d.maria && err != nil {
			require.ErrorAs(t, err, &p)
			require.Contains(t, p.Try, "the address without tls", "%v", err)
		}
	})
}
