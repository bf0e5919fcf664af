package quality_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lifeline/change"
	"lifeline/project"
	"lifeline/quality"
)

var claimTable = &change.Table{Name: "claim", Key: []string{"id"}, Money: []change.Money{{Column: "amount", Currency: "currency"}}}

// claimTotals is what the source of land's claims says.
func claimTotals() change.Totals {
	return change.Totals{Table: "claim", Rows: 14, Money: []change.MoneyTotal{
		{Column: "amount", Currency: "", Sum: "140", Rows: 2},
		{Column: "amount", Currency: "KES", Sum: "320.0001", Rows: 9},
		{Column: "amount", Currency: "NGN", Sum: "-10", Rows: 2},
		{Column: "amount", Currency: "kes", Sum: "30.0000", Rows: 1},
	}}
}

func TestSourceAndStagingAddUpToTheCent(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		land(e)
		ctx := context.Background()
		books := func() []quality.Equation {
			books, err := quality.SourceBooks(ctx, e.db, []*change.Table{claimTable}, []change.Totals{claimTotals()})
			require.NoError(t, err)
			return books
		}
		balanced := books()
		require.NoError(t, quality.Unbalanced(balanced))
		var lines []string
		for _, b := range balanced {
			lines = append(lines, b.Item+": "+b.Left+" = "+b.Right)
		}
		require.Equal(t, []string{
			"rows: 14 = 14", `amount "": 140 = 140`, "amount KES: 320.0001 = 320.0001", "amount NGN: -10 = -10",
			"amount kes: 30 = 30",
		}, lines)

		e.do("update staging.claim set amount = amount + 0.01 where id = 8")
		require.ErrorContains(t, quality.Unbalanced(books()), "claim, amount NGN, source = staging: -10 against -9.99")
		e.do("update staging.claim set amount = amount - 0.01 where id = 8", "delete from staging.claim where id = 1")
		require.ErrorContains(t, quality.Unbalanced(books()), "claim, rows, source = staging: 14 against 13")
		e.do("insert into staging.claim values (1, 1, null, 'KES', null, null, null, 1), (0, 1, 10, 'KES', null, null, null, 1)",
			"delete from staging.claim where id = 2", "update staging.claim set amount = 30 where id = 0")
		err := quality.Unbalanced(books())
		require.ErrorContains(t, err, "9 values in the source, 8 in staging")
		require.NotContains(t, err.Error(), "rows")
		var p *change.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, change.ClassBlocked, p.Class)
	})
}

func TestMoneyThatCannotBeAddedUpExactlyIsRefused(t *testing.T) {
	t.Parallel()
	table := *claimTable
	table.Columns = []change.Column{{Name: "amount", SourceType: "double", Type: change.Type{Kind: change.Float64}}}
	_, err := quality.SourceBooks(context.Background(), nil, []*change.Table{&table}, []change.Totals{claimTotals()})
	require.ErrorContains(t, err, "claim.amount is declared as money and is float64 in the warehouse (double in the source)")
}

func TestCoreQuarantineAndSupersededAreAllOfStaging(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		land(e)
		a, _, _ := verdicts(t, e)
		books, err := a.CoreBooks(context.Background())
		require.NoError(t, err)
		require.NoError(t, quality.Unbalanced(books))
		var lines []string
		for _, b := range books {
			lines = append(lines, b.Table+" "+b.Item+": "+b.Left+" = "+b.Right)
		}
		require.Equal(t, []string{
			"claim rows: 14 = 3 + 8 + 3",
			"claim sum of id: 60 = 14 + 30 + 16",
			`claim amount "": 140 = 0 + 140 + 0`,
			"claim amount KES: 320.0001 = 60 + 100.0001 + 160",
			"claim amount NGN: -10 = 80 + -90 + 0",
			"claim amount kes: 30 = 0 + 30 + 0",
			"treatment rows: 3 = 2 + 1 + 0",
			"treatment sum of id: 6 = 4 + 2 + 0",
		}, lines)
		require.NoError(t, quality.RecordBooks(context.Background(), e.db, 4, books))
		require.Equal(t, []string{"4|8|8"},
			e.texts("select run_id, count(*), count(case when balances then 1 end) from ops.books group by 1"))
		_, line := quality.Balance(books)
		require.Equal(t, "the books balance: 8 equations over 2 tables", line)
	})
}

// tampering is what may be done behind the loader's back, and how it is named.
var tampering = map[string]struct{ do, want string }{
	"deleted from core": {"delete from {core}.claims where id = 5", "missing in core: claim 5"},
	"doubled in core":   {"insert into {core}.claims select * from {core}.claims where id = 8", "more than once in core: claim 8"},
	"a cent more in core": {
		"update {core}.claims set amount = amount + 0.01 where id = 8",
		"with another amount: claim 8: 80.0000 in staging, 80.0100 in core",
	},
	"nothing left in core": {
		"update {core}.claims set amount = null where id = 1",
		"with another amount: claim 1: 10.0000 in staging, null in core",
	},
	"invented in core": {
		"insert into {core}.claims select 77, 1, 5, 'KES', null",
		"in core and not in staging, or in quarantine too: claim 77",
	},
	"exchanged in core":    {"update {core}.claims set id = 78 where id = 8", "in core and not in staging, or in quarantine too: claim 78"},
	"back from quarantine": {"insert into {core}.claims select 4, 3, -40, 'KES', null", "in quarantine too: claim 4"},
	"deleted from staging": {"delete from staging.claim where id = 8", "in core and not in staging, or in quarantine too: claim 8"},
	"a cent less in staging": {
		"update staging.claim set amount = amount - 0.01 where id = 1",
		"with another amount: claim 1: 9.9900 in staging, 10.0000 in core",
	},
	"new in staging":     {"insert into staging.claim values (99, 1, 1, 'KES', null, null, null, 1)", "missing in core: claim 99"},
	"currency put right": {"update {core}.claims set currency = 'UGX' where id = 8", ""},
	"deleted from treatments": {
		"delete from {core}.treatments where id = 3",
		"treatment, rows, staging = core + quarantine + superseded: 3 against 1 + 1 + 0 (missing in core: treatment 3)",
	},
}

func TestATamperedRowIsNamedByTableAndKey(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		for name, c := range tampering {
			version(e)
			e.do("drop table if exists staging.claim", "drop table if exists staging.treatment")
			land(e)
			a, _, _ := verdicts(t, e)
			e.do(e.sql(c.do))
			books, err := a.CoreBooks(context.Background())
			require.NoError(t, err)
			if c.want == "" {
				require.NoError(t, quality.Unbalanced(books), name)
				continue
			}
			require.ErrorContains(t, quality.Unbalanced(books), c.want, name)
		}
	})
}

func TestEntityCountsOfAnalyticsAreThoseOfCore(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		e.do("create table {core}.claims as select cast(n as bigint) as id from generate_series(1, 20) as g (n)",
			"create table {analytics}.dim_claims as select id as claim_id from {core}.claims")
		check := func() error {
			books, err := quality.CountBooks(context.Background(), e.db, []quality.EntityCount{{
				Table: "dim_claims", Relation: e.Relation("analytics", "dim_claims"), Key: "claim_id",
				Core: e.Relation("core", "claims"), CoreKey: "id",
			}})
			require.NoError(t, err)
			return quality.Unbalanced(books)
		}
		require.NoError(t, check())
		e.do("delete from {analytics}.dim_claims where claim_id <= 7")
		require.ErrorContains(t, check(),
			"dim_claims, rows, analytics = core: 13 against 20 (missing: dim_claims 1, 2, 3, 4, 5 and 2 more)")
		e.do("insert into {analytics}.dim_claims select n from generate_series(1, 8) as g (n)")
		require.ErrorContains(t, check(), "more than once: dim_claims 8")
	})
}

func TestRepairsAreCountedByBasis(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		e.do(`create table {core}.claims as select n as id, case when n < 4 then 'imputed' else 'source' end as date_created_basis,
			case when n = 1 then 'repaired' else 'source' end as status_basis from generate_series(1, 10) as g (n)`)
		ctx := context.Background()
		repairs, err := quality.Repairs(ctx, e.db, "claims", e.Relation("core", "claims"))
		require.NoError(t, err)
		require.Equal(t, []quality.Repair{
			{Table: "claims", Column: "date_created", Basis: "imputed", Rows: 3},
			{Table: "claims", Column: "date_created", Basis: "source", Rows: 7},
			{Table: "claims", Column: "status", Basis: "repaired", Rows: 1},
			{Table: "claims", Column: "status", Basis: "source", Rows: 9},
		}, repairs)
		require.NoError(t, quality.RecordRepairs(ctx, e.db, 1, repairs))
		require.Equal(t, []string{"1|claims|status|repaired|1"},
			e.texts("select run_id, table_name, column_name, basis, rows from ops.repairs where basis = 'repaired'"))
	})
}

// The same verdicts by plain Go: who is alone under a key, who repeats, who contradicts, who fails.
func byHand(rows [][4]any) (core, quarantined, superseded map[string]int) {
	core, quarantined, superseded = map[string]int{}, map[string]int{}, map[string]int{}
	byKey := map[any]map[string]int{}
	for _, r := range rows {
		if r[0] == nil {
			quarantined["none"]++
			continue
		}
		if byKey[r[0]] == nil {
			byKey[r[0]] = map[string]int{}
		}
		byKey[r[0]][fmt.Sprint(r)]++
	}
	for key, contents := range byKey {
		name := fmt.Sprint(key)
		for content, n := range contents {
			superseded[name] += n - 1
			for _, r := range rows {
				if fmt.Sprint(r) != content {
					continue
				}
				if len(contents) > 1 || r[1] == nil || r[1].(int) > 5 || r[2] != nil && r[2].(int) < 0 {
					quarantined[name]++
				} else {
					core[name]++
				}
				break
			}
		}
	}
	return core, quarantined, superseded
}

func sum(m map[string]int) (n int64) {
	for _, v := range m {
		n += int64(v)
	}
	return n
}

// Promise 1: whatever the dirt, every staging row is in exactly one of core, quarantine and superseded.
func TestNoDirtLosesOrInventsARow(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		e.do("create table staging.claim (id integer, treatment_id integer, amount numeric(19,4), currency varchar(4), date_created timestamp, " +
			"_raw text, _run bigint)")
		rapid.Check(t, func(r *rapid.T) {
			version(e)
			e.do("delete from staging.claim",
				"create table {core}.treatments as select cast(n as bigint) as id from generate_series(1, 5) as g (n)")
			rows := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) [4]any {
				return [4]any{
					rapid.SampledFrom([]any{nil, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).Draw(r, "id"),
					rapid.SampledFrom([]any{nil, 1, 1, 1, 1, 2, 5, 6}).Draw(r, "treatment"),
					rapid.SampledFrom([]any{nil, 1, 1, 1, 1, 1, 2, -1}).Draw(r, "amount"),
					rapid.SampledFrom([]any{nil, "KES", "KES", "KES", "kes", "NGN"}).Draw(r, "currency"),
				}
			}), 0, 14).Draw(r, "rows")
			for _, row := range rows {
				_, err := e.db.Exec("insert into staging.claim values ($1, $2, $3, $4, null, null, 1)", row[0], row[1], row[2], row[3])
				require.NoError(r, err)
			}
			core, quarantined, superseded := byHand(rows)
			ctx := context.Background()
			a := quality.NewRowVerdicts(e)
			keyed, err := a.Identity(ctx, claimSource)
			require.NoError(r, err)
			model(e, keyed, "claims", claimColumns)
			v, err := a.Evaluate(ctx, quality.Entity{
				Source: claimSource, Node: "claims", Relation: e.Relation("core", "claims"), Key: []string{"id"},
				Checks: compiled(t, e,
					project.Test{
						Kind: "relationships", Column: "treatment_id", OnFail: "quarantine",
						Args: yaml{"to": "ref('treatments')", "field": "id"},
					},
					project.Test{Kind: "not_null", Column: "treatment_id", OnFail: "quarantine"},
					project.Test{Kind: "accepted_range", Column: "amount", OnFail: "quarantine", Args: yaml{"min_value": 0}}),
			})
			require.NoError(r, err)
			require.EqualValues(r, len(rows), v.Staging)
			require.Equal(r, sum(quarantined), v.Quarantined)
			require.Equal(r, sum(superseded), v.Superseded)
			require.Len(r, e.texts("select id from {core}.claims"), len(core))
			require.EqualValues(r, len(rows), int64(len(core))+v.Quarantined+v.Superseded)
			books, err := a.CoreBooks(ctx)
			require.NoError(r, err)
			require.NoError(r, quality.Unbalanced(books))
			write(t, e, a, 1)
			kept := strings.Join(e.texts("select state, count(*) from quarantine.rows where state in ('quarantined', 'superseded') group by 1 "+
				"order by 1"), " ")
			var want []string
			for state, n := range map[string]int64{"quarantined": v.Quarantined, "superseded": v.Superseded} {
				if n > 0 {
					want = append(want, fmt.Sprintf("%s|%d", state, n))
				}
			}
			if len(want) == 2 && want[0] > want[1] {
				want[0], want[1] = want[1], want[0]
			}
			require.Equal(r, strings.Join(want, " "), kept)
		})
	})
}
