package run_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse"
)

// tiny is a project of a few files over a folder of CSV files, in one warehouse.
type tiny struct {
	dir string
	wh  warehouse.Warehouse
}

func newTiny(t *testing.T, dsn string, files map[string]string) *tiny {
	t.Helper()
	x := &tiny{dir: t.TempDir()}
	x.write(t, map[string]string{
		"lifeline.yml":    "name: tiny\nsource: {time_zone: UTC}\nas_of: now\n",
		"dbt_project.yml": "name: tiny\nmodel-paths: [models]\nmodels: {tiny: {core: {+schema: core}}}\n",
	})
	x.write(t, files)
	var err error
	x.wh, err = warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.wh.Close()) })
	return x
}

func (x *tiny) write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(x.dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
}

// walk runs; without reading it builds from what has landed.
func (x *tiny) walk(t *testing.T, reads bool) (*run.Report, error) {
	t.Helper()
	p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	o := run.Options{Project: p, Warehouse: x.wh, Command: "test", Full: true}
	if reads {
		o.Source = func(ctx context.Context) (source.Source, error) {
			return source.Open(ctx, source.Options{
				DSN: "csv:" + filepath.Join(x.dir, "csv"), TimeZone: p.Config.Source.TimeZone, Tables: run.Contracts(p),
			})
		}
	}
	return run.Do(t.Context(), o)
}

func (x *tiny) published(t *testing.T, query string, into ...any) {
	t.Helper()
	r, err := x.wh.Published(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.DB.QueryRowContext(t.Context(), query).Scan(into...), query)
	require.NoError(t, r.Close())
}

// oddNames are tables' names that need quotes somewhere, on one of the engines.
var oddNames = []string{
	"UserAccount", "my-table", "a.b", "2nd one", "order", "größe", `it"s;%`, "{table}", strings.Repeat("n", 63),
}

// oddColumns are columns' names that need quotes, and names that our own SQL might have used itself.
var oddColumns = []string{
	"Order Date", "group", "größe", "a.b", "semi;colon", `quo"te`, "it's", "{key}", "c", "b", "h", "n", "s", "k", "r", "x", "was", "is_now",
	"place", "body",
	"occurrence", "state", "row", "surplus", "twin", "k0", "_key", "_state", "_content", "_row", "_occurrence", "_k1", "table_name", "2nd",
	"t", "o", "g", "p", "RowID", "ctid", "xmin", "tableoid",
}

// F05, F05b, F11. Any name lands on every engine, goes through verdicts, quarantine, history and books, and is built again without the
// source.
func TestAnyNameOfATableOrAColumnLands(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	var tables []string
	for i, name := range oddNames {
		quoted, err := json.Marshal(name)
		require.NoError(t, err)
		file := "t.csv" // The first table has all columns, the others a few: each name is met once.
		if i > 0 {
			file = "few.csv"
		}
		tables = append(tables, fmt.Sprintf("      - {name: %s, meta: {lifeline: {file: %s, key: [ID], money: {AMOUNT: C}}}, columns: "+
			"[{name: id, data_type: bigint}, {name: amount, data_type: 'decimal(9,2)'}]}", quoted, file))
		files[fmt.Sprintf("models/core/m%d.sql", i)] = fmt.Sprintf("select * from {{ source('s', %s) }}", quoted)
		files[fmt.Sprintf("models/core/m%d.yml", i)] = fmt.Sprintf(
			"models:\n  - name: m%d\n    config: {unique_key: Id}\n    meta: {lifeline: {entity_of: %s}}\n    columns:\n      - {name: id, "+
				"data_tests: [unique, not_null]}\n", i, quoted)
	}
	files["models/sources.yml"] = "sources:\n  - name: s\n    schema: staging\n    tables:\n" + strings.Join(tables, "\n") + "\n"
	// write writes both files: each row is a key and an amount, and one text in all other columns.
	write := func(t *testing.T, x *tiny, rows ...[3]string) {
		t.Helper()
		for file, columns := range map[string][]string{"csv/t.csv": oddColumns, "csv/few.csv": {"a.b", `quo"te`, "c"}} {
			text := "Id,amount"
			for _, c := range columns {
				text += `,"` + strings.ReplaceAll(c, `"`, `""`) + `"`
			}
			for _, row := range rows {
				text += "\n" + row[0] + "," + row[1] + strings.Repeat(","+row[2], len(columns))
			}
			x.write(t, map[string]string{file: text + "\n"})
		}
	}
	onEveryEngine(t, func(t *testing.T, dsn string) {
		x := newTiny(t, dsn, files)
		// The keys 2 and 4 are there twice: 2 says two things, 4 the same.
		write(t, x, [3]string{"1", "10.50", "EUR"}, [3]string{"2", "20", "USD"}, [3]string{"2", "21", "USD"}, [3]string{"3", "5", "EUR"},
			[3]string{"4", "7", "EUR"}, [3]string{"4", "7", "EUR"})
		report, err := x.walk(t, true)
		require.NoError(t, err)
		require.Equal(t, run.Published, report.Status)
		write(t, x, [3]string{"1", "11.50", "GBP"}, [3]string{"2", "20", "USD"}, [3]string{"2", "21", "USD"}, [3]string{"4", "7", "EUR"},
			[3]string{"4", "7", "EUR"}, [3]string{"5", "1", "EUR"})
		report, err = x.walk(t, true)
		require.NoError(t, err)
		for _, table := range report.Tables {
			require.EqualValues(t, []int64{6, 1, 1, 1, 2, 1}, []int64{
				table.Read, table.Updated, table.Deleted, table.Inserted, table.Quarantined, table.Superseded,
			}, table.Name)
		}
		_, err = x.walk(t, false)
		require.NoError(t, err, "a build from what has landed")
		for i := range oddNames {
			var rows int
			var sum string
			x.published(t, fmt.Sprintf(`select count(*), cast(sum(cast(amount as numeric(9,2))) as varchar) from core.m%d where "a.b" <> '' and
				"quo""te" <> ''`, i), &rows, &sum)
			require.Equal(t, 3, rows)
			require.Equal(t, "19.50", sum)
		}
	})
}

// F21, F26. What an engine cannot keep under its name is refused before anything is touched, with the names and what to do.
func TestANameThatCannotLandIsRefusedFirst(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 32)
	table := func(name string) string {
		return fmt.Sprintf("      - {name: %q, meta: {lifeline: {file: t.csv, key: [id]}}}\n", name)
	}
	cases := []struct{ engine, header, tables, says, try string }{
		{"", "id,ctid_,CTID", table("t"), `"CTID"`, "name"}, // Both would be ctid_: an engine has a ctid in every table.
		{"", "id,_op", table("t"), "column _op of t.csv has a name that staging keeps for itself", "a view of the source"},
		{"", "id,_RAW", table("t"), `"_RAW"`, "name"},
		{"", "id,_run", table("t"), "_run", "name"},
		{"", "id,lifeline__key", table("t"), "lifeline__key", "a view of the source"},
		{"", "id,a", table("Users") + table("users"), "Users and users", "identifier"},
		{"", "id,a", table("t__next"), "staging keeps for tables under way", "another name:"},
		{"postgres", "id," + long, table("t"), "more than the 63 bytes", "a view of the source"},
		{"postgres", "id,a", table(long), "more than the 63 bytes", "a shorter name:"},
	}
	alsoQuickly(t, func(t *testing.T, dsn string) {
		files := map[string]string{"models/core/m.sql": "select 1 as a"}
		x := newTiny(t, dsn, files)
		for _, c := range cases {
			if c.engine != "" && c.engine != x.wh.Engine() {
				continue
			}
			x.write(t, map[string]string{
				"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables:\n" + c.tables,
				"csv/t.csv":          c.header + "\n1" + strings.Repeat(",2", strings.Count(c.header, ",")) + "\n",
			})
			_, err := x.walk(t, true)
			require.ErrorContains(t, err, c.says)
			var p *change.Problem
			require.ErrorAs(t, err, &p, c.says)
			require.Contains(t, p.Try, c.try)
			_, err = x.wh.Published(t.Context())
			require.ErrorIs(t, err, warehouse.ErrNothingPublished, c.says)
		}
		r, err := x.wh.OpenOps(t.Context())
		require.NoError(t, err)
		var landings int
		require.NoError(t, r.DB.QueryRowContext(t.Context(), "select count(*) from ops.positions").Scan(&landings))
		require.Zero(t, landings)
		require.NoError(t, r.Close())
	})
}

func holder() warehouse.Holder { return warehouse.Holder{Command: "test", PID: os.Getpid()} }
