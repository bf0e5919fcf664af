package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse"
)

// What a run costs after a small change, in processor seconds of its own and of PostgreSQL: seconds by the clock say more of who else is on
// the machine.

// change is a share of the source's rows that get another amount or state, in every table.
type change struct {
	name  string
	where string // Of MySQL; {n} is the number of the round.
	share float64
}

var changes = []change{
	{"0.1 % of the rows, anywhere", "mod(crc32(concat(id, 'a{n}')), 1000) < 1", 0.10},
	{"1 % of the rows, anywhere", "mod(crc32(concat(id, 'b{n}')), 1000) < 10", 0.20},
	{"0.1 % of the rows, the newest", "id > (select max(m.id) - (max(m.id) - min(m.id)) / 1000 from (select id from {t}) as m)", 0.10},
}

func wholeRun(engine string) string { return "run, whole, on " + engine + ", CPU" }
func changedRun(engine string, c change) string {
	return "run after " + c.name + ", on " + engine + ", CPU"
}

// changed measures a whole run into an empty warehouse and one after each change.
func (b *bench) changed(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	duck := filepath.Join(b.dir, "changed.duckdb")
	round := 0
	for _, w := range []struct {
		engine, dsn string
		empty       func(context.Context) error
	}{
		{"DuckDB", "duckdb:" + duck, func(context.Context) error { return b.emptyDuck(duck) }},
		{"PostgreSQL", b.postgres, b.emptyWarehouse},
	} {
		if err := b.timedAt(ctx, b.scale, 1, wholeRun(w.engine), w.empty, self, "child", "run", b.mysql, w.dsn, b.postgres); err != nil {
			return err
		}
		for _, c := range changes {
			round++
			before := func(ctx context.Context) error { return b.change(ctx, c, round) }
			if err := b.timedAt(ctx, b.scale, 1, changedRun(w.engine, c), before, self, "child", "run", b.mysql, w.dsn, b.postgres); err != nil {
				return err
			}
		}
	}
	return nil
}

// change changes rows of the source. No time is changed, so that as_of stays.
func (b *bench) change(ctx context.Context, c change, round int) error {
	u, err := url.Parse(b.mysql)
	if err != nil {
		return err
	}
	db, err := sql.Open("mysql", fmt.Sprintf("%s@tcp(%s)%s", u.User.String(), u.Host, u.Path))
	if err != nil {
		return err
	}
	defer db.Close()
	for table, set := range map[string]string{
		"CLAIM": "amount = amount + 1", "INVOICE_ITEM": "amount = amount + 1",
		"INVOICE":   "status = case status when 'SUBMITTED' then 'RESUBMITTED' else 'SUBMITTED' end",
		"TREATMENT": "status = case status when 'CLOSED' then 'OPEN' else 'CLOSED' end",
	} {
		where := strings.NewReplacer("{n}", strconv.Itoa(round), "{t}", table).Replace(c.where)
		if _, err := db.ExecContext(ctx, "update "+table+" set "+set+" where "+where); err != nil {
			return fmt.Errorf("change %s: %w", table, err)
		}
	}
	return nil
}

// stepCost notes the processor time at the end of each step.
type stepCost struct {
	postmaster string
	began      float64
	cost       map[string]float64
}

func (s *stepCost) Begin(string)                         { s.began = s.cpu() }
func (s *stepCost) Advance(string, int64, int64, string) {}
func (s *stepCost) End(step, _ string)                   { s.cost[step] += s.cpu() - s.began }

// cpu is the processor time of this process and of PostgreSQL's processes so far, in seconds.
func (s *stepCost) cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	seconds := time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // It has ended.
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(rest)
		if len(f) < 15 {
			continue
		}
		var ticks []string
		switch {
		case filepath.Base(filepath.Dir(path)) == s.postmaster:
			ticks = f[11:15] // Its own and those of processes that have ended.
		case f[1] == s.postmaster:
			ticks = f[11:13]
		}
		for _, t := range ticks {
			n, _ := strconv.ParseFloat(t, 64)
			seconds += n / 100
		}
	}
	return seconds
}

// runChild runs as lifeline run does; what is measured is all that follows the landing.
func runChild(ctx context.Context, from, to, postgres string) error {
	src, wh, p, err := open(ctx, from, to)
	if err != nil {
		return err
	}
	defer wh.Close()
	defer src.Close()
	cost := &stepCost{cost: map[string]float64{}}
	db, err := sql.Open("pgx", postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, `select split_part(pg_read_file('postmaster.pid'), E'\n', 1)`).Scan(&cost.postmaster); err != nil {
		return err
	}
	report, err := run.Do(ctx, run.Options{
		Project: p, Warehouse: wh, Command: "bench", Progress: cost,
		Source: func(context.Context) (source.Source, error) { return src, nil },
	})
	if err != nil {
		return err
	}
	built := map[string]int{}
	for _, m := range report.Models {
		built[m.Built]++
	}
	fmt.Printf("%d whole, %d for keys, %d carried\n", built["whole"], built["keys"], built["carried"])
	var rest float64
	for _, s := range report.Steps {
		switch s.Name {
		case warehouse.StepLand:
			fmt.Printf("land step %.2f s\n", s.Seconds)
		case warehouse.StepBuild, warehouse.StepQuarantine, warehouse.StepCheck, warehouse.StepBooks, warehouse.StepPublish:
			fmt.Printf("%s cpu %.2f s\n", s.Name, cost.cost[s.Name])
			rest += cost.cost[s.Name]
		}
	}
	fmt.Printf("land cpu %.2f s\nmeasured %.3f\n", cost.cost[warehouse.StepLand], rest)
	return nil
}
