package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// leastSpace is the free space below which a warehouse's disk is worth a word.
const leastSpace = 256 << 20

// Examine looks for what would stop a run, and touches nothing: a file that is not ours, a folder that cannot be written, a newer schema.
func (w *duckWarehouse) Examine(ctx context.Context) (notes []string, err error) {
	p := w.paths
	r, _, err := w.identify(ctx)
	if err == nil {
		err = r.Close()
	}
	if err != nil && !errors.Is(err, ErrNothingPublished) {
		return nil, err
	}
	if err := p.writable(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(p.folder); err == nil {
		if err := p.oneFileSystem(); err != nil {
			return nil, err
		}
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(nearestFolder(p.published), &disk); err == nil {
		if free := disk.Bavail * uint64(disk.Bsize); free < leastSpace {
			notes = append(notes, fmt.Sprintf("%d MB are free on the disk of %s", free>>20, p.published))
		}
	}
	ops, err := w.OpenOps(ctx)
	if errors.Is(err, ErrNothingPublished) {
		return notes, nil
	}
	if err != nil {
		return notes, err
	}
	defer func() { _ = ops.Close() }()
	var have int
	if err := ops.DB.QueryRowContext(ctx, `select coalesce(max(version), 0) from ops.schema_migrations`).Scan(&have); err != nil {
		return notes, duckProblem("look at the schema of ops", err)
	}
	return notes, knownSchema(p.landing, have, duckSchema, "schema_duckdb/*.sql")
}

// writable refuses folders in which a run could not make its files.
func (p duckPaths) writable() error {
	for _, path := range []string{filepath.Dir(p.published), p.folder, p.versions} {
		folder := nearestFolder(path)
		info, err := os.Stat(folder)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s: %w", folder, syscall.ENOTDIR)
		}
		if err == nil {
			err = syscall.Access(folder, 2|1) // To write in it and to enter it; a disk that is read-only says so too.
		}
		if err == nil {
			err = tryFile(folder) // Some folders let nobody in whom they say they would: /proc, and disks beyond a quota.
		}
		if err != nil {
			return duckProblem("write in "+folder, err)
		}
	}
	return nil
}

// tryFile makes a file and takes it away again.
func tryFile(folder string) error {
	file, err := os.CreateTemp(folder, ".lifeline-doctor-*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", folder, syscall.EACCES) // So says /proc.
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// nearestFolder is the path itself, or what is there of the folders that it is in.
func nearestFolder(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// knownSchema refuses a warehouse of a newer program.
func knownSchema(where string, have int, known fs.FS, pattern string) error {
	files, err := fs.Glob(known, pattern)
	if err != nil || have <= len(files) {
		return err
	}
	return &change.Problem{
		Err: fmt.Errorf("%s was written by a newer lifeline (schema %d, this program knows %d)", where, have, len(files)),
		Try: "the newer program", Class: change.ClassUsage,
	}
}

// Examine looks for what would stop a run, and touches nothing: a server that only reads, rights that are missing.
func (w *postgres) Examine(ctx context.Context) (notes []string, err error) {
	conn, err := w.connect(ctx, "lifeline doctor", w.lastingSettings())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, look := range []func(context.Context, *pgx.Conn) error{
		w.examineRights, w.examineSchema,
	} {
		if err := look(ctx, conn); err != nil {
			return nil, err
		}
	}
	by, there, err := w.holder(ctx, conn)
	if err != nil {
		return nil, w.problem("see who holds the warehouse", err)
	}
	if there {
		notes = append(notes, "a run holds it: "+(&HeldError{By: by}).Error())
	}
	return notes, nil
}

func (w *postgres) examineRights(ctx context.Context, conn *pgx.Conn) error {
	var replica, create, temp bool
	var lacking []string
	if err := conn.QueryRow(ctx, `
select pg_is_in_recovery(), has_database_privilege(current_database(), 'create'), has_database_privilege(current_database(), 'temp'),
	array(
		select nspname::text
		from pg_namespace
		where nspname in ('staging', 'history', 'core', 'analytics', 'quarantine', 'ops')
			and not (has_schema_privilege(oid, 'create') and has_schema_privilege(oid, 'usage'))
		order by nspname
	)`).Scan(&replica, &create, &temp, &lacking); err != nil {
		return w.problem("look at the role's rights", err)
	}
	c := w.config.ConnConfig
	missing := func(what, grant string) error {
		return &change.Problem{
			Err: fmt.Errorf("%s: the role %s may not %s", w.address(), c.User, what), Try: grant, Class: change.ClassError,
		}
	}
	switch {
	case replica:
		return &change.Problem{
			Err: fmt.Errorf("%s is a replica, which can only be read", w.address()), Try: hints["25006"], Class: change.ClassError,
		}
	case !create:
		return missing("create schemas in the database", fmt.Sprintf("grant create on database %s to %s", Quote(c.Database), Quote(c.User)))
	case !temp:
		return missing("make temporary tables", fmt.Sprintf("grant temporary on database %s to %s", Quote(c.Database), Quote(c.User)))
	case len(lacking) > 0:
		return missing("create in the schema "+strings.Join(lacking, ", "),
			fmt.Sprintf("grant usage, create on schema %s to %s", strings.Join(lacking, ", "), Quote(c.User)))
	}
	return nil
}

func (w *postgres) examineSchema(ctx context.Context, conn *pgx.Conn) error {
	var there bool
	if err := conn.QueryRow(ctx, `select to_regclass('ops.schema_migrations') is not null`).Scan(&there); err != nil {
		return w.problem("look at the schema of ops", err)
	}
	if !there {
		return w.foreignBooks(ctx, conn)
	}
	var have int
	if err := conn.QueryRow(ctx, `select coalesce(max(version), 0) from ops.schema_migrations`).Scan(&have); err != nil {
		return w.problem("look at the schema of ops", err)
	}
	return knownSchema(w.address(), have, postgresSchema, "schema_postgres/*.sql")
}
