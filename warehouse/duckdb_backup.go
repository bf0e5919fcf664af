package warehouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// backup copies the files while no run has them open.
func (w *duckWarehouse) backup(ctx context.Context, b *Backup, into string, wait time.Duration) error {
	if _, err := os.Stat(w.paths.landing); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: there is nothing to back up", ErrNothingPublished)
	}
	lock, err := w.paths.hold(ctx, Holder{Command: "backup", PID: os.Getpid(), Since: time.Now()}, wait)
	if err != nil {
		return err
	}
	defer func() { _ = letGo(lock) }()
	if published, version, err := w.identify(ctx); err == nil {
		b.Published = version.ID
		if err := published.Close(); err != nil {
			return err
		}
	} else if !errors.Is(err, ErrNothingPublished) {
		return err
	}
	if err := w.schemaOf(ctx, b); err != nil {
		return duckProblem("read the schema of ops", err)
	}
	files := []string{"landing.duckdb", "landing.duckdb.wal", "ops.duckdb"}
	kept, err := w.paths.finished()
	if err != nil {
		return err
	}
	for id := range kept {
		files = append(files, filepath.Join("versions", filepath.Base(w.paths.version(id))))
	}
	slices.Sort(files)
	if err := os.Mkdir(filepath.Join(into, "versions"), 0o700); err != nil {
		return duckProblem("make the folder of versions", err)
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := copyAs(filepath.Join(w.paths.folder, f), filepath.Join(into, f), privateMode)
		if errors.Is(err, os.ErrNotExist) { // No log where the last run ended well, no ops before the first.
			continue
		}
		if err != nil {
			return duckProblem("copy "+f, err)
		}
		described, err := describeFile(into, f)
		if err != nil {
			return duckProblem("read "+f+" again", err)
		}
		b.Files = append(b.Files, described)
	}
	return nil
}

// schemaOf reads which schema ops has, under the lock that those who look at the landing file take.
func (w *duckWarehouse) schemaOf(ctx context.Context, b *Backup) error {
	look, err := w.paths.look(ctx, syscall.LOCK_SH, longestLook)
	if err != nil {
		return err
	}
	defer func() { _ = letGo(look) }()
	r, err := w.attach(ctx, w.paths.landing, "landing")
	if err != nil {
		return err
	}
	err = r.DB.QueryRowContext(ctx, `select coalesce(max(version), 0) from ops.schema_migrations`).Scan(&b.Schema)
	return errors.Join(err, r.Close())
}

// restoreFrom copies the files beside their place and then gives them their names; the published version appears last.
func (w *duckWarehouse) restoreFrom(ctx context.Context, dir string, b Backup) error {
	p := w.paths
	for _, path := range []string{p.published, p.folder} {
		if _, err := os.Lstat(path); err == nil {
			return usage(path+" is there already", "another path, or move it away first: a warehouse is never written over")
		}
	}
	part := p.folder + ".part"
	if err := os.RemoveAll(part); err != nil {
		return duckProblem("clear an unfinished restoration", err)
	}
	err := func() error {
		if err := os.MkdirAll(filepath.Join(part, "versions"), 0o700); err != nil {
			return err
		}
		for _, f := range b.Files {
			if err := ctx.Err(); err != nil {
				return err
			}
			mode := os.FileMode(privateMode)
			if filepath.Dir(f.Path) == "versions" {
				mode = publishedMode
			}
			if err := copyAs(filepath.Join(dir, f.Path), filepath.Join(part, f.Path), mode); err != nil {
				return err
			}
		}
		return move(part, p.folder)
	}()
	if err != nil {
		return errors.Join(duckProblem("copy the back-up", err), os.RemoveAll(part))
	}
	if b.Published == 0 {
		return nil
	}
	return duckProblem("publish the version of the back-up", p.switchTo(b.Published))
}
