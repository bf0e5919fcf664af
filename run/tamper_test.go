package run_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // Tests make and drop databases of their own.
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/run"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
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

// onEveryEngine runs one body on DuckDB and on PostgreSQL; where only quick tests are wanted, on neither.
func onEveryEngine(t *testing.T, body func(t *testing.T, dsn string)) {
	t.Helper()
	if testing.Short() {
		t.Skip("left to make test")
	}
	alsoQuickly(t, body)
}

// alsoQuickly is onEveryEngine for tests that are quick on DuckDB.
func alsoQuickly(t *testing.T, body func(t *testing.T, dsn string)) {
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
	body(warehousetest.Postgres(t).DSN)
}

// twoTables is a project of claims and treatments: entities of core, money in a column, and a dimension with one row per claim.
var twoTables = map[string]string{
	"dbt_project.yml": "name: tiny\nmodels: {tiny: {+materialized: table, core: {+schema: core}, analytics: {+schema: analytics}}}\n",
	"models/sources.yml": `
sources:
  - name: s
    schema: staging
    tables:
      - name: treatment
        meta: {lifeline: {file: treatments.csv, key: [id]}}
        columns: [{name: id, data_type: bigint}]
      - name: claim
        meta: {lifeline: {file: claims.csv, key: [id], money: {amount: currency}}}
        columns:
          - {name: id, data_type: bigint}
          - {name: treatment_id, data_type: bigint}
          - {name: amount, data_type: "decimal(19,4)"}
          - {name: currency, data_type: varchar(4)}
`,
	"models/core/treatments.sql": "select id from {{ source('s', 'treatment') }}",
	"models/core/claims.sql":     "select id, treatment_id, amount, currency from {{ source('s', 'claim') }}",
	"models/core/core.yml": `
models:
  - name: treatments
    config: {indexes: [{columns: [id], unique: true}], meta: {lifeline: {entity_of: treatment, grain: [id]}}}
    columns: [{name: id, data_tests: [not_null, unique]}]
  - name: claims
    config: {indexes: [{columns: [id], unique: true}], meta: {lifeline: {entity_of: claim, grain: [id]}}}
    columns:
      - {name: id, data_tests: [not_null, unique]}
      - name: treatment_id
        data_tests:
          - relationships:
              arguments: {to: ref('treatments'), field: id}
              config: {meta: {lifeline: {on_fail: quarantine}}}
`,
	"models/analytics/dim_claims.sql": "select id, amount, currency from {{ ref('claims') }}",
	"models/analytics/analytics.yml":  "models: [{name: dim_claims, config: {meta: {lifeline: {grain: [id], entity_count_of: claims}}}}]\n",
	"csv/treatments.csv":              "id\n21\n22\n23\n24\n",
	"csv/claims.csv":                  "id,treatment_id,amount,currency\n11,21,10.5000,KES\n12,21,7,KES\n13,22,3,NGN\n14,22,3.1,KES\n",
}

// Whatever one row or one cent is changed behind the loader's back, at whichever hop, the run stops and names table and key.
func TestOneRowOrOneCentAtAnyHopStopsTheRunAndIsNamed(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		x := newTiny(t, dsn, twoTables)
		wh, s := x.wh, &spoiler{Warehouse: x.wh}
		x.wh = s
		reads := true
		walk := func() (*run.Report, error) { return x.walk(t, reads) }
		_, err := walk()
		require.NoError(t, err)
		// The claims that are changed, and two treatments that nothing refers to.
		const key, far, treatment, other = "11", "14", 23, 24

		deleted := "delete from %s where id = " + key
		twice := "insert into %[1]s select * from %[1]s where id = " + key
		cent := "update %s set amount = amount + 0.01 where id = " + key
		moved := "update %s set amount = amount + case when id = " + key + " then 0.01 else -0.01 end where id in (" + key + ", " + far + ")"
		stop := func(name, key string) {
			t.Helper()
			r, err := walk()
			var problem *change.Problem
			require.ErrorAs(t, err, &problem, name)
			require.Equal(t, change.ClassBlocked, problem.Class, "%s: %v", name, err)
			require.Equal(t, run.Blocked, r.Status, name)
			require.Regexp(t, `\b`+key+`\b`, err.Error(), name)
		}
		// On PostgreSQL half of them, as the soak does all: what is counted is the same SQL.
		spoils, builds := []string{deleted, twice, cent, moved}, []string{deleted, twice, cent}
		if wh.Engine() == "postgres" && os.Getenv("LIFELINE_SOAK") == "" {
			spoils, builds = []string{deleted, moved}, []string{cent}
		}
		for _, spoil := range spoils {
			s.landed = fmt.Sprintf(spoil, "staging.claim")
			stop(s.landed, "claim "+key)
		}
		s.landed = fmt.Sprintf("delete from staging.treatment where id = %d", treatment)
		stop(s.landed, fmt.Sprint("treatment ", treatment))
		s.landed = fmt.Sprintf("update staging.treatment set id = %d where id = %d", other, treatment)
		stop(s.landed, fmt.Sprint(treatment))
		s.landed = ""
		for _, hop := range []struct{ model, schema, table string }{{"dim_claims", "core", "claims"}, {"dim_claims", "analytics", "dim_claims"}} {
			for _, spoil := range spoils {
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
		s.model = ""
		for _, spoil := range builds {
			s.opened, reads = fmt.Sprintf(spoil, "staging.claim"), false
			stop("a build: "+spoil, "claim")
			s.opened, reads = "", true
			_, _ = walk() // PostgreSQL tells that staging is not the source's, and then loads it anew.
			_, _ = walk()
		}
		_, err = walk()
		require.NoError(t, err, "and once nobody does, all is well again")
	})
}
