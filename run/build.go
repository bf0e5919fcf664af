package run

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/quality"
	"lifeline/warehouse"
)

// works are the nodes that become relations of the version: seeds and models, without those that are only inlined.
func (w *walk) works() []*model.Node {
	var out []*model.Node
	for _, n := range w.graph.Nodes {
		if n.Kind != model.KindSource && n.Materialized != model.Ephemeral {
			out = append(out, n)
		}
	}
	return out
}

// choose settles which nodes are built; the others are carried over from the version before.
func (w *walk) choose() error {
	w.chosen = nil
	if len(w.opt.Select)+len(w.opt.Exclude) == 0 {
		return nil
	}
	nodes, err := w.graph.Select(w.opt.Select, w.opt.Exclude)
	if err != nil {
		return err
	}
	w.chosen = map[*model.Node]bool{}
	entities := false
	for _, n := range nodes {
		w.chosen[n] = true
		entities = entities || n.EntityOf != nil
	}
	// Verdicts follow parents and the books are of all rows, so entities are judged together or not at all.
	for _, n := range w.graph.Nodes {
		if entities && n.EntityOf != nil {
			w.chosen[n] = true
		}
	}
	return nil
}

// outcomes are the relations of the version by their names alone.
func (w *walk) outcomes() []warehouse.Model {
	var out []warehouse.Model
	for _, n := range w.works() {
		out = append(out, warehouse.Model{Schema: n.Schema, Name: n.Alias})
	}
	return out
}

func (w *walk) builds(n *model.Node) bool { return w.chosen == nil || w.chosen[n] }

// buildModels makes every relation of the next version, each as soon as what it reads is there.
func (w *walk) buildModels(ctx context.Context) (string, error) {
	var err error
	if w.build, err = w.hold.Build(ctx); err != nil {
		return "", err
	}
	w.rowVerdicts = quality.NewRowVerdicts(w.build)
	w.rowVerdicts.Now = w.opt.Now()
	if err := w.startReplay(ctx); err != nil {
		return "", err
	}
	if w.inc, err = w.prepareIncremental(ctx); err != nil {
		return "", err
	}
	works := w.works()
	done := make(map[*model.Node]chan struct{}, len(works))
	for _, n := range works {
		done[n] = make(chan struct{})
	}
	reports := make([]ModelReport, len(works))
	var finished, judged atomic.Int64
	slots := make(chan struct{}, w.build.Parallel())
	g, ctx := errgroup.WithContext(ctx)
	for i, n := range works {
		g.Go(func() error {
			if err := await(ctx, n, done); err != nil {
				return err
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			defer func() { <-slots }()
			began := w.opt.Now()
			rows, judging, r, err := w.buildNode(ctx, n)
			if err == nil {
				err = w.noteChange(ctx, n, r, rows)
			}
			if err != nil {
				return w.inModel(n, "", err)
			}
			took := w.opt.Now().Sub(began) - judging
			reports[i] = ModelReport{Name: n.Name, Rows: rows, Seconds: took.Seconds(), Built: r.how, Why: r.why}
			if r.keys != nil {
				reports[i].Keys = r.keys.n
			}
			w.noteState(n, reports[i])
			judged.Add(int64(judging))
			close(done[n])
			w.opt.Progress.Advance(warehouse.StepBuild, finished.Add(1), int64(len(works)), "models")
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	w.report.Models = reports
	var rows int64
	for _, r := range reports {
		rows += r.Rows
	}
	return fmt.Sprintf("%d tables and views with %d rows: %s; %.1f s of it verdicts on rows", len(reports), rows, howBuilt(reports),
		time.Duration(judged.Load()).Seconds()), nil
}

// howBuilt says how many models were built whole, for some keys, and not at all.
func howBuilt(reports []ModelReport) string {
	count := map[string]int{}
	for _, r := range reports {
		count[r.Built]++
	}
	if count[builtWhole] == len(reports) {
		return "all whole"
	}
	return fmt.Sprintf("%d whole, %d for the keys that changed, %d carried over", count[builtWhole], count[builtKeys], count[builtCarried])
}

// await blocks until everything that n reads is built; ephemeral models stand for what they read.
func await(ctx context.Context, n *model.Node, done map[*model.Node]chan struct{}) error {
	for _, d := range n.DependsOn {
		if c, ok := done[d]; ok {
			select {
			case <-c:
			case <-ctx.Done():
				return ctx.Err()
			}
			continue
		}
		if err := await(ctx, d, done); err != nil {
			return err
		}
	}
	return nil
}

// errorLine is how DuckDB names a line of a statement.
var errorLine = regexp.MustCompile(`LINE (\d+):`)

// inModel says in which file, and as well as it can in which line, a database's error belongs.
func (w *walk) inModel(n *model.Node, compiled string, err error) error {
	var p *change.Problem
	if errors.As(err, &p) || errors.Is(err, context.Canceled) {
		return err
	}
	where := n.Path
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil && compiled != "" {
		// The statement's first line is the warehouse's own, before the model's select.
		if line, e := strconv.Atoi(m[1]); e == nil && line > 1 {
			where = w.graph.Place(n, compiled, line-1)
		}
	}
	return &change.Problem{
		Err: fmt.Errorf("model %s: %w", n.Name, err), Where: where, Class: change.ClassError,
		Try: "lifeline compile " + n.Name + ", and run its SQL by hand",
	}
}

// buildNode makes one relation, quarantines what an entity may not hold, and adds the indexes when the rows are final. judging is how
// long the verdicts on rows took of it.
func (w *walk) buildNode(ctx context.Context, n *model.Node) (rows int64, judging time.Duration, r rebuild, err error) {
	m := warehouse.Model{
		Schema: n.Schema, Name: n.Alias, View: n.Materialized == model.View, Candidate: n.EntityOf != nil, Key: w.clusterKey(n),
	}
	for _, i := range n.Config.Indexes {
		m.Indexes = append(m.Indexes, warehouse.Index{Columns: i.Columns, Unique: i.Unique})
	}
	previous, before, err := w.build.Previous(ctx, n.Schema, n.Alias)
	if err != nil {
		return 0, 0, r, err
	}
	if !w.builds(n) {
		rows, err = w.carry(ctx, n, m, before)
		return rows, 0, rebuild{how: builtCarried, why: "not selected"}, err
	}
	if err = w.makeParts(ctx, n); err != nil {
		return 0, 0, r, err
	}
	if r, err = w.decide(ctx, n, before); err != nil {
		return 0, 0, r, err
	}
	if n.Kind == model.KindSeed {
		rows, err = w.buildSeed(ctx, n)
		return rows, 0, r, err
	}
	incremental := n.Materialized == model.Incremental && before && !w.opt.Full
	began := w.opt.Now()
	if err := w.sql(ctx, n, &m, r, incremental, previous); err != nil {
		return 0, 0, r, err
	}
	judging = w.opt.Now().Sub(began)
	if rows, err = w.create(ctx, n, m, &r); err != nil {
		return 0, 0, r, w.inModel(n, m.SQL, err)
	}
	if err := w.enforce(ctx, n); err != nil {
		return 0, 0, r, err
	}
	if n.EntityOf != nil {
		began = w.opt.Now()
		if rows, err = w.quarantineRows(ctx, n, rows); err != nil {
			return 0, 0, r, err
		}
		judging += w.opt.Now().Sub(began)
	}
	return rows, judging, r, w.build.Index(ctx, m)
}

// sql gives a model its SQL: all of it, that for the keys that have changed, or none where its rows stay.
func (w *walk) sql(ctx context.Context, n *model.Node, m *warehouse.Model, r rebuild, incremental bool, previous string) (err error) {
	this := w.relation(n)
	switch {
	case incremental:
		// The version being built has no such table yet: what a model adds to is the published one.
		m.Carry, m.UniqueKey, this = true, n.Config.UniqueKey, previous
	case m.View:
	case r.how == builtCarried:
		m.Carry, m.Rows = true, w.inc.before[n.ID].rows
		return nil
	case r.how == builtKeys:
		m.Carry, m.Replaces = true, r.keys.in(w.keyOfPlan(r.plan, "p"))
		m.SQL = w.restricted(w.inc, n, r.plan, r.keys.in)
	}
	if m.SQL == "" && !incremental {
		m.SQL = w.withParts(n)
	}
	if m.SQL == "" {
		if m.SQL, err = w.compile(ctx, n, this, incremental); err != nil {
			return err
		}
	}
	if w.opt.ShowSQL != nil {
		w.opt.ShowSQL(n.Path, m.SQL)
	}
	return nil
}

// clusterKey is the column by which a cluster spreads a model's rows: the one that its lifecycle names, else an entity's own.
func (w *walk) clusterKey(n *model.Node) string {
	switch {
	case n.Model != nil && n.Model.DistributeBy != "":
		return n.Model.DistributeBy
	case n.EntityOf != nil:
		if key := w.keyOf(n); len(key) > 0 {
			return strings.ToLower(key[0])
		}
	}
	return ""
}

// carry brings a relation that was not chosen over from the version before.
func (w *walk) carry(ctx context.Context, n *model.Node, m warehouse.Model, before bool) (int64, error) {
	if !before {
		return 0, &change.Problem{
			Err: fmt.Errorf("%s is not selected, and the version before does not have it", n.Name), Class: change.ClassUsage,
			Try: "--select +" + n.Name + ", or a run of everything first",
		}
	}
	if m.View {
		// A view holds nothing to carry: it is made anew over this version's relations.
		var err error
		if m.SQL, err = w.compile(ctx, n, w.relation(n), false); err != nil {
			return 0, err
		}
		return w.build.Create(ctx, m)
	}
	m.Carry = true
	rows, err := w.build.Create(ctx, m)
	if err != nil {
		return 0, err
	}
	return rows, w.build.Index(ctx, m)
}

func (w *walk) buildSeed(ctx context.Context, n *model.Node) (int64, error) {
	columns := make([]warehouse.SeedColumn, len(n.Seed.Columns))
	for i, c := range n.Seed.Columns {
		columns[i] = warehouse.SeedColumn{Name: c.Name, Type: c.Type}
	}
	return int64(len(n.Seed.Rows)), w.build.Seed(ctx, n.Schema, n.Alias, columns, n.Seed.Rows)
}

// compile renders a model for this build. In an entity's model, source() of the table that it cleans shows one row per key.
func (w *walk) compile(ctx context.Context, n *model.Node, this string, incremental bool) (string, error) {
	keyed := ""
	if n.EntityOf != nil {
		k, err := w.rowVerdicts.Identity(ctx, w.staging(n.EntityOf))
		if err != nil {
			return "", err
		}
		keyed = k.Relation
	}
	return w.graph.Compile(n, model.Env{
		Incremental: incremental,
		This:        this,
		Versions:    w.versions,
		At:          w.past(ctx),
		Columns:     func(d *model.Node) ([]model.Column, error) { return w.columnsOf(ctx, w.relation(d)) },
		Relation: func(d *model.Node) string {
			if keyed != "" && d.Source == n.EntityOf {
				return keyed
			}
			return w.relation(d)
		},
	})
}

func (w *walk) versions(n *model.Node, columns []string) string {
	return versions(n, columns, w.followed[n.Alias])
}

// Versions is the subquery with the versions of the rows of a source table that have changed, the present one among them: that one is
// true since the snapshot that brought it.
func Versions(n *model.Node, columns []string) string { return versions(n, columns, false) }

// versions is the same; with since the table of that name knows when the log brought the present version.
func versions(n *model.Node, columns []string, since bool) string {
	of := func(alias string) string {
		out := make([]string, len(columns))
		for i, c := range columns {
			out[i] = alias + "." + warehouse.Name(strings.ToLower(c))
		}
		return strings.Join(out, ", ")
	}
	began, basis, brought := "p.taken_at", "'snapshot'", ""
	if since {
		began, basis = "coalesce(b._since, p.taken_at)", warehouse.FromBasis("b")
		on := make([]string, len(n.Source.Key))
		for i, k := range n.Source.Key {
			on[i] = "b." + warehouse.Quote(k) + " = s." + warehouse.Quote(k)
		}
		brought = fmt.Sprintf(`
    left join since.%s as b on %s and b._run = s._run`, warehouse.Name(n.Alias), strings.Join(on, " and "))
	}
	keys := make([]string, len(n.Source.Key))
	for i, k := range n.Source.Key {
		keys[i] = "h." + warehouse.Quote(k) + " = s." + warehouse.Quote(k)
	}
	return fmt.Sprintf(`(
    select %[1]s, h._op, h._valid_from, h._valid_to, h._basis, h._position, h._from_basis
    from history.%[3]s as h
    union all
    select %[2]s, cast(null as varchar), %[6]s, cast(null as timestamp), cast(null as varchar), cast(null as varchar),
        %[8]s
    from %[4]s.%[3]s as s
    left join (
        select run_id, max(taken_at) as taken_at
        from ops.positions
        group by run_id
    ) as p on p.run_id = s._run%[7]s
    where exists (select 1 from history.%[3]s as h where %[5]s)
)`, of("h"), of("s"), warehouse.Name(n.Alias), n.Schema, strings.Join(keys, " and "), began, brought, basis)
}

func (w *walk) relation(n *model.Node) string {
	if n.Kind == model.KindSource {
		return warehouse.Relation(n.Schema, n.Alias)
	}
	return w.build.Relation(n.Schema, n.Alias)
}

// quarantineRows takes the rows that fail a verdict out of an entity before anyone reads it.
func (w *walk) quarantineRows(ctx context.Context, n *model.Node, rows int64) (int64, error) {
	checks, err := w.compileChecks(ctx, func(t *project.Test) bool { return t.Node == n.Name && t.OnFail == "quarantine" })
	if err != nil {
		return 0, err
	}
	hold := map[string]time.Duration{}
	for _, t := range w.opt.Project.Tests {
		if t.Node == n.Name && t.Hold > 0 {
			hold[t.Name] = t.Hold
		}
	}
	v, err := w.rowVerdicts.Evaluate(ctx, quality.Entity{
		Source: w.staging(n.EntityOf), Node: n.Name, Relation: w.relation(n), Key: w.keyOf(n), Checks: checks, Hold: hold,
	})
	if err != nil {
		return 0, err
	}
	w.verdicts.put(n, v)
	return v.Staging - v.Quarantined - v.Held - v.Superseded, nil
}

// keyOf is an entity's key in core: the declared key of its source, by the same names.
func (w *walk) keyOf(n *model.Node) []string {
	if len(n.Config.UniqueKey) > 0 {
		return n.Config.UniqueKey
	}
	return w.staging(n.EntityOf).Key
}

// staging is a source table as it landed: what the project does not say of its key, the source does.
func (w *walk) staging(s *project.SourceTable) quality.StagingTable {
	t := quality.NewStagingTable(s)
	if len(t.Key) > 0 {
		return t
	}
	for _, landing := range w.tables {
		if landing.Name == s.Name {
			t.Key = landing.Key
		}
	}
	if kept := w.kept[s.Name]; len(t.Key) == 0 && kept != nil {
		t.Key = kept.Key
	}
	return t
}

// verdicts are those on each entity's rows; models that are built at once share them.
type verdicts struct {
	mu     sync.Mutex
	byNode map[*model.Node]*quality.Verdict
}

func (v *verdicts) put(n *model.Node, verdict *quality.Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.byNode[n] = verdict
}

// stamp is a time as ops holds it: UTC, to the microsecond.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
