package warehouse

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
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
	for _, file := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(file, "schema_postgres/"), "_")
		n, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("number of %s: %w", file, err)
		}
		if n <= newest {
			continue
		}
		if err := apply(ctx, conn, n, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func apply(ctx context.Context, conn *pgx.Conn, n int, file string) error {
	text, err := postgresSchema.ReadFile(file)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, string(text)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
insert into ops.schema_migrations (version, applied_at)
values ($1, timezone('UTC', clock_timestamp()))`, n)
		return err
	})
}
