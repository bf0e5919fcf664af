package run_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse/warehousetest"
)

// claimLives is a project whose claims have lives.
var claimLives = map[string]string{
	"dbt_project.yml": "name: tiny\nmodel-paths: [models]\nmodels: {tiny: {+materialized: table, core: {+schema: core}}}\n",
	"models/sources.yml": "sources: [{name: s, schema: staging, tables: [{name: claim, meta: {lifeline: {key: [id]}}, " +
		"columns: [{name: id}, {name: status}, {name: note}]}]}]\n",
	"models/core/claims.sql": "select c.id, c.status from {{ source('s', 'claim') }} as c",
	"models/core/claim_versions.sql": `{{ config(materialized='ephemeral') }}
select v.id as record_key, v.status as state, v._op as op, v._valid_from as valid_from, v._valid_to as valid_to, v._basis as basis,
	v._position as position, v._from_basis as from_basis
from {{ versions('s', 'claim', 'id', 'status') }} as v`,
	"lifecycles/claim.yml": "lifecycle: claim\nfrom: ref('claims')\nstate: status\nhistory: ref('claim_versions')\n" +
		"states: {draft: {initial: true}, submitted: {open: true}, approved: {decided: true}}\nactivities: {approved: {state: approved}}\n" +
		"tables: {backlog: false, counters: false}\n",
}

// A record that is inserted while the log is read has its first activity by the log too, at the time of that commit, however its life is
// split over landings; one that a snapshot found has not.
func TestALifeThatTheLogSawBeginHasItsFirstActivityByTheLog(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		dsn := mysqlDatabase(t, "create table claim (id int primary key, status varchar(20), note varchar(20))",
			"insert into claim (id, status) values (1, 'draft'), (6, 'draft')")
		x := &loggedSource{tiny: newTiny(t, engine, claimLives), dsn: dsn, db: serverOf(t, dsn)}
		x.db.SetMaxOpenConns(1) // The session's clock is set.
		began := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
		now := began
		at := func(second int, statements ...string) {
			x.do(t, append([]string{fmt.Sprintf("set timestamp = %d", began.Add(time.Duration(second)*time.Second).Unix())}, statements...)...)
		}
		land := func(want string, second int, full bool) {
			now = began.Add(time.Duration(second) * time.Second)
			mode(t, want)(x.run(t, func(o *run.Options) {
				open := o.Source
				o.Full = full
				o.Source = func(ctx context.Context) (source.Source, error) {
					s, err := open(ctx)
					return clocked{s, &now}, err
				}
			}))
		}
		land("full", 0, false)
		at(10, "insert into claim (id, status) values (2, 'draft'), (3, 'draft'), (4, 'draft'), (7, 'draft')")
		land("log", 15, false)
		at(20, "update claim set status = 'submitted' where id in (1, 2, 3)", "update claim set note = 'x' where id = 4",
			"delete from claim where id = 7")
		land("log", 25, false)
		at(30, "update claim set status = 'approved' where id in (2, 3)", "insert into claim (id, status) values (5, 'draft')")
		at(40, "update claim set status = 'submitted' where id in (4, 5)", "insert into claim (id, status) values (7, 'draft')")
		at(50, "update claim set status = 'approved' where id = 5", "update claim set id = 60 where id = 6")
		land("log", 55, false)
		at(60, "update claim set status = 'submitted' where id = 60")
		land("full", 70, true) // What it finds changed keeps what is known of its beginning.
		want := []string{
			"1|observed_in_state|draft|first_seen|", "1|submitted|submitted|binlog|20",
			"2|observed_in_state|draft|binlog|10", "2|submitted|submitted|binlog|20", "2|approved|approved|binlog|30",
			"3|observed_in_state|draft|binlog|10", "3|submitted|submitted|binlog|20", "3|approved|approved|binlog|30",
			"4|observed_in_state|draft|binlog|10", "4|submitted|submitted|binlog|40",
			"5|observed_in_state|draft|binlog|30", "5|submitted|submitted|binlog|40", "5|approved|approved|binlog|50",
			"7|observed_in_state|draft|binlog|10", "7|deleted|∅|binlog|20", "7|restored|draft|binlog|40",
			"60|observed_in_state|draft|binlog|50", "60|submitted|submitted|snapshot|",
		}
		r, err := x.wh.Published(t.Context())
		require.NoError(t, err)
		defer r.Close()
		require.Equal(t, want, warehousetest.Texts(t, r.DB, fmt.Sprintf(`
select dim_claim_id, activity_status, coalesce(to_state, '∅'), basis,
	case when basis = 'binlog' then cast(cast(extract(epoch from (activity_date - timestamp '%s')) as integer) as varchar) else '' end
from analytics.fct_claim_activity
order by dim_claim_id, activity_date, position`, began.Format(time.DateTime))))
	})
}
