package cdc_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
)

// stressed is a source under load, and the programs that follow it.
type stressed struct {
	server  *ownServer
	proxy   *proxy
	program string
	folder  string
	random  *rand.Rand

	mu   sync.Mutex
	next int64
	ids  []int64
	done int64 // Changes.
}

const stressRate = 3000

// change makes one transaction of some changes: 40 of 100 insert, 35 update, 15 delete, 10 change a key.
func (s *stressed) change() (text string, changes int) {
	var out strings.Builder
	out.WriteString("start transaction;")
	for range 1 + s.random.IntN(60) {
		what := s.random.IntN(100)
		if len(s.ids) < 100 {
			what = 0
		}
		at := 0
		if len(s.ids) > 0 {
			at = s.random.IntN(len(s.ids))
		}
		switch {
		case what < 40:
			s.next++
			s.ids = append(s.ids, s.next)
			fmt.Fprintf(&out, "insert into t (id, v, n) values (%d, 'v%d', %d.%02d);", s.next, s.random.IntN(1000), s.random.IntN(100000),
				s.random.IntN(100))
		case what < 75:
			fmt.Fprintf(&out, "update t set v = 'u%d', n = n + 1 where id = %d;", s.random.IntN(100000), s.ids[at])
		case what < 90:
			fmt.Fprintf(&out, "delete from t where id = %d;", s.ids[at])
			s.ids[at] = s.ids[len(s.ids)-1]
			s.ids = s.ids[:len(s.ids)-1]
		default:
			s.next++
			fmt.Fprintf(&out, "update t set id = %d where id = %d;", s.next, s.ids[at])
			s.ids[at] = s.next
		}
		changes++
	}
	out.WriteString("commit")
	return out.String(), changes
}

// write keeps the rate until the end; a transaction that the server did not commit is taken back.
func (s *stressed) write(ctx context.Context, tb testing.TB) {
	d := s.server.database(tb)
	began := time.Now()
	for ctx.Err() == nil {
		s.mu.Lock()
		ids, next := slices.Clone(s.ids), s.next
		text, changes := s.change()
		if _, err := d.db.Exec(text); err != nil {
			s.ids, s.next = ids, next+1000 // Whether it was committed is not known: what the source has counts.
			s.reload(d.db)
		} else {
			s.done += int64(changes)
		}
		due := began.Add(time.Duration(float64(s.done) / stressRate * float64(time.Second)))
		s.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(due)):
		}
	}
}

// reload looks which rows there are.
func (s *stressed) reload(db *sql.DB) {
	rows, err := db.Query("select id from t")
	if err != nil {
		return // The server is away: the next transaction fails too.
	}
	defer rows.Close()
	s.ids = s.ids[:0]
	for rows.Next() {
		var id int64
		if rows.Scan(&id) == nil {
			s.ids, s.next = append(s.ids, id), max(s.next, id)
		}
	}
	_ = rows.Err() // The server went away: the next transaction fails too.
}

// keepFollowing runs the follower, kills it at random, and begins it anew.
func (s *stressed) keepFollowing(ctx context.Context, tb testing.TB, name, warehouse string, kills time.Duration,
	seed uint64,
) (killed int) {
	random := rand.New(rand.NewPCG(seed, 3))
	log, err := os.OpenFile(filepath.Join(s.folder, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(tb, err)
	defer log.Close()
	for ctx.Err() == nil {
		c := exec.Command(s.program, "follow", "--project", s.folder, "--warehouse", warehouse, "--source", s.address(), "--publish-every", "3s")
		c.Stdout, c.Stderr = log, log
		if err := c.Start(); err != nil {
			tb.Error(err)
			return killed
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		select {
		case err := <-ended:
			if ctx.Err() == nil {
				tb.Logf("%s ended by itself: %v", name, err)
			}
			continue
		case <-time.After(kills/2 + time.Duration(random.Int64N(int64(kills)))):
			killed++
			_ = c.Process.Kill()
		case <-ctx.Done():
			_ = c.Process.Signal(syscall.SIGTERM)
		}
		if err := <-ended; err != nil {
			tb.Logf("%s ended: %v", name, err)
		}
	}
	return killed
}

func (s *stressed) address() string { return "mysql://own:x@" + s.proxy.address + "/own" }

// Followers that are killed, whose links are cut and whose source is restarted and altered under load end with the source's rows.
func TestFollowersSurviveTheirSourceUnderStress(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("LIFELINE_STRESS"))
	if err != nil {
		t.Skip("LIFELINE_STRESS says for how long, such as 10m")
	}
	s := &stressed{
		server: newOwnServer(t, "--log-bin=binlog"), folder: t.TempDir(),
		random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)),
	}
	s.proxy = newProxy(t, "127.0.0.1:"+s.server.port)
	s.program = filepath.Join(s.folder, "lifeline")
	out, err := exec.Command("go", "build", "-o", s.program, "../cmd/lifeline").CombinedOutput()
	require.NoError(t, err, string(out))
	for name, text := range map[string]string{
		"lifeline.yml":       "name: stress\nas_of: now\n",
		"dbt_project.yml":    "name: stress\nmodel-paths: [models]\nmodels: {stress: {+materialized: table, core: {+schema: core}}}\n",
		"models/sources.yml": "sources:\n  - name: s\n    schema: staging\n    tables: [{name: t}]\n",
		"models/core/m.sql":  "select id, v, n from {{ source('s', 't') }}",
	} {
		path := filepath.Join(s.folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	d := s.server.database(t)
	d.exec(t, "create table t (id bigint primary key, v varchar(30), n decimal(12,2))")
	warehouses := []string{"duckdb:" + filepath.Join(s.folder, "w.duckdb"), postgresFor(t)}

	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var followers, writers sync.WaitGroup
	kills := make([]int, len(warehouses))
	follow, stop := context.WithCancel(t.Context())
	defer stop()
	for i, w := range warehouses {
		followers.Go(func() {
			kills[i] = s.keepFollowing(follow, t, fmt.Sprint("follower", i), w, max(lasts/10, 6*time.Second), uint64(i))
		})
	}
	writers.Go(func() { s.write(ctx, t) })
	cuts, restarts, altered := 0, 0, 0
	cut, restart := time.NewTicker(lasts/50), time.NewTicker(lasts/6)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-cut.C:
			s.proxy.cut()
			cuts++
		case <-restart.C:
			if altered < 3 {
				_, err := s.server.database(t).db.Exec(fmt.Sprintf("alter table t add column x%d int default %d", altered, altered))
				require.NoError(t, err)
				altered++
			}
			s.server.end(t, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[restarts%2])
			s.server.start(t, "--log-bin=binlog")
			restarts++
		}
	}
	writers.Wait()
	stop()
	followers.Wait()
	source := s.theRows(t)
	for i, w := range warehouses {
		out, err := exec.Command(s.program, "run", "--project", s.folder, "--warehouse", w, "--source", s.address(), "--json").CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), `"mode": "log"`, "%s", string(out))
		file := filepath.Join(s.folder, fmt.Sprint("rows", i, ".csv"))
		out, err = exec.Command(s.program, "export", "table", "core.m", "--project", s.folder, "--warehouse", w, "--format", "csv", "-o",
			file).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Equal(t, source, csvRows(t, file), w)
		out, err = exec.Command(s.program, "verify", "--project", s.folder, "--warehouse", w, "--source", s.address()).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	t.Logf("%d changes (%.0f a second), %d rows at the end; %v kills, %d cuts, %d restarts, %d changes of the definition", s.done,
		float64(s.done)/lasts.Seconds(), len(source), kills, cuts, restarts, altered)
}

func (s *stressed) theRows(tb testing.TB) (out []string) {
	rows, err := s.server.database(tb).db.Query("select concat_ws(',', id, v, n) from t")
	require.NoError(tb, err)
	defer rows.Close()
	for rows.Next() {
		var row string
		require.NoError(tb, rows.Scan(&row))
		out = append(out, row)
	}
	require.NoError(tb, rows.Err())
	slices.Sort(out)
	return out
}

func csvRows(tb testing.TB, file string) (out []string) {
	data, err := os.ReadFile(file)
	require.NoError(tb, err)
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	require.NoError(tb, err)
	for _, r := range records[1:] {
		out = append(out, strings.Join(r, ","))
	}
	slices.Sort(out)
	return out
}

// postgresFor makes a database for a warehouse.
func postgresFor(tb testing.TB) string {
	base := os.Getenv("LIFELINE_TEST_POSTGRES")
	if base == "" {
		tb.Skip("LIFELINE_TEST_POSTGRES names no server")
	}
	u, err := url.Parse(base)
	require.NoError(tb, err)
	db, err := sql.Open("pgx", base)
	require.NoError(tb, err)
	name := fmt.Sprintf("stress_%d", os.Getpid())
	_, err = db.Exec("create database " + name)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_, err := db.Exec("drop database " + name + " with (force)")
		require.NoError(tb, err)
		require.NoError(tb, db.Close())
	})
	u.Path = "/" + name
	return u.String()
}
