package warehouse_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// The states that the killed runs land: state n has the rows below for n, and its snapshot is taken n seconds after noon.
func stateRows(n int) []warehousetest.Row {
	var rows []warehousetest.Row
	for id := range 3000 {
		if (id+n)%7 == 0 {
			continue
		}
		rows = append(rows, warehousetest.Row{id, fmt.Sprintf("the text of row %d is %d", id, n*(id%3)), fmt.Sprintf("%d.25", id)})
	}
	return rows
}

func stateTable() *change.Table {
	return warehousetest.Table("thing", "id* int64", "what text", "amount decimal(19,4)")
}

// oneRun lands state n and publishes a version of it.
func oneRun(ctx context.Context, w warehouse.Warehouse, n int) (err error) {
	r, err := w.Begin(ctx, warehousetest.Me("child"), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	table := stateTable()
	l, err := r.Load(ctx, []*change.Table{table}, change.Snapshot{
		Position: change.Position(fmt.Sprint(n)),
		TakenAt:  noon.Add(time.Duration(n) * time.Second),
	})
	if err != nil {
		return err
	}
	writer, err := l.Writer(ctx, table)
	if err != nil {
		return err
	}
	rows := stateRows(n)
	for len(rows) > 0 {
		some := rows[:min(500, len(rows))]
		rows = rows[len(some):]
		if err := writer.Write(ctx, warehousetest.Batch(table, some)); err != nil {
			return err
		}
	}
	if err := writer.Close(ctx); err != nil {
		return err
	}
	if _, err := l.Commit(ctx, nil); err != nil {
		return err
	}
	b, err := r.Build(ctx)
	if err != nil {
		return err
	}
	a := b.Relation("core", "a")
	for _, m := range []warehouse.Model{
		{Schema: "core", Name: "a", SQL: fmt.Sprintf("select id, cast(%d as bigint) as n from staging.thing order by id limit 1000", n)},
		{Schema: "analytics", Name: "b", SQL: "select id, n from " + a},
		{Schema: "analytics", Name: "c", SQL: "select cast(sum(n) as bigint) as total, count(*) as rows from " + a + " as v", View: true},
	} {
		if _, err := b.Create(ctx, m); err != nil {
			return err
		}
	}
	if err := b.Publish(ctx, warehouse.Publication{Run: r.ID(), AsOf: noon, Project: "p"}); err != nil {
		return err
	}
	_, err = r.DB().ExecContext(ctx, "update ops.runs set status = 'published' where run_id = $1", r.ID())
	return err
}

// TestChildRuns is not a test: the tests below run it in a process of its own, to be killed.
func TestChildRuns(t *testing.T) {
	dsn := os.Getenv("LIFELINE_TEST_CHILD")
	if dsn == "" {
		t.Skip("not a child")
	}
	var n, runs int
	_, err := fmt.Sscan(os.Getenv("LIFELINE_TEST_CHILD_FROM"), &n, &runs)
	require.NoError(t, err)
	warehouse.KillAtStep(os.Getenv("LIFELINE_TEST_CHILD_STEP"))
	w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	for ; runs > 0; runs-- {
		fmt.Println("\nstate", n)
		require.NoError(t, oneRun(t.Context(), w, n))
		n++
	}
}

// child starts a process that runs states from n on.
func child(t testing.TB, dsn string, n, runs int, step string) (*exec.Cmd, <-chan int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestChildRuns$", "-test.v")
	cmd.Env = append(os.Environ(), "LIFELINE_TEST_CHILD="+dsn, fmt.Sprintf("LIFELINE_TEST_CHILD_FROM=%d %d", n, runs),
		"LIFELINE_TEST_CHILD_STEP="+step)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	states := make(chan int, 1000)
	go func() {
		defer close(states)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var at int
			if _, err := fmt.Sscanf(lines.Text(), "state %d", &at); err == nil {
				states <- at
			}
		}
	}()
	return cmd, states
}

// afterKill checks that nothing wrong is left: what is published is whole and is what the books say, and every state that landed
// can be replayed.
func afterKill(t testing.TB, w warehouse.Warehouse) {
	t.Helper()
	r, err := w.Begin(t.Context(), warehousetest.Me("after"), time.Minute)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close(t.Context())) }()
	require.Equal(t, []string{fmt.Sprint(r.ID())}, warehousetest.Texts(t, r.DB(), "select run_id from ops.runs where status = 'running'"))
	reader, err := w.Published(t.Context())
	if !errors.Is(err, warehouse.ErrNothingPublished) {
		require.NoError(t, err)
		_, err = isWhole(warehousetest.Texts(t, reader.DB, whole)[0])
		require.NoError(t, err)
		require.Equal(t, []string{fmt.Sprint(reader.Version)}, warehousetest.Texts(t, r.DB(),
			"select version from ops.versions where state = 'published'"))
		require.NoError(t, reader.Close())
	}
	require.Empty(t, warehousetest.Texts(t, r.DB(), "select table_name from information_schema.tables where table_schema = 'staging' and "+
		"table_name <> 'thing'"))
	for _, position := range warehousetest.Texts(t, r.DB(), "select distinct position from ops.positions") {
		var n int
		_, err := fmt.Sscan(position, &n)
		require.NoError(t, err)
		got := warehousetest.Texts(t, r.DB(), `
select s.id, s.what, cast(s.amount as varchar)
from staging.thing as s
join (select run_id, max(taken_at) as taken_at from ops.positions group by run_id) as p on p.run_id = s._run
where p.taken_at <= cast($1 as timestamp)
union all
select id, what, cast(amount as varchar)
from history.thing
where _valid_from <= cast($1 as timestamp) and _valid_to > cast($1 as timestamp)
order by 1`, noon.Add(time.Duration(n)*time.Second).Format("2006-01-02 15:04:05"))
		want := []string{}
		for _, row := range stateRows(n) {
			want = append(want, fmt.Sprintf("%d|%s|%s00", row...))
		}
		require.Equal(t, want, got, "state %d", n)
	}
}

// leaveToMakeTest skips what takes a second or more where only quick tests are wanted.
func leaveToMakeTest(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to make test")
	}
}

func TestAKillAtAnyMomentLeavesNothingWrong(t *testing.T) {
	t.Parallel()
	kills := 3
	if os.Getenv("LIFELINE_SOAK") == "1" {
		kills = 25
	}
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		require.NoError(t, oneRun(t.Context(), w, 1))
		ctx, stop := context.WithCancel(t.Context())
		var reads atomic.Int64
		var wg sync.WaitGroup
		failed := make(chan error, 1)
		wg.Go(func() { failed <- readUntil(ctx, w, &reads) })
		seed := uint64(time.Now().UnixNano())
		t.Logf("kills by seed %d", seed)
		dice := rand.New(rand.NewPCG(seed, 1))
		n := 2
		for range kills {
			cmd, states := child(t, p.DSN, n, 100, "")
			n = <-states + 1
			// Long enough to meet any step of a run or two.
			after := time.After(time.Duration(dice.IntN(1500)) * time.Millisecond)
			for waiting := true; waiting; {
				select {
				case at := <-states:
					n = at + 1
				case <-after:
					waiting = false
				}
			}
			require.NoError(t, cmd.Process.Kill())
			for at := range states {
				n = at + 1
			}
			require.Error(t, cmd.Wait())
			afterKill(t, w)
		}
		require.NoError(t, oneRun(t.Context(), w, n))
		afterKill(t, w)
		_, value := published(t, w)
		require.Equal(t, n, value)
		stop()
		wg.Wait()
		require.NoError(t, <-failed)
		t.Logf("%d reads during %d kills", reads.Load(), kills)
	})
}

func TestAKillAtEveryStepOfAPublicationIsMended(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	for _, step := range warehouse.DuckSteps {
		t.Run(strings.ReplaceAll(step, " ", "_"), func(t *testing.T) {
			t.Parallel()
			p := warehousetest.DuckDB(t)
			w := p.Open(t, warehouse.Options{})
			require.NoError(t, oneRun(t.Context(), w, 1))
			cmd, _ := child(t, p.DSN, 2, 1, step)
			require.ErrorContains(t, cmd.Wait(), "killed", "the step was met")
			_, value := published(t, w)
			afterKill(t, w)
			_, mended := published(t, w)
			require.Equal(t, value, mended, "the mending changed what is published")
			require.NoError(t, oneRun(t.Context(), w, 3))
			afterKill(t, w)
			_, value = published(t, w)
			require.Equal(t, 3, value)
		})
	}
}
