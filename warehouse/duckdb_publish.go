package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lifeline/change"
)

// Which version is published is decided by the file at the warehouse's path and by nothing else: that is what readers see, and it
// changes in one rename. ops.versions is brought to it after the rename, by the same run or, when that was killed, by the next.

// Publish makes every table of the version visible in one step. A kill before the rename leaves the old version, a kill after it
// the new one.
func (b *duckBuild) Publish(ctx context.Context, p Publication) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return errors.New("publish: the version is published or discarded already")
	}
	at := time.Now().UTC()
	if err := b.dropLeft(ctx); err != nil {
		return duckProblem(fmt.Sprintf("finish version %d", b.id), err)
	}
	for _, s := range []string{
		"drop schema if exists v.build cascade",
		"create schema if not exists v.lifeline",
		fmt.Sprintf(`
create table v.lifeline.version as
select
	cast(%d as bigint) as version,
	cast(%d as bigint) as run_id,
	cast(%s as timestamp) as published_at,
	cast(%s as timestamp) as as_of,
	%s as project_hash,
	%s as note`, b.id, p.Run, Literal(stampOf(at)), Literal(stampOf(p.AsOf)), Literal(p.Project), Literal(p.Note)),
		"checkpoint v",
	} {
		if _, err := b.run.db.ExecContext(ctx, s); err != nil {
			return duckProblem(fmt.Sprintf("finish version %d", b.id), err)
		}
	}
	if err := b.detach(ctx); err != nil {
		return duckProblem(fmt.Sprintf("finish version %d", b.id), err)
	}
	paths := b.run.paths
	duckStep("version built")
	if err := seal(paths.building(b.id), paths.mode); err != nil {
		return duckProblem(fmt.Sprintf("finish version %d", b.id), err)
	}
	duckStep("version sealed")
	if err := move(paths.building(b.id), paths.version(b.id)); err != nil {
		return duckProblem(fmt.Sprintf("finish version %d", b.id), err)
	}
	duckStep("version named")
	if err := paths.switchTo(b.id); err != nil {
		return duckProblem(fmt.Sprintf("publish version %d", b.id), err)
	}
	duckStep("version shown")
	b.done = true
	defer duckStep("version recorded")
	if err := b.run.reconcile(ctx); err != nil {
		return &PublishedError{Version: b.id, Err: err}
	}
	return nil
}

// switchTo puts a version's file in the published place in one step (promise 2): at every moment there is the old or the new file.
func (p duckPaths) switchTo(id int64) error {
	next := filepath.Join(p.folder, "published.next")
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	if err := os.Link(p.version(id), next); err != nil {
		// A file system without hard links gets a copy.
		if err := copyFile(p.version(id), next); err != nil {
			return err
		}
	}
	if err := os.Chmod(next, p.mode); err != nil { // A kept version may have another, from before the setting.
		return err
	}
	duckStep("version linked")
	return move(next, p.published)
}

// Versions are those kept, newest first.
func (r *duckRun) Versions(ctx context.Context) ([]Version, error) {
	rows, err := r.db.QueryContext(ctx, `
select version, run_id, published_at, as_of, state = 'published'
from ops.versions
where state in ('published', 'kept')
order by version desc`)
	if err != nil {
		return nil, fmt.Errorf("read ops.versions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Version
	for rows.Next() {
		var v Version
		var asOf sql.NullTime
		if err := rows.Scan(&v.ID, &v.Run, &v.PublishedAt, &asOf, &v.Current); err != nil {
			return nil, fmt.Errorf("read ops.versions: %w", err)
		}
		v.AsOf = asOf.Time
		out = append(out, v)
	}
	return out, rows.Err()
}

// Rollback publishes the kept version before the published one and keeps the one that it leaves, until the next publication.
func (r *duckRun) Rollback(ctx context.Context) (Version, error) {
	versions, err := r.Versions(ctx)
	if err != nil {
		return Version{}, err
	}
	current := slices.IndexFunc(versions, func(v Version) bool { return v.Current })
	if current < 0 {
		return Version{}, ErrNothingPublished
	}
	if current+1 == len(versions) {
		return Version{}, &change.Problem{
			Err: fmt.Errorf("no version before version %d is kept", versions[current].ID),
			Try: "a larger warehouse.keep_versions, for the next time", Class: change.ClassError,
		}
	}
	to := versions[current+1]
	if err := r.checkVersion(ctx, to.ID); err != nil {
		return Version{}, err
	}
	if err := r.paths.switchTo(to.ID); err != nil {
		return Version{}, duckProblem(fmt.Sprintf("publish version %d", to.ID), err)
	}
	to.Current = true
	return to, r.reconcile(ctx)
}

// reconcile brings ops.versions and the kept files to what is published. It is also the end of Publish and Rollback, so that a run
// killed between the rename and the record leaves nothing that the next Begin does not do in the same way.
func (r *duckRun) reconcile(ctx context.Context) error {
	reader, published, err := r.identify(ctx)
	if errors.Is(err, ErrNothingPublished) {
		return r.restore(ctx)
	}
	if err != nil {
		return err
	}
	var hash, note string
	err = reader.DB.QueryRowContext(ctx, `
select project_hash, note
from lifeline.version`).Scan(&hash, &note)
	if err = errors.Join(err, reader.Close()); err != nil {
		return duckProblem("read the published version", err)
	}
	if err := r.adopt(published.ID); err != nil {
		return err
	}
	if err := r.inTx(ctx, func(tx *sql.Tx) error { return recordVersions(ctx, tx, published, hash, note, r.KeepVersions) }); err != nil {
		return duckProblem("record the published version", err)
	}
	return r.dropVersions(ctx)
}

// restore puts the published version's file back in its place when somebody removed it.
func (r *duckRun) restore(ctx context.Context) error {
	versions, err := r.Versions(ctx)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if !v.Current {
			continue
		}
		if _, err := os.Stat(r.paths.version(v.ID)); errors.Is(err, os.ErrNotExist) {
			r.tell(fmt.Sprintf("the published version %d is gone, at %s and in %s; the next one is built anew", v.ID, r.paths.published,
				r.paths.versions))
			continue
		}
		if err := r.paths.switchTo(v.ID); err != nil {
			return duckProblem(fmt.Sprintf("put version %d back in its place", v.ID), err)
		}
		r.tell(fmt.Sprintf("%s was gone; version %d is back in its place", r.paths.published, v.ID))
	}
	// A version without a file is none.
	return r.dropVersions(ctx)
}

// adopt gives the published file its place among the kept versions when the folder came without it.
func (r *duckRun) adopt(id int64) error {
	path := r.paths.version(id)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return duckProblem("look for the published version", err)
	}
	if err := os.Link(r.paths.published, path); err != nil {
		if err := copyFile(r.paths.published, path); err != nil {
			return duckProblem("keep the published version", err)
		}
	}
	return nil
}

// recordVersions writes the states of all versions: the published one, those before it that are kept, the others dropped. A version
// that was rolled back from stays until the next publication, whose number is above its own.
func recordVersions(ctx context.Context, tx *sql.Tx, v Version, hash, note string, keep int) error {
	var newest bool
	if err := tx.QueryRowContext(ctx, `
select coalesce(max(version), 0) < $1
from ops.versions`, v.ID).Scan(&newest); err != nil {
		return err
	}
	if newest {
		// Those above the one published until now were rolled back from: nobody should come back to them.
		if _, err := tx.ExecContext(ctx, `
update ops.versions
set state = 'dropped'
where version > (select max(version) from ops.versions where state = 'published')`); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `
insert into ops.versions (version, run_id, published_at, as_of, project_hash, state, note)
select $1, $2, cast($3 as timestamp), cast($4 as timestamp), $5, 'published', $6
where not exists (select 1 from ops.versions where version = $1)`,
		v.ID, v.Run, stampOf(v.PublishedAt), stampOf(v.AsOf), hash, note); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
update ops.versions as u
set state = case
	when u.version = $1 then 'published'
	when u.version > $1 then 'kept'
	when (select count(*) from ops.versions as o where o.version > u.version and o.version <= $1 and o.state <> 'dropped') < $2 then 'kept'
	else 'dropped'
end
where state <> 'dropped' or version = $1`, v.ID, keep)
	return err
}

// dropVersions removes the files of versions that are not kept. A reader that has one open keeps it until it closes.
func (r *duckRun) dropVersions(ctx context.Context) error {
	versions, err := r.Versions(ctx)
	if err != nil {
		return err
	}
	files, err := r.paths.finished()
	if err != nil {
		return err
	}
	for id := range files {
		if slices.ContainsFunc(versions, func(v Version) bool { return v.ID == id }) {
			continue
		}
		if err := os.Remove(r.paths.version(id)); err != nil {
			return duckProblem(fmt.Sprintf("drop version %d", id), err)
		}
	}
	for _, v := range versions {
		if files[v.ID] {
			continue
		}
		// Its file was taken away by hand, so it is no place to go back to.
		if _, err := r.db.ExecContext(ctx, `
update ops.versions
set state = 'dropped'
where version = $1`, v.ID); err != nil {
			return fmt.Errorf("record version %d as dropped: %w", v.ID, err)
		}
	}
	return nil
}
