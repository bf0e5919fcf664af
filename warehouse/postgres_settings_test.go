package warehouse_test

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// F23. Whatever a database or its roles set, sessions of a run and of readers read and write the same values.
func TestSettingsOfTheDatabaseChangeNothing(t *testing.T) {
	t.Parallel()
	p := warehousetest.Postgres(t)
	db, err := sql.Open("pgx", p.DSN)
	require.NoError(t, err)
	u, err := url.Parse(p.DSN)
	require.NoError(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	for _, setting := range []string{
		"datestyle = 'German, DMY'", "bytea_output = 'escape'", "intervalstyle = 'sql_standard'", "timezone = 'Asia/Tokyo'",
		"extra_float_digits = -10",
		"default_transaction_read_only = on", "default_transaction_isolation = 'serializable'", "transform_null_equals = on",
		"standard_conforming_strings = off", "backslash_quote = on", "search_path = 'pg_catalog'", "statement_timeout = '1s'", "lc_time = 'C'",
		"quote_all_identifiers = on", "row_security = off", "array_nulls = off", "default_table_access_method = 'heap'",
		"idle_session_timeout = '9s'",
	} {
		_, err := db.ExecContext(t.Context(), "alter database "+name+" set "+setting)
		require.NoError(t, err, setting)
	}
	require.NoError(t, db.Close())

	w := p.Open(t, warehouse.Options{})
	table := warehousetest.Table("t", "id* int32", "d date", "b bytes", "f float64", "s text")
	r := warehousetest.Begin(t, w)
	warehousetest.Land(t, r, noon, []*change.Table{table},
		warehousetest.Source{table: {{1, noon, []byte{0, 92, 255}, 0.30000000000000004, `a\b'c`}}})
	const query = `
select cast(d as text), cast(b as text), cast(f as text), cast(interval '1 day 2 hours' as text),
    cast(timestamptz '2023-01-01 00:00:00Z' as text), s,
	cast((null = null) is null as text), '\n', (cast('{null}' as text[]))[1] is null
from `
	const want = `2023-03-01|\x005cff|0.30000000000000004|1 day 02:00:00|2023-01-01 00:00:00+00|a\b'c|true|\n|true`
	require.Equal(t, []string{want}, warehousetest.Texts(t, r.DB(), query+"staging.t"))
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	_, err = b.Create(t.Context(), warehouse.Model{Schema: "core", Name: "t", SQL: "select * from staging.t"})
	require.NoError(t, err)
	require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon}))
	warehousetest.End(t, r)
	reader, err := w.Published(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{want}, warehousetest.Texts(t, reader.DB, query+"core.t"))
	require.Equal(t, []string{"2023-03-01 00:00:00|005cff"}, warehousetest.Texts(t, reader.DB, "select d, b from core.t"))
	require.NoError(t, reader.Close())
}
