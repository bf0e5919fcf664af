package warehouse

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

//go:embed schema_postgres/*.sql
var postgresSchema embed.FS

// migrate applies every schema file that this database has not had, each in a transaction with its number. A file is never
// changed once it has been released: a change is a new file.
func (w *postgres) migrate(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `
create schema if not exists ops;
create table if not exists ops.schema_migrations (version int, applied_at timestamp)`)
	if err != nil {
		return err
	}
	var newest int
	if err := conn.QueryRow(ctx, `select coalesce(max(version), 0) from ops.schema_migrations`).Scan(&newest); err != nil {
		return err
	}
	files, err := fs.Glob(postgresSchema, "schema_postgres/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(files)
	if err := knownSchema("the warehouse", newest, postgresSchema, "schema_postgres/*.sql"); err != nil {
		return err
	}
	if newest == 0 {
		if err := w.foreignBooks(ctx, conn); err != nil {
			return err
		}
	}
	var due []schemaFile
	for _, file := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(file, "schema_postgres/"), "_")
		n, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("number of %s: %w", file, err)
		}
		if n > newest {
			due = append(due, schemaFile{n, file})
		}
	}
	for len(due) > 0 {
		at := 1
		if newest == 0 {
			at = len(due) // A new warehouse gets all of them at once: each commit waits for the disk.
		}
		if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return apply(ctx, tx, due[:at]) }); err != nil {
			return err
		}
		due = due[at:]
	}
	return w.whole(ctx, conn)
}

// schemaFile is one file of the schema of ops and quarantine, with its number.
type schemaFile struct {
	number int
	name   string
}

// ownTables are the tables that the schema files make, as schema.name.
func ownTables() ([]string, error) {
	files, err := fs.Glob(postgresSchema, "schema_postgres/*.sql")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, file := range files {
		text, err := postgresSchema.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, m := range createsTable.FindAllStringSubmatch(string(text), -1) {
			out = append(out, m[1])
		}
	}
	return out, nil
}

var createsTable = regexp.MustCompile(`(?m)^create table (?:if not exists )?((?:ops|quarantine)\.[a-z_]+)`)

// foreignBooks refuses a database in which somebody else's relations have the names of ours, before the first schema file is applied.
func (w *postgres) foreignBooks(ctx context.Context, conn *pgx.Conn) error {
	own, err := ownTables()
	if err != nil {
		return err
	}
	taken, err := texts(ctx, conn, `select t from unnest($1::text[]) as t where to_regclass(t) is not null order by 1`, own)
	if err != nil || len(taken) == 0 {
		return err
	}
	return &change.Problem{
		Err: fmt.Errorf("%s: %s is there, and no run has made it here", w.address(), strings.Join(taken, ", ")), Class: change.ClassError,
		Try: "another database; or, to begin anew where lifeline was: drop schema ops, quarantine, staging, history, core, analytics cascade",
	}
}

// whole makes sure that nothing of ours was dropped by hand: schemas that only hold what the next run lands come back, books do not.
func (w *postgres) whole(ctx context.Context, conn *pgx.Conn) error {
	var gone []string
	if err := conn.QueryRow(ctx, `
select array(
	select s
	from unnest('{staging,history,since,core,analytics}'::text[]) as s
	where to_regnamespace(s) is null)`).Scan(&gone); err != nil {
		return err
	}
	for _, schema := range gone {
		if _, err := conn.Exec(ctx, "create schema if not exists "+Quote(schema)); err != nil {
			return err
		}
	}
	own, err := ownTables()
	if err != nil {
		return err
	}
	lost, err := texts(ctx, conn, `select t from unnest($1::text[]) as t where to_regclass(t) is null order by 1`, own)
	if err != nil || len(lost) == 0 {
		return err
	}
	return &change.Problem{
		Err: fmt.Errorf("%s: %s is gone; somebody has dropped it", w.address(), strings.Join(lost, ", ")), Class: change.ClassError,
		Try: "lifeline restore; or, to begin anew: drop schema ops, quarantine, staging, history, core, analytics cascade",
	}
}

func apply(ctx context.Context, tx pgx.Tx, files []schemaFile) error {
	for _, f := range files {
		text, err := postgresSchema.ReadFile(f.name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if _, err := tx.Exec(ctx, `
insert into ops.schema_migrations (version, applied_at)
values ($1, timezone('UTC', clock_timestamp()))`, f.number); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}
