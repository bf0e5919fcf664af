package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"lifeline/cdc"
	nouns "lifeline/change"
	"lifeline/source"
	"lifeline/warehouse"
)

// follower lands one table from the log, as a run that follows does between two publications.
type follower struct {
	dsn    string
	wh     warehouse.Warehouse
	log    source.Log
	stream *cdc.Stream
	hold   warehouse.Run
}

func (f *follower) begin(ctx context.Context) error {
	src, err := source.Open(ctx, source.Options{DSN: f.dsn, Tables: []source.Contract{{Name: "bench_log"}}})
	if err != nil {
		return err
	}
	defer src.Close()
	if f.log, err = src.(source.Logged).Log(ctx); err != nil || f.log.Unreadable != "" {
		return errors.Join(err, errors.New(f.log.Unreadable))
	}
	if f.hold, err = f.wh.Begin(ctx, warehouse.Holder{Command: "bench"}, 0); err != nil {
		return err
	}
	load, err := f.hold.Load(ctx, []*nouns.Table{f.log.Tables[0].Table}, nouns.Snapshot{Position: "bench", TakenAt: time.Now()})
	if err != nil {
		return err
	}
	if _, err := load.Commit(ctx, nil); err != nil {
		return err
	}
	l := f.log
	f.stream, err = cdc.Open(ctx, cdc.Options{
		Network: l.Network, Host: l.Host, User: l.User, Password: l.Password, TLS: l.TLS, Preferred: l.Preferred, Timeout: l.Timeout,
		Shown: l.Shown, MariaDB: l.MariaDB, Number: l.Number, Tables: l.Tables,
	}, l.Here)
	return err
}

func (f *follower) end(ctx context.Context) {
	_ = f.stream.Close()
	_ = f.hold.Close(ctx)
}

// land reads and lands once, and says how many images came.
func (f *follower) land(ctx context.Context, limit cdc.Limit) (int64, error) {
	load, err := f.hold.Changes(ctx, f.log.Tables)
	if err != nil {
		return 0, err
	}
	r, err := f.stream.Read(ctx, load.Writer, limit)
	if err != nil {
		return 0, errors.Join(err, load.Abort(ctx))
	}
	if _, err := load.Commit(ctx, r.LogBatch); err != nil {
		return 0, err
	}
	return r.Images, nil
}

// latency writes 500 changes a second for ten seconds, and takes the time from each commit to its landing.
func (f *follower) latency(ctx context.Context, db *sql.DB) error {
	const changes, rate = 5000, 500
	committed := make(chan time.Time, changes)
	failed := make(chan error, 1)
	go func() {
		began := time.Now()
		for i := range changes {
			if _, err := db.ExecContext(ctx, "insert into bench_log values (?, 'some text', 12.5, now(6))", i); err != nil {
				failed <- err
				return
			}
			committed <- time.Now()
			time.Sleep(time.Until(began.Add(time.Duration(i+1) * time.Second / rate))) // budgets: allow no-sleep: a rate is what is measured at.
		}
		failed <- nil
	}()
	var waits []time.Duration
	for len(waits) < changes {
		n, err := f.land(ctx, cdc.Limit{Rows: 50_000, Wait: 250 * time.Millisecond})
		if err != nil {
			return err
		}
		now := time.Now()
		for range n {
			waits = append(waits, now.Sub(<-committed))
		}
		select {
		case err := <-failed:
			if err != nil {
				return err
			}
		default:
		}
	}
	fmt.Printf("half of them within %.3f s\nmeasured %.3f\n", percentile(waits, 50).Seconds(), percentile(waits, 99).Seconds())
	return nil
}

// throughput lands changes that stand in the log: half are inserts, then as many updates.
func (f *follower) throughput(ctx context.Context, db *sql.DB) error {
	for _, text := range []string{
		"insert into bench_log select seq, concat('some text ', seq), seq / 7, now(6) from seq_1_to_50000", "update bench_log set n = n + 1",
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	began := time.Now()
	for images := int64(0); images < 150_000; { // An update is two.
		n, err := f.land(ctx, cdc.Limit{Rows: 50_000, Wait: 250 * time.Millisecond})
		if err != nil {
			return err
		}
		images += n
	}
	took := time.Since(began).Seconds()
	fmt.Printf("changes a second: %.0f\nmeasured %.3f\n", 100_000/took, took)
	return nil
}
