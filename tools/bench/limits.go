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

	_ "github.com/jackc/pgx/v5/stdlib" // The bench's own database is made through database/sql.

	"lifeline/sample"
)

// tables are the source's, with what a select for the stock tools must do to each column: a zero date becomes null, because COPY
// refuses it. Lifeline reads the tables as they are.
var tables = []struct{ name, columns, ddl string }{
	{
		"TREATMENT", "ID, STATUS, nullif(DATE_CREATED, 0), nullif(DATE_MODIFIED, 0), nullif(DATE_SUBMITTED, 0), nullif(DATE_TREATMENT, 0), " +
			"PROVIDER_ID, PROGRAM_ID",
		"id int, status varchar(25), date_created timestamp, date_modified timestamp, date_submitted timestamp, date_treatment timestamp, " +
			"provider_id int, program_id int",
	},
	{
		"CLAIM", "ID, STATUS, TYPE, nullif(DATE_CREATED, 0), nullif(DATE_MODIFIED, 0), TREATMENT_ID, PROGRAM_ID, AMOUNT, CURRENCY",
		"id int, status varchar(25), type varchar(25), date_created timestamp, date_modified timestamp, treatment_id int, program_id int, " +
			"amount numeric(19,4), currency varchar(4)",
	},
	{
		"INVOICE", "ID, STATUS, nullif(DATE_CREATED, 0), TREATMENT_ID",
		"id int, status varchar(25), date_created timestamp, treatment_id int",
	},
	{
		"INVOICE_ITEM", "ID, STATUS, nullif(DATE_CREATED, 0), INVOICE_ID, PRODUCT_ID, CURRENCY, AMOUNT",
		"id int, status varchar(25), date_created timestamp, invoice_id int, product_id int, currency varchar(4), amount numeric(19,4)",
	},
}

// prepare loads the sample into the source and makes a database of our own on PostgreSQL.
func (b *bench) prepare(ctx context.Context) error {
	mysql, postgres := os.Getenv("LIFELINE_TEST_MYSQL"), os.Getenv("LIFELINE_TEST_POSTGRES")
	if mysql == "" || postgres == "" {
		return fmt.Errorf("the bench needs both servers: run it by make bench")
	}
	b.mysql = strings.TrimSuffix(mysql, "/") + "/bench"
	if err := b.loadSource(ctx, b.scale); err != nil {
		return err
	}
	db, err := sql.Open("pgx", postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, q := range []string{"drop database if exists lifeline_bench", "create database lifeline_bench"} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("make the bench's database: %w", err)
		}
	}
	u, err := url.Parse(postgres)
	if err != nil {
		return err
	}
	u.Path = "/lifeline_bench"
	b.postgres = u.String()
	return nil
}

func (b *bench) loadSource(ctx context.Context, scale float64) error {
	fmt.Fprintf(os.Stderr, "loading the sample at scale %g\n", scale)
	// Without dirt, because the stock tools stop at a partial date such as 2019-03-00; missing dates are zero dates here too.
	_, err := sample.Load(ctx, sample.Options{Project: "carepay", Scale: scale, Seed: 1, Dirt: "none"}, b.mysql)
	return err
}

// limits measures what the stock tools need for the same rows: reading to nowhere, COPY from files, and the pipe of both.
func (b *bench) limits(ctx context.Context) error {
	if err := b.readLimit(ctx); err != nil {
		return err
	}
	if err := b.dump(ctx); err != nil {
		return err
	}
	if err := b.timed(ctx, "limit: COPY from files", b.emptyTables, "psql", b.postgres, "-v", "ON_ERROR_STOP=1", "-q", "-f",
		filepath.Join(b.dir, "copy.sql")); err != nil {
		return err
	}
	pipe := filepath.Join(b.dir, "pipe.sh")
	return b.timed(ctx, "pipe: stock client into psql COPY", b.emptyTables, "bash", pipe)
}

// client is the stock client's command line for one select, rows as tab-separated text.
func (b *bench) client(query string) string {
	u, err := url.Parse(b.mysql)
	if err != nil {
		return "false"
	}
	password, _ := u.User.Password()
	return fmt.Sprintf("MYSQL_PWD='%s' %s --host=%s --port=%s --user=%s --quick --batch --skip-column-names %s -e '%s'",
		password, stockClient(), u.Hostname(), u.Port(), u.User.Username(), strings.TrimPrefix(u.Path, "/"), query)
}

func stockClient() string {
	if _, err := exec.LookPath("mariadb"); err == nil {
		return "mariadb"
	}
	return "mysql"
}

func (b *bench) script(name string, lines []string) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o700)
}

// readLimit reads the four tables as they are, one connection after the other, to nowhere.
func (b *bench) readLimit(ctx context.Context) error {
	lines := []string{"set -euo pipefail"}
	for _, t := range tables {
		lines = append(lines, b.client("select * from "+t.name)+" > /dev/null")
	}
	path, err := b.script("read.sh", lines)
	if err != nil {
		return err
	}
	return b.timed(ctx, "limit: stock client to nowhere", nil, "bash", path)
}

// dump writes each table to a file for COPY, and the scripts of the limit and the pipe.
func (b *bench) dump(ctx context.Context) error {
	lines, pipe, copies := []string{"set -euo pipefail"}, []string{"set -euo pipefail"}, []string{}
	for _, t := range tables {
		file := filepath.Join(b.dir, t.name+".tsv")
		read := b.client("select " + t.columns + " from " + t.name)
		lines = append(lines, read+" > "+file)
		pipe = append(pipe, read+fmt.Sprintf(` | psql '%s' -q -c "copy %s from stdin with (null 'NULL')"`, b.postgres, strings.ToLower(t.name)))
		copies = append(copies, fmt.Sprintf(`\copy %s from '%s' with (null 'NULL')`, strings.ToLower(t.name), file))
	}
	if _, err := b.script("pipe.sh", pipe); err != nil {
		return err
	}
	if _, err := b.script("copy.sql", copies); err != nil {
		return err
	}
	path, err := b.script("dump.sh", lines)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "bash", path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("dump the tables: %w\n%s", err, tail(string(out)))
	}
	return nil
}

// emptyTables makes the four tables anew, without keys, as the landing has them.
func (b *bench) emptyTables(ctx context.Context) error {
	db, err := sql.Open("pgx", b.postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, t := range tables {
		q := fmt.Sprintf("drop table if exists %[1]s; create table %[1]s (%[2]s)", strings.ToLower(t.name), t.ddl)
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	_, err = db.ExecContext(ctx, "checkpoint")
	return err
}
