package dashboard_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/project"
	"lifeline/run"
	"lifeline/semantic"
	"lifeline/warehouse"
)

// bigModel has what a file may trip over: text with all that CSV quotes, nothing beside the empty text, and exact money.
const bigModel = `
{{ config(materialized='table', schema='analytics') }}
select
  cast(i as bigint) as id,
  timestamp '2019-01-01 00:00:00' + cast(i %% 300 as integer) * interval '1 day' as made_at,
  cast(cast((cast(i as bigint) * 7919) %% 10000019 as numeric(19, 4)) * 0.0101 as numeric(19, 4)) as amount,
  cast('KES' as varchar(3)) as currency,
  cast(case i %% 3 when 0 then 'paid' when 1 then 'open' else 'void' end as varchar(10)) as status,
  md5(cast(i as varchar)) as code,
  case i %% 5 when 0 then null when 1 then '' when 2 then 'a, "b"' when 3 then '=1+1' else 'two
lines' end as note
from generate_series(1, %d) as g(i)`

// brokenModel counts well and breaks when a late row is read.
const brokenModel = `
{{ config(materialized='view', schema='analytics') }}
select id, cast(case when id = (select max(b.id) - 10 from {{ ref('big') }} as b) then 'x' else '1' end as integer) as one
from {{ ref('big') }}`

const bigDashboard = `
main: analytics.big
bases: {made: {label: Made}}
filters: {status: {label: Status}}
tables:
  analytics.big: {noun: rows, key: id, money: {amount: currency}, dates: {made: made_at}, filters: {status: status}}
`

// bigRows are more than one row group of a file has, and several times what a connection of these tests holds on its way.
func bigRows() int {
	if os.Getenv("LIFELINE_SOAK") != "" {
		return 5_000_000
	}
	return 130_000
}

// bigOnce are warehouses with bigRows rows, published once an engine for all tests that only read them.
var bigOnce = struct{ duckdb, postgres func() (bigWarehouse, error) }{
	sync.OnceValues(func() (bigWarehouse, error) {
		dir, err := os.MkdirTemp("", "dashboard-big-")
		if err != nil {
			return bigWarehouse{}, err
		}
		leave(func() { _ = os.RemoveAll(dir) })
		return newBig(dir, "duckdb:"+filepath.Join(dir, "big.duckdb"))
	}),
	sync.OnceValues(func() (bigWarehouse, error) {
		dir, err := os.MkdirTemp("", "dashboard-big-")
		if err != nil {
			return bigWarehouse{}, err
		}
		leave(func() { _ = os.RemoveAll(dir) })
		dsn, drop, err := create(os.Getenv("LIFELINE_TEST_POSTGRES"), "dashboard_big")
		if err != nil {
			return bigWarehouse{}, err
		}
		leave(drop)
		return newBig(dir, dsn)
	}),
}

// bigWarehouse is a project of one big table and where it is published.
type bigWarehouse struct{ dir, dsn string }

func newBig(dir, dsn string) (bigWarehouse, error) {
	b := bigWarehouse{filepath.Join(dir, "project"), dsn}
	if err := writeBig(b.dir, bigRows()); err != nil {
		return b, err
	}
	report, err := buildBig(context.Background(), b.dir, dsn)
	if err == nil && report.Status != run.Published {
		err = fmt.Errorf("the big project is %s", report.Status)
	}
	return b, err
}

// onBigOnEach runs a test over the big table of each engine.
func onBigOnEach(t *testing.T, do func(t *testing.T, b bigWarehouse)) {
	t.Helper()
	skipIfShort(t)
	t.Run("duckdb", func(t *testing.T) {
		b, err := bigOnce.duckdb()
		require.NoError(t, err)
		do(t, b)
	})
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv("LIFELINE_TEST_POSTGRES") == "" {
			t.Skip("LIFELINE_TEST_POSTGRES names no server")
		}
		b, err := bigOnce.postgres()
		require.NoError(t, err)
		do(t, b)
	})
}

// bigProject is a project of one table of n rows, and of a view that breaks.
func bigProject(t *testing.T, n int) string {
	t.Helper()
	skipIfShort(t)
	dir := t.TempDir()
	require.NoError(t, writeBig(dir, n))
	return dir
}

func writeBig(dir string, n int) error {
	for name, text := range map[string]string{
		"lifeline.yml": "name: big\n", "dbt_project.yml": "name: big\n", "dashboards/model.yml": bigDashboard,
		"models/big.sql": fmt.Sprintf(bigModel, n), "models/broken.sql": brokenModel,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			return err
		}
	}
	return nil
}

// publishBig builds a project without a source.
func publishBig(t *testing.T, dir, dsn string) {
	t.Helper()
	report, err := buildBig(t.Context(), dir, dsn)
	require.NoError(t, err)
	require.Equal(t, run.Published, report.Status)
}

func buildBig(ctx context.Context, dir, dsn string) (*run.Report, error) {
	p, err := lifecycle.Load(dir, project.Options{})
	if err != nil {
		return nil, err
	}
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: dsn, KeepVersions: 2})
	if err != nil {
		return nil, err
	}
	report, err := run.Do(ctx, run.Options{Project: p, Warehouse: wh, Command: "build"})
	return report, errors.Join(err, wh.Close())
}

// serveBig is a server over such a project; close it before the warehouse goes.
func serveBig(ctx context.Context, dir, dsn string) (*dashboard.Server, func() error, error) {
	p, err := lifecycle.Load(dir, project.Options{})
	if err != nil {
		return nil, nil, err
	}
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: dsn, Threads: 2})
	if err != nil {
		return nil, nil, err
	}
	d, err := semantic.ReadDefinition(dir)
	if err != nil {
		return nil, wh.Close, err
	}
	graph, err := model.NewGraph(p, model.Options{Target: model.Target{Name: wh.Engine(), Type: wh.Engine()}})
	if err != nil {
		return nil, wh.Close, err
	}
	s, err := dashboard.New(ctx, dashboard.Options{
		Project: p, Definition: d, Warehouse: wh, Graph: graph, DSN: dsn, Build: "test",
		Poll: 20 * time.Millisecond,
	})
	return s, wh.Close, err
}

// openBig is a client of such a server.
func openBig(t *testing.T, dir, dsn string) *client {
	t.Helper()
	s, done, err := serveBig(t.Context(), dir, dsn)
	require.NoError(t, err)
	h := httptest.NewUnstartedServer(s.Handler())
	h.Listener = narrow{h.Listener}
	h.Start()
	t.Cleanup(func() {
		h.Close()
		require.NoError(t, s.Close())
		require.NoError(t, done())
	})
	return &client{t: t, url: h.URL, server: s, postgres: strings.HasPrefix(dsn, "postgres:")}
}

// narrow connections hold little on its way, so that a slow reader stops the server in mid-stream.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if tcp, is := conn.(*net.TCPConn); is && err == nil {
		err = tcp.SetWriteBuffer(128 << 10)
	}
	return conn, err
}

// onBoth runs a test with an empty warehouse of each engine.
func onBoth(t *testing.T, do func(t *testing.T, dsn string)) {
	t.Run("duckdb", func(t *testing.T) { do(t, "duckdb:"+filepath.Join(t.TempDir(), "big.duckdb")) })
	t.Run("postgres", func(t *testing.T) {
		server := os.Getenv("LIFELINE_TEST_POSTGRES")
		if server == "" {
			t.Skip("LIFELINE_TEST_POSTGRES names no server")
		}
		do(t, database(t, server))
	})
}

// An export has exactly the rows and the money that the list's totals say, in every format, read back by another reader; and a server
// that sends it does not hold it in memory. Five million rows in the soak.
func TestABigExportIsWholeInEveryFormat(t *testing.T) {
	onBigOnEach(t, func(t *testing.T, b bigWarehouse) {
		n, dsn := bigRows(), b.dsn
		c := openBig(t, b.dir, dsn)
		all, some := "range=all", "range=all&status=paid&amount>=500"
		formats := map[string][]string{all: {"ndjson", "parquet"}, some: {"csv"}}
		switch {
		case c.postgres && !long:
			formats = map[string][]string{all: {"parquet"}, some: {"csv"}}
		case long:
			formats[all], formats[some] = []string{"csv", "ndjson", "parquet"}, []string{"csv", "ndjson", "parquet"}
		}
		for _, query := range []string{all, some} {
			list := "/api/v1/tables/analytics.big/rows?" + query
			shown := get[semantic.RowsData](c, list+"&limit=1")
			require.Len(t, shown.Data.Totals, 1)
			total, sum := shown.Page.Total, shown.Data.Totals[0].Sums["amount"]
			require.Positive(t, total)
			if query == all {
				require.EqualValues(t, n, total)
			}
			for _, format := range formats[query] {
				file := filepath.Join(t.TempDir(), "rows."+format)
				before := resident(t)
				began := time.Now()
				require.Equal(t, total, download(t, c.url+list+"&format="+format, file))
				took := time.Since(began)
				more := resident(t) - before
				t.Logf("%s %s: %d rows in %.1f s (%.0f rows/s), %d MB more in memory at most", format, query, total, took.Seconds(),
					float64(total)/took.Seconds(), more>>20)
				require.Less(t, more, int64(1200<<20), "an export is sorted within the engine's limit, and not held in memory beside")
				rows, money, notes := readBack(t, file, format)
				require.Equal(t, total, rows, format)
				require.Equal(t, sum, money, format)
				require.Equal(t, wantNotes(t, dsn, query), notes, format)
			}
		}
	})
}

// resident is the most memory that this process has had since it was last asked.
func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	_, peak, _ := strings.Cut(string(text), "VmHWM:")
	kb, err := strconv.ParseInt(strings.Fields(peak)[0], 10, 64)
	require.NoError(t, err)
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600)
	return kb << 10
}

// download writes an export into a file and gives the number of rows that it announced.
func download(t *testing.T, url, file string) int64 {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	f, err := os.Create(file)
	require.NoError(t, err)
	_, err = io.Copy(f, answer.Body)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	rows, err := strconv.ParseInt(answer.Header.Get("X-Row-Count"), 10, 64)
	require.NoError(t, err)
	return rows
}

// noteCounts counts the rows by note, with nothing and the empty text apart.
const noteCounts = "select string_agg(x.line, '; ' order by x.line) from (select coalesce('[' || note || ']', 'null') || ' ' || count(*) " +
	"as line from %s group by note) as x"

// readBack lets an engine of its own read the file: rows, money to the cent, and the notes.
func readBack(t *testing.T, file, format string) (rows int64, money, notes string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer db.Close()
	from := map[string]string{
		"csv": "read_csv('" + file + "', header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', allow_quoted_nulls = " +
			"false)",
		"ndjson":  "read_ndjson('" + file + "', columns = {amount: 'varchar', note: 'varchar'})",
		"parquet": "read_parquet('" + file + "')",
	}[format]
	require.NoError(t, db.QueryRowContext(t.Context(), "select count(*), cast(sum(cast(amount as decimal(38, 4))) as varchar) from "+
		from).Scan(&rows, &money))
	if format == "csv" { // A spreadsheet must not compute a text.
		from = "(select case when note = '''=1+1' then '=1+1' else note end as note from " + from + ")"
	}
	require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf(noteCounts, from+" as f")).Scan(&notes))
	return rows, money, notes
}

// wantNotes asks the warehouse itself.
func wantNotes(t *testing.T, dsn, query string) (notes string) {
	t.Helper()
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	defer wh.Close()
	r, err := wh.Published(t.Context())
	require.NoError(t, err)
	defer r.Close()
	from := "analytics.big as b"
	if strings.Contains(query, "status") {
		from = "(select * from analytics.big where status = 'paid' and amount >= 500) as b"
	}
	require.NoError(t, r.DB.QueryRowContext(t.Context(), fmt.Sprintf(noteCounts, from)).Scan(&notes))
	return notes
}

// A query that fails in mid-stream ends in an error that the client sees, never in a well-formed shorter file.
func TestAnExportThatBreaksOffIsSeenToBreakOff(t *testing.T) {
	onBigOnEach(t, func(t *testing.T, b bigWarehouse) {
		c := openBig(t, b.dir, b.dsn)
		for _, format := range []string{"csv", "ndjson", "parquet"} {
			answer, err := http.Get(c.url + "/api/v1/tables/analytics.broken/rows?format=" + format)
			require.NoError(t, err)
			text, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s: %d bytes came as if they were all", format, len(text))
			} else {
				require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
				require.Empty(t, answer.Header.Get("X-Row-Count"))
			}
		}
		// The server lives on, and no query is left behind.
		require.EqualValues(t, bigRows(), get[semantic.RowsData](c, "/api/v1/tables/analytics.big/rows?range=all&limit=1").Page.Total)
	})
}

// A new version does not change an export that is on its way, and a client that goes away ends its query.
func TestAnExportStaysWithItsVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, dsn string) {
		const first, second = 40_000, 1000
		dir := bigProject(t, first)
		publishBig(t, dir, dsn)
		c := openBig(t, dir, dsn)
		path := "/api/v1/tables/analytics.big/rows?range=all&format=ndjson"
		slow, quits := slowly(t, c.url+path), slowly(t, c.url+path)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "models", "big.sql"), fmt.Appendf(nil, bigModel, second), 0o600))
		publishBig(t, dir, dsn)
		require.NoError(t, quits.Body.Close())
		require.Eventually(t, func() bool {
			return get[semantic.RowsData](c, "/api/v1/tables/analytics.big/rows?range=all&limit=1").Page.Total == second
		}, time.Minute, 50*time.Millisecond)
		text, err := io.ReadAll(slow.Body)
		require.NoError(t, err)
		require.NoError(t, slow.Body.Close())
		require.Equal(t, first, strings.Count(string(text), "\n"))
	})
}

// Half of the connections are for exports: clients that read slowly leave the pages theirs, and the next export waits for its turn.
func TestSlowExportsLeavePagesAlone(t *testing.T) {
	onBigOnEach(t, func(t *testing.T, b bigWarehouse) {
		n := bigRows()
		c := openBig(t, b.dir, b.dsn)
		path := c.url + "/api/v1/tables/analytics.big/rows?range=all&format=ndjson"
		var slow []*http.Response
		for range 3 { // One of the places is kept for others.
			slow = append(slow, slowly(t, path))
		}
		fourth := make(chan int, 1)
		go func() {
			status := 0
			if answer, err := http.Get(path); err == nil {
				status = answer.StatusCode
				_ = answer.Body.Close()
			}
			fourth <- status
		}()
		require.Eventually(t, func() bool {
			_, _, text := c.raw("/metrics")
			return strings.Contains(string(text), `lifeline_exports{state="waiting"} 1`)
		}, time.Minute, 10*time.Millisecond, "the fourth waits")
		// The pages are answered while all three still wait: that they are answered at all is the proof.
		for i := range 8 {
			require.EqualValues(t, n, get[semantic.RowsData](c, fmt.Sprintf("/api/v1/tables/analytics.big/rows?range=all&limit=%d", i+1)).Page.Total)
		}
		require.NoError(t, slow[0].Body.Close())
		require.Equal(t, http.StatusOK, <-fourth)
		require.EqualValues(t, n, download(t, path, filepath.Join(t.TempDir(), "rows.ndjson")))
		for _, s := range slow[1:] {
			require.NoError(t, s.Body.Close())
		}
	})
}

// slowly begins a download over a connection with room for little, so that the server waits in mid-stream.
func slowly(t *testing.T, url string) *http.Response {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if tcp, is := conn.(*net.TCPConn); is {
			err = tcp.SetReadBuffer(128 << 10)
		}
		return conn, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := transport.RoundTrip(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	return answer
}

// A server that is killed in mid-stream leaves its client with an error, in every format.
func TestAKilledExportFailsVisibly(t *testing.T) {
	skipIfShort(t)
	b, err := bigOnce.duckdb()
	require.NoError(t, err)
	for _, format := range []string{"csv", "ndjson", "parquet"} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestExportingProcess$", "-test.v")
		child.Env = append(os.Environ(), "LIFELINE_EXPORTING="+b.dir, "LIFELINE_EXPORTING_DSN="+b.dsn)
		said, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		answer := slowly(t, "http://"+addressOf(t, said)+"/api/v1/tables/analytics.big/rows?range=all&format="+format)
		_, err = io.CopyN(io.Discard, answer.Body, 100<<10)
		require.NoError(t, err)
		require.NoError(t, child.Process.Kill())
		_ = child.Wait()
		n, err := io.Copy(io.Discard, answer.Body)
		require.Error(t, err, "%s: %d bytes more, and no error", format, n)
		_ = answer.Body.Close()
	}
}

// addressOf reads where the child listens.
func addressOf(t *testing.T, said io.Reader) string {
	t.Helper()
	text, part := "", make([]byte, 256)
	for {
		n, err := said.Read(part)
		text += string(part[:n])
		if _, rest, found := strings.Cut(text, "listening on "); found && strings.Contains(rest, "\n") {
			return strings.Fields(rest)[0]
		}
		require.NoError(t, err, text)
	}
}

// TestExportingProcess is the server that TestAKilledExportFailsVisibly kills.
func TestExportingProcess(t *testing.T) {
	dir := os.Getenv("LIFELINE_EXPORTING")
	if dir == "" {
		t.Skip("this is the process that TestAKilledExportFailsVisibly starts")
	}
	s, _, err := serveBig(t.Context(), dir, os.Getenv("LIFELINE_EXPORTING_DSN"))
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	fmt.Printf("listening on %s\n", l.Addr())
	require.NoError(t, (&http.Server{Handler: s.Handler(), ReadHeaderTimeout: time.Minute}).Serve(narrow{l}))
}
