package quality_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/project"
	"lifeline/quality"
)

func TestRepairsAreCountedByRule(t *testing.T) {
	onEngines(t, func(t *testing.T, e *engine) {
		e.do(`create table staging.visit (id integer, status varchar(25), made timestamp, _raw text, _run bigint)`,
			`insert into staging.visit values
				(1, 'OPEN', '2019-01-01', null, 1), (2, 'open', null, '{"made":"0000-00-00 00:00:00"}', 1),
				(3, ' OPEN' || chr(13), null, '{"made":"2019-02-31"}', 1), (4, chr(65279) || 'OPEN', '2091-01-01', null, 1),
				(5, 'OPEN' || chr(160), null, null, 1), (6, 'NULL', null, null, 1), (7, null, '2019-01-01', null, 1),
				(7, null, '2019-01-01', null, 1), (8, 'open ', '2019-01-01', null, 1)`)
		ctx := context.Background()
		source := quality.StagingTable{Name: "visit", Key: []string{"id"}}
		a := quality.NewRowVerdicts(e)
		keyed, err := a.Identity(ctx, source)
		require.NoError(t, err)
		model(e, keyed, "visits", `id, case when coalesce(status, 'NULL') <> 'NULL' then 'OPEN' end as status,
			case when coalesce(status, 'NULL') = 'NULL' then 'missing' when status = 'OPEN' then 'source' else 'repaired' end as status_basis,
			case when made < '2020-01-01' then made end as made,
			case when made < '2020-01-01' then 'source' when id = 5 then 'imputed' else 'missing' end as made_basis,
			case when id = 6 then timestamp '2018-01-01' end as made_lower, case when id = 5 then 'visit' end as made_from`)
		_, err = a.Evaluate(ctx, quality.Entity{
			Source: source, Node: "visits", Relation: e.Relation("core", "visits"), Key: []string{"id"},
			Checks: compiled(t, e, project.Test{Kind: "not_null", Node: "visits", Column: "id", OnFail: "quarantine"}),
		})
		require.NoError(t, err)
		repairs, err := quality.Repairs(ctx, e.db, "visits", e.Relation("core", "visits"))
		require.NoError(t, err)
		repairs, err = a.Rules(ctx, "visits", repairs)
		require.NoError(t, err)
		r := func(column, basis, rule string, rows int64) quality.Repair {
			return quality.Repair{Table: "visits", Column: column, Basis: basis, Rule: rule, Rows: rows}
		}
		require.Equal(t, []quality.Repair{
			r("made", "imputed", "from visit", 1),
			r("made", "missing", "empty, bounded", 1), r("made", "missing", "no such day", 1),
			r("made", "missing", "out of range", 1), r("made", "missing", "zero date", 1),
			r("made", "source", "", 3),
			r("status", "missing", "empty", 1), r("status", "missing", "word of nothing", 1),
			r("status", "repaired", "byte order mark", 1), r("status", "repaired", "carriage return, trimmed", 1),
			r("status", "repaired", "case", 1), r("status", "repaired", "no-break space", 1), r("status", "repaired", "trimmed", 1),
			r("status", "source", "", 1),
		}, repairs)
		require.NoError(t, quality.RecordRepairs(ctx, e.db, 1, repairs))
	})
}
