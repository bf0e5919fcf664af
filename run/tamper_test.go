package run_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // Tests make and drop databases of their own.
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/sample"
	"lifeline/source"
	"lifeline/warehouse"
)

// spoiler is a warehouse in which somebody changes rows behind the loader's back.
type spoiler struct {
	warehouse.Warehouse

	opened string // SQL before the walk's first step.
	landed string // SQL after the landing.
	model  string // A model, after which built runs.
	built  func(warehouse.Build) []string
}

func (s *spoiler) Begin(ctx context.Context, who warehouse.Holder, wait time.Duration) (warehouse.Run, error) {
	r, err := s.Warehouse.Begin(ctx, who, wait)
	if err != nil {
		return nil, err
	}
	if s.opened != "" {
		if _, err := r.DB().ExecContext(ctx, s.opened); err != nil {
			return nil, errors.Join(err, r.Close(ctx))
		}
	}
	return &spoiledRun{r, s}, nil
}

type spoiledRun struct {
	warehouse.Run

	by *spoiler
}

func (r *spoiledRun) Load(ctx context.Context, tables []*change.Table, at change.Snapshot) (warehouse.Load, error) {
	l, err := r.Run.Load(ctx, tables, at)
	if err != nil {
		return nil, err
	}
	return &spoiledLoad{l, r}, nil
}

func (r *spoiledRun) Build(ctx context.Context) (warehouse.Build, error) {
	b, err := r.Run.Build(ctx)
	if err != nil {
		return nil, err
	}
	return &spoiledBuild{b, r.by}, nil
}

type spoiledLoad struct {
	warehouse.Load

	run *spoiledRun
}

func (l *spoiledLoad) Commit(ctx context.Context, totals []warehouse.LandedTotals) ([]warehouse.Landed, error) {
	landed, err := l.Load.Commit(ctx, totals)
	if err != nil || l.run.by.landed == "" {
		return landed, err
	}
	_, err = l.run.DB().ExecContext(ctx, l.run.by.landed)
	return landed, err
}

type spoiledBuild struct {
	warehouse.Build

	by *spoiler
}

func (b *spoiledBuild) Create(ctx context.Context, m warehouse.Model) (int64, error) {
	rows, err := b.Build.Create(ctx, m)
	if err != nil || m.Name != b.by.model {
		return rows, err
	}
	for _, s := range b.by.built(b.Build) {
		if _, err := b.DB().ExecContext(ctx, s); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

var databases atomic.Int64

func onEveryEngine(t *testing.T, body func(t *testing.T, dsn string)) {
	t.Run("duckdb", func(t *testing.T) {
		t.Parallel()
		body(t, "duckdb:"+filepath.Join(t.TempDir(), "carepay.duckdb"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		onPostgres(t, func(dsn string) { body(t, dsn) })
	})
}

// onPostgres makes a database for the rest of a test.
func onPostgres(t *testing.T, body func(dsn string)) {
	t.Helper()
	dsn := os.Getenv("LIFELINE_TEST_POSTGRES")
	if dsn == "" {
		require.NotEqual(t, "1", os.Getenv("LIFELINE_TEST_REQUIRE"), "LIFELINE_TEST_POSTGRES is not set")
		t.Skip("LIFELINE_TEST_POSTGRES is not set")
	}
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	name := fmt.Sprintf("run_%d_%d", os.Getpid(), databases.Add(1))
	_, err = db.Exec("create database " + name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("drop database if exists " + name + " with (force)")
		require.NoError(t, errors.Join(err, db.Close()))
	})
	u.Path = "/" + name
	body(u.String())
}

// small is carepay without what only costs time here.
func small(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "carepay")
	require.NoError(t, os.CopyFS(dir, os.DirFS("../examples/carepay")))
	for _, gone := range []string{"models/kpi", "dashboards", "tests", "models/core/unit_tests.yml"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, gone)))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tests"), 0o755))
	return dir
}

// cleanSample is a folder of carepay's tables without dirt.
func cleanSample(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	_, err := sample.Write(t.Context(), sample.Options{Project: "carepay", Scale: 0.01, Seed: 1, Dirt: "none"}, dir)
	require.NoError(t, err)
	return dir
}

// Whatever one row or one cent is changed behind the loader's back, at whichever hop, the run stops and names table and key.
func TestOneRowOrOneCentAtAnyHopStopsTheRunAndIsNamed(t *testing.T) {
	t.Parallel()
	dir := cleanSample(t)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		p, err := lifecycle.Load(small(t), project.Options{Env: os.Getenv})
		require.NoError(t, err)
		wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, wh.Close()) })
		s := &spoiler{Warehouse: wh}
		o := run.Options{
			Project: p, Warehouse: s, Command: "run", Full: true,
			Source: func(ctx context.Context) (source.Source, error) {
				of := source.Options{DSN: "csv:" + dir, TimeZone: p.Config.Source.TimeZone, Tables: run.Contracts(p)}
				return source.Open(ctx, of)
			},
		}
		walk := func() (*run.Report, error) { return run.Do(t.Context(), o) }
		_, err = walk()
		require.NoError(t, err)
		reader, err := wh.Published(t.Context())
		require.NoError(t, err)
		var first, second, treatment, other int64
		require.NoError(t, reader.DB.QueryRowContext(t.Context(), `select min(id), max(id) from core.claims where amount > 1`).Scan(&first,
			&second))
		require.NoError(t, reader.DB.QueryRowContext(t.Context(), `
select max(t.id), min(t.id)
from core.treatments as t
where not exists (select 1 from core.claims as c where c.treatment_id = t.id)
  and not exists (select 1 from core.invoices as i where i.treatment_id = t.id)`).Scan(&treatment, &other))
		require.NoError(t, reader.Close())
		key, far := fmt.Sprint(first), fmt.Sprint(second)

		deleted := "delete from %s where id = " + key
		twice := "insert into %[1]s select * from %[1]s where id = " + key
		cent := "update %s set amount = amount + 0.01 where id = " + key
		moved := "update %s set amount = amount + case when id = " + key + " then 0.01 else -0.01 end where id in (" + key + ", " + far + ")"
		stop := func(name, key string) {
			t.Helper()
			r, err := walk()
			var problem *change.Problem
			require.ErrorAs(t, err, &problem, name)
			require.Equal(t, change.ClassBlocked, problem.Class, name)
			require.Equal(t, run.Blocked, r.Status, name)
			require.Regexp(t, `\b`+key+`\b`, err.Error(), name)
		}
		for _, spoil := range []string{deleted, twice, cent, moved} {
			s.landed = fmt.Sprintf(spoil, "staging.claim")
			stop(s.landed, "claim "+key)
		}
		s.landed = fmt.Sprintf("delete from staging.treatment where id = %d", treatment)
		stop(s.landed, fmt.Sprint("treatment ", treatment))
		s.landed = fmt.Sprintf("update staging.treatment set id = %d where id = %d", other, treatment)
		stop(s.landed, fmt.Sprint(treatment))
		s.landed = ""
		for _, hop := range []struct{ model, schema, table string }{{"dim_claims", "core", "claims"}, {"dim_claims", "analytics", "dim_claims"}} {
			for _, spoil := range []string{deleted, twice, cent, moved} {
				s.model = hop.model
				if spoil == twice && hop.table == "claims" && wh.Engine() == "postgres" {
					continue // Its unique index is there already and refuses the second row.
				}
				s.built = func(b warehouse.Build) []string {
					return []string{fmt.Sprintf(spoil, b.Relation(hop.schema, hop.table))}
				}
				stop(hop.table+": "+spoil, key)
			}
		}
		read := o.Source
		s.model = ""
		for _, spoil := range []string{deleted, twice, cent} {
			s.opened, o.Source = fmt.Sprintf(spoil, "staging.claim"), nil
			stop("a build: "+spoil, "claim")
			s.opened, o.Source = "", read
			_, _ = walk() // PostgreSQL tells that staging is not the source's, and then loads it anew.
			_, _ = walk()
		}
		_, err = walk()
		require.NoError(t, err, "and once nobody does, all is well again")
	})
}
