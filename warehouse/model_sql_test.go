package warehouse_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

func init() { warehouse.SetModelPatience("500ms") }

// F33. A model is one select: whatever it holds besides is refused, and staging, history and ops are as before.
func TestAModelCanOnlySelect(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	warehousetest.Run(t, func(t *testing.T, p warehousetest.Place) {
		w := p.Open(t, warehouse.Options{})
		r := warehousetest.Begin(t, w)
		table := warehousetest.Table("t", "id* int32")
		warehousetest.Land(t, r, noon, []*change.Table{table}, warehousetest.Source{table: {{1}}})
		b, err := r.Build(t.Context())
		require.NoError(t, err)
		hostile := []string{
			"with x as (insert into staging.t values (99, null, 1) returning id) select * from x",
			"with x as (update staging.t set id = 5 returning id) select * from x",
			"with x as (delete from staging.t returning id) select * from x",
			"select 1 as a; delete from staging.t",
			"select 1 as a\n) as m; delete from staging.t; select * from (select 1",
			"select 1 as a) as m; drop table staging.t; create table x as (select 1",
			"delete from staging.t",
			"delete from staging.t returning id",
			"drop table staging.t",
			"select 1 as a; select 2 as b",
			"select 1 as a; -- and more\nupdate ops.runs set status = 'published'",
			"select * from staging.t) as m union all (with x as (delete from staging.t returning id) select id from x",
		}
		if p.Engine == "postgres" {
			_, err := b.Create(t.Context(), warehouse.Model{Schema: "marts", Name: "m", SQL: "select 1 as a"}) // A schema of the project's own.
			require.NoError(t, err)
			for i, writes := range []string{
				"insert into staging.t values (77, null, 1)", "update ops.runs set status = ''published''",
				"insert into quarantine.rows (table_name, key) values (''t'', ''1'')", "delete from ops.schemas",
				"insert into ops.schemas (schema_name, version) values (''public'', 99)", "drop table history.t",
			} {
				_, err := r.DB().ExecContext(t.Context(), fmt.Sprintf(`
create function public.spoil%d() returns int language plpgsql volatile as 'begin set local lock_timeout = ''100ms''; %s; return 1; end'`,
					i, writes))
				require.NoError(t, err)
				call := fmt.Sprintf("select public.spoil%d() as a", i)
				hostile = append(hostile, call)
				_, err = b.CheckDB().ExecContext(t.Context(), call)
				require.Error(t, err, "a test cannot write either")
			}
			hostile = append(hostile, "select 1 as a into staging.y")
		}
		for _, view := range []bool{false, true} {
			for _, sql := range hostile {
				if _, err := b.Create(t.Context(), warehouse.Model{Schema: "core", Name: "bad", SQL: sql, View: view}); err == nil {
					require.True(t, view, sql) // A view runs nothing until it is read.
					_, err = r.DB().ExecContext(t.Context(), "select * from "+b.Relation("core", "bad"))
					require.Error(t, err, sql)
				}
				require.Equal(t, []string{"1"}, warehousetest.Texts(t, r.DB(), "select id from staging.t"), sql)
				require.Equal(t, []string{"running"}, warehousetest.Texts(t, r.DB(), "select status from ops.runs"), sql)
				require.Empty(t, warehousetest.Texts(t, r.DB(), "select key from quarantine.rows"), sql)
			}
		}
		for name, sql := range map[string]string{
			"a": "select 1 as a;\n", "b": "select 'x;y' as b -- with ; in it", "c": "with x as (select 1 as c) select * from x order by c",
			"d": "(select 1 as d)",
		} {
			_, err := b.Create(t.Context(), warehouse.Model{Schema: "core", Name: name, SQL: sql})
			require.NoError(t, err, sql)
			_, err = b.Create(t.Context(), warehouse.Model{Schema: "core", Name: name + "_view", SQL: sql, View: true})
			require.NoError(t, err, sql)
		}
		require.NoError(t, b.Built(t.Context()))
		_, err = r.DB().ExecContext(t.Context(), "insert into quarantine.rows (table_name, key, occurrence, \"row\", state, first_run, "+
			"last_run, first_seen, last_seen) values ('t', '1', 1, '{}', 'quarantined', 1, 1, timestamp '2026-01-01', timestamp '2026-01-01')")
		require.NoError(t, err, "the run itself writes there once models and tests have run")
		require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon}))
		warehousetest.End(t, r)
	})
}
