package warehouse_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// cluster is a clean warehouse on a cluster, with sessions of the superuser on its nodes.
type cluster struct {
	warehousetest.Place
	coordinator, worker *sql.DB
	second              string // The other worker's address, such as "127.0.0.1:5433".
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{Place: warehousetest.Citus(t)}
	open := func(dsn string) *sql.DB {
		db, err := sql.Open("pgx", dsn)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	c.coordinator = open(c.DSN)
	c.second = warehousetest.Texts(t, c.coordinator, `
select nodename || ':' || nodeport
from pg_dist_node
where groupid > 0
order by groupid desc`)[0]
	u, err := url.Parse(c.DSN)
	require.NoError(t, err)
	u.Host = c.second
	c.worker = open(u.String())
	return c
}

// spread builds a version whose rows are spread by id and hold n; the second table is made inside the shards.
func spread(t testing.TB, b warehouse.Build, n int) error {
	t.Helper()
	a := b.Relation("core", "a")
	for _, m := range []warehouse.Model{
		{Schema: "core", Name: "a", Key: "id", SQL: fmt.Sprintf(
			"select cast(i as bigint) as id, cast(%d as bigint) as n from generate_series(1, 2000) as s(i)", n)},
		{Schema: "analytics", Name: "b", SQL: "select a.id, a.n, count(*) over (partition by a.id) as rows from " + a + " as a"},
	} {
		if _, err := b.Create(t.Context(), m); err != nil {
			return err
		}
	}
	return nil
}

const wholeSpread = `
select min(a.n), max(a.n), min(b.n), max(b.n), count(*), min(a.n), 1000
from core.a as a
join analytics.b as b on b.id = a.id`

// read asks for one whole version in a loop until the context ends, and counts the answers.
func (c *cluster) read(ctx context.Context, answers *atomic.Int64) error {
	db, err := sql.Open("pgx", c.DSN)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for ctx.Err() == nil {
		lines, err := warehousetest.Query(ctx, db, wholeSpread)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		var n, n2, n3, n4, count int
		if _, err := fmt.Sscanf(lines[0], "%d|%d|%d|%d|%d", &n, &n2, &n3, &n4, &count); err != nil {
			return err
		}
		if n != n2 || n != n3 || n != n4 || count != 2000 {
			return fmt.Errorf("torn: %s", lines[0])
		}
		answers.Add(1)
	}
	return nil
}

// Readers in a loop see one whole version each time, while versions come and go, a node is added and shards move to it.
func TestCitusReadersSeeOneVersionWhileVersionsComeAndShardsMove(t *testing.T) {
	c := newCluster(t)
	host, port, _ := strings.Cut(c.second, ":")
	_, err := c.coordinator.ExecContext(t.Context(), "select citus_remove_node($1, $2)", host, port)
	require.NoError(t, err)
	w := c.Open(t, warehouse.Options{})
	publish := func(n int) {
		r := warehousetest.Begin(t, w)
		b, err := r.Build(t.Context())
		require.NoError(t, err)
		require.NoError(t, spread(t, b, n))
		require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon, Project: fmt.Sprint("p", n)}))
		warehousetest.End(t, r)
	}
	publish(1)
	require.Equal(t, []string{"analytics__v1.b|distributed|id", "core__v1.a|distributed|id"}, warehousetest.Texts(t, c.coordinator,
		"select table_name::text, citus_table_type, distribution_column from citus_tables order by 1"))

	ctx, stop := context.WithCancel(t.Context())
	var answers atomic.Int64
	var readers sync.WaitGroup
	faults := make(chan error, 2)
	for range 2 {
		readers.Go(func() { faults <- c.read(ctx, &answers) })
	}
	versions := 4
	if os.Getenv("LIFELINE_SOAK") != "" {
		versions = 20
	}
	for n := 2; n <= versions; n++ {
		if n == 3 {
			warehousetest.AddNode(t, c.DSN, c.second)
			_, err := c.coordinator.ExecContext(t.Context(), "select rebalance_table_shards(shard_transfer_mode := 'block_writes')")
			require.NoError(t, err)
			require.NotEqual(t, []string{"0"}, warehousetest.Texts(t, c.coordinator,
				"select count(*) from citus_shards where table_name::text like 'core%' and nodeport = "+port))
		}
		publish(n)
	}
	stop()
	readers.Wait()
	for range 2 {
		require.NoError(t, <-faults)
	}
	require.Positive(t, answers.Load())
}

// A worker whose sessions end in mid-build fails the run with its name; what is published stays, and the next run is well.
func TestCitusALostWorkerFailsTheBuildAndNothingElse(t *testing.T) {
	c := newCluster(t)
	w := c.Open(t, warehouse.Options{})
	r := warehousetest.Begin(t, w)
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	require.NoError(t, spread(t, b, 1))
	require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon, Project: "p1"}))
	warehousetest.End(t, r)

	r = warehousetest.Begin(t, w)
	b, err = r.Build(t.Context())
	require.NoError(t, err)
	require.NoError(t, spread(t, b, 2))
	slow := make(chan error, 1)
	go func() {
		_, err := b.Create(t.Context(), warehouse.Model{
			Schema: "core", Name: "slow", SQL: "select a.id, cast(pg_sleep(0.2) as text) as s from " + b.Relation("core", "a") + " as a",
		})
		slow <- err
	}()
	for failed := false; !failed; {
		select {
		case err = <-slow:
			failed = true
		default: // Whatever the build has there ends, again and again: its retries too.
			_, kill := c.worker.ExecContext(t.Context(), `
select count(pg_terminate_backend(pid, 1000))
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and query like '%pg_sleep%'`)
			require.NoError(t, kill)
		}
	}
	require.Error(t, err)
	require.Contains(t, err.Error(), "build core.slow")
	require.NoError(t, b.Discard(t.Context()))
	require.NoError(t, r.Close(t.Context()))
	require.Equal(t, []string{"1|1|1|1|2000|1|1000"}, warehousetest.Texts(t, c.coordinator, wholeSpread))

	r = warehousetest.Begin(t, w)
	b, err = r.Build(t.Context())
	require.NoError(t, err)
	require.NoError(t, spread(t, b, 3))
	require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon, Project: "p3"}))
	warehousetest.End(t, r)
	require.Equal(t, []string{"3|3|3|3|2000|3|1000"}, warehousetest.Texts(t, c.coordinator, wholeSpread))

	what, found, err := warehouse.CheckNodes(t.Context(), w)
	require.NoError(t, err)
	require.Empty(t, found)
	require.Contains(t, what, "2 workers")
}

// Who may read the views may read the rows behind them, wherever they are.
func TestCitusReadersNeedGrantsOnViewsAlone(t *testing.T) {
	c := newCluster(t)
	w := c.Open(t, warehouse.Options{})
	role := "analyst_" + strings.ToLower(rand.Text()[:8])
	for n := 1; n <= 2; n++ {
		r := warehousetest.Begin(t, w)
		b, err := r.Build(t.Context())
		require.NoError(t, err)
		require.NoError(t, spread(t, b, n))
		require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon, Project: fmt.Sprint("p", n)}))
		warehousetest.End(t, r)
		if n == 1 {
			_, err := c.coordinator.ExecContext(t.Context(), fmt.Sprintf(`create role %[1]s login;
grant usage on schema core, analytics to %[1]s;
grant select on all tables in schema core, analytics to %[1]s`, role))
			require.NoError(t, err)
			t.Cleanup(func() {
				_, err := c.coordinator.Exec(fmt.Sprintf("drop owned by %[1]s; drop role %[1]s", role))
				require.NoError(t, err)
			})
		}
	}
	u, err := url.Parse(c.DSN)
	require.NoError(t, err)
	u.User = url.User(role)
	db, err := sql.Open("pgx", u.String())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.Equal(t, []string{"2|2|2|2|2000|2|1000"}, warehousetest.Texts(t, db, wholeSpread))
}
