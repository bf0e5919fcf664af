package warehouse_test

import (
	"database/sql"
	"encoding/json"
	"os"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
)

// What each engine's value is as text and as JSON; the same wherever both engines have the type.
var values = []struct{ duckdb, postgres, text, json string }{
	{`'a3cda7d5'::varchar`, `'a3cda7d5'::text`, `a3cda7d5`, `"a3cda7d5"`},
	{`unhex('A3CDA7D500')`, `'\xa3cda7d500'::bytea`, `\xa3cda7d500`, `"\\xa3cda7d500"`},
	{`''::blob`, `''::bytea`, `\x`, `"\\x"`},
	{
		`uuid '00000000-0000-4000-8000-000000000001'`, `uuid '00000000-0000-4000-8000-000000000001'`, `00000000-0000-4000-8000-000000000001`,
		`"00000000-0000-4000-8000-000000000001"`,
	},
	{`date '2024-01-31'`, `date '2024-01-31'`, `2024-01-31`, `"2024-01-31"`},
	{`date '0044-03-15 (BC)'`, `date '0044-03-15 BC'`, `0044-03-15 BC`, `"0044-03-15 BC"`},
	{`date 'infinity'`, `date 'infinity'`, `infinity`, `"infinity"`},
	{`date '-infinity'`, `date '-infinity'`, `-infinity`, `"-infinity"`},
	{`time '10:00:00'`, `time '10:00:00'`, `10:00:00`, `"10:00:00"`},
	{`time '10:00:00.5'`, `time '10:00:00.5'`, `10:00:00.5`, `"10:00:00.5"`},
	{`timestamp '2024-01-31 10:00:00'`, `timestamp '2024-01-31 10:00:00'`, `2024-01-31 10:00:00`, `"2024-01-31 10:00:00"`},
	{
		`timestamp '2024-01-31 10:00:00.123456'`, `timestamp '2024-01-31 10:00:00.123456'`, `2024-01-31 10:00:00.123456`,
		`"2024-01-31 10:00:00.123456"`,
	},
	{`'2024-01-31 10:00:00.123456789'::timestamp_ns`, ``, `2024-01-31 10:00:00.123456789`, `"2024-01-31 10:00:00.123456789"`},
	{`timestamp 'infinity'`, `timestamp 'infinity'`, `infinity`, `"infinity"`},
	{`timestamp '-infinity'`, `timestamp '-infinity'`, `-infinity`, `"-infinity"`},
	{`interval '1 day 2 hours'`, `interval '1 day 2 hours'`, `1 day 02:00:00`, `"1 day 02:00:00"`},
	{`0.1::real`, `0.1::real`, `0.1`, `0.1`},
	{`16777216::real`, `16777216::real`, `16777216`, `16777216`},
	{`0.1::double`, `0.1::double precision`, `0.1`, `0.1`},
	{`1234567.0::double`, `1234567.0::double precision`, `1234567`, `1234567`},
	{`1e300::double`, `1e300::double precision`, `1e+300`, `1e+300`},
	{`'Infinity'::double`, `'Infinity'::double precision`, `Infinity`, `"Infinity"`},
	{`'-Infinity'::real`, `'-Infinity'::real`, `-Infinity`, `"-Infinity"`},
	{`'NaN'::double`, `'NaN'::double precision`, `NaN`, `"NaN"`},
	{`12345678901234567.89::decimal(38,2)`, `12345678901234567.89::numeric(38,2)`, `12345678901234567.89`, `"12345678901234567.89"`},
	{`9223372036854775807`, `9223372036854775807`, `9223372036854775807`, `"9223372036854775807"`},
	{`18446744073709551615::ubigint`, ``, `18446744073709551615`, `"18446744073709551615"`},
	{`7::utinyint`, `7::smallint`, `7`, `7`},
	{`true`, `true`, `true`, `true`},
	{`null::integer`, `null::integer`, ``, `null`},
	{`[1, 2]`, `array[1, 2]`, `[1, 2]`, `[1,2]`},
	{`[1, null]`, `array[1, null]`, `[1, null]`, `[1,null]`},
	{`[[1], [2, 3]]`, ``, `[[1], [2, 3]]`, `[[1],[2,3]]`},
	{`[]::integer[]`, `'{}'::integer[]`, `[]`, `[]`},
	{`['a', 'b, c', '']`, `array['a', 'b, c', '']`, `[a, "b, c", ""]`, `["a","b, c",""]`},
	{`[date '2024-01-31']`, `array[date '2024-01-31']`, `[2024-01-31]`, `["2024-01-31"]`},
	{`[0.1::real]`, `array[0.1::real]`, `[0.1]`, `[0.1]`},
	{`[true, false]`, `array[true, false]`, `[true, false]`, `[true,false]`},
	{`{'x': 1}`, ``, `{x: 1}`, `{"x":1}`},
	{
		`{'z': 1, 'a': date '2024-01-31', 'b': {'t': time '10:00:00', 'f': unhex('FF')}}`, ``,
		`{z: 1, a: 2024-01-31, b: {t: 10:00:00, f: \xff}}`, `{"z":1,"a":"2024-01-31","b":{"t":"10:00:00","f":"\\xff"}}`,
	},
	{`map {'k': 1, 'a': 2}`, ``, `{k: 1, a: 2}`, `{"k":1,"a":2}`},
	{`union_value(d := date '2024-01-31')`, ``, `2024-01-31`, `"2024-01-31"`},
	{`'10101'::bit`, `'10101'::varbit`, `10101`, `"10101"`},
}

func TestValuesAreWrittenOneWayOnBothEngines(t *testing.T) {
	duck, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer duck.Close()
	databases := map[string]*sql.DB{"duckdb": duck}
	if dsn := os.Getenv("LIFELINE_TEST_POSTGRES"); dsn != "" {
		pg, err := sql.Open("pgx", dsn)
		require.NoError(t, err)
		defer pg.Close()
		databases["postgres"] = pg
	}
	for engine, db := range databases {
		for _, c := range values {
			query := map[string]string{"duckdb": c.duckdb, "postgres": c.postgres}[engine]
			if query == "" {
				continue
			}
			v, kind := oneValue(t, db, "select "+query+" as v")
			require.Equal(t, c.text, warehouse.ValueText(v, kind, warehouse.TimeSQL), "%s: %s (%s)", engine, query, kind)
			text, err := json.Marshal(warehouse.ValueJSON(v, kind, warehouse.TimeSQL))
			require.NoError(t, err, query)
			require.Equal(t, c.json, string(text), "%s: %s (%s)", engine, query, kind)
		}
	}
}

// oneValue is a query's only value, and what the engine calls its type.
func oneValue(t *testing.T, db *sql.DB, query string) (v any, kind string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	require.True(t, rows.Next(), query)
	require.NoError(t, rows.Scan(&v), query)
	require.NoError(t, rows.Err(), query)
	return v, types[0].DatabaseTypeName()
}
