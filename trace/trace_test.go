package trace_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // The rows stand in memory.
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/project"
	"lifeline/trace"
)

var files = map[string]string{
	"lifeline.yml":    "name: shop\n",
	"dbt_project.yml": "name: shop\nmodels: {shop: {+materialized: table, core: {+schema: core}, analytics: {+schema: analytics}}}\n",
	"models/sources.yml": `
sources:
  - name: shop
    schema: staging
    tables:
      - {name: customer, meta: {lifeline: {key: [id]}}}
      - {name: purchase, meta: {lifeline: {key: [id]}}}
      - {name: visit, meta: {lifeline: {key: [id]}}}
`,
	"models/core/customers.sql": "select id, name from {{ source('shop', 'customer') }}",
	"models/core/purchases.sql": `
select p.id, c.id as customer_id, p.amount, 'source' as amount_basis
from {{ source('shop', 'purchase') }} as p
left join {{ ref('customers') }} as c on c.id = p.customer_id`,
	"models/core/core.yml": `
models:
  - name: customers
    config: {meta: {lifeline: {entity_of: customer, grain: [id]}}}
  - name: purchases
    config: {meta: {lifeline: {entity_of: purchase, grain: [id]}}}
    columns:
      - name: customer_id
        data_tests: [relationships: {arguments: {to: ref('customers'), field: id}}]
`,
	"models/analytics/dim_purchases.sql": "select id, amount from {{ ref('purchases') }}",
	"models/analytics/by_name.sql":       "select name, count(*) as n from {{ ref('customers') }} group by name",
	"models/analytics/visits.sql":        "select id from {{ source('shop', 'visit') }}",
	"models/analytics/analytics.yml": `
models:
  - {name: dim_purchases, config: {meta: {lifeline: {grain: [id], entity_count_of: purchases}}}}
  - {name: by_name, config: {meta: {lifeline: {grain: [name]}}}}
`,
}

// Purchase 1 was put right, and changed in run 2; 2 has gone from the source since; 3 waits in quarantine, 4 in staging; 5 was there once.
const rows = `
create schema core; create schema analytics; create schema staging; create schema history; create schema ops; create schema quarantine;
create table core.customers as select 7 as id, 'Ada' as name;
create table core.purchases as
	select * from (values (1, 7, 12.50, 'repaired'), (2, 7, 3.00, 'source')) as v (id, customer_id, amount, amount_basis);
create table analytics.dim_purchases as select id, amount from core.purchases;
create table analytics.by_name as select 'Ada' as name, 1 as n;
create table analytics.visits as select 1 as id;
create table staging.customer as select 7 as id, 'Ada' as name, cast(null as varchar) as _raw, 1 as _run;
create table staging.visit as select 1 as id, cast(null as varchar) as _raw, 1 as _run;
create table staging.purchase as
	select * from (values (1, 7, cast(null as decimal(9, 2)), '{"amount": "12,50"}', 2), (4, 7, 1.00, null, 2))
		as v (id, customer_id, amount, _raw, _run);
create table history.customer as
	select *, '' as _op, now() as _valid_from, now() as _valid_to, '' as _basis, '' as _position from staging.customer where false;
create table history.purchase (id int, customer_id int, amount decimal(9, 2), _raw varchar, _run int, _op varchar,
	_valid_from timestamp, _valid_to timestamp, _basis varchar);
insert into history.purchase values
	(1, 7, 11.00, null, 1, 'update', '2024-01-01', '2024-01-02', 'snapshot'),
	(2, 7, 3.00, null, 1, 'delete', '2024-01-01', '2024-01-03', 'snapshot'),
	(5, 7, 3.00, null, 1, 'delete', '2024-01-01', '2024-01-04', 'snapshot');
create table ops.runs (run_id int, command varchar, status varchar, started_at timestamp, ended_at timestamp, position varchar,
	version int);
insert into ops.runs values
	(1, 'run', 'published', '2024-01-01', '2024-01-01', 'p1', 1), (2, 'run', 'published', '2024-01-02', null, 'p2', 2);
create table ops.repairs (run_id int, table_name varchar, column_name varchar, basis varchar, rows int, rule varchar);
insert into ops.repairs values
	(1, 'purchases', 'amount', 'repaired', 9, 'an older rule'), (2, 'purchases', 'amount', 'repaired', 1, 'comma');
create table quarantine.rows (table_name varchar, key varchar, occurrence int, state varchar);
create table quarantine.reasons (table_name varchar, key varchar, check_name varchar, reason varchar);
insert into quarantine.rows values ('purchase', '3', 1, 'held');
insert into quarantine.reasons values ('purchase', '3', 'orphan_purchases', 'no_parent')`

// newTracer is a tracer over the rows above; change may take something away.
func newTracer(t *testing.T, change func(*trace.Options)) *trace.Tracer {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	p, err := lifecycle.Load(dir, project.Options{})
	require.NoError(t, err)
	g, err := model.NewGraph(p, model.Options{Target: model.Target{Name: "test", Type: "duckdb"}})
	require.NoError(t, err)
	db, err := sql.Open("duckdb", "?threads=1")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, statement := range strings.Split(rows, ";\n") {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	// One database is all three; a statement reads to its end before the next begins.
	o := trace.Options{Project: p, Graph: g, Published: db, Books: db, Staging: db, Version: 2}
	if change != nil {
		change(&o)
	}
	return trace.New(o)
}

func follow(tracer *trace.Tracer, table, key string) (*trace.Chain, error) {
	n, err := tracer.Node(table)
	if err != nil {
		return nil, err
	}
	return tracer.Trace(context.Background(), n, key)
}

func steps(c *trace.Chain) string {
	var out []string
	for _, s := range c.Steps {
		out = append(out, s.Table+" by "+s.Via)
	}
	return strings.Join(out, "; ")
}

func textOf(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func TestARowLeadsToItsSourceWithWhatWasPutRightAndWhatItWas(t *testing.T) {
	t.Parallel()
	c, err := follow(newTracer(t, nil), "dim_purchases", "1")
	require.NoError(t, err)
	require.Equal(t, "analytics.dim_purchases by id = 1; core.purchases by id = 1; staging.purchase by id = 1", steps(c))
	require.Equal(t, "models/sources.yml", c.Steps[2].File)
	require.Len(t, c.Repairs, 1)
	r := c.Repairs[0]
	require.Equal(t, "amount repaired 12.50 12,50 comma", strings.Join([]string{
		r.Column, r.Basis, textOf(r.Value), textOf(r.Raw), strings.Join(r.Rules, "+"),
	}, " "), "the raw text that the type could not hold, and the rule of the last run")
	require.Len(t, c.History, 1)
	require.Equal(t, "update", c.History[0].Op)
	require.Len(t, c.History[0].Changes, 1)
	require.Equal(t, "amount 11.00 null", c.History[0].Changes[0].Column+" "+textOf(c.History[0].Changes[0].Was)+" "+
		textOf(c.History[0].Changes[0].Became))
	require.Len(t, c.Runs, 2)
	require.Equal(t, "2 1", c.Runs[0].ID+" "+c.Runs[1].ID, "the present version's run first")
	require.Equal(t, []trace.Related{{Table: "core.customers", Column: "customer_id", Rows: 1, Keys: []string{"7"}}}, c.Parents)
}

func TestARowOfStagingIsTracedFromTheEntityThatItBecame(t *testing.T) {
	t.Parallel()
	tracer := newTracer(t, nil)
	c, err := follow(tracer, "staging.purchase", "1")
	require.NoError(t, err)
	require.Equal(t, "core.purchases by id = 1; staging.purchase by id = 1", steps(c))
	_, err = follow(tracer, "staging.visit", "1")
	require.ErrorContains(t, err, "no model of the project cleans staging.visit")
}

func TestAParentHasItsChildrenAndAGroupIsMadeOfMany(t *testing.T) {
	t.Parallel()
	tracer := newTracer(t, nil)
	c, err := follow(tracer, "customers", "7")
	require.NoError(t, err)
	require.Equal(t, []trace.Related{{Table: "core.purchases", Column: "customer_id", Rows: 2, Keys: []string{"1", "2"}}}, c.Children)
	c, err = follow(tracer, "by_name", "Ada")
	require.NoError(t, err)
	require.Equal(t, "analytics.by_name by name = Ada", steps(c))
	require.Equal(t, []trace.Related{{Table: "core.customers", Column: "name", Rows: 1, Keys: []string{"7"}}}, c.MadeOf)
}

func TestARowThatHasGoneSinceOrCannotBeSeenIsSaidToBe(t *testing.T) {
	t.Parallel()
	c, err := follow(newTracer(t, nil), "purchases", "2")
	require.NoError(t, err)
	require.Equal(t, "core.purchases by id = 2", steps(c))
	require.Contains(t, c.Note, "it has gone from the source since this version was published")
	require.Len(t, c.History, 1)

	c, err = follow(newTracer(t, func(o *trace.Options) { o.Staging = nil }), "purchases", "1")
	require.NoError(t, err)
	require.Equal(t, "core.purchases by id = 1", steps(c))
	require.Contains(t, c.Note, "a run is writing staging and history now")
}

func TestAMissingRowIsFoundWhereItIs(t *testing.T) {
	t.Parallel()
	tracer := newTracer(t, nil)
	for _, c := range []struct{ table, key, says, try string }{
		{"purchases", "3", "it is in quarantine (held): orphan_purchases (no_parent)", "lifeline quarantine show 3 --table purchase"},
		{"dim_purchases", "3", "it is in quarantine (held)", "lifeline quarantine show 3 --table purchase"},
		{"purchases", "4", "although staging.purchase has: version 2 was built before it landed", "lifeline run"},
		{"purchases", "5", "it has gone from the source, where it was until 2024-01-04", "lifeline query"},
		{"purchases", "6", "core.purchases has no row 6", "lifeline query"},
		{"purchases", "x'y", "core.purchases has no row x'y", "lifeline query"},
		{"purchase", "1", "", ""}, // The source's table, by its bare name.
		{"purchasess", "1", `there is no table "purchasess"`, "lifeline trace core.purchases KEY"},
		{"core.customer", "1", `there is no table "core.customer"`, "lifeline trace core.customers KEY"},
	} {
		_, err := follow(tracer, c.table, c.key)
		if c.says == "" {
			require.NoError(t, err, c.table)
			continue
		}
		var p *change.Problem
		require.ErrorAs(t, err, &p, c.table+" "+c.key)
		require.ErrorContains(t, p, c.says)
		require.Contains(t, p.Try, c.try)
		require.Equal(t, change.ClassUsage, p.Class)
	}
}
