package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/semantic"
)

var typesModel = map[string]string{
	"duckdb": `
select 1 as id, unhex('A3CDA7D500FF') as b, uuid '00000000-0000-4000-8000-000000000001' as u, [1, 2] as a, {'x': 1} as s, cast('{"k": [1]}'
    as json) as j,
	time '10:00:00' as t, interval '1 day' as i, cast(0.1 as real) as r, cast('Infinity' as double) as f,
	date '2024-01-31' as d, cast('b' as enum('a', 'b')) as e, '10101'::bit as bits`,
	"postgres": `
select 1 as id, decode('A3CDA7D500FF', 'hex') as b, uuid '00000000-0000-4000-8000-000000000001' as u, array[1, 2] as a, cast('{"k": [1]}' as
    json) as j, cast('{"k": [1]}' as jsonb) as jb,
	time '10:00:00' as t, interval '1 day' as i, cast(0.1 as real) as r, cast('Infinity' as double precision) as f, date '2024-01-31' as d,
	    '<a/>'::xml as x, point '(1,2)' as p,
	inet '127.0.0.1' as n, B'10101' as bits`,
}

// F15: the page of a table, its rows, its search and its files take a column of any type, on both engines.
func TestTablesMayHaveColumnsOfAnyType(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		engine, _, _ := strings.Cut(dsn, ":")
		dir := t.TempDir()
		for name, text := range map[string]string{
			"lifeline.yml": "name: r\n", "dbt_project.yml": "name: p\n",
			"models/t.sql": "{{ config(schema='core') }}" + typesModel[engine],
		} {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		publishBig(t, dir, dsn)
		c := openBig(t, dir, dsn)
		profile := map[string]semantic.ColumnProfile{}
		for _, p := range get[dashboard.TableData](c, "/api/v1/tables/core.t").Data.Profile {
			profile[p.Name] = p
			require.EqualValues(t, 1, p.Distinct, p.Name)
			require.NotNil(t, p.Min, p.Name)
			require.Len(t, p.Top, 1, p.Name)
		}
		require.Equal(t, `\xa3cda7d500ff`, profile["b"].Min)
		require.Equal(t, `\xa3cda7d500ff`, profile["b"].Top[0].Value)
		require.Equal(t, "00000000-0000-4000-8000-000000000001", profile["u"].Max)
		for name, value := range map[string]string{
			"b": `\xa3cda7d500ff`, "u": "00000000-0000-4000-8000-000000000001", "d": "2024-01-31",
			"t": "10:00:00", "f": "Infinity", "r": "0.1",
		} {
			rows := get[semantic.RowsData](c, "/api/v1/tables/core.t/rows?"+name+"="+url.QueryEscape(value))
			require.Len(t, rows.Data.Rows, 1, name)
			text, err := json.Marshal(rows.Data.Rows[0])
			require.NoError(t, err)
			require.Contains(t, string(text), `"\\xa3cda7d500ff"`)
			require.Contains(t, string(text), `0.1`)
			require.Contains(t, string(text), `[1,2]`)
		}
		for name := range profile {
			status, _, body := c.raw("/api/v1/tables/core.t/rows?" + name + "=nonsense")
			require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, status, "%s: %s", name, body)
		}
		for _, format := range []string{"csv", "ndjson", "parquet"} {
			status, header, body := c.raw("/api/v1/tables/core.t/rows?format=" + format)
			require.Equal(t, http.StatusOK, status, "%s: %s", format, body)
			require.Equal(t, "1", header.Get("X-Row-Count"))
			status, _, body = c.raw(ask("select * from core.t") + "&format=" + format)
			require.Equal(t, http.StatusOK, status, "%s: %s", format, body)
		}
	})
}
