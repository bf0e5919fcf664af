package run_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
)

// followed follows the source until the test stops it; each finished walk comes out of the channel.
func (x *loggedSource) follow(t *testing.T) (reports chan *run.Report, stop func() error) {
	t.Helper()
	return x.followWith(t, nil)
}

func (x *loggedSource) followWith(t *testing.T, v *run.Verifying) (reports chan *run.Report, stop func() error) {
	t.Helper()
	p, err := lifecycle.Load(x.dir, project.Options{Env: os.Getenv})
	require.NoError(t, err)
	reports = make(chan *run.Report, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run.Follow(ctx, run.Options{
			Project: p, Warehouse: x.wh, Command: "follow",
			Following: &run.Following{PublishEvery: 500 * time.Millisecond, LandEvery: 50 * time.Millisecond, Verify: v, Report: func(r *run.Report,
				err error,
			) {
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Log(err)
				}
				reports <- r
			}},
			Source: func(ctx context.Context) (source.Source, error) {
				return source.Open(ctx, source.Options{DSN: x.dsn, TimeZone: "UTC", Tables: run.Contracts(p)})
			},
		})
	}()
	return reports, func() error {
		cancel()
		return <-ended
	}
}

// next waits for a walk that published something.
func next(t *testing.T, reports chan *run.Report) *run.Report {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case r := <-reports:
			if r.Status == run.Published {
				return r
			}
		case <-deadline:
			require.Fail(t, "nothing was published")
		}
	}
}

// A row that changes twice within a moment has both changes, with their times, while it is followed; the end is clean, and another start
// goes on.
func TestFollowingPublishesEachChangeWithItsTime(t *testing.T) {
	t.Parallel()
	x := newLogged(t, "duckdb:"+filepath.Join(t.TempDir(), "w.duckdb"), []string{"claim"},
		"create table claim (id int primary key, status varchar(20), date_created datetime)",
		"insert into claim values (1, 'draft', '2026-01-01 00:00:00')")
	reports, stop := x.follow(t)
	require.Equal(t, "full", next(t, reports).Mode)
	for i, status := range []string{"submitted", "approved"} {
		x.do(t, fmt.Sprintf("update claim set status = '%s' where id = 1", status))
		require.Equal(t, "log", next(t, reports).Mode, i)
	}
	x.do(t, "create table other (id int)", "insert into other values (1)", "insert into claim values (2, 'draft', now())")
	require.Equal(t, "log", next(t, reports).Mode, "another table's changes are passed over")
	x.do(t, "alter table claim add note varchar(10) default 'x'", "update claim set note = 'y' where id = 2")
	require.Equal(t, "full", next(t, reports).Mode)
	x.do(t, "update claim set note = 'z' where id = 2")
	require.Equal(t, "log", next(t, reports).Mode)
	require.NoError(t, stop())
	require.Equal(t, []string{"1|approved|x", "2|draft|z"}, x.landed(t, "select id, status, note from staging.claim order by id"))
	require.Equal(t, []string{"draft|update|binlog", "submitted|update|binlog"},
		x.landed(t, "select status, _op, _basis from history.claim where id = 1 and _basis = 'binlog' order by _position"))
	require.Equal(t, []string{"0"}, x.landed(t, "select count(*) from history.claim where _valid_from > _valid_to"))
	x.do(t, "delete from claim where id = 2")
	r := mode(t, "log")(x.run(t, nil))
	require.Equal(t, int64(1), r.Tables[0].Deleted)
}
