package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
)

// foreignSchemas are databases of other people's applications, which are not part of this repository.
const foreignSchemas = "../../../shared/schemas/sql"

// TestForeignDatabasesBecomeWarehouses takes databases that nobody described from their address to pages: init, run, serve. Every landed
// table is compared with the source by SQL on each side, every page must answer, and the first page's numbers must be the source's.
// LIFELINE_SOAK=1 takes all twelve, also from MySQL 9.7 where scripts/testdb has one, and looks at the pages with axe.
func TestForeignDatabasesBecomeWarehouses(t *testing.T) {
	t.Parallel()
	folder := foreignSchemas
	if other := os.Getenv("SCHEMAS"); other != "" {
		folder = filepath.Join(other, "sql") // Others, of a developer's own.
	}
	dumps, _ := filepath.Glob(folder + "/*.sql.gz")
	if len(dumps) == 0 {
		t.Skip("the schemas are not here")
	}
	servers := map[string]string{"mariadb": serverAt(t, "LIFELINE_TEST_MYSQL")}
	soak := long
	if dsn := os.Getenv("LIFELINE_TEST_MYSQL97"); soak && dsn != "" {
		servers["mysql97"] = dsn
	}
	for server, dsn := range servers {
		for _, dump := range dumps {
			name := strings.TrimSuffix(filepath.Base(dump), ".sql.gz")
			small := name == "sakila" || name == "osticket"
			if !soak && !small || os.Getenv("SCHEMA") != "" && os.Getenv("SCHEMA") != name {
				continue
			}
			t.Run(server+"/"+name, func(t *testing.T) {
				if !soak {
					t.Parallel()
				}
				source := loadDump(t, dsn, dump)
				for _, engine := range []string{"duckdb", "postgres"} {
					if !soak && (engine == "postgres") != (name == "osticket") || engine == "postgres" && os.Getenv("LIFELINE_TEST_POSTGRES") == "" {
						continue
					}
					t.Run(engine, func(t *testing.T) { fromAddressToPages(t, source, name, engine) })
				}
			})
		}
	}
}

func fromAddressToPages(t *testing.T, source, name, engine string) {
	dir := filepath.Join(t.TempDir(), name)
	warehouse := "duckdb:" + filepath.Join(dir, name+".duckdb")
	if engine == "postgres" {
		warehouse = postgresDatabase(t)
	}
	began := time.Now()
	made := initResultOf(t, dir, "--source", source, "--warehouse", warehouse, "--yes")
	at := []string{"--project", dir, "--source", source, "--warehouse", warehouse}
	run := append([]string{"run"}, at...)
	if made.Weaker { // An engine without versions of rows: init says what a run needs.
		run = append(run, "--allow-weaker")
	}
	require.Equal(t, "published", string(report(t, 0, run...).Status))
	t.Logf("%s: %d tables, from the address to the published version in %.1f s", name, made.Tables, time.Since(began).Seconds())
	sameRows(t, source, warehouse, made)
	address := served(t, at)
	pagesAnswer(t, address)
	firstPageTellsTheTruth(t, address, source, dir, made)
	if long {
		lookWithAxe(t, address)
	}
}

// loadDump makes a database of a dump, in UTC.
func loadDump(t *testing.T, server, dump string) string {
	t.Helper()
	client, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("no mariadb client is here to load a dump with")
	}
	u, err := url.Parse(server)
	require.NoError(t, err)
	u.Path = "/" + fmt.Sprintf("foreign_%d_%s", os.Getpid(), strings.TrimSuffix(filepath.Base(dump), ".sql.gz"))
	password, _ := u.User.Password()
	mysql := func(in io.Reader, args ...string) {
		t.Helper()
		c := exec.Command(client, append([]string{"-h", u.Hostname(), "-P", u.Port(), "-u", u.User.Username()}, args...)...)
		c.Env, c.Stdin = append(os.Environ(), "MYSQL_PWD="+password), in
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	file, err := os.Open(dump)
	require.NoError(t, err)
	defer file.Close()
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	mysql(nil, "-e", "create database "+u.Path[1:])
	t.Cleanup(func() { mysql(nil, "-e", "drop database "+u.Path[1:]) })
	mode := "set sql_mode = 'NO_ENGINE_SUBSTITUTION'; set time_zone = '+00:00';\n"
	mysql(io.MultiReader(strings.NewReader(mode), text), u.Path[1:])
	return u.String()
}

// sum is the same sum of a column's values on each side: of the first eight digits of their texts' SHA-256 (MySQL 9.7 has no md5).
type sum struct{ source, duckdb, postgres string }

// sumOf says how a column is summed up, by its type in the source; "" where the two sides write a value differently by design.
func sumOf(typ, column string) (sum, bool) {
	q, name := "`"+column+"`", `"`+strings.ReplaceAll(change.StagingName(column), `"`, `""`)+`"`
	of := func(source, duck, pg string) (sum, bool) {
		return sum{
			"cast(coalesce(sum(conv(left(sha2(" + source + ", 256), 8), 16, 10)), 0) as decimal(40, 0))",
			"coalesce(sum(cast('0x' || left(sha256(" + duck + "), 8) as bigint)), 0)",
			"coalesce(sum(('x' || left(encode(sha256(" + pg + "), 'hex'), 8))::bit(32)::bigint), 0)",
		}, true
	}
	switch typ {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year":
		return of("cast("+q+" as char)", "cast("+name+" as varchar)", "convert_to(cast("+name+" as text), 'UTF8')")
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		// Staging keeps a text with a NUL byte in _raw, and the text without it here.
		return of("replace(convert("+q+" using utf8mb4), char(0 using utf8mb4), '')", name, "convert_to("+name+", 'UTF8')")
	case "datetime", "timestamp":
		return of("if(month("+q+") = 0 or day("+q+") = 0, null, date_format("+q+", '%Y-%m-%d %H:%i:%s.%f'))",
			"strftime("+name+", '%Y-%m-%d %H:%M:%S.%f')", "convert_to(to_char("+name+", 'YYYY-MM-DD HH24:MI:SS.US'), 'UTF8')")
	case "date":
		return of("if(month("+q+") = 0 or day("+q+") = 0, null, date_format("+q+", '%Y-%m-%d'))", "strftime("+name+", '%Y-%m-%d')",
			"convert_to(to_char("+name+", 'YYYY-MM-DD'), 'UTF8')")
	case "blob", "tinyblob", "mediumblob", "longblob", "varbinary":
		return of(q, name, name)
	}
	return sum{}, false
}

// withoutSigns are what a table's name in staging has a low line for.
var withoutSigns = regexp.MustCompile(`[^a-z0-9_]+`)

// sameRows compares each landed table with the source: its rows, and a sum of every column.
func sameRows(t *testing.T, source, warehouse string, made initResult) {
	t.Helper()
	db := mysqlOf(t, source)
	staging := stagingOf(t, warehouse)
	left := map[string]bool{}
	for _, name := range made.LeftOut {
		left[name] = true
	}
	tables := columnsOfSource(t, db)
	compared, sums := 0, 0
	for table, columns := range tables {
		if left[table] {
			continue
		}
		ours, theirs := []string{"count(*)"}, []string{"count(*)"}
		for _, c := range columns {
			s, ok := sumOf(c[1], c[0])
			if !ok {
				s = sum{"count(`" + c[0] + "`)", `count("` + change.StagingName(c[0]) + `")`, `count("` + change.StagingName(c[0]) + `")`}
			}
			theirs = append(theirs, s.source)
			if strings.HasPrefix(warehouse, "duckdb:") {
				ours = append(ours, s.duckdb)
			} else {
				ours = append(ours, s.postgres)
			}
			sums++
		}
		want := oneRow(t, db, "select "+strings.Join(theirs, ", ")+" from `"+table+"`")
		have := oneRow(t, staging, "select "+strings.Join(ours, ", ")+` from staging."`+withoutSigns.ReplaceAllString(strings.ToLower(table),
			"_")+`"`)
		for i := range want {
			what := "rows"
			if i > 0 {
				what = columns[i-1][0] + " " + columns[i-1][1]
			}
			require.Equal(t, want[i], have[i], "%s: %s", table, what)
		}
		compared++
	}
	require.Equal(t, made.Tables-len(made.LeftOut), compared, "every table that is not left out has landed")
	require.Greater(t, sums, compared)
}

// columnsOfSource are the base tables with their columns and types.
func columnsOfSource(t *testing.T, db *sql.DB) map[string][][2]string {
	t.Helper()
	rows, err := db.Query(`select c.table_name, c.column_name, c.data_type from information_schema.columns c
		join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
		where c.table_schema = database() and t.table_type = 'BASE TABLE' order by c.table_name, c.ordinal_position`)
	require.NoError(t, err)
	defer rows.Close()
	out := map[string][][2]string{}
	for rows.Next() {
		var table, column, typ string
		require.NoError(t, rows.Scan(&table, &column, &typ))
		out[table] = append(out[table], [2]string{column, typ})
	}
	require.NoError(t, rows.Err())
	return out
}

// mysqlOf opens a source with the test's own eyes, in UTC.
func mysqlOf(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	password, _ := u.User.Password()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)%s?time_zone=%s", u.User.Username(), password, u.Host, u.Path,
		url.QueryEscape("'+00:00'")))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func stagingOf(t *testing.T, warehouse string) *sql.DB {
	t.Helper()
	driver, address := "pgx", warehouse
	if path, ok := strings.CutPrefix(warehouse, "duckdb:"); ok {
		driver, address = "duckdb", path+".lifeline/landing.duckdb?access_mode=read_only"
	}
	db, err := sql.Open(driver, address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func oneRow(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err, query)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	require.True(t, rows.Next())
	require.NoError(t, rows.Scan(into...))
	out := make([]string, len(names))
	for i, v := range values {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		out[i] = fmt.Sprint(v)
	}
	require.NoError(t, rows.Err())
	return out
}

var listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// served starts the dashboard and returns its address.
func served(t *testing.T, at []string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := command(ctx, append([]string{"serve", "--addr", "127.0.0.1:0"}, at...)...)
	said, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		cancel()
		_ = c.Wait() // It was ended.
	})
	lines, address := bufio.NewScanner(said), ""
	for address == "" && lines.Scan() {
		address = listening.FindString(lines.Text())
	}
	require.NotEmpty(t, address, "the dashboard does not come up")
	go func() { _, _ = io.Copy(io.Discard, said) }()
	require.Eventually(t, func() bool {
		r, err := http.Get(address + "/readyz")
		if err != nil {
			return false
		}
		return r.Body.Close() == nil && r.StatusCode == http.StatusOK
	}, 2*time.Minute, 20*time.Millisecond)
	return address
}

// answer asks the API and reads data of its answer.
func answer[T any](t *testing.T, address string) T {
	t.Helper()
	r, err := http.Get(address)
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.StatusCode, "%s: %s", address, text)
	var whole struct{ Data T }
	require.NoError(t, json.NewDecoder(bytes.NewReader(text)).Decode(&whole), address)
	return whole.Data
}

type pageCards struct {
	Cards []struct {
		ID      string
		Problem *struct{ Title string }
		Tile    *struct{ Value any }
	}
}

type metaOfPages struct {
	Pages   []struct{ Name, Path, Entity string }
	Records []struct{ Name, Table, Key string }
}

// pagesAnswer asks every page, list and record's page.
func pagesAnswer(t *testing.T, address string) {
	t.Helper()
	api := address + "/api/v1"
	meta := answer[metaOfPages](t, api+"/meta")
	require.NotEmpty(t, meta.Pages)
	for _, p := range meta.Pages {
		for _, period := range []string{"?range=all", "?range=90d", ""} {
			for _, c := range answer[pageCards](t, api+"/pages/"+p.Name+period).Cards {
				require.Nil(t, c.Problem, "%s%s %s", p.Name, period, c.ID)
			}
		}
	}
	for _, r := range meta.Records {
		rows := answer[struct{ Rows [][]any }](t, api+"/tables/"+r.Table+"/rows?limit=1&fields="+r.Key).Rows
		if len(rows) > 0 {
			answer[any](t, api+"/records/"+r.Name+"/"+url.PathEscape(fmt.Sprint(rows[0][0])))
		}
	}
	for _, path := range []string{"/runs?limit=1", "/checks", "/quarantine", "/tables"} {
		answer[any](t, api+path)
	}
}

var createdAt = regexp.MustCompile(`(?m)^  created: \{at: (\w+)[,}]`)

// firstPageTellsTheTruth compares the first page's numbers with what a plain select over the source says.
func firstPageTellsTheTruth(t *testing.T, address, source, dir string, made initResult) {
	t.Helper()
	if len(made.Records) == 0 {
		return
	}
	db := mysqlOf(t, source)
	tiles := map[string]string{}
	for _, c := range answer[pageCards](t, address+"/api/v1/pages/overview?range=all").Cards {
		if c.Tile != nil {
			tiles[c.ID] = fmt.Sprint(c.Tile.Value)
		}
	}
	told := 0
	for _, r := range made.Records[:min(3, len(made.Records))] {
		if r.Empty {
			continue
		}
		if at := createdAt.FindStringSubmatch(readFile(t, dir, "lifecycles/"+r.Name+".yml")); at != nil {
			require.Equal(t, oneRow(t, db, fmt.Sprintf("select count(*) from `%s` where year(%s) between 1900 and 2099", r.Table,
				timeOf(t, db, r.Table, at[1])))[0],
				tiles[r.Name+"_in"], "%s that came in", r.Name)
			told++
		}
		if waiting, ok := tiles[r.Name+"_open"]; ok && r.State != "" {
			open := openValues(t, dir, r.Name)
			require.Equal(t, oneRow(t, db, fmt.Sprintf("select count(*) from `%s` where lower(trim(cast(`%s` as char))) in (%s)", r.Table, r.State,
				open))[0], waiting, "%s that wait", r.Name)
			told++
		}
	}
	require.Positive(t, told)
}

// timeOf is a column of the source as a time: some write seconds or milliseconds since 1970.
func timeOf(t *testing.T, db *sql.DB, table, column string) string {
	t.Helper()
	name := "`" + column + "`"
	switch oneRow(t, db, fmt.Sprintf(`select data_type from information_schema.columns
		where table_schema = database() and table_name = '%s' and column_name = '%s'`, table, column))[0] {
	case "int", "bigint":
		return fmt.Sprintf("from_unixtime(if(%[1]s > 100000000000, %[1]s / 1000, nullif(%[1]s, 0)))", name)
	}
	return name
}

// openValues are the source's values that the seed of the project calls open.
func openValues(t *testing.T, dir, entity string) string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(readFile(t, dir, "seeds/status_map.csv"))).ReadAll()
	require.NoError(t, err)
	var out []string
	for _, line := range lines[1:] {
		if line[0] == entity && line[3] == "open" {
			out = append(out, "'"+strings.ReplaceAll(strings.ToLower(strings.TrimSpace(line[1])), "'", "''")+"'")
		}
	}
	require.NotEmpty(t, out)
	return strings.Join(out, ", ")
}

// lookWithAxe drives every page in a browser, where one is here.
func lookWithAxe(t *testing.T, address string) {
	t.Helper()
	runner, err := filepath.Abs("../../web/node_modules/.bin/playwright")
	require.NoError(t, err)
	if _, err := os.Stat(runner); err != nil {
		t.Log("web/node_modules is not here: the pages were not looked at with axe")
		return
	}
	c := exec.CommandContext(t.Context(), runner, "test", "axe.page.ts")
	c.Dir, c.Env = "../../web", append(os.Environ(), "LIFELINE_URL="+address)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
