package run_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// busy is somebody who writes to the source's tables all the time, and leaves every seventh row alone.
func (x *loggedSource) busy(t *testing.T, perSecond int) (stop func() int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done atomic.Int64
	var writers sync.WaitGroup
	writers.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			id := 7*(n*31%142) + 1 + n%6
			for _, s := range []string{
				fmt.Sprintf("update counted set n = n + 1, word = 'w%d' where id = %d", n, id),
				fmt.Sprintf("delete from lettered where id = 'k%05d'", id),
				fmt.Sprintf("insert into counted (id, n) values (%d, %d)", 100_000+n, n),
				fmt.Sprintf("replace into lettered (id, n) values ('k%05d', %d)", id, n),
				fmt.Sprintf("update counted set id = %d where id = %d", 500_000+n, 100_000+n),
			} {
				if _, err := x.db.ExecContext(ctx, s); err == nil {
					done.Add(1)
				}
			}
		}
	})
	return func() int64 {
		cancel()
		writers.Wait()
		return done.Load()
	}
}

// webhook is a place that notices are sent to.
func webhook(t *testing.T) (notices chan []byte, address string) {
	t.Helper()
	notices = make(chan []byte, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // What was cut is no JSON.
		notices <- body
	}))
	t.Cleanup(server.Close)
	return notices, server.URL
}

// noticedRows adds up the rows that notices tell of; each names some of them without their values.
func noticedRows(t *testing.T, notices chan []byte) (rows int) {
	t.Helper()
	for range len(notices) {
		var n struct {
			Event, Text string
			Found       []string
		}
		text := <-notices
		require.NoError(t, json.Unmarshal(text, &n))
		if n.Event != "different" {
			continue
		}
		var here int
		_, err := fmt.Sscanf(n.Text, "tiny: %d rows of staging are not as the source has them", &here)
		require.NoError(t, err, n.Text)
		require.NotEmpty(t, n.Found)
		rows += here
	}
	return rows
}

// A hundred cells changed by hand while the source is written to and followed, half of them in the source behind its log's back, are all
// found within one pass, and nothing else is; each is written down and told once. With repair they are mended.
func TestFollowingFindsEveryCellThatDiffersWhileWritesGoOn(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, engine string) {
		columns := "n int, amount decimal(9,2), word varchar(20), real_number double, day date, at_time datetime(6), bits varbinary(16)"
		x := newLogged(t, engine, []string{"counted", "lettered"},
			"create table counted (id int primary key, "+columns+")", "create table lettered (id varchar(20) primary key, "+columns+")",
			"insert into counted select seq, seq, seq / 7, concat('w', seq), seq / 3, '2020-01-01' + interval seq day, "+
				"'2021-01-01' + interval seq second, unhex(md5(seq)) from seq_1_to_1000",
			"insert into lettered select concat('k', lpad(id, 5, '0')), n, amount, word, real_number, day, at_time, bits from counted")
		notices, address := webhook(t)
		x.write(t, map[string]string{
			"lifeline.yml": "name: tiny\nsource: {time_zone: UTC}\nas_of: now\nnotify: {webhook: '" + address + "', allow_private: true}\n",
		})
		found := make(chan []run.Difference, 1000)
		v := &run.Verifying{Rows: 300, Pause: time.Millisecond, Found: func(d []run.Difference) { found <- d }}
		reports, stop := x.followWith(t, v)
		next(t, reports)
		rate := 4
		if os.Getenv("LIFELINE_SOAK") != "" {
			rate = 100
		}
		quiet := x.busy(t, rate)
		var want, staging []string
		for n := 1; n <= 50; n++ {
			for _, table := range []string{"counted", "lettered"} {
				key, column, inSource, inStaging := planted(table, n)
				if n%2 == 0 {
					x.do(t, "set sql_log_bin = 0; "+inSource+"; set sql_log_bin = 1")
				} else {
					staging = append(staging, inStaging)
				}
				want = append(want, table+" "+key+" "+column)
			}
		}
		x.spoil(t, staging...)
		slices.Sort(want)
		var got []string
		deadline := time.After(4 * time.Minute)
		for len(got) < len(want) {
			select {
			case some := <-found:
				for _, d := range some {
					if d.Column != "_raw" { // What a zero date leaves there.
						got = append(got, d.Table+" "+d.Key+" "+d.Column)
					}
				}
			case <-deadline:
				slices.Sort(got)
				require.Equal(t, want, got)
			}
		}
		slices.Sort(got)
		require.Equal(t, want, got)
		quietAfter(t, found)
		require.Positive(t, quiet())
		require.NoError(t, stop())
		require.Equal(t, []string{"100"}, x.landed(t, "select count(*) from ops.differences where column_name <> '_raw'"))
		require.Equal(t, x.landed(t, "select count(*) from (select distinct table_name, key from ops.differences) as d"),
			[]string{fmt.Sprint(noticedRows(t, notices))}, "rows that the webhook was told of")
		require.NotEmpty(t, x.landed(t, "select rows from ops.verified where why is null and rows > 0"))

		v = &run.Verifying{Repair: true, Rows: 300, Pause: time.Millisecond}
		reports, stop = x.followWith(t, v)
		for repaired := 0; repaired < 2; { // Each table is read again as soon as a slice of it differs.
			if strings.Contains(next(t, reports).ModeWhy, "were not as the source has them") {
				repaired++
			}
		}
		require.NoError(t, stop())
		require.Equal(t, "equal", x.verify(t, x.dsn, false).Status)
	})
}

// A long time of writes gives no false alarm.
func TestFollowingRaisesNoFalseAlarm(t *testing.T) {
	if os.Getenv("LIFELINE_SOAK") == "" {
		t.Skip("LIFELINE_SOAK is not set")
	}
	x := newLogged(t, "duckdb:"+t.TempDir()+"/w.duckdb", []string{"counted", "lettered"},
		"create table counted (id int primary key, n int, word varchar(20))", "create table lettered (id varchar(20) primary key, n int)",
		"insert into counted select seq, seq, concat('w', seq) from seq_1_to_1000",
		"insert into lettered select concat('k', lpad(id, 5, '0')), n from counted")
	found := make(chan []run.Difference, 1000)
	v := &run.Verifying{Rows: 2000, Pause: 10 * time.Millisecond, Found: func(d []run.Difference) { found <- d }}
	reports, stop := x.followWith(t, v)
	next(t, reports)
	long := 10 * time.Minute
	if text := os.Getenv("LIFELINE_SOAK_FOR"); text != "" {
		var err error
		long, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	quiet := x.busy(t, 100)
	began := time.Now()
	for time.Since(began) < long {
		select {
		case <-reports:
		case d := <-found:
			require.Empty(t, d)
		case <-time.After(time.Second):
		}
	}
	written := quiet()
	passes := v.Passes()
	require.NoError(t, stop())
	t.Logf("%.0f changes a second for %s, %d passes, no difference", float64(written)/long.Seconds(), long, passes)
	require.Positive(t, passes)
}

// spoil changes staging behind the loader's back, while it is followed.
func (x *loggedSource) spoil(t *testing.T, statements ...string) {
	t.Helper()
	hold, err := x.wh.Begin(t.Context(), holder(), time.Minute)
	require.NoError(t, err)
	for _, s := range statements {
		_, err := hold.DB().ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
	require.NoError(t, hold.Close(t.Context()))
}

// quietAfter expects that nothing is told once more.
func quietAfter(t *testing.T, found chan []run.Difference) {
	t.Helper()
	select {
	case d := <-found:
		require.True(t, !slices.ContainsFunc(d, func(d run.Difference) bool { return d.Column != "_raw" }), "told once more: %v", d)
	case <-time.After(2 * time.Second):
	}
}
