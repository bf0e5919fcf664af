package warehouse_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
)

func TestPostgresPublishesAllTablesAndRollsBack(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	w := pgWarehouse(t, dsn)
	_, err := w.Published(t.Context())
	require.ErrorIs(t, err, warehouse.ErrNothingPublished)
	_, err = w.OpenOps(t.Context())
	require.ErrorIs(t, err, warehouse.ErrNothingPublished)

	r := pgBegin(t, w)
	_, err = w.Published(t.Context())
	require.ErrorIs(t, err, warehouse.ErrNothingPublished)
	one := publish(t, r, model("core", "claims", "select 1 as id, 'one' as name"), model("analytics", "dim", "select 1 as n"))
	conn := pgConn(t, dsn)
	read := func() []string {
		return pgTexts(t, conn, "select c.id || c.name || d.n from core.claims c cross join analytics.dim d")
	}
	require.Equal(t, []string{"1one1"}, read())
	for _, n := range []string{"2", "3", "4"} {
		publish(t, r, model("core", "claims", "select "+n+" as id, 'n' as name"), model("analytics", "dim", "select "+n+" as n"))
		require.Equal(t, []string{n + "n" + n}, read())
	}
	versions, err := r.Versions(t.Context())
	require.NoError(t, err)
	require.Len(t, versions, 2)
	require.Equal(t, one+3, versions[0].ID)
	require.True(t, versions[0].Current)
	require.True(t, versions[0].AsOf.Equal(time.Unix(1700000000, 0)))
	require.Equal(t, []string{"analytics__v3", "analytics__v4", "core__v3", "core__v4"},
		pgTexts(t, conn, `select nspname::text from pg_namespace where nspname like '%\_\_v%' order by 1`))

	back, err := r.Rollback(t.Context())
	require.NoError(t, err)
	require.Equal(t, one+2, back.ID)
	require.Equal(t, []string{"3n3"}, read())
	_, err = r.Rollback(t.Context())
	require.ErrorContains(t, err, "no kept version")

	reader, err := w.Published(t.Context())
	require.NoError(t, err)
	require.Equal(t, one+2, reader.Version)
	_, err = reader.DB.Exec("delete from core.claims")
	require.ErrorContains(t, err, "read-only")
	require.NoError(t, reader.Close())

	publish(t, r, model("core", "claims", "select 5 as id, 'n' as name"), model("analytics", "dim", "select 5 as n"))
	require.Equal(t, []string{"3 kept", "5 published"},
		pgTexts(t, conn, "select version || ' ' || state from ops.versions where state <> 'dropped' order by version"))
	books, err := w.OpenOps(t.Context())
	require.NoError(t, err)
	var status string
	require.NoError(t, books.DB.QueryRow("select status from ops.runs").Scan(&status))
	require.Equal(t, "running", status)
	require.NoError(t, books.Close())
}

func TestPostgresViewsKeepGrantsCommentsAndDependentsWhateverBecomesOfAModel(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	conn := pgConn(t, dsn)
	role := "reader_" + strings.TrimPrefix(conn.Config().Database, "lifeline_warehouse_")
	pgDo(t, conn, "create role "+role)
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), dsn)
		require.NoError(t, err)
		_, err = c.Exec(context.Background(), "drop owned by "+role+"; drop role "+role)
		require.NoError(t, err)
		require.NoError(t, c.Close(context.Background()))
	})
	publish(t, r, model("core", "claims", "select 1 as id, 'a'::text as status, 2 as amount"), model("core", "other", "select 1 as id"))
	pgDo(t, conn, "grant usage on schema core to "+role, "grant select on core.claims, core.other to "+role,
		"grant select (id) on core.claims to public", "comment on view core.claims is 'all ''claims'''",
		"comment on column core.claims.amount is 'in cents'", "comment on column core.claims.status is 'goes'",
		"create schema reporting",
		"create view reporting.big with (security_barrier=true) as select id, amount from core.claims where amount > 1",
		"create view reporting.bigger as select * from reporting.big", "grant usage on schema reporting to "+role,
		"grant select on reporting.bigger to "+role, "comment on view reporting.bigger is 'kept'", "grant "+role+" to current_user")
	columns := func() string {
		return strings.Join(pgTexts(t, conn, `select attname || ' ' || format_type(atttypid, atttypmod) from pg_attribute
			where attrelid = 'core.claims'::regclass and attnum > 0 order by attnum`), ", ")
	}
	asReader := func(query string) []string {
		pgDo(t, conn, "set role "+role)
		defer pgDo(t, conn, "reset role")
		return pgTexts(t, conn, query)
	}

	// A new column in front, and a new model: the column comes last in the view, the reader may read the model.
	publish(t, r, model("core", "claims", "select 9 as new, 1 as id, 'a'::text as status, 3 as amount"),
		model("core", "other", "select 1 as id"),
		model("core", "third", "select 'x' as y"))
	require.Equal(t, "id integer, status text, amount integer, new integer", columns())
	require.Equal(t, []string{"3"}, asReader("select amount::text from core.claims"))
	require.Equal(t, []string{"x"}, asReader("select y from core.third"))

	// A column goes, another changes its type: the view is made anew, with what hangs on it.
	publish(t, r, model("core", "claims", "select 1 as id, 9 as new, 4::bigint as amount"), model("core", "other", "select 1 as id"),
		model("core", "third", "select 'x' as y"))
	require.Equal(t, "id integer, amount bigint, new integer", columns())
	require.Equal(t, []string{"4"}, asReader("select amount::text from core.claims"))
	require.Equal(t, []string{"4"}, asReader("select amount::text from reporting.bigger"))
	require.Equal(t, []string{"all 'claims'|in cents|kept|security_barrier=true|t"}, pgTexts(t, conn, `
select concat_ws('|', obj_description('core.claims'::regclass), col_description('core.claims'::regclass, 2),
    obj_description('reporting.bigger'::regclass),
	(select reloptions[1] from pg_class where oid = 'reporting.big'::regclass), has_column_privilege('public', 'core.claims', 'id',
	    'select'))`))

	// A column that a user's view needs goes: refused by name, and nothing changed.
	_, err := tryPublish(t, r, model("core", "claims", "select 1 as id, 9 as new"), model("core", "other", "select 1 as id"))
	require.ErrorContains(t, err, "reporting.big")
	require.ErrorContains(t, err, "amount")
	require.Equal(t, "id integer, amount bigint, new integer", columns())

	// A model goes: its view goes with it, unless somebody reads from it.
	publish(t, r, model("core", "claims", "select 1 as id, 9 as new, 5::bigint as amount"))
	require.Equal(t, []string{"claims"}, pgTexts(t, conn, "select viewname::text from pg_views where schemaname = 'core' order by 1"))
	_, err = tryPublish(t, r, model("core", "other", "select 1 as id"))
	require.ErrorContains(t, err, "core.claims")
	require.ErrorContains(t, err, "reporting.big")
	require.Equal(t, []string{"5"}, asReader("select amount::text from reporting.bigger"))
}

func TestPostgresRefusesToReplaceWhatItDidNotMake(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	conn := pgConn(t, dsn)
	pgDo(t, conn, "create table core.claims (id int)", "create schema core__v2", "create table core__v2.precious (id int)")
	_, err := tryPublish(t, r, model("core", "claims", "select 1 as id"))
	require.ErrorContains(t, err, "not made by lifeline")
	pgDo(t, conn, "drop table core.claims")
	publish(t, r, model("core", "claims", "select 1 as id"))
	_, err = r.Build(t.Context())
	require.ErrorContains(t, err, "core__v2")
	require.Equal(t, []string{"precious"}, pgTexts(t, conn, "select relname::text from pg_class where relname = 'precious'"))
}

func TestPostgresWaitsForReadersWithAnOlderSnapshot(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	w := pgWarehouse(t, dsn)
	r := pgBegin(t, w)
	publish(t, r, model("core", "claims", "select 1 as id"))
	reader := pgConn(t, dsn)
	pgDo(t, reader, "begin isolation level repeatable read", "select count(*) from pg_class")

	warehouse.SetPatience(w, 100*time.Millisecond)
	_, err := tryPublish(t, r, model("core", "claims", "select 2 as id"))
	require.ErrorContains(t, err, "readers were in the way")
	var problem *change.Problem
	require.ErrorAs(t, err, &problem)
	require.Contains(t, problem.Try, "pg_terminate_backend")
	require.Equal(t, []string{"1"}, pgTexts(t, reader, "select id::text from core.claims"))

	warehouse.SetPatience(w, 20*time.Second)
	done := make(chan error, 1)
	go func() {
		_, err := tryPublish(t, r, model("core", "claims", "select 3 as id"))
		done <- err
	}()
	require.Equal(t, []string{"1"}, pgTexts(t, reader, "select id::text from core.claims"))
	pgDo(t, reader, "commit")
	require.NoError(t, <-done)
	require.Equal(t, []string{"3"}, pgTexts(t, reader, "select id::text from core.claims"))
}

// A transaction that has read one view may read any other, in any order, while a publication wants them all.
func TestPostgresGivesWayToReadersThatTouchViewsInAnotherOrder(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	models := func(n string) []warehouse.Model {
		var out []warehouse.Model
		for _, name := range []string{"a", "b", "c", "d"} {
			out = append(out, model("core", name, "select "+n+" as id"))
		}
		return out
	}
	publish(t, r, models("1")...)
	reader := pgConn(t, dsn)
	pgDo(t, reader, "begin")
	require.Equal(t, []string{"1"}, pgTexts(t, reader, "select id::text from core.d"))
	done := make(chan error, 1)
	go func() {
		_, err := tryPublish(t, r, models("2")...)
		done <- err
	}()
	watcher := pgConn(t, dsn)
	require.Eventually(t, func() bool {
		return len(pgTexts(t, watcher, "select pid::text from pg_locks where not granted and mode = 'AccessExclusiveLock'")) > 0
	}, time.Minute, 5*time.Millisecond)
	for _, name := range []string{"c", "b", "a"} {
		require.Equal(t, []string{"1"}, pgTexts(t, reader, "select id::text from core."+name), "one version all through the transaction")
	}
	pgDo(t, reader, "commit")
	require.NoError(t, <-done)
	require.Equal(t, []string{"2"}, pgTexts(t, reader, "select id::text from core.a"))
}

func TestPostgresCarriesTablesOverAndMerges(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	publish(t, r, model("core", "claims", "select * from (values (1, 'a'), (2, 'b'), (null, 'n')) v (id, name)"),
		model("core", "kept", "select 1 as id"),
		model("core", "log", "select 1 as id"))
	merge := model("core", "claims", "select * from (values (2::bigint, 'B', 1), (3, 'c', 1), (null, 'N', 1)) v (id, name, new)")
	merge.Carry, merge.UniqueKey, merge.Indexes = true, []string{"id"}, []warehouse.Index{{Columns: []string{"id"}, Unique: true}}
	carry := model("core", "kept", "")
	carry.Carry = true
	appended := model("core", "log", "select 2 as id")
	appended.Carry = true
	publish(t, r, merge, carry, appended, warehouse.Model{Schema: "core", Name: "seen", View: true, SQL: "select 7 as id"})
	conn := pgConn(t, dsn)
	require.Equal(t, []string{"1 a -", "2 B 1", "3 c 1", "- N 1"},
		pgTexts(t, conn, "select concat_ws(' ', coalesce(id::text, '-'), name, coalesce(new::text, '-')) from core.claims order by id"))
	require.Equal(t, []string{"1"}, pgTexts(t, conn, "select id::text from core.kept"))
	require.Equal(t, []string{"1", "2"}, pgTexts(t, conn, "select id::text from core.log order by id"))
	require.Equal(t, []string{"7"}, pgTexts(t, conn, "select id::text from core.seen"))
	require.Equal(t, []string{"CREATE UNIQUE INDEX claims_id_idx ON core__v2.claims USING btree (id)"},
		pgTexts(t, conn, "select indexdef from pg_indexes where tablename = 'claims'"))
}

func TestPostgresSeedsTypedText(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	r := pgBegin(t, pgWarehouse(t, dsn))
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	text := func(s string) *string { return &s }
	require.NoError(t, b.Seed(t.Context(), "core", "map", []warehouse.SeedColumn{{"id", "bigint"}, {"name", "text"}, {"day", "date"}},
		[][]*string{{text("1"), text("tab\t, back\\N, line\n"), text("2024-02-29")}, {nil, text(""), nil}}))
	require.Equal(t, []string{"1|tab\t, back\\N, line\n|2024-02-29", "-||-"}, pgTexts(t, pgConn(t, dsn),
		"select concat_ws('|', coalesce(id::text, '-'), name, coalesce(day::text, '-')) from "+b.Relation("core", "map")))
	err = b.Seed(t.Context(), "core", "bad", []warehouse.SeedColumn{{"id", "bigint"}}, [][]*string{{text("one")}})
	require.ErrorContains(t, err, "core.bad")
	require.NoError(t, b.Discard(t.Context()))
	require.Empty(t, pgTexts(t, pgConn(t, dsn), `select nspname::text from pg_namespace where nspname like '%\_\_v%'`))
}

func TestPostgresIsHeldByOneRunAtATime(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	w := pgWarehouse(t, dsn)
	first := pgBegin(t, w)
	_, err := w.Begin(t.Context(), warehouse.Holder{Command: "second"}, 0)
	var held *warehouse.HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, "test", held.By.Command)
	require.Equal(t, os.Getpid(), held.By.PID)
	require.Equal(t, first.ID(), held.By.Run)

	began := make(chan error, 1)
	go func() {
		r, err := w.Begin(t.Context(), warehouse.Holder{Command: "third"}, time.Minute)
		if err == nil {
			err = errors.Join(err, r.Close(t.Context()))
		}
		began <- err
	}()
	conn := pgConn(t, dsn)
	require.Eventually(t, func() bool {
		return len(pgTexts(t, conn, "select 'there' from pg_stat_activity where application_name = 'lifeline waiting' and datname = "+
			"current_database()")) > 0
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, first.Close(t.Context()))
	require.NoError(t, <-began)
	require.Equal(t, []string{"failed killed", "running"}, pgTexts(t, conn, "select concat_ws(' ', status, error) from ops.runs order by "+
		"run_id"))
}

func TestPostgresARunThatLostItsLockCommitsNothing(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	w := pgWarehouse(t, dsn)
	r := pgBegin(t, w)
	landClaims(t, r, monday, claimTable, claim{1, "a", 1})
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	_, err = b.Create(t.Context(), model("core", "claims", "select 1 as id"))
	require.NoError(t, err)
	conn := pgConn(t, dsn)
	pgDo(t, conn, "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database "+
		"where datname = current_database())")
	next := pgBegin(t, w)
	require.Equal(t, r.ID()+1, next.ID())
	require.Error(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID()}))
	require.Empty(t, pgTexts(t, conn, `select nspname::text from pg_namespace where nspname like '%\_\_v%'`))
}

func TestPostgresErrorsSayWhatToTryAndNeverThePassword(t *testing.T) {
	t.Parallel()
	dsn := postgresDSN(t)
	at := pgConn(t, dsn).Config()
	open := func(dsn string) *change.Problem {
		_, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		var problem *change.Problem
		require.ErrorAs(t, err, &problem, dsn)
		require.NotContains(t, problem.Error(), "s3cr3t")
		return problem
	}
	right := strings.Replace(dsn, at.Password, "s3cr3t", 1)
	require.Contains(t, open(right).Try, "password")
	require.Contains(t, open(strings.Replace(dsn, "/"+at.Database, "/nowhere", 1)).Try, "createdb")
	require.Contains(t, open("postgres://u:s3cr3t@127.0.0.1:1/x").Try, "start the server")
	require.Contains(t, open("postgres://u:s3cr3t@ %zz/x").Try, "postgres://")
	require.Contains(t, open("postgres://u:s3cr3t@no.such.host.invalid/x").Try, "right name")
}
