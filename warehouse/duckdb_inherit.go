package warehouse

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
)

// A version that differs little from the published one begins as a copy of its file. Copying bytes costs a fraction of writing rows, and
// rows that are deleted and inserted in the copy cost no more than they are.

// Partial is true: rows may be replaced in the version's file.
func (b *duckBuild) Partial() bool { return true }

// Inherit puts a copy of the published version in the place of the empty file.
func (b *duckBuild) Inherit(ctx context.Context) error {
	if err := b.attachPrevious(ctx); err != nil || b.first {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	doing := fmt.Sprintf("begin version %d from the published one", b.id)
	var id int64
	if err := b.run.db.QueryRowContext(ctx, "select version from ops.versions where state = 'published'").Scan(&id); err != nil {
		return duckProblem(doing, err)
	}
	path := b.run.paths.building(b.id)
	if _, err := b.run.db.ExecContext(ctx, "detach v"); err != nil {
		return duckProblem(doing, err)
	}
	err := os.RemoveAll(path)
	if err == nil {
		err = copyFile(b.run.paths.version(id), path)
	}
	if err == nil {
		err = os.Chmod(path, privateMode)
	}
	if err == nil {
		_, err = b.run.db.ExecContext(ctx, "attach "+Literal(path)+" as v (recovery_mode no_wal_writes)")
	}
	if err != nil {
		return duckProblem(doing, err)
	}
	_, err = b.run.db.ExecContext(ctx, "drop table if exists v.lifeline.version; create schema if not exists v.build")
	b.inherited, b.inheritedKinds = true, maps.Clone(b.kinds)
	if err != nil {
		return duckProblem(doing, err)
	}
	return b.run.fitThreads(ctx, smallStagingKept)
}

// begin notes that a relation is made, and makes room for it where the copy has one of its name that does not stay.
func (b *duckBuild) begin(ctx context.Context, schema, name string, stays bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made[schema+"."+name] = true
	if !b.inherited || stays {
		return nil
	}
	return b.dropRelation(ctx, schema, name)
}

// dropRelation drops a table or a view that the version began with, whichever it is.
func (b *duckBuild) dropRelation(ctx context.Context, schema, name string) error {
	kind := b.inheritedKinds[schema+"."+name]
	if kind == "" {
		return nil
	}
	if _, err := b.run.db.ExecContext(ctx, "drop "+kind+" if exists "+b.Relation(schema, name)); err != nil {
		return duckProblem(fmt.Sprintf("make room for %s.%s", schema, name), err)
	}
	delete(b.inheritedKinds, schema+"."+name)
	return nil
}

// staying makes a table whose published rows stay, all or but for some.
func (b *duckBuild) staying(ctx context.Context, m Model) func() error {
	target, previous := b.Relation(m.Schema, m.Name), b.relation("prev", m.Schema, m.Name)
	switch {
	case b.inherited && m.SQL == "":
		return func() error { return nil }
	case b.inherited:
		return func() error { return b.replace(ctx, m) }
	case m.SQL == "":
		return b.statement(ctx, "create table "+target+" as from "+previous)
	}
	return b.statement(ctx, fmt.Sprintf("create table %s as select * from %s as p where (%s) is not true union all %s", target, previous,
		m.Replaces, selected(m.SQL)))
}

// replace changes some rows of a table of the copy. Each statement is whole or not at all, and both may be tried again.
func (b *duckBuild) replace(ctx context.Context, m Model) error {
	target := b.Relation(m.Schema, m.Name)
	if _, err := b.run.db.ExecContext(ctx, "delete from "+target+" as p where "+m.Replaces); err != nil {
		return err
	}
	_, err := b.one(ctx, "insert into "+target+" "+selected(m.SQL))
	return err
}

// dropLeft drops what the copy has and this version does not.
func (b *duckBuild) dropLeft(ctx context.Context) error {
	if !b.inherited {
		return nil
	}
	for name := range maps.Clone(b.inheritedKinds) {
		schema, relation, _ := strings.Cut(name, ".")
		if b.made[name] || schema == "build" {
			continue
		}
		if err := b.dropRelation(ctx, schema, relation); err != nil {
			return err
		}
	}
	return nil
}
