package warehouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"lifeline/change"
)

// followLink gives the file that a warehouse's path means: where it is a symbolic link, the file behind it, so that a publication does
// not put a file in the link's place.
func followLink(path string) (string, error) {
	for range 40 {
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			return path, nil // What else is wrong with it is said by who opens it.
		}
		target, err := os.Readlink(path)
		if err != nil {
			return path, duckProblem("follow the warehouse's path", err)
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return path, usage(fmt.Sprintf("the warehouse path %s is a link that leads round in a circle", path), "the path of the file itself")
}

// oneFileSystem refuses a folder on another file system than the published file: a version takes its place by a rename.
func (p duckPaths) oneFileSystem() error {
	var beside, folder syscall.Stat_t
	if err := errors.Join(syscall.Stat(filepath.Dir(p.published), &beside), syscall.Stat(p.folder, &folder)); err != nil {
		return duckProblem("look at the warehouse's folder", err)
	}
	if beside.Dev == folder.Dev {
		return nil
	}
	return &change.Problem{
		Err: fmt.Errorf("%s is on another file system than %s, and a version is published by a rename, which cannot cross that", p.folder,
			p.published),
		Try:   "a warehouse path on the disk where the folder is to be, and at the old path a link to it",
		Class: change.ClassUsage,
	}
}

// tellMissing says what somebody took away since the last run.
func (r *duckRun) tellMissing() {
	_, err := os.Stat(r.paths.landing)
	_, published := os.Stat(r.paths.published)
	if errors.Is(err, os.ErrNotExist) && published == nil {
		r.tell(fmt.Sprintf("%s is gone, and with it history, the books and the quarantine; they begin anew", r.paths.folder))
	}
}

// tell keeps something that people should know.
func (r *duckRun) tell(notice string) { r.notices = append(r.notices, notice) }

// Notices are what Begin found that people should know.
func (r *duckRun) Notices() []string { return r.notices }

// Notices are none: the server keeps everything together.
func (r *postgresRun) Notices() []string { return nil }

// checkVersion reads the whole file of a kept version, whose blocks the engine checks as it reads them, before anyone is shown it.
func (r *duckRun) checkVersion(ctx context.Context, id int64) error {
	path := r.paths.version(id)
	damaged := func(err error) error {
		return &change.Problem{
			Err: fmt.Errorf("version %d cannot be published again, its file %s is damaged: %w", id, path, err), Class: change.ClassError,
			Try: "lifeline run --full, which builds a version anew; the published version stays",
		}
	}
	if err := isDuck(path); err != nil {
		return damaged(errors.New("it is not a database"))
	}
	reader, err := r.attach(ctx, path, "kept")
	if err != nil {
		return damaged(err)
	}
	err = r.readAll(ctx, reader, id)
	if err = errors.Join(err, reader.Close()); err != nil && ctx.Err() == nil {
		return damaged(err)
	}
	return err
}

func (r *duckRun) readAll(ctx context.Context, reader *Reader, id int64) error {
	var inside int64
	if err := reader.DB.QueryRowContext(ctx, "select version from lifeline.version").Scan(&inside); err != nil {
		return err
	}
	if inside != id {
		return fmt.Errorf("it holds version %d", inside)
	}
	rows, err := reader.DB.QueryContext(ctx, `
select schema_name, table_name
from duckdb_tables()
where database_name = 'kept'`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var tables []string
	for rows.Next() {
		var schema, name string
		if err := rows.Scan(&schema, &name); err != nil {
			return err
		}
		tables = append(tables, quoted(schema, name))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, t := range tables {
		var sum any
		if err := reader.DB.QueryRowContext(ctx, "select bit_xor(hash(lifeline__row)) from "+t+" as lifeline__row").Scan(&sum); err != nil {
			return err
		}
	}
	return nil
}

// PublishedError is an error of what comes behind a publication: readers see the version already, and the next run records it.
type PublishedError struct {
	Version int64
	Err     error
}

func (e *PublishedError) Error() string {
	return fmt.Sprintf("version %d is published; recording that failed, which the next run does: %s", e.Version, e.Err)
}

func (e *PublishedError) Unwrap() error { return e.Err }
