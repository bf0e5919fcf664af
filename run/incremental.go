package run

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"lifeline/model"
	"lifeline/model/locality"
	"lifeline/warehouse"
)

// How a relation of a version came about, as ops.models and the report say it.
const (
	builtWhole   = "whole"
	builtKeys    = "keys"
	builtCarried = "carried"
)

// incremental is what a build knows of the published version, so that it rebuilds only what has changed since.
type incremental struct {
	since    int64 // The run that published; rows of later runs are changed.
	before   map[string]modelState
	now      map[string]modelState
	local    map[*model.Node]*model.Locality
	names    map[*model.Node]map[string]*model.Node // By model: what the relations in its SQL are.
	snapshot string                                 // As models see it now.

	mu      sync.Mutex
	changes map[string]*changed // By relation, as SQL names it.
}

// modelState is what ops.models remembers of one relation.
type modelState struct {
	fingerprint, snapshot string
	rows                  int64
	built, why            string
	keys                  int64
}

// changed says what is other than in the published version in one relation.
type changed struct {
	all  bool   // Anything may be.
	why  string // For all: why.
	rows string // A relation with the rows that went and those that came; empty where none did.
	// Of a source table: what is true of its changed rows, and of those of its history that are new. Of an entity's source all rows of a
	// changed key count, and those that are in quarantine.
	condition, history string
	// Of a view: the values of one of its columns that rows may have changed for, in a column named k.
	keys, column string
}

func (c *changed) nothing() bool {
	return c != nil && !c.all && c.rows == "" && c.condition == "" && c.history == "" && c.keys == ""
}

// prepareIncremental finds out what the published version was built of. It gives nil where the next one has to be built whole.
func (w *walk) prepareIncremental(ctx context.Context) (*incremental, error) {
	i := &incremental{
		before: map[string]modelState{}, now: map[string]modelState{}, names: map[*model.Node]map[string]*model.Node{},
		changes: map[string]*changed{}, snapshot: w.snapshotText,
	}
	if err := errors.Join(w.fingerprints(ctx, i), w.readSlices(ctx)); err != nil {
		return nil, err
	}
	defer func() { w.states = maps.Clone(i.now) }()
	if !w.build.Partial() {
		return nil, nil
	}
	if w.opt.Full || w.opt.Replay != nil || w.chosen != nil || w.snapshotText == w.asOfText {
		return nil, w.localities(ctx, i)
	}
	var version int64
	err := w.hold.DB().QueryRowContext(ctx, `
select version, run_id
from ops.versions
where state = 'published'`).Scan(&version, &i.since)
	if err == nil {
		i.before, err = readStates(ctx, w.hold.DB(), version)
	}
	if errors.Is(err, sql.ErrNoRows) || err == nil && len(i.before) == 0 {
		return nil, w.localities(ctx, i)
	}
	if err != nil {
		return nil, err
	}
	// Before anything is made in the version.
	if err := w.inherit(ctx, i); err != nil {
		return nil, err
	}
	if err := w.sourceChanges(ctx, i); err != nil {
		return nil, err
	}
	return i, w.localities(ctx, i)
}

func readStates(ctx context.Context, db *sql.DB, version int64) (map[string]modelState, error) {
	rows, err := db.QueryContext(ctx, `
select model, fingerprint, coalesce(snapshot, ''), coalesce(rows, 0)
from ops.models
where version = $1`, version)
	if err != nil {
		return nil, fmt.Errorf("read ops.models: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]modelState{}
	for rows.Next() {
		var id string
		var s modelState
		if err := rows.Scan(&id, &s.fingerprint, &s.snapshot, &s.rows); err != nil {
			return nil, fmt.Errorf("read ops.models: %w", err)
		}
		out[id] = s
	}
	return out, rows.Err()
}

// inherit begins from the published version's tables where most rows may stay.
func (w *walk) inherit(ctx context.Context, i *incremental) error {
	var same, other int64
	for _, n := range w.works() {
		if rows := i.before[n.ID].rows; i.same(n) {
			same += rows
		} else {
			other += rows
		}
	}
	if same < other {
		return nil
	}
	return w.build.Inherit(ctx)
}

func (i *incremental) localityOf(n *model.Node) *model.Locality {
	if l := i.local[n]; l != nil {
		return l
	}
	return &model.Locality{Why: "it is a seed"}
}

// same tells that a node means what it meant when the published version was built.
func (i *incremental) same(n *model.Node) bool {
	before, there := i.before[n.ID]
	return there && before.fingerprint != "" && before.fingerprint == i.now[n.ID].fingerprint
}

// fingerprints puts together what each relation is made by, apart from the rows that it reads.
func (w *walk) fingerprints(ctx context.Context, i *incremental) error {
	for _, n := range w.graph.Nodes {
		var parts []string
		var err error
		switch n.Kind {
		case model.KindSource:
			parts, err = w.sourceShape(ctx, n)
		case model.KindSeed:
			parts = append(parts, fmt.Sprint(n.Seed.Columns))
			for _, row := range n.Seed.Rows {
				for _, cell := range row {
					if cell == nil {
						parts = append(parts, "-")
					} else {
						parts = append(parts, "+"+*cell)
					}
				}
			}
		default:
			parts, err = w.modelShape(ctx, n)
		}
		if err != nil {
			return err
		}
		for _, d := range n.DependsOn {
			if d.Kind == model.KindSource {
				parts = append(parts, i.now[d.ID].fingerprint)
			}
		}
		i.now[n.ID] = modelState{fingerprint: digest(append(parts, n.Schema, n.Alias)), snapshot: w.snapshotText}
	}
	return nil
}

func digest(parts []string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s;", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// modelShape is a model's SQL without the time of the snapshot, which moves with every run, and what else decides which rows it has: the
// moments that it asks of a source's past, for instance.
func (w *walk) modelShape(ctx context.Context, n *model.Node) ([]string, error) {
	var moments []string
	at := func(d *model.Node, moment string) (string, error) {
		moments = append(moments, moment)
		return w.past(ctx)(d, moment)
	}
	relation := func(d *model.Node) string { return warehouse.Relation(d.Schema, d.Alias) }
	text, err := w.graph.Compile(n, model.Env{Relation: relation, This: relation(n), Versions: w.versions, At: at})
	if err != nil {
		return nil, err
	}
	parts := []string{
		strings.ReplaceAll(text, w.snapshotText, "<snapshot>"), n.Materialized, strings.Join(n.Config.UniqueKey, ","), w.opt.Warehouse.Engine(),
	}
	parts = append(parts, moments...)
	for _, t := range w.opt.Project.Tests {
		if t.Node == n.Name && t.OnFail == "quarantine" && !t.Disabled {
			parts = append(parts, fmt.Sprint(t.Name, t.Kind, t.Column, t.Args, t.Where, t.Hold))
		}
	}
	return parts, nil
}

// sourceShape is the columns of a staging table.
func (w *walk) sourceShape(ctx context.Context, n *model.Node) ([]string, error) {
	rows, err := w.hold.DB().QueryContext(ctx, "select * from "+warehouse.Relation(n.Schema, n.Alias)+" limit 0")
	if err != nil {
		return nil, fmt.Errorf("columns of %s.%s: %w", n.Schema, n.Alias, err)
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("columns of %s.%s: %w", n.Schema, n.Alias, err)
	}
	var out []string
	for _, t := range types {
		precision, scale, _ := t.DecimalSize()
		out = append(out, fmt.Sprint(t.Name(), " ", t.DatabaseTypeName(), " ", precision, ",", scale))
	}
	return append(out, fmt.Sprint(w.staging(n.Source).Key)), rows.Err()
}

// localities settles how each model is local, by the names that relations have in this build.
func (w *walk) localities(ctx context.Context, i *incremental) (err error) {
	keyed := map[*model.Node]string{}
	for _, n := range w.graph.Nodes {
		if n.EntityOf != nil {
			k, err := w.rowVerdicts.Identity(ctx, w.staging(n.EntityOf))
			if err != nil {
				return err
			}
			keyed[n] = k.Relation
		}
	}
	i.local, err = w.graph.Localities(func(n *model.Node) model.Env {
		names := map[string]*model.Node{}
		i.names[n] = names
		return model.Env{This: w.relation(n), Versions: w.versions, At: w.past(ctx), Relation: func(d *model.Node) string {
			relation := w.relation(d)
			if keyed[n] != "" && d.Source == n.EntityOf {
				relation = keyed[n]
			}
			names[strings.Join(model.NameParts(relation), ".")] = d
			return relation
		}}
	})
	w.local, w.known = i.local, i
	for n, l := range i.local {
		if w.opt.plant != nil && err == nil {
			w.opt.plant(n.Name, l)
		}
	}
	return err
}

// leafChange is what has changed in what a leaf reads; nil means that nobody knows.
func (i *incremental) leafChange(of *model.Node, l *locality.Leaf) *changed {
	i.mu.Lock()
	defer i.mu.Unlock()
	name := l.Relation.Name
	if d := i.names[of][name]; d != nil {
		if d.Kind != model.KindSource {
			return i.changes[d.ID]
		}
		if of.EntityOf == d.Source {
			return i.changes["entity:"+d.ID]
		}
		return i.changes["source:"+d.ID]
	}
	if strings.HasPrefix(name, "part.") {
		return i.changes[name+" of "+of.ID]
	}
	if table, ok := strings.CutPrefix(name, "history."); ok {
		return i.changes["history:"+table]
	}
	return nil
}

func (i *incremental) set(n *model.Node, c *changed) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.changes[n.ID] = c
}

// recordModels writes how the version's relations came about.
func (w *walk) recordModels(ctx context.Context, db *sql.DB, version int64) error {
	if _, err := db.ExecContext(ctx, `
delete from ops.models
where version = $1
   or version not in (select version from ops.versions where state in ('published', 'kept'))`, version); err != nil {
		return fmt.Errorf("write ops.models: %w", err)
	}
	var rows [][]any
	for _, n := range w.graph.Nodes {
		s := w.states[n.ID]
		if w.chosen != nil && !w.chosen[n] {
			s.fingerprint = "" // It is not of the same rows as the others.
		}
		rows = append(rows, []any{version, n.ID, s.fingerprint, s.snapshot, s.rows, s.built, s.keys, s.why})
	}
	if err := insertRows(ctx, db, "ops.models (version, model, fingerprint, snapshot, rows, built, keys, why)", rows); err != nil {
		return fmt.Errorf("write ops.models: %w", err)
	}
	return nil
}

// noteState notes how one relation came about.
func (w *walk) noteState(n *model.Node, r ModelReport) {
	w.stating.Lock()
	defer w.stating.Unlock()
	s := w.states[n.ID]
	s.rows, s.built, s.keys, s.why = r.Rows, r.Built, r.Keys, r.Why
	w.states[n.ID] = s
}
