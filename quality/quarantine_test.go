package quality_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/project"
	"lifeline/quality"
)

var (
	treatmentSource = quality.StagingTable{Name: "treatment", Key: []string{"id"}}
	claimSource     = quality.StagingTable{Name: "claim", Key: []string{"id"}, Money: map[string]string{"amount": "currency"}}
	itemSource      = quality.StagingTable{Name: "item", Key: []string{"id", "part"}}
)

// land makes staging: three treatments of which the second is bad, and claims with every fault.
func land(e *engine) {
	e.do(`create table staging.treatment (id integer, program integer, _raw text, _run bigint)`,
		`insert into staging.treatment values (1, 40, null, 1), (2, -1, null, 1), (3, 36, null, 1)`,
		`create table staging.claim (id integer, treatment_id integer, amount numeric(19,4), currency varchar(4),
			date_created timestamp, seen bigint, _raw text, _run bigint)`,
		`insert into staging.claim values
			(1, 1, 10, 'KES', '2019-01-01 08:00:00', 9007199254740993, null, 1),
			(2, 2, 20, 'KES', '2019-01-01 08:00:00.25', null, null, 1),
			(3, 9, 30, 'kes', null, null, '{"date_created":"2022-11-00"}', 1),
			(4, 3, -40, 'KES', null, null, null, 1),
			(5, 3, 50, 'KES', null, null, null, 1),
			(5, 3, 50, 'KES', null, null, null, 2),
			(5, 3, 50, 'KES', null, null, null, 1),
			(6, 3, 60, 'KES', null, null, null, 1),
			(6, 3, 60.0001, 'KES', null, null, null, 1),
			(6, 3, 60, 'KES', null, null, null, 1),
			(null, 3, 70, null, null, null, null, 1),
			(null, 3, 70, null, null, null, null, 1),
			(8, 3, 80, 'NGN', null, null, null, 1),
			(9, null, -90, 'NGN', null, null, null, 1)`)
}

// version begins a new version: empty schemas.
func version(e *engine) {
	for _, schema := range []string{"core", "build"} {
		e.do("drop schema if exists {"+schema+"} cascade", "create schema {"+schema+"}")
	}
}

// model builds an entity from what Identity lets through.
func model(e *engine, keyed *quality.Keyed, table, columns string) {
	e.do("create table {core}." + table + " as select " + columns + " from " + keyed.Relation)
}

const claimColumns = `cast(id as bigint) as id, cast(treatment_id as bigint) as treatment_id,
	cast(amount as numeric(19,4)) as amount, upper(currency) as currency, date_created`

// verdicts walks treatments and claims through identity, model and checks.
func verdicts(t testing.TB, e *engine) (*quality.RowVerdicts, *quality.Verdict, *quality.Verdict) {
	t.Helper()
	ctx := context.Background()
	a := quality.NewRowVerdicts(e)
	keyed, err := a.Identity(ctx, treatmentSource)
	require.NoError(t, err)
	model(e, keyed, "treatments", "cast(id as bigint) as id, program")
	parents, err := a.Evaluate(ctx, quality.Entity{
		Source: treatmentSource, Node: "treatments", Relation: e.Relation("core", "treatments"), Key: []string{"id"},
		Checks: compiled(t, e, project.Test{
			Kind: "accepted_range", Node: "treatments", Column: "program", Name: "program", OnFail: "quarantine", Args: yaml{"min_value": 1},
		}),
	})
	require.NoError(t, err)
	keyed, err = a.Identity(ctx, claimSource)
	require.NoError(t, err)
	model(e, keyed, "claims", claimColumns)
	children, err := a.Evaluate(ctx, quality.Entity{
		Source: claimSource, Node: "claims", Relation: e.Relation("core", "claims"), Key: []string{"id"},
		Checks: compiled(t, e,
			project.Test{
				Kind: "relationships", Column: "treatment_id", Name: "has_treatment", OnFail: "quarantine",
				Args: yaml{"to": "ref('treatments')", "field": "id"},
			},
			project.Test{Kind: "not_null", Column: "treatment_id", Name: "names_treatment", OnFail: "quarantine"},
			project.Test{Kind: "accepted_range", Column: "amount", Name: "not_negative", OnFail: "quarantine", Args: yaml{"min_value": 0}},
			project.Test{Kind: "not_null", Column: "date_created", Name: "dated", Severity: "warn"}),
	})
	require.NoError(t, err)
	return a, parents, children
}

func write(t testing.TB, e *engine, a *quality.RowVerdicts, run int64) {
	t.Helper()
	e.do("delete from ops.runs where status = 'running'")
	require.NoError(t, a.Write(context.Background(), e.db, quality.Ending{
		Run: run, At: time.Date(2026, 1, int(run), 0, 0, 0, 0, time.UTC), Publishes: true,
	}))
	_, err := e.db.Exec("insert into ops.runs values ($1, 'published')", run)
	require.NoError(t, err)
}

func TestARowWithoutIdentityParentOrMoneyIsSetAsideWithEveryReason(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		land(e)
		a, parents, claims := verdicts(t, e)
		require.EqualValues(t, 1, parents.Quarantined)
		require.EqualValues(t, 3, parents.Staging)
		require.EqualValues(t, 14, claims.Staging)
		require.EqualValues(t, 8, claims.Quarantined)
		require.EqualValues(t, 3, claims.Superseded)
		require.Equal(t, map[string]int64{
			"no_key": 2, "duplicate_key": 2, "superseded": 3, "no_parent": 1, "parent_quarantined": 1, "not_null": 1, "accepted_range": 2,
		}, claims.ByReason)
		require.Equal(t, []string{"1", "5", "8"}, e.texts("select id from {core}.claims order by 1"))
		require.Len(t, claims.Results, 3)
		require.Equal(t, quality.Warn, claims.Results[2].Status)
		require.EqualValues(t, 2, claims.Results[2].Failing)
		require.EqualValues(t, 7, claims.Results[2].Tested)

		write(t, e, a, 1)
		require.Equal(t, []string{
			"2|1|parent_quarantined|has_treatment|treatment_id|2",
			"3|1|no_parent|has_treatment|treatment_id|9",
			"4|1|accepted_range|not_negative|amount|-40.0000",
			"5|2|superseded|identity|<nil>|<nil>",
			"5|3|superseded|identity|<nil>|<nil>",
			"6|1|duplicate_key|identity|<nil>|<nil>",
			"6|2|superseded|identity|<nil>|<nil>",
			"6|3|duplicate_key|identity|<nil>|<nil>",
			"9|1|accepted_range|not_negative|amount|-90.0000",
			"9|1|not_null|names_treatment|treatment_id|<nil>",
		}, e.texts(`select key, occurrence, reason, check_name, column_name, value from quarantine.reasons
			where table_name = 'claim' and key not like '#%' order by 1, 2, 3`))
		require.Equal(t, []string{
			`2|{"id":2,"treatment_id":2,"amount":"20.0000","currency":"KES","date_created":"2019-01-01 08:00:00.25","seen":null,"_raw":null}`,
			`3|{"id":3,"treatment_id":9,"amount":"30.0000","currency":"kes",` +
				`"date_created":null,"seen":null,"_raw":"{\"date_created\":\"2022-11-00\"}"}`,
		}, e.texts(`select key, "row" from quarantine.rows where table_name = 'claim' and key in ('2', '3') order by 1`))
		require.Equal(t, []string{"1|quarantined", "2|quarantined"},
			e.texts(`select occurrence, state from quarantine.rows where key like '#%' order by 1`))
	})
}

func TestASecondRunKeepsWhenARowWasFirstSeen(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		land(e)
		all := `select table_name, key, occurrence, "row", state, first_run, first_seen from quarantine.rows order by 1, 2, 3`
		reasons := `select table_name, key, occurrence, reason, check_name, value from quarantine.reasons order by 1, 2, 3, 4, 5`
		a, _, _ := verdicts(t, e)
		write(t, e, a, 1)
		rows, why := e.texts(all), e.texts(reasons)
		require.Len(t, rows, 12)
		for run := int64(2); run <= 3; run++ {
			version(e)
			a, _, _ = verdicts(t, e)
			write(t, e, a, run)
			require.Equal(t, rows, e.texts(all))
			require.Equal(t, why, e.texts(reasons))
		}
		require.Equal(t, []string{"3|12"}, e.texts("select last_run, count(*) from quarantine.rows group by 1"))
	})
}

func TestAMendedRowIsReleasedAndAVanishedOneFixedAtTheSource(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		land(e)
		a, _, _ := verdicts(t, e)
		write(t, e, a, 1)
		version(e)
		e.do("update staging.treatment set program = 40 where id = 2",
			"update staging.claim set amount = 40 where id = 4",
			"delete from staging.claim where id = 9 or id is null",
			"delete from staging.claim where id = 6 and amount > 60")
		a, _, claims := verdicts(t, e)
		require.Equal(t, []string{"1", "2", "4", "5", "6", "8"}, e.texts("select id from {core}.claims order by 1"))
		require.EqualValues(t, 1, claims.Quarantined)
		write(t, e, a, 2)
		require.Equal(t, []string{"2|1|fixed_at_source|1|2"},
			e.texts(`select key, occurrence, state, first_run, last_run from quarantine.rows where table_name = 'treatment'`))
		require.Equal(t, []string{
			"2|1|released|1|2", "3|1|quarantined|1|2", "4|1|fixed_at_source|1|2", "5|2|superseded|1|2", "5|3|superseded|1|2",
			"6|1|released|1|2", "6|2|superseded|1|2", "6|3|fixed_at_source|1|2", "9|1|expired|1|2",
		}, e.texts(`select key, occurrence, state, first_run, last_run from quarantine.rows
			where table_name = 'claim' and key not like '#%' order by 1, 2`))
		require.Equal(t, []string{"expired|2"}, e.texts(`select state, count(*) from quarantine.rows where key like '#%' group by 1`))

		version(e)
		a, _, _ = verdicts(t, e)
		write(t, e, a, 3)
		require.Equal(t, []string{"released|2"}, e.texts(`select state, last_run from quarantine.rows where table_name = 'claim' and key = '2'`))
	})
}

func TestABlockedRunAddsItsFindingsAndReleasesNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		land(e)
		a, _, _ := verdicts(t, e)
		write(t, e, a, 1)
		version(e)
		e.do("update staging.claim set amount = 40 where id = 4", "update staging.claim set amount = -1 where id = 8")
		a, _, _ = verdicts(t, e)
		require.NoError(t, a.Write(context.Background(), e.db, quality.Ending{Run: 2, At: time.Now()}))
		e.do("insert into ops.runs values (2, 'blocked')")
		require.Equal(t, []string{"4|quarantined|1", "8|quarantined|2"},
			e.texts(`select key, state, last_run from quarantine.rows where table_name = 'claim' and key in ('4', '8') order by 1`))
	})
}

func TestAReleaseOfAKilledRunIsDecidedAnew(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		land(e)
		a, _, _ := verdicts(t, e)
		write(t, e, a, 1)
		version(e)
		e.do("update staging.claim set amount = 40 where id = 4")
		a, _, _ = verdicts(t, e)
		require.NoError(t, a.Write(context.Background(), e.db, quality.Ending{Run: 2, At: time.Now(), Publishes: true}))
		e.do("insert into ops.runs values (2, 'running')")
		version(e)
		e.do("delete from staging.claim where id = 4")
		a, _, _ = verdicts(t, e)
		write(t, e, a, 3)
		require.Equal(t, []string{"expired|3"},
			e.texts(`select state, last_run from quarantine.rows where table_name = 'claim' and key = '4'`))
	})
}

func TestACompositeKeyIsOneKey(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		e.do(`create table staging.item (id integer, part varchar(9), price numeric(30,2), _raw text, _run bigint)`,
			`insert into staging.item values (1, 'a', 1, null, 1), (1, 'b', 1, null, 1), (1, 'b"', -1, null, 1), (1, null, 1, null, 1),
				(2, 'a', 1, null, 1), (2, 'a', 1, null, 1)`)
		ctx := context.Background()
		a := quality.NewRowVerdicts(e)
		keyed, err := a.Identity(ctx, itemSource)
		require.NoError(t, err)
		model(e, keyed, "items", "id, part, price")
		v, err := a.Evaluate(ctx, quality.Entity{
			Source: itemSource, Node: "items", Relation: e.Relation("core", "items"), Key: []string{"id", "part"},
			Checks: compiled(t, e, project.Test{
				Kind: "accepted_range", Node: "items", Column: "price", OnFail: "quarantine",
				Args: yaml{"min_value": 0},
			}),
		})
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"no_key": 1, "superseded": 1, "accepted_range": 1}, v.ByReason)
		require.Equal(t, []string{"1|a", "1|b", "2|a"}, e.texts("select id, part from {core}.items order by 1, 2"))
		write(t, e, a, 1)
		require.Equal(t, []string{`["1","b\""]|1`, `["2","a"]|2`},
			e.texts(`select key, occurrence from quarantine.rows where key not like '#%' order by 1`))
		books, err := a.CoreBooks(ctx)
		require.NoError(t, err)
		require.NoError(t, quality.Unbalanced(books))
	})
}

func TestACleanTableCostsOneLookAndNoWorkingTable(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		land(e)
		e.do("delete from staging.treatment where id = 2")
		a := quality.NewRowVerdicts(e)
		keyed, err := a.Identity(context.Background(), treatmentSource)
		require.NoError(t, err)
		require.True(t, keyed.Clean())
		require.Equal(t, `staging.treatment`, keyed.Relation)
	})
}

func TestAQuarantinedRowIsTheSameTextOnBothEngines(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		bytes, one := "bytea", `'\x00ab'`
		if e.name == "duckdb" {
			bytes, one = "blob", `'\x00\xAB'`
		}
		e.do(`create table staging.wide (id integer, tiny smallint, big bigint, digits numeric(38,0), cents numeric(18,4),
				ratio double precision, whole double precision, huge double precision,
				day date, "at" timestamp, word text, raw_bytes `+bytes+`, _raw text, _run bigint)`,
			`insert into staging.wide values (1, -7, -9223372036854775808, 12345678901234567890123456789012345678, 0.1, 0.1, 3, 1e20,
				'0001-01-01', '9999-12-31 23:59:59.999999', 'a "b" \c/ ''' || chr(9) || chr(10) || chr(127) || 'é€', `+one+`,
				'{"x":"\u0000"}', 3),
				(2, null, null, null, null, null, null, null, null, null, null, null, null, 3)`)
		ctx := context.Background()
		source := quality.StagingTable{Name: "wide", Key: []string{"id"}}
		a := quality.NewRowVerdicts(e)
		keyed, err := a.Identity(ctx, source)
		require.NoError(t, err)
		model(e, keyed, "wide", "id, word")
		_, err = a.Evaluate(ctx, quality.Entity{
			Source: source, Node: "wide", Relation: e.Relation("core", "wide"), Key: []string{"id"},
			Checks: compiled(t, e, project.Test{
				Kind: "accepted_range", Node: "wide", Column: "id", OnFail: "quarantine",
				Args: yaml{"max_value": 0},
			}),
		})
		require.NoError(t, err)
		write(t, e, a, 1)
		require.Equal(t, []string{
			`{"id":1,"tiny":-7,"big":"-9223372036854775808","digits":"12345678901234567890123456789012345678","cents":"0.1000",` +
				`"ratio":0.1,"whole":3,"huge":1e+20,"day":"0001-01-01","at":"9999-12-31 23:59:59.999999","word":"a \"b\" \\c/ '\t\n` + "\x7f" +
				`é€","raw_bytes":"\\x00ab","_raw":"{\"x\":\"\\u0000\"}"}`,
			`{"id":2,"tiny":null,"big":null,"digits":null,"cents":null,"ratio":null,"whole":null,"huge":null,` +
				`"day":null,"at":null,"word":null,"raw_bytes":null,"_raw":null}`,
		}, e.texts(`select "row" from quarantine.rows order by key`))
	})
}
