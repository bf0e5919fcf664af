package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // The way of the brief's task, which fetches all rows at once.

	"lifeline/source"
	"lifeline/warehouse"
)

func land(ctx context.Context, src source.Source, hold warehouse.Run) (took, totals time.Duration, rows int64, err error) {
	ts, err := src.Tables(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	snap, err := src.Snapshot(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	defer snap.Close()
	load, err := hold.Load(ctx, ts, snap.Info())
	if err != nil {
		return 0, 0, 0, err
	}
	if err := snap.Read(ctx, load.Writer, func(source.Progress) {}); err != nil {
		return 0, 0, 0, err
	}
	pause := time.Now()
	if _, err := snap.Totals(ctx); err != nil {
		return 0, 0, 0, err
	}
	totals = time.Since(pause)
	fmt.Printf("reading and writing %.2f s\n", pause.Sub(began).Seconds())
	landed, err := load.Commit(ctx, nil)
	for _, l := range landed {
		rows += l.Read
	}
	return time.Since(began) - totals, totals, rows, err
}

// small measures at scale 1 what would take hours at scale 30: fetching all rows and inserting them one statement each, with a
// commit every thousand, as the brief's Airflow task does with its hooks.
func (b *bench) small(ctx context.Context) error {
	const scale = 1.0
	if b.scale != scale {
		if err := b.loadSource(ctx, scale); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if err := b.timedAt(ctx, scale, b.runs, "land into PostgreSQL", b.emptyWarehouse, self, "child", "land", b.mysql,
			b.postgres); err != nil {
			return err
		}
	}
	return b.insertRows(ctx, scale)
}

// insertRows runs the task in Python, as the brief's is; where Python has no drivers and none can be had, in Go, which is kinder to it.
func (b *bench) insertRows(ctx context.Context, scale float64) error {
	const name = "fetch all, insert one by one"
	drivers := filepath.Join(b.dir, "python")
	install := exec.CommandContext(ctx, "python3", "-m", "pip", "install", "--quiet", "--target", drivers, "psycopg2-binary", "pymysql")
	if err := install.Run(); err != nil {
		b.note("no Python drivers could be had (%v): %q was measured in Go instead", err, name)
		self, err := os.Executable()
		if err != nil {
			return err
		}
		return b.timedAt(ctx, scale, 1, name, b.emptyTables, self, "child", "insert", b.mysql, b.postgres)
	}
	command := []string{"env", "PYTHONPATH=" + drivers, "python3", "tools/bench/insert_rows.py", b.mysql, b.postgres}
	for _, t := range tables {
		command = append(command, t.name+"\t"+t.columns)
	}
	return b.timedAt(ctx, scale, 1, name, b.emptyTables, command...)
}

func insertChild(ctx context.Context, from, to string) error {
	u, err := url.Parse(from)
	if err != nil {
		return err
	}
	my, err := sql.Open("mysql", fmt.Sprintf("%s@tcp(%s)%s", u.User.String(), u.Host, u.Path))
	if err != nil {
		return err
	}
	defer my.Close()
	pg, err := sql.Open("pgx", to)
	if err != nil {
		return err
	}
	defer pg.Close()
	began := time.Now()
	for _, t := range tables {
		if err := fetchAndInsert(ctx, my, pg, t.name, t.columns); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	fmt.Printf("measured %.3f\n", time.Since(began).Seconds())
	return nil
}

func fetchAndInsert(ctx context.Context, my, pg *sql.DB, name, columns string) error {
	rows, err := my.QueryContext(ctx, "select "+columns+" from "+name)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	var all [][]any
	for rows.Next() {
		values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		record := make([]any, len(names))
		for i, v := range values {
			if v.Valid {
				record[i] = v.String
			}
		}
		all = append(all, record)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	marks := make([]string, len(names))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	insert := "insert into " + strings.ToLower(name) + " values (" + strings.Join(marks, ", ") + ")"
	for len(all) > 0 {
		n := min(1000, len(all))
		tx, err := pg.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		for _, record := range all[:n] {
			if _, err := tx.ExecContext(ctx, insert, record...); err != nil {
				return fmt.Errorf("insert: %w", err)
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}
