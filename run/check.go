package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/quality"
	"lifeline/warehouse"
)

// reconcileSource compares what the source itself added up with staging, before anything is built on it (promise 1).
func (w *walk) reconcileSource(ctx context.Context) (string, error) {
	books, err := w.sourceBooks(ctx, w.tables)
	w.books = append(w.books, books...)
	if err != nil {
		return "", err
	}
	_, line := quality.Balance(books)
	return line, w.closeSnapshot()
}

// sourceBooks compares what the open snapshot added up of some tables with staging. Those that do not balance are read whole next time.
func (w *walk) sourceBooks(ctx context.Context, of []*change.Table) ([]quality.Equation, error) {
	books, err := quality.SourceBooks(ctx, w.hold.DB(), of, w.totals)
	if err != nil {
		return nil, err
	}
	if quality.Unbalanced(books) != nil {
		if err := quality.NameRows(ctx, w.hold.DB(), of, books, w.reading); err != nil {
			w.opt.Logger.WarnContext(ctx, "books", "error", err) // That they do not balance is worse, and is said.
		}
		var tables []string
		for _, b := range books {
			if !b.Balances {
				tables = append(tables, b.Table)
			}
		}
		if err := w.hold.InvalidateDigest(ctx, tables); err != nil {
			return nil, err
		}
		if err := warehouse.DropChecksums(ctx, w.hold.DB(), tables); err != nil {
			return nil, err
		}
	}
	return books, quality.Unbalanced(books)
}

// reconcileLog proves that the tables that the log left alone are as they landed, and adds up the others for the next time.
func (w *walk) reconcileLog(ctx context.Context) (line string, err error) {
	if w.kept, err = warehouse.ReadLandedTotals(ctx, w.hold.DB()); err != nil {
		return "", err
	}
	if line, err = w.reconcileLanding(ctx); err != nil {
		return line, err
	}
	var changed []*change.Table
	for _, t := range w.tables {
		if w.kept[t.Name] == nil {
			changed = append(changed, t)
		}
	}
	totals, err := quality.StagedTotals(ctx, w.hold.DB(), changed)
	if err != nil || len(totals) == 0 {
		return line, err
	}
	return line, warehouse.KeepTotals(ctx, w.hold.DB(), w.report.RunID, totals)
}

// reconcileLanding compares staging with what its last landing found in the source, where this walk reads none.
func (w *walk) reconcileLanding(ctx context.Context) (string, error) {
	books, err := quality.LandedBooks(ctx, w.hold.DB(), w.kept)
	if err != nil {
		return "", err
	}
	w.books = append(w.books, books...)
	if err := quality.Unbalanced(books); err != nil {
		return "", err
	}
	_, line := quality.Balance(books)
	return line, nil
}

// compileChecks compiles the project's tests that want says, for the version under construction.
func (w *walk) compileChecks(ctx context.Context, want func(*project.Test) bool) ([]quality.Check, error) {
	var out []quality.Check
	w.stating.Lock()
	defer w.stating.Unlock()
	if w.reads == nil {
		w.reads = map[[2]string][]*model.Node{}
	}
	for _, t := range w.opt.Project.Tests {
		if t.Disabled || !want(t) {
			continue
		}
		var reads []*model.Node
		relation := func(n *model.Node) string {
			reads = append(reads, n)
			return w.relation(n)
		}
		env := model.Env{Relation: relation, Versions: w.versions, At: w.past(ctx)}
		resolved, err := w.graph.Resolve(t, env)
		if err != nil {
			return nil, err
		}
		tested := *resolved
		if t.Kind == project.Singular || !t.Shipped() {
			sql, err := w.graph.CompileTest(t, env)
			if err != nil {
				return nil, err
			}
			tested.SQL = sql
		}
		c, err := quality.Compile(&tested, w.relations(relation))
		if err != nil {
			return nil, err
		}
		w.reads[[2]string{c.Node, c.Name}] = reads
		out = append(out, c)
	}
	return out, nil
}

// relations names the graph's nodes for tests.
func (w *walk) relations(relation func(*model.Node) string) quality.Relations {
	return quality.Relations{
		Now: w.snapshot.TakenAt,
		Node: func(name string) (string, bool) {
			n := w.node(name)
			if n == nil {
				return "", false
			}
			return relation(n), true
		},
		Ref: func(text string) (string, string, error) {
			n, err := w.graph.Refers(text)
			if err != nil {
				return "", "", err
			}
			return relation(n), n.Name, nil
		},
		Key: func(name string) []string {
			n := w.node(name)
			switch {
			case n == nil:
				return nil
			case n.EntityOf != nil:
				return w.keyOf(n)
			case n.Source != nil:
				return w.staging(n.Source).Key
			}
			return n.Config.UniqueKey
		},
	}
}

// node finds a node by the name that tests use: a model's or seed's own, "source.table" for a source.
func (w *walk) node(name string) *model.Node {
	for _, n := range w.graph.Nodes {
		if n.Kind == model.KindSource && n.Source.Source+"."+n.Name == name || n.Kind != model.KindSource && n.Name == name {
			return n
		}
	}
	return nil
}

// check runs the tests that were not verdicts on rows, and stops the walk if one of severity error fails (promise 3).
func (w *walk) check(ctx context.Context) (string, error) {
	checks, err := w.compileChecks(ctx, func(t *project.Test) bool {
		n := w.node(t.Node)
		return t.OnFail != "quarantine" && (t.Node == "" || n != nil && n.Materialized != model.Ephemeral)
	})
	if err != nil {
		return "", err
	}
	known, err := w.checksBefore(ctx)
	if err != nil {
		return "", err
	}
	results, err := quality.RunAgain(ctx, w.build.CheckDB(), append(checks, w.freshness()...), w.build.Parallel(), known)
	if err != nil {
		return "", err
	}
	carried := 0
	for i := range results {
		if results[i].Carried() {
			carried++
		}
	}
	for _, n := range w.works() {
		if v := w.verdicts.byNode[n]; v != nil {
			results = append(results, v.Results...)
		}
	}
	if err := quality.LoadHistory(ctx, w.hold.DB(), w.report.RunID, results); err != nil {
		return "", err
	}
	quality.Classify(w.report.RunID, results)
	w.results = results
	line, err := w.evaluate(results)
	if carried > 0 {
		line += fmt.Sprintf("; %d stand from the published version", carried)
	}
	return line, err
}

// freshness makes the checks of dbt's freshness on source tables.
func (w *walk) freshness() []quality.Check {
	var out []quality.Check
	now := w.snapshot.TakenAt
	if now.IsZero() {
		now = w.opt.Now()
	}
	for _, s := range w.opt.Project.Sources {
		if s.LoadedAt == "" {
			continue
		}
		file, rest, _ := strings.Cut(s.Where, ":")
		line, _ := strconv.Atoi(strings.SplitN(rest, ":", 2)[0]) // Without a number the line is 0.
		out = append(out, quality.Freshness{
			Node: s.Source + "." + s.Name, Relation: warehouse.Relation(s.Schema, s.Name), LoadedAt: s.LoadedAt, Filter: s.Freshness.Filter,
			WarnAfter: s.Freshness.WarnAfter, ErrorAfter: s.Freshness.ErrorAfter, File: file, Line: line,
		}.Checks(now.UTC())...)
	}
	return out
}

// evaluate puts the results into the report and says whether they stop the run.
func (w *walk) evaluate(results []quality.Result) (string, error) {
	count := map[quality.Status]int{}
	var stops []string
	where := ""
	for i := range results {
		r := &results[i]
		count[r.Status]++
		w.report.Checks = append(w.report.Checks, CheckReport{
			Name: r.Name, Severity: string(r.Severity), Status: string(r.Status), Failing: r.Failing, Tested: r.Tested,
			Change: string(r.Change), Since: r.Since, Detail: r.Detail,
		})
		if !r.Stops() {
			continue
		}
		if where == "" {
			where = r.Where()
		}
		stops = append(stops, r.String())
	}
	line := fmt.Sprintf("%d passed, %d warned, %d failed, %d do not apply", count[quality.Pass], count[quality.Warn],
		count[quality.Fail]+count[quality.Error], count[quality.NotApplicable])
	if len(stops) == 0 {
		return line, nil
	}
	return line, &change.Problem{
		Err: errors.New(strings.Join(stops, "; ") + "; the published version stays"), Where: where, Class: change.ClassBlocked,
		Try: fmt.Sprintf("lifeline runs %d, then lifeline query --books \"select * from ops.check_rows\"", w.report.RunID),
	}
}

// closeBooks proves that nothing was lost between staging and what is about to be published (promise 1).
func (w *walk) closeBooks(ctx context.Context) (string, error) {
	books, err := w.rowVerdicts.CoreBooks(ctx)
	if err != nil {
		return "", err
	}
	var counts []quality.EntityCount
	for _, n := range w.works() {
		if n.Model == nil || n.Model.CountsOf == "" {
			continue
		}
		core := w.node(n.Model.CountsOf)
		c := quality.EntityCount{Table: n.Name, Relation: w.relation(n), Core: w.relation(core)}
		if core.EntityOf != nil && len(w.keyOf(core)) == 1 {
			c.Key, c.CoreKey, c.Money = n.Model.CountsKey, w.keyOf(core)[0], core.EntityOf.Money
		}
		counts = append(counts, c)
	}
	counted, err := quality.CountBooks(ctx, w.build.DB(), counts)
	if err != nil {
		return "", err
	}
	books = append(books, counted...)
	w.books = append(w.books, books...)
	if err := w.countRepairs(ctx); err != nil {
		return "", err
	}
	if err := quality.Unbalanced(books); err != nil {
		return "", err
	}
	_, line := quality.Balance(w.books)
	return line, nil
}

// leaveOut adds up, for each column, the values that are not true ones.
func (w *walk) leaveOut(repairs []quality.Repair) {
	for i := 0; i < len(repairs); {
		l := LeftOut{Table: repairs[i].Table, Column: repairs[i].Column}
		for ; i < len(repairs) && repairs[i].Column == l.Column; i++ {
			l.Of += repairs[i].Rows
			switch repairs[i].Basis {
			case "imputed":
				l.Imputed += repairs[i].Rows
			case "missing":
				l.Missing += repairs[i].Rows
			}
		}
		if l.Imputed+l.Missing > 0 && !strings.HasSuffix(l.Column, "_imputed") { // A stand-in is not counted in any case.
			w.report.LeftOut = append(w.report.LeftOut, l)
		}
	}
}

// countRepairs adds up how core's values came about (promise 7).
func (w *walk) countRepairs(ctx context.Context) error {
	for _, n := range w.works() {
		if n.EntityOf == nil {
			continue
		}
		repairs, err := quality.Repairs(ctx, w.build.DB(), n.Name, w.relation(n))
		if err != nil {
			return err
		}
		if repairs, err = w.rowVerdicts.Rules(ctx, n.Name, repairs); err != nil {
			return err
		}
		w.repairs = append(w.repairs, repairs...)
		w.leaveOut(repairs)
		t := w.report.table(n.EntityOf.Name)
		for _, r := range repairs {
			if r.Basis == "repaired" {
				t.Repaired += r.Rows
			}
		}
		for _, m := range w.report.Models {
			if m.Name == n.Name {
				t.Published = m.Rows
			}
		}
		if v := w.verdicts.byNode[n]; v != nil {
			t.Quarantined, t.Held, t.Superseded = v.Quarantined, v.Held, v.Superseded
			if t.Landed == 0 {
				t.Landed = v.Staging
			}
		}
	}
	return nil
}
