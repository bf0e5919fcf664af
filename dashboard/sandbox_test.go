package dashboard_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/semantic"
)

func TestTheSandboxRunsOneSelect(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		for query, rows := range map[string]int{
			"select count(*) as n from core.claims": 1,
			"select status, cast(sum(amount) as numeric(38,4)) from analytics.dim_claims group by status order by 1;":                       -1,
			"with c as (select * from core.claims) select c.id from c join core.treatments as t on t.treatment_id = c.treatment_id limit 5": 5,
			"select id, row_number() over (order by id) as n from core.claims order by id limit 3":                                          3,
			"select a from generate_series(1, 4) as g(a)":                                                                                   4,
			"select 'it''s; fine' as text": 1,
			"values (1), (2)":              2,
			"select table_name from information_schema.tables where table_schema = 'core' limit 1": -1,
			"select 1 as a union all select 2": 2,
		} {
			got := get[dashboard.SQLData](c, ask(query))
			if rows >= 0 {
				require.Len(t, got.Data.Rows, rows, query)
			}
			require.False(t, got.Data.Truncated)
		}
		_, header, _ := c.raw(ask("select 1 as a"))
		require.Equal(t, "no-store", header.Get("Cache-Control"))
	})
}

// escapes are tries to do anything but read the version.
var escapes = []string{
	"", ";", "select", "select 1; select 2", "select 1; drop table core.claims", "insert into core.claims select * from core.claims",
	"delete from core.claims",
	"update core.claims set id = 1", "create table x as select 1", "create temp table x as select 1", "drop table core.claims",
	"alter table core.claims add column x int",
	"copy core.claims to '/tmp/x.csv'", "copy (select 1) to '/tmp/x.csv'", "attach '/tmp/x.duckdb' as x", "detach warehouse", "use memory",
	"pragma database_list", "set memory_limit = '10GB'", "set search_path = 'x'", "reset all", "call pragma_version()", "explain select 1",
	"explain analyze select 1",
	"install httpfs", "load httpfs", "export database '/tmp/x'", "import database '/tmp/x'", "checkpoint", "vacuum", "begin", "commit",
	"describe core.claims", "show tables",
	"select * from read_csv('/etc/passwd')", "select * from read_csv_auto('/etc/passwd')", "select * from read_text('/etc/passwd')",
	"select * from read_blob('/etc/passwd')",
	"select * from read_parquet('x.parquet')", "select * from read_json('x.json')", "select * from '/etc/passwd'",
	`select * from "/etc/passwd"`, "select * from '/tmp/x.csv'",
	"from '/etc/passwd'", "select * from glob('/*')", "select * from parquet_metadata('x')", "select * from sniff_csv('/etc/passwd')",
	"select * from read_csv('https://example.org/x.csv')", "select * from 'https://example.org/x.parquet'", "select getenv('HOME')",
	"select current_setting('memory_limit')", "select * from duckdb_settings()", "select * from duckdb_secrets()",
	"select * from duckdb_tables()", "select * from pragma_table_info('core.claims')",
	"select * from query('select 1')", "select * from query_table('core.claims')", "select * from which_secret('x', 's3')",
	"select set_config('x', 'y', false)",
	"select pg_read_file('/etc/passwd')", "select pg_ls_dir('/')", "select pg_sleep(100)", "select lo_import('/etc/passwd')",
	"select * from dblink('x', 'select 1') as t(a int)",
	"select pg_terminate_backend(1)", "select * from pg_catalog.pg_authid", "select * from pg_shadow", "select * from pg_stat_activity",
	"select query_to_xml('select 1', true, true, '')",
	"select * from staging.claim", "select * from ops.runs", "select * from quarantine.rows", "select * from history.claim",
	"select * from lifeline.version", "select * from memory.dashboard.reconciliation",
	"select (select count(*) from read_text('/etc/passwd'))", "with x as (select * from read_text('/etc/passwd')) select * from x",
	"select * from core.claims where id in (select 1 from glob('*'))", "select 1) as a, (select 2",
	"select 1 from core.claims, read_text('/etc/passwd')",
	"select $1", "select ?", "execute x", "prepare x as select 1", "create macro f() as 1",
	"select * from core.claims for update of nothing_there_at_all",
	"do $$ begin end $$", "listen x", "grant all on core.claims to public", "select nextval('x')", "select txid_current()", "select\x00 1",
	"summarize core.claims", "pivot core.claims on status", "select * from seq_scan('core.claims')",
	"select * from repeat_row(1, num_rows=1000000)",
}

func TestTheSandboxRefusesEverythingElse(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		secret := filepath.Join(t.TempDir(), "secret.csv")
		require.NoError(t, os.WriteFile(secret, []byte("a\nhidden-word\n"), 0o600))
		for _, query := range append([]string{
			"select * from read_csv('" + secret + "')", "select * from '" + secret + "'",
			"copy core.claims to '" + secret + ".out'",
		}, escapes...) {
			status, _, body := c.raw(ask(query))
			if strings.HasPrefix(query, "pivot") && status == http.StatusOK {
				continue // A pivot over a table of the version is a select.
			}
			require.Contains(t, []int{http.StatusBadRequest}, status, "%q: %s", query, body)
			require.NotContains(t, string(body), "hidden-word", query)
			require.NotContains(t, string(body), "root:", query)
		}
		require.NoFileExists(t, secret+".out")
		require.NoFileExists(t, "/tmp/x.csv")
		before := get[dashboard.SQLData](c, ask("select count(*) as n from core.claims"))
		require.NotEqual(t, "0", before.Data.Rows[0][0])
	})
}

func TestTheSandboxCutsWhatTakesTooMuch(t *testing.T) {
	const long = "select count(*) as n from core.invoice_items as a cross join core.invoice_items as b cross join core.invoice_items as c " +
		"where a.id + b.id + c.id > 1" // To its end it would take days.
	for engine, dsn := range map[string]func(*testing.T) string{"duckdb": duckDSN, "postgres": postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Run("rows and memory", func(t *testing.T) {
				c := open(t, dsn(t), func(o *dashboard.Options) { o.SQL = semantic.Limits{Time: time.Minute, Rows: 100, Memory: 64 << 20} })
				got := get[dashboard.SQLData](c, ask("select id from core.invoice_items"))
				require.True(t, got.Data.Truncated)
				require.Len(t, got.Data.Rows, 100)
				c.problem(ask("select a.id from core.invoice_items as a cross join generate_series(1, 10) as b")+"&format=csv", http.StatusBadRequest)
				if engine == "duckdb" {
					p := c.problem(ask("select string_agg(a, '') as x from (select repeat('x', 1000000) || cast(i as varchar) as a from "+
						"generate_series(1, 500) as g(i)) as t"), http.StatusBadRequest)
					require.Contains(t, []string{"Too much memory", "The time was up"}, p.Title, p.Detail)
				}
			})
			t.Run("time", func(t *testing.T) {
				c := open(t, dsn(t), func(o *dashboard.Options) { o.SQL.Time = 500 * time.Millisecond })
				p := c.problem(ask(long), http.StatusBadRequest)
				require.Contains(t, p.Title, "time was up")
				requireRoomForOthers(t, c, long)
			})
		})
	}
}

// requireRoomForOthers asks many heavy statements at once: two run, the others are told to wait, and pages are still answered.
func requireRoomForOthers(t *testing.T, c *client, heavy string) {
	t.Helper()
	var work sync.WaitGroup
	refused := make(chan int, 8)
	for range 8 {
		work.Go(func() {
			status, _, _ := c.raw(ask(heavy))
			refused <- status
		})
	}
	page := get[semantic.PageData](c, "/api/v1/pages/reconciliation?range=7d&vs=none")
	require.NotEmpty(t, page.Data.Cards)
	work.Wait()
	close(refused)
	waiting := 0
	for status := range refused {
		if status == http.StatusTooManyRequests {
			waiting++
		}
	}
	require.Positive(t, waiting)
	require.Eventually(t, func() bool { // Within its time, unless the machine is very busy.
		status, _, _ := c.raw(ask("select 1 as a"))
		return status == http.StatusOK
	}, time.Minute, 100*time.Millisecond, "it answers again")
}

func TestSQLCanBePostedAndExported(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		answer := c.request(http.MethodPost, "/api/v1/sql", `{"q": "select 1 as a"}`)
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		wrong := c.request(http.MethodPost, "/api/v1/sql", `{"sql": "select 1 as a"}`)
		defer wrong.Body.Close()
		require.Equal(t, http.StatusBadRequest, wrong.StatusCode)
		for _, f := range []string{"csv", "ndjson", "parquet"} {
			status, header, body := c.raw(ask("select id, amount from core.claims order by id limit 7") + "&format=" + f)
			require.Equal(t, http.StatusOK, status, string(body))
			require.Equal(t, "7", header.Get("X-Row-Count"))
		}
	})
}

// A :name stands for a text that is given beside the statement; nothing in that text is ever read as SQL.
func TestStatementsTakeNamedValues(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		count := func(query, values string) string {
			return text(get[dashboard.SQLData](c, ask(query)+values).Data.Rows[0][0])
		}
		all := "select count(*) as n from core.claims where status = :status and id > :least"
		want := count("select count(*) as n from core.claims where status = 'approved' and id > 10", "")
		require.NotEqual(t, "0", want)
		require.Equal(t, want, count(all, "&p.status=approved&p.least=10"))
		for _, hostile := range []string{
			"x' or '1'='1", "x'; drop table core.claims; select '", "approved' union all select 1 --",
			"x\x00' or 1=1", `approved"`, `x\' or 1=1 --`,
		} {
			status, _, body := c.raw(ask(all) + "&p.least=10&p.status=" + url.QueryEscape(hostile))
			if status == http.StatusOK {
				require.Contains(t, string(body), `"rows":[[0]]`, hostile)
			} else {
				require.Equal(t, http.StatusBadRequest, status, hostile)
			}
		}
		require.Equal(t, ":status", count("select ':status' as a", ""), "a name in quotes is text")
		require.Equal(t, "7", count("select '7'::text as a", ""), "a cast is no name")
		for query, says := range map[string]string{
			ask(all): "no value for :least and :status", ask(all) + "&p.status=a": "no value for :least",
			ask("select 1 as a") + "&p.more=1": "no :more in the statement",
		} {
			status, _, body := c.raw(query)
			require.Equal(t, http.StatusBadRequest, status, query)
			require.Contains(t, string(body), says)
		}
		// The file is that of the same values.
		got := get[dashboard.SQLData](c, ask("select id from core.claims where status = :status order by id")+"&p.status=approved")
		require.Equal(t, []string{"csv", "parquet", "ndjson"}, got.Data.Formats)
		status, _, body := c.raw(ask("select id from core.claims where status = :status order by id") + "&p.status=approved&format=csv")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, len(got.Data.Rows)+1, strings.Count(string(body), "\n"))
	})
}

func TestTheExamplesOfTheSQLPageRun(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		examples := get[dashboard.MetaData](c, "/api/v1/meta").Data.Examples
		require.NotEmpty(t, examples)
		for _, e := range examples {
			values := ""
			for _, m := range regexp.MustCompile(`:([a-z]+)`).FindAllStringSubmatch(e.SQL, -1) {
				values += "&p." + m[1] + "=48"
			}
			get[dashboard.SQLData](c, ask(e.SQL)+values)
		}
	})
}

func TestSpansOfTimeReadTheSameOnBothEngines(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		for span, want := range map[string]string{
			"timestamp '2019-11-07 10:25:00' - timestamp '2018-11-30 08:14:19.5'": "342 days 02:10:40.5",
			"interval '14 months' + interval '1 day'":                             "1 year 2 mons 1 day",
			"interval '0 days'":      "00:00:00",
			"interval '-90 minutes'": "-01:30:00",
		} {
			got := get[dashboard.SQLData](c, ask("select "+span+" as took"))
			require.Equal(t, want, text(got.Data.Rows[0][0]), span)
		}
	})
}
