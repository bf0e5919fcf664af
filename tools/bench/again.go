package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse"
)

// again measures a run after one row of a thousand has changed, by the log and by checksums, against one that reads everything.
func (b *bench) again(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	blind, end, err := b.withoutLog(ctx)
	if err != nil {
		return err
	}
	defer func() { b.noteError(end()) }()
	for _, way := range []struct{ name, dsn, mode string }{{"log", b.mysql, "log"}, {"checksums", blind, "checksums"}} {
		duck := filepath.Join(b.dir, way.name+".duckdb")
		if err := b.emptyDuck(duck); err != nil {
			return err
		}
		if err := b.timedAt(ctx, b.scale, 1, "run, everything, before "+way.name, nil, self, "child", "walk", way.dsn, "duckdb:"+duck,
			"full"); err != nil {
			return err
		}
		share := 0
		change := func(ctx context.Context) error { share++; return b.changeSome(ctx, share) }
		if err := b.timed(ctx, "run after 0.1 % by "+way.name, change, self, "child", "walk", way.dsn, "duckdb:"+duck, way.mode); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) noteError(err error) {
	if err != nil {
		b.note("after the measurement: %v", err)
	}
}

// withoutLog makes a user that may not read the log, and gives the address for it.
func (b *bench) withoutLog(ctx context.Context) (dsn string, end func() error, err error) {
	db, u, err := b.sourceDB()
	if err != nil {
		return "", nil, err
	}
	name := "bench_" + strconv.Itoa(os.Getpid())
	for _, text := range []string{
		"create user " + name + "@'%' identified by 'bench'", "grant select, process, replication client on *.* to " + name + "@'%'",
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return "", nil, errors.Join(err, db.Close())
		}
	}
	u.User = url.UserPassword(name, "bench")
	return u.String(), func() error {
		_, err := db.ExecContext(context.WithoutCancel(ctx), "drop user "+name+"@'%'")
		return errors.Join(err, db.Close())
	}, nil
}

func (b *bench) sourceDB() (*sql.DB, *url.URL, error) {
	u, err := url.Parse(b.mysql)
	if err != nil {
		return nil, nil, err
	}
	db, err := sql.Open("mysql", fmt.Sprintf("%s@tcp(%s)%s", u.User.String(), u.Host, u.Path))
	return db, u, err
}

// changeSome changes one row of a thousand of every table, others each time, spread over all keys.
func (b *bench) changeSome(ctx context.Context, share int) error {
	db, _, err := b.sourceDB()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, t := range tables {
		columns := strings.Split(t.columns, ",")
		last := strings.TrimSpace(columns[len(columns)-1])
		_, err := db.ExecContext(ctx, fmt.Sprintf("update %[1]s set %[2]s = '2024-01-01 00:00:00' + interval %[3]d second where %[4]s %% "+
			"1000 = %[3]d",
			t.name, last, share, strings.TrimSpace(columns[0])))
		if err != nil {
			return fmt.Errorf("change some rows of %s: %w", t.name, err)
		}
	}
	return nil
}

// walkChild runs once and says how long landing took beside the whole.
func walkChild(ctx context.Context, from, to, mode string) error {
	src, wh, p, err := open(ctx, from, to)
	if err != nil {
		return err
	}
	defer wh.Close()
	began := time.Now()
	report, err := run.Do(ctx, run.Options{
		Project: p, Warehouse: wh, Command: "bench", Source: func(context.Context) (source.Source, error) { return src, nil },
	})
	if err != nil {
		return err
	}
	if report.Mode != mode {
		return fmt.Errorf("the run took the way %s (%s), not %s", report.Mode, report.ModeWhy, mode)
	}
	for _, s := range report.Steps {
		fmt.Printf("%s %.2f s\n", s.Name, s.Seconds)
	}
	fmt.Printf("measured %.3f\n", time.Since(began).Seconds())
	return nil
}

// followLog measures how long after its commit a change has landed, and how many changes a second land at most.
func (b *bench) followLog(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	duck := filepath.Join(b.dir, "follow.duckdb")
	for _, what := range []string{"latency", "throughput"} {
		name := "log: landed after its commit, p99"
		if what == "throughput" {
			name = "log: 100,000 changes landed"
		}
		err := b.timed(ctx, name, func(context.Context) error { return b.emptyDuck(duck) }, self, "child", "log", b.mysql, "duckdb:"+duck, what)
		if err != nil {
			return err
		}
	}
	return nil
}

// logChild follows a table of its own.
func logChild(ctx context.Context, from, to, what string) error {
	b := &bench{mysql: from}
	db, u, err := b.sourceDB()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, text := range []string{
		"drop table if exists bench_log", "create table bench_log (id int primary key, v varchar(40), n decimal(19,4), at datetime(6))",
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: to})
	if err != nil {
		return err
	}
	defer wh.Close()
	f := &follower{dsn: u.String(), wh: wh}
	if err := f.begin(ctx); err != nil {
		return err
	}
	defer f.end(ctx)
	if what == "throughput" {
		return f.throughput(ctx, db)
	}
	return f.latency(ctx, db)
}

// percentile is the value below which so many of a hundred lie.
func percentile(all []time.Duration, p int) time.Duration {
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*p/100)]
}
