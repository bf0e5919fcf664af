package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// valuesModel is one row of every kind of value, in the words of each engine.
var valuesModel = map[string]string{
	"duckdb": `
select 1 as id, unhex('A3CDA7D500FF') as b, uuid '00000000-0000-4000-8000-000000000001' as u, date '2024-01-31' as d, time '10:00:00' as t,
	timestamp '2024-01-31 10:00:00' as ts, timestamp 'infinity' as forever, cast(0.1 as real) as r, cast('Infinity' as double) as f, [1, 2] as
	    a,
	interval '1 day 2 hours' as i, '=1+1' as formula, cast('@x' as enum('@x')) as e, '＝1' as wide,` + exactValues,
	"postgres": `
select 1 as id, decode('A3CDA7D500FF', 'hex') as b, uuid '00000000-0000-4000-8000-000000000001' as u, date '2024-01-31' as d, time
    '10:00:00' as t,
	timestamp '2024-01-31 10:00:00' as ts, timestamp 'infinity' as forever, cast(0.1 as real) as r, cast('Infinity' as double precision) as f,
	    array[1, 2] as a,
	interval '1 day 2 hours' as i, '=1+1' as formula, '@x'::text as e, '＝1' as wide,` + exactValues,
}

// exactValues have more digits than a float, as numbers and inside JSON.
const exactValues = `
	cast('{"n":9007199254740993,"d":1.10}' as json) as j, cast(9007199254740993 as bigint) as big,
	cast('1234567890123456789012345678.0123456789' as decimal(38,10)) as exact`

const (
	valuesJSON = `{"id": 1, "b": "\\xa3cda7d500ff", "u": "00000000-0000-4000-8000-000000000001", "d": "2024-01-31", "t": "10:00:00", ` +
		`"ts": "2024-01-31 10:00:00", "forever": "infinity", "r": 0.1, "f": "Infinity", "a": [1,2], "i": "1 day 02:00:00", ` +
		`"formula": "=1+1", "e": "@x", "wide": "＝1", ` +
		`"j": "{\"n\":9007199254740993,\"d\":1.10}", "big": "9007199254740993", ` +
		`"exact": "1234567890123456789012345678.0123456789"}`
	valuesCSV = `1,\xa3cda7d500ff,00000000-0000-4000-8000-000000000001,2024-01-31,10:00:00,2024-01-31 10:00:00,` +
		`infinity,0.1,Infinity,"[1, 2]",1 day 02:00:00,'=1+1,'@x,'＝1,"{""n"":9007199254740993,""d"":1.10}",9007199254740993,` +
		`1234567890123456789012345678.0123456789`
	valuesRow = `{"id":1,"b":"\\xa3cda7d500ff","u":"00000000-0000-4000-8000-000000000001","d":"2024-01-31","t":"10:00:00",` +
		`"ts":"2024-01-31T10:00:00Z",` +
		`"forever":"infinity","r":0.1,"f":"Infinity","a":[1,2],"i":"1 day 02:00:00","formula":"=1+1","e":"@x","wide":"＝1",` +
		`"j":"{\"n\":9007199254740993,\"d\":1.10}","big":"9007199254740993",` +
		`"exact":"1234567890123456789012345678.0123456789"}`
)

// F14, F16, F23, A17: values are written one way by every command and on both engines, whatever the database's own settings are.
func TestEveryCommandWritesValuesOneWay(t *testing.T) {
	for engine, model := range valuesModel {
		t.Run(engine, func(t *testing.T) {
			dsn := "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")
			if engine == "postgres" {
				dsn = postgresDatabase(t)
				setOtherwise(t, dsn)
			}
			dir := t.TempDir()
			for name, text := range map[string]string{
				"lifeline.yml": "name: r\n", "dbt_project.yml": "name: p\n",
				"models/t.sql": "{{ config(schema='core') }}" + model,
			} {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			}
			at := []string{"--project", dir, "--warehouse", dsn}
			o := lifeline(t, append([]string{"build"}, at...)...)
			require.Zero(t, o.code, o.errors)
			for _, c := range []struct {
				args []string
				want string
			}{
				{[]string{"query", "--json", "select * from core.t"}, valuesJSON},
				{[]string{"query", "--format", "csv", "select * from core.t"}, valuesCSV},
				{[]string{"export", "core.t", "--format", "ndjson"}, valuesRow},
				{[]string{"export", "core.t", "--format", "csv"}, valuesCSV},
			} {
				o := lifeline(t, append(c.args, at...)...)
				require.Zero(t, o.code, o.errors)
				require.Contains(t, o.out, c.want, "%v", c.args)
			}
			table := lifeline(t, append([]string{"query", "select d, t, a, r, f, forever, b from core.t"}, at...)...)
			require.Regexp(t, `2024-01-31\s+10:00:00\s+\[1, 2\]\s+0\.1\s+Infinity\s+infinity\s+\\xa3cda7d500ff`, table.out)
		})
	}
}

// setOtherwise gives the database settings under which other texts would come for the same values.
func setOtherwise(t *testing.T, dsn string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer db.Close()
	for name, value := range map[string]string{
		"DateStyle": "German, DMY", "bytea_output": "escape", "IntervalStyle": "iso_8601", "extra_float_digits": "-3", "TimeZone": "Asia/Tokyo",
		"quote_all_identifiers": "on",
		"transform_null_equals": "on", "xmloption": "document",
	} {
		_, err := db.ExecContext(t.Context(), fmt.Sprintf("alter database %s set %s = '%s'", databaseOf(dsn), name, value))
		require.NoError(t, err, name)
	}
}
