package semantic_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/semantic"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// forge makes statements that hide something hostile somewhere in a select.
type forge struct {
	r      *rand.Rand
	engine string
}

// hostileCalls and hostileTables are what must not be reached, whatever stands around it.
var (
	hostileCalls = map[string][]string{
		"duckdb": {
			"getenv('HOME')", "current_setting('memory_limit')", "nextval('x')", "current_query()", "json_serialize_plan('select 1')",
			"getvariable('x')", "pg_read_file('/etc/passwd')",
		},
		"postgres": {
			"pg_read_file('/etc/passwd')", "query_to_xml('select secret from staging.claim', true, true, '')",
			"ts_rewrite('a'::tsquery, 'select secret::tsquery, secret::tsquery from staging.claim')",
			"set_config('role', 'none', false)", "pg_sleep(0)", "lo_get(1)", "current_setting('data_directory')", "secret_invoker()",
			"public.secret_invoker()", "pg_advisory_xact_lock(1)",
		},
	}
	hostileTables = map[string][]string{
		"duckdb": {
			"staging.claim", "sqlite_master", "duckdb_settings()", "read_text('/etc/passwd')", "'/etc/passwd'", "lifeline.version",
			"pragma_database_list", "glob('*')", "duckdb_secrets()",
			"query('select 1')", "memory.main.x", "information_schema.views", "pg_catalog.pg_settings",
		},
		"postgres": {
			"staging.claim", "ops.reader", "quarantine.more", "public.secrets", "pg_settings", "pg_catalog.pg_authid",
			"pg_stat_activity", "pg_ls_dir('/')", "ops.runs", "core__v1.claims",
			"information_schema.routines", "pg_stats", "history.claim",
		},
	}
)

func (f *forge) one(list []string) string { return list[f.r.IntN(len(list))] }

// scalar is an expression with the hostile part at its heart.
func (f *forge) scalar(depth int) string {
	if depth == 0 {
		if f.r.IntN(2) == 0 {
			return "cast(" + f.one(hostileCalls[f.engine]) + " as varchar)"
		}
		return "(select cast(count(*) as varchar) from " + f.table(0) + ")"
	}
	inner := f.scalar(depth - 1)
	return fmt.Sprintf(f.one([]string{
		"coalesce(%s, 'x')", "case when %s = 'a' then 'b' else 'c' end", "upper(%s)", "(%s || 'x')", "nullif('x', %s)", "(select %s)",
		"(select max(v.a) from (values (%s)) as v(a))",
		"replace('x', 'y', %s)", "cast(length(%s) as varchar)", "(with q as (select %s as a) select a from q)", "greatest('a', %s)",
		"concat('a', %s)",
	}), inner)
}

// table is something to select from with the hostile part in it.
func (f *forge) table(depth int) string {
	if depth == 0 {
		return f.one(hostileTables[f.engine]) + " as t" + fmt.Sprint(f.r.IntN(1000))
	}
	inner := f.table(depth - 1)
	name := fmt.Sprintf("u%d", f.r.IntN(1000))
	return strings.ReplaceAll(fmt.Sprintf(f.one([]string{
		"(select * from %s) as NAME", "(select 1 as a from %s limit 1) as NAME", "(with q as (select 1 as a from %s) select * from q) as NAME",
		"(select count(*) as a from core.claims as c cross join %s) as NAME",
		"(select a.id from core.claims as a left join lateral (select 1 as b from %s) as l on true) as NAME",
		"(select 1 as a union all select 2 from %s) as NAME", "(select 1 as a where exists (select 1 from %s)) as NAME",
	}), inner), "NAME", name)
}

// shadow makes common table expressions of names that real tables have, in scopes where they are not seen.
func (f *forge) shadow() string {
	name := f.one(map[string][]string{
		"duckdb":   {"sqlite_master", "duckdb_tables", "pragma_database_list", "duckdb_settings"},
		"postgres": {"pg_settings", "pg_stat_activity", "pg_class", "pg_proc"},
	}[f.engine])
	return strings.ReplaceAll(f.one([]string{
		"with a as (select * from NAME), NAME as (select 1 as a) select * from a",
		"select * from (with NAME as (select 1 as a) select * from NAME) as t, NAME",
		"with NAME as (select * from NAME) select * from NAME",
		"select (with NAME as (select 1 as a) select max(a) from NAME), (select count(*) from NAME)",
		"(with NAME as (select 1 as a) select a from NAME) union all (select 1 from NAME)",
		"select id from core.claims where id in (select 1 from NAME) or exists (with NAME as (select 1) select 1 from NAME)",
		"with x as (with NAME as (select 1 as a) select * from NAME) select * from x, NAME",
		"with recursive NAME as (select a from NAME union all select 1 as a) select * from NAME",
	}), "NAME", name)
}

func (f *forge) statement() string {
	depth := f.r.IntN(4)
	switch f.r.IntN(5) {
	case 0:
		return f.shadow()
	case 1:
		return "select * from " + f.table(depth)
	case 2:
		return fmt.Sprintf(f.one([]string{
			"select id from core.claims where name = %s", "select id from core.claims order by %s", "select count(*) from core.claims group by %s",
			"select max(name) from core.claims having max(name) = %s", "select row_number() over (order by %s) from core.claims",
			"select count(*) filter (where name = %s) from core.claims",
			"select id from core.claims union all select 1 where 'a' = %s", "with a as (select %s as x) select * from a, core.claims",
			"select a.id from core.claims as a inner join core.claims as b on a.name = %s", "values (%s)",
			"select distinct on (%s) id from core.claims",
			"select array_agg(name order by %s) from core.claims", "select sum(id) over (partition by %s) from core.claims",
			"select id from core.claims where name in ('a', %s)",
			"select id from core.claims where name between 'a' and %s", "select id from core.claims where name like %s", "select array[%s]",
		}), f.scalar(depth))
	}
	return "select " + f.scalar(depth) + " as a from core.claims limit 3"
}

// A2, A9: statements made at random, each with something hostile in it, are refused before they run.
func TestGeneratedStatementsGetNowhere(t *testing.T) {
	n := 300
	if soak() {
		n = 10_000
	}
	seed := uint64(time.Now().UnixNano())
	onBoth(t, patient, func(t *testing.T, p *place) {
		f := &forge{rand.New(rand.NewPCG(seed, 1)), p.engine}
		for range n {
			text := f.statement()
			kind, answer, err := p.ask(t.Context(), "mallory", text, "json")
			require.NoError(t, err, "seed %d: %s", seed, text)
			require.Equal(t, "refused", kind, "seed %d: %s: %s", seed, text, answer)
		}
	})
}

// The role alone: the same statements show nothing hidden and change nothing, though nobody looks at their text.
func TestGeneratedStatementsOfTheRoleAloneGetNowhere(t *testing.T) {
	n := 100
	if soak() {
		n = 10_000
	}
	seed := uint64(time.Now().UnixNano())
	p := postgresPlace(t, quick)
	before := p.state(t)
	role := p.roleSession(t)
	f := &forge{rand.New(rand.NewPCG(seed, 2)), "postgres"}
	for range n {
		text := f.statement()
		_, answer := p.alone(t, role, text)
		require.NotContains(t, answer, hidden, "seed %d: %s", seed, text)
		require.NotContains(t, answer, "root:", "seed %d: %s", seed, text)
	}
	require.Equal(t, before, p.state(t), "seed %d", seed)
}

// A reader's statement that takes the run's lock stops no run.
func TestAReaderThatTakesTheRunsLockStopsNoRun(t *testing.T) {
	p := postgresPlace(t, quick)
	reader := p.roleSession(t)
	reader.RuntimeParams["statement_timeout"] = "60s"
	held := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer close(held)
		_, _ = p.alone(t, reader, "select pg_advisory_lock(1279870533, 1279872581), pg_sleep(9)")
	}()
	require.Eventually(t, func() bool { return p.locks(t) > 0 }, time.Minute, 5*time.Millisecond)
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: p.dsn})
	require.NoError(t, err)
	defer wh.Close()
	r, err := wh.Begin(ctx, warehousetest.Me("test"), 0)
	require.NoError(t, err)
	warehousetest.End(t, r)
	<-held
}

// A role that can do more than read the published version runs nothing, and the error says what to take from it.
func TestARoleThatCanDoMoreRunsNothing(t *testing.T) {
	p := postgresPlace(t, quick)
	wh, err := warehouse.Open(t.Context(), warehouse.Options{DSN: p.dsn})
	require.NoError(t, err)
	defer wh.Close()
	role := p.roleSession(t).User
	for _, c := range []struct{ give, take, says string }{
		{
			"grant usage on schema staging to %s; grant select on staging.claim to %[1]s",
			"revoke all on staging.claim from %s; revoke usage on schema staging from %[1]s", "may use staging.claim",
		},
		{"grant select on public.secrets to public", "revoke all on public.secrets from public", "may use public.secrets"},
		{"grant insert on core__v1.claims to %s", "revoke insert on core__v1.claims from %s", "may use core__v1.claims"},
		{"grant pg_read_all_data to %s", "revoke pg_read_all_data from %s", "member of pg_read_all_data"},
		{"alter role %s superuser", "alter role %s nosuperuser", "superuser"},
		{"alter role %s createrole", "alter role %s nocreaterole", "createrole"},
		{"grant create on schema public to %s", "revoke create on schema public from %s", "may create in schema public"},
		{
			"create function public.secret_owner() returns text language sql security definer as 'select secret from staging.claim'",
			"drop function public.secret_owner()",
			"secret_owner",
		},
	} {
		fill := func(text string) string {
			if !strings.Contains(text, "%") {
				return text
			}
			return fmt.Sprintf(text, role)
		}
		_, err := p.owner.ExecContext(t.Context(), fill(c.give))
		require.NoError(t, err, c.give)
		_, err = warehouse.ReaderAddress(t.Context(), wh, p.dsn)
		require.ErrorIs(t, err, warehouse.ErrNoReader, c.give)
		require.ErrorContains(t, err, c.says)
		_, err = p.owner.ExecContext(t.Context(), fill(c.take))
		require.NoError(t, err, c.take)
		_, err = warehouse.ReaderAddress(t.Context(), wh, p.dsn)
		require.NoError(t, err, c.take)
	}
}

// A4, A7: a file has up to so many rows and bytes, or is refused as a whole; the server's own memory has no part in it.
func TestFilesOfStatementsAreWholeOrRefused(t *testing.T) {
	rows, megabytes := 60_000, 4
	if soak() {
		rows, megabytes = 300_000, 20
	}
	limits := semantic.Limits{
		Time: time.Minute, ExportTime: time.Minute, Rows: 10, ExportRows: rows, ExportBytes: int64(megabytes) << 20,
	}
	onBoth(t, limits, func(t *testing.T, p *place) {
		series := "select a as id, 'text, of ' || a as name from generate_series(1, %d) as s(a)"
		for _, format := range []string{"csv", "ndjson", "parquet"} {
			got, err := p.sandbox.Run(t.Context(), semantic.Statement{User: "ada", Text: fmt.Sprintf(series, rows), Format: format})
			require.NoError(t, err, format)
			require.EqualValues(t, rows, got.Rows, format)
			require.False(t, got.Truncated)
			info, err := got.File.Stat()
			require.NoError(t, err)
			require.Equal(t, info.Size(), got.Bytes, format)
			require.NoError(t, got.Close())
			for text, says := range map[string]string{
				fmt.Sprintf(series, rows+1): fmt.Sprintf("more than %d rows", rows),
				fmt.Sprintf("select repeat('x', 9000) || a as t from generate_series(1, %d) as s(a)", 200*megabytes): fmt.Sprintf(
					"larger than %d MB", megabytes),
				"select nothing from core.claims": "nothing",
				"select * from staging.claim":     "no table staging.claim",
			} {
				if format == "parquet" && strings.Contains(says, "MB") {
					continue // It is compressed.
				}
				_, err := p.sandbox.Run(t.Context(), semantic.Statement{User: "ada", Text: text, Format: format})
				require.ErrorContains(t, err, says, format)
			}
		}
		page, err := p.sandbox.Run(t.Context(), semantic.Statement{User: "ada", Text: fmt.Sprintf(series, 11), Format: "json"})
		require.NoError(t, err)
		require.True(t, page.Truncated)
		require.EqualValues(t, 10, page.Rows)
		require.NoError(t, page.Close())
	})
}
