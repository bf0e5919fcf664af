package warehouse_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// What somebody else has made where a run would put something, or has hung on a run's own tables, is refused before anything lands.
func TestWhatIsNotOursIsRefusedFirst(t *testing.T) {
	t.Parallel()
	p := warehousetest.Postgres(t)
	w := p.Open(t, warehouse.Options{})
	table := warehousetest.Table("t", "id* int32")
	tables, models := []*change.Table{table}, []warehouse.Model{{Schema: "core", Name: "m"}}
	conn := pgConn(t, p.DSN)
	refused := func(want string, statements ...string) {
		t.Helper()
		pgDo(t, conn, statements[:len(statements)-1]...)
		err := w.Check(t.Context(), tables, models)
		require.ErrorContains(t, err, want)
		var problem *change.Problem
		require.ErrorAs(t, err, &problem)
		require.NotEmpty(t, problem.Try)
		pgDo(t, conn, statements[len(statements)-1])
		require.NoError(t, w.Check(t.Context(), tables, models), want)
	}
	// Before the first run.
	require.NoError(t, w.Check(t.Context(), tables, models))
	pgDo(t, conn, "create schema staging", "create schema history", "create schema core")
	for kind, body := range map[string]string{
		"table": "(x int)", "view": "as select 1 as x", "materialized view": "as select 1 as x", "sequence": "",
	} {
		for _, name := range []string{"staging.t", "history.t", "core.m"} {
			refused(name+" is there and was not made by lifeline", "create "+kind+" "+name+" "+body, "drop "+kind+" "+name)
		}
	}
	for _, name := range []string{"staging.t", "core.m"} {
		refused(name+" is a type that was not made by lifeline", "create type "+name+" as enum ('a')", "drop type "+name)
	}
	refused("the schema core__v1 is there", "create schema core__v1", "drop schema core__v1")
	refused("the schema build__v1 is there", "create schema build__v1", "drop schema build__v1")
	pgDo(t, conn, "create schema quarantine", "create table quarantine.rows (x int)")
	_, err := w.Examine(t.Context())
	require.ErrorContains(t, err, "quarantine.rows is there, and no run has made it here")
	_, err = w.Begin(t.Context(), warehousetest.Me("test"), 0)
	require.ErrorContains(t, err, "quarantine.rows is there, and no run has made it here")
	pgDo(t, conn, "drop table quarantine.rows")

	r := warehousetest.Begin(t, w)
	warehousetest.Land(t, r, noon, tables, warehousetest.Source{table: {{1}}})
	warehousetest.End(t, r)
	require.NoError(t, w.Check(t.Context(), tables, models))
	refused("has the column zz, which the source never had", "alter table staging.t add column zz int", "alter table staging.t drop column zz")
	refused("has row level security", "alter table staging.t enable row level security", "alter table staging.t disable row level security")
	refused("the rule r of staging.t would change", "create rule r as on insert to staging.t do instead nothing", "drop rule r on staging.t")
	refused("inherits rows, or hands them on", "create table public.c () inherits (staging.t)", "drop table public.c")
	refused("the trigger x of history.t would change",
		"create function public.f() returns trigger language plpgsql as 'begin return null; end'",
		"create trigger x before insert on history.t for each row execute function public.f()", "drop trigger x on history.t")

	// Schemas that only hold what lands come back; books that are gone are told.
	pgDo(t, conn, "drop schema staging cascade", "drop schema history cascade")
	r = warehousetest.Begin(t, w)
	warehousetest.Land(t, r, noon, tables, warehousetest.Source{table: {{1}}})
	warehousetest.End(t, r)
	pgDo(t, conn, "drop table quarantine.reasons")
	_, err = w.Begin(t.Context(), warehousetest.Me("test"), 0)
	require.ErrorContains(t, err, "quarantine.reasons is gone; somebody has dropped it")
}
