package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/quality"
	"lifeline/source"
	"lifeline/warehouse"
)

// OpenSource connects to the source; the walk closes it.
type OpenSource func(context.Context) (source.Source, error)

// Options say what to walk with.
type Options struct {
	Project    *project.Project
	Warehouse  warehouse.Warehouse
	Source     OpenSource    // nil builds from what has landed.
	Command    string        // As it goes into ops.runs, such as "run".
	Version    string        // Of the program, for ops.runs.
	Full       bool          // Read every row, build incremental models anew, and publish even when nothing changed.
	Resnapshot bool          // Read everything though the log's position is gone; what happened in between stays unknown.
	Deletes    []string      // Source tables that may lose however many rows in this landing.
	Following  *Following    // Of Follow: the log is read on for a while, not up to where it stands.
	Prove      float64       // The share of keys, up to 1, that are computed again and compared before a publication.
	Trial      bool          // Build and check, and publish nothing.
	Replay     *Replay       // Evaluate quarantine anew from what has landed; publish only if that changes it.
	Select     []string      // Models to build; the others are carried over from the version before. Empty means all.
	Exclude    []string      // Models not to build.
	AsOf       string        // Overrides the project's rule: "latest", "now" or a date.
	Wait       time.Duration // How long to wait for another run that holds the warehouse.
	ShowSQL    func(name, sql string)
	Progress   Progress     // nil means silence.
	Logger     *slog.Logger // nil means silence.
	Now        func() time.Time

	plant func(model string, l *model.Locality) // Tests put faults in.
}

// Progress is told what happens, for people. Calls come from several goroutines.
type Progress interface {
	// Begin says that a step has begun.
	Begin(step string)
	// Advance says how far the step is; total is 0 where it is not known.
	Advance(step string, done, total int64, unit string)
	// End says what the step did, in one line.
	End(step, line string)
}

// walk is one way through, with what each step leaves to the next.
type walk struct {
	opt    Options
	report *Report
	graph  *model.Graph
	chosen map[*model.Node]bool // Nodes to build; nil means all.
	hold   warehouse.Run
	build  warehouse.Build

	source    source.Source   // nil where nothing is read.
	reading   source.Snapshot // Open until its totals are staging's; nil after.
	snapshot  change.Snapshot
	totals    []change.Totals
	partial   *source.Changes // What was read of a source whose checksums were kept; nil where all was read.
	tables    []*change.Table
	landed    []warehouse.Landed
	different []Difference                       // Found by Following.Verify since the walk before.
	deleted   map[string]int64                   // Rows that this run's landings have taken out of each table.
	kept      map[string]*warehouse.LandedTotals // What the source held when each table last landed, where none is read.
	noLog     string                             // Why the log was not read.
	followed  map[string]bool                    // Tables of which the log has brought rows.
	hash      string
	asOf      time.Time

	snapshotText, asOfText string       // The times of snapshot and as of, as models see them.
	inc                    *incremental // What is known of the published version; nil where everything is built whole.
	local                  map[*model.Node]*model.Locality
	known                  *incremental          // As inc, but never nil: names and localities of this build.
	states                 map[string]modelState // How the relations of this version come about.
	stating                sync.Mutex
	reads                  map[[2]string][]*model.Node // What each check reads, by its node and name.
	recordHash             *bool                       // The server has a hash of several values; nil before it is asked.
	sliced                 map[string]int              // How many slices models of the published version took, by their ids.

	rowVerdicts *quality.RowVerdicts
	verdicts    verdicts
	books       []quality.Equation
	repairs     []quality.Repair
	results     []quality.Result
	recorded    bool // The results and the quarantine are written.
}

// Do walks the whole way and reports it. The report is complete also when an error is returned; the error then says why the walk
// stopped, and its class is the exit code.
func Do(ctx context.Context, o Options) (*Report, error) {
	w, err := newWalk(o)
	if err != nil {
		return w.report, w.fail(err)
	}
	host := thisHost()
	w.hold, err = o.Warehouse.Begin(ctx, warehouse.Holder{
		Command: w.opt.Command, Host: host.name, PID: host.pid, Since: w.opt.Now().UTC(),
	}, o.Wait)
	if err != nil {
		return w.report, w.fail(held(err))
	}
	w.report.RunID = w.hold.ID()
	w.report.Warnings = append(w.report.Warnings, w.hold.Notices()...)
	for _, s := range o.Project.Sources {
		w.report.table(s.Name) // In the project's order, whatever order the engines report in.
	}
	before, err := lastIncident(ctx, w.hold.DB(), w.report.RunID)
	if err == nil {
		err = w.steps(ctx)
	}
	w.report.landedAt = w.snapshot.TakenAt
	stopped := ctx.Err() != nil && err != nil
	err = w.finish(ctx, err)
	if !w.opt.Trial && !stopped { // That somebody ended the program is no incident.
		w.notify(ctx, before)
		w.notifyDifferences(ctx)
	}
	return w.report, err
}

// steps are the walk once the warehouse is held.
func (w *walk) steps(ctx context.Context) error {
	if err := w.openSource(ctx); err != nil {
		return err
	}
	if err := w.preflight(ctx); err != nil {
		return err
	}
	if err := w.open(ctx); err != nil {
		return err
	}
	if err := w.opt.Warehouse.Check(ctx, w.tables, w.outcomes()); err != nil {
		return err
	}
	if err := EntityKeys(w.graph, w.tables); err != nil {
		return err
	}
	if err := w.bringIn(ctx); err != nil {
		return err
	}
	if err := w.lookAtSince(ctx); err != nil {
		return err
	}
	if err := w.decideAsOf(ctx); err != nil {
		return err
	}
	same, err := w.nothingToDo(ctx)
	if err != nil || same {
		return err
	}
	if err := w.tellUnread(ctx); err != nil {
		return err
	}
	return w.makeVersion(ctx)
}

// bringIn lands the source, where one is read, and closes the books between it and staging.
func (w *walk) bringIn(ctx context.Context) error {
	if w.opt.Source == nil {
		if len(w.opt.Project.Sources) == 0 {
			return nil
		}
		return w.step(ctx, warehouse.StepReconcile, w.reconcileLanding)
	}
	if err := w.step(ctx, warehouse.StepLand, w.land); err != nil {
		return err
	}
	if err := w.pruneHistory(ctx); err != nil {
		return err
	}
	if w.report.Mode == ModeLog {
		return w.step(ctx, warehouse.StepReconcile, w.reconcileLog)
	}
	return w.step(ctx, warehouse.StepReconcile, w.reconcileSource)
}

// makeVersion builds, checks and publishes; a trial ends before the publication.
func (w *walk) makeVersion(ctx context.Context) error {
	for _, s := range []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{warehouse.StepBuild, w.buildModels},
		{warehouse.StepProve, w.prove},
		{warehouse.StepQuarantine, w.quarantineDelta},
		{warehouse.StepCheck, w.check},
		{warehouse.StepBooks, w.closeBooks},
		{warehouse.StepPublish, w.publish},
	} {
		if w.opt.Trial && s.name == warehouse.StepPublish {
			w.report.Status = Checked
			return nil
		}
		if s.name == warehouse.StepProve && w.opt.Prove <= 0 {
			continue
		}
		err := w.step(ctx, s.name, s.do)
		if err != nil && s.name == warehouse.StepCheck && ctx.Err() == nil {
			// The books may name the row that a check only counts.
			err = errors.Join(err, w.step(ctx, warehouse.StepBooks, w.closeBooks))
		}
		if err != nil || w.report.Status == Unchanged {
			return err
		}
	}
	return nil
}

func newWalk(o Options) (*walk, error) {
	w := &walk{opt: o, verdicts: verdicts{byNode: map[*model.Node]*quality.Verdict{}}}
	if w.opt.Now == nil {
		w.opt.Now = time.Now
	}
	if w.opt.Logger == nil {
		w.opt.Logger = slog.New(slog.DiscardHandler)
	}
	if w.opt.Progress == nil {
		w.opt.Progress = silent{}
	}
	w.report = &Report{
		Status: Failed, Mode: ModeBuild, StartedAt: w.opt.Now().UTC(), Project: o.Project.Name,
		Tables: []TableReport{}, Models: []ModelReport{}, Checks: []CheckReport{}, Books: []BookReport{}, Steps: []StepReport{},
	}
	if o.Source != nil {
		w.report.Mode = ModeFull
	}
	var err error
	if w.hash, err = o.Project.Hash(); err != nil {
		return w, fmt.Errorf("hash the project: %w", err)
	}
	// The graph is made once before anything is touched, so that a broken project costs no read of the source.
	if w.graph, err = w.newGraph(time.Time{}, time.Time{}); err != nil {
		return w, err
	}
	w.report.Ignored = o.Project.Unused()
	if !slices.ContainsFunc(w.graph.Nodes, func(n *model.Node) bool { return n.Kind != model.KindSource }) {
		w.report.Warnings = append(w.report.Warnings, "the project has no models, so nothing can be read from the published version. "+
			"Try: lifeline init DIR --source DSN, which writes them, or add models/core/NAME.sql")
	}
	return w, w.choose()
}

// newGraph orders the models as they are for one as-of instant. Models see it as var('as_of'), and the snapshot's own time, after which
// no date is valid, as var('snapshot_at'); both are wall-clock times of the source's zone.
func (w *walk) newGraph(asOf, snapshotAt time.Time) (*model.Graph, error) {
	vars := map[string]any{"as_of": asOf.Format(time.DateTime)}
	if !snapshotAt.IsZero() {
		vars["snapshot_at"] = snapshotAt.Format(time.DateTime)
	}
	return model.NewGraph(w.opt.Project, model.Options{
		Target: model.Target{Name: w.opt.Warehouse.Engine(), Type: w.opt.Warehouse.Engine()}, Vars: vars, Env: os.Getenv,
	})
}

// step times one step, tells of it and writes it into ops.steps.
func (w *walk) step(ctx context.Context, name string, do func(context.Context) (string, error)) error {
	w.opt.Progress.Begin(name)
	began := w.opt.Now()
	line, err := do(ctx)
	took := w.opt.Now().Sub(began)
	status := "done"
	if err != nil {
		status, line = "failed", firstLine(err.Error())
	}
	w.report.Steps = append(w.report.Steps, StepReport{Name: name, Seconds: took.Seconds(), Status: status, Detail: line})
	if err != nil {
		line = status // The error itself is shown once, at the end.
	}
	w.opt.Progress.End(name, line)
	w.opt.Logger.InfoContext(ctx, "step finished", "step", name, "status", status, "seconds", took.Seconds(), "detail", line)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// fail puts an error into the report; a stop by a check, the contract or the books is "blocked", everything else "failed".
func (w *walk) fail(err error) error {
	if err == nil {
		return nil
	}
	w.report.Status = Failed
	var p *change.Problem
	if errors.As(err, &p) && p.Class == change.ClassBlocked {
		w.report.Status = Blocked
	}
	w.report.Error = errorReport(err)
	w.report.EndedAt = w.opt.Now().UTC()
	return err
}

// held turns the lock's answer into the user's.
func held(err error) error {
	var h *warehouse.HeldError
	if !errors.As(err, &h) {
		return fmt.Errorf("open the warehouse: %w", err)
	}
	return &change.Problem{Err: err, Class: change.ClassHeld, Try: "--wait 10m, or look at the other run"}
}

type silent struct{}

func (silent) Begin(string)                         {}
func (silent) Advance(string, int64, int64, string) {}
func (silent) End(string, string)                   {}
