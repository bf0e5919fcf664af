package warehouse_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
)

// publisherDSN makes the test below land, build and publish once in the named database, for the process that started it.
const publisherDSN = "LIFELINE_TEST_PUBLISHER_DSN"

const killedRows = 2000

// long tells whether tests run at full size.
var long = os.Getenv("LIFELINE_SOAK") != ""

func TestPostgresPublisherProcess(t *testing.T) {
	dsn := os.Getenv(publisherDSN)
	if dsn == "" {
		t.Skip("this is the process that TestPostgresReadersSeeOneVersionWhileRunsAreKilled starts")
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn, Logger: logger})
	require.NoError(t, err)
	r, err := w.Begin(t.Context(), warehouse.Holder{Command: "publisher", PID: os.Getpid()}, time.Minute)
	require.NoError(t, err)
	fmt.Println("begun")
	landed := landKilled(t, r, claimTable, r.ID())
	require.EqualValues(t, killedRows, landed.Rows)
	models := []warehouse.Model{
		model("core", "claims", "select id, status, amount, _run as v, max(_run) over () as newest from staging.claim"),
		model("core", "items", fmt.Sprintf("select s.id, n, %d as v from staging.claim s cross join generate_series(1, 3) n", r.ID())),
		model("analytics", "totals", fmt.Sprintf("select count(*) as rows, sum(amount) as amount, %d as v from staging.claim", r.ID())),
	}
	// Every third version has one more column, in front: the view is replaced with it at its end.
	if r.ID()%3 == 0 {
		models[1].SQL = "select 'x' as extra, i.* from (" + models[1].SQL + ") i"
	}
	publish(t, r, models...)
	require.NoError(t, r.Close(t.Context()))
}

// landKilled lands rows whose content is this run's, from two writers.
func landKilled(t testing.TB, r warehouse.Run, table *change.Table, version int64) warehouse.Landed {
	t.Helper()
	load, err := r.Load(t.Context(), []*change.Table{table}, change.Snapshot{
		Position: change.Position(fmt.Sprint(version)),
		TakenAt:  time.Now(),
	})
	require.NoError(t, err)
	for part := range int64(2) {
		w, err := load.Writer(t.Context(), table)
		require.NoError(t, err)
		b := change.NewBatch(table, killedRows/2)
		for i := range int64(killedRows / 2) {
			b.Cols[0].AppendInt(part*killedRows/2 + i)
			b.Cols[1].AppendBytes(fmt.Appendf(nil, "state %d", version))
			b.Cols[2].AppendInt(version * 10000)
			b.Raw.AppendNull(change.Text)
			b.Len++
		}
		require.NoError(t, w.Write(t.Context(), b))
		require.NoError(t, w.Close(t.Context()))
	}
	landed, err := load.Commit(t.Context(), nil)
	require.NoError(t, err)
	return landed[0]
}

// oneVersion has one row, which says which versions its three tables are of and whether they are whole. Readers ask it in
// different orders of the tables, which is the order of their locks.
var oneVersion = [...]string{
	`
select min(c.v), max(c.v), min(i.v), max(i.v), max(t.v), count(*), max(t.rows), max(t.amount)::bigint
from core.claims c
join core.items i on i.id = c.id
cross join analytics.totals t`, `
select min(c.v), max(c.v), min(i.v), max(i.v), max(t.v), count(*), max(t.rows), max(t.amount)::bigint
from analytics.totals t
cross join core.items i
join core.claims c on i.id = c.id`,
}

func TestPostgresReadersSeeOneVersionWhileRunsAreKilled(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	publications, kills := 3, 2
	if long {
		publications, kills = 20, 10
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("kills by seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	took := publisher(t, dsn, 0)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	readers := make([]watched, 4)
	for i := range readers {
		wg.Go(func() { readers[i].watch(ctx, dsn, i) })
	}
	for done := 0; done < publications || kills > 0; {
		// A run that is left alone comes at least after every kill: what was killed must not hinder it.
		if kills > 0 {
			kills--
			publisher(t, dsn, time.Duration(1+dice.Int64N(2*int64(took))))
		}
		publisher(t, dsn, 0)
		done++
	}
	stop()
	wg.Wait()
	var all []time.Duration
	for i := range readers {
		require.NoError(t, readers[i].err)
		require.Greater(t, readers[i].seen, 1, "the reader saw versions change")
		all = append(all, readers[i].times...)
	}
	slices.Sort(all)
	t.Logf("%d reads, none wrong; median %s, 99%% %s, longest %s", len(all), all[len(all)/2], all[len(all)*99/100], all[len(all)-1])

	conn := pgConn(t, dsn)
	require.Equal(t, []string{"0"}, pgTexts(t, conn, "select count(*)::text from ops.runs where status not in ('running', 'failed')"))
	require.Empty(t, pgTexts(t, conn, `select tablename::text from pg_tables where tablename like '%\_\_next'`))
	require.Equal(t, []string{"4"}, pgTexts(t, conn, `select count(*)::text from pg_namespace where nspname like '%\_\_v%'`),
		"two versions of core and analytics are kept, and nothing of the killed ones")
	require.Equal(t, []string{"0"}, pgTexts(t, conn, `
select count(*)::text
from (
	select id, status, _run from staging.claim
	union all
	select id, status, _run from history.claim
) rows
where status <> 'state ' || _run`), "every row is of the run that landed it")
}

// publisher runs a publication in a process of its own and kills it after a while, if one is given.
func publisher(t testing.TB, dsn string, killAfter time.Duration) time.Duration {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestPostgresPublisherProcess$", "-test.v")
	cmd.Env = append(os.Environ(), publisherDSN+"="+dsn)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	lines, text := bufio.NewScanner(out), ""
	var began time.Time
	var killer *time.Timer
	for lines.Scan() {
		text += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "views switched") {
			t.Log(lines.Text())
		}
		if lines.Text() == "begun" {
			began = time.Now()
			if killAfter > 0 {
				killer = time.AfterFunc(killAfter, func() { _ = cmd.Process.Kill() })
				defer killer.Stop()
			}
		}
	}
	err = cmd.Wait()
	if killAfter == 0 {
		require.NoError(t, err, text)
	}
	return time.Since(began)
}

// watched is what one reader met.
type watched struct {
	err   error
	seen  int // Changes of version.
	times []time.Duration
}

// watch asks the same question in a loop, as one of several kinds of client, until the context ends.
func (r *watched) watch(ctx context.Context, dsn string, kind int) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		r.err = err
		return
	}
	config.DefaultQueryExecMode = []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec, pgx.QueryExecModeDescribeExec,
	}[kind%4]
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		r.err = err
		return
	}
	defer func() { _ = conn.Close(context.Background()) }()
	last := int64(0)
	for ctx.Err() == nil && r.err == nil {
		began := time.Now()
		version, err := r.ask(ctx, conn, kind)
		if ctx.Err() != nil {
			return
		}
		r.times = append(r.times, time.Since(began))
		switch {
		case err != nil:
			r.err = err
		case version < last:
			r.err = fmt.Errorf("version %d came after %d", version, last)
		case version > last:
			r.seen++
		}
		last = version
		if !long { // Four readers without a pause would leave the runs no processor.
			select {
			case <-ctx.Done():
			case <-time.After(30 * time.Millisecond):
			}
		}
	}
}

// ask reads once; the last kind of client asks twice in a transaction that keeps its snapshot.
func (r *watched) ask(ctx context.Context, conn *pgx.Conn, kind int) (version int64, err error) {
	if kind != 3 {
		return readVersion(ctx, conn, oneVersion[0])
	}
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		// The snapshot is taken before the first view is touched.
		if _, err := tx.Exec(ctx, `select count(*) from pg_class`); err != nil {
			return err
		}
		if version, err = readVersion(ctx, tx, oneVersion[1]); err != nil {
			return err
		}
		again, err := readVersion(ctx, tx, oneVersion[1])
		if err == nil && again != version {
			err = fmt.Errorf("version %d after %d in one transaction", again, version)
		}
		return err
	})
	return version, err
}

func readVersion(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, question string,
) (int64, error) {
	var claims, claimsMax, items, itemsMax, totals, joined, rows, amount *int64
	err := q.QueryRow(ctx, question).Scan(&claims, &claimsMax, &items, &itemsMax, &totals, &joined, &rows, &amount)
	if err != nil {
		return 0, err
	}
	if claims == nil {
		return 0, fmt.Errorf("the tables are empty")
	}
	v := *claims
	if *claimsMax != v || *items != v || *itemsMax != v || *totals != v || *joined != 3*killedRows || *rows != killedRows ||
		*amount != v*killedRows {
		return 0, fmt.Errorf("a mix: claims %d to %d, items %d to %d, totals %d, %d joined of %d, amount %d",
			v, *claimsMax, *items, *itemsMax, *totals, *joined, *rows, *amount)
	}
	return v, nil
}
