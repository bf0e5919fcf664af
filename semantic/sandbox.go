package semantic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lifeline/change"
	"lifeline/warehouse"
)

// SandboxOptions say what a sandbox reads and how much one statement may use.
type SandboxOptions struct {
	Engine  string   // "duckdb" or "postgres".
	Files   []string // DuckDB: where the version's file may be; the first that is there and is of the version is read.
	Version int64    // DuckDB: the version's number.
	// Address gives the address of the readers' role on PostgreSQL, which is never shown.
	Address func(ctx context.Context) (string, error)
	Tables  map[string]bool     // What may be read, as schema.table in lower case.
	Rename  func(string) string // Puts the version's own relations in place of the published names; nil where they are the same.
	Limits  Limits
}

// Limits bound statements of people. The zero value of each means its default.
type Limits struct {
	Time        time.Duration // Of one answer; 5 s. It bounds the clock and, apart from that, the processor's time.
	Memory      int64         // Of one statement, in bytes; 256 MB.
	Rows        int           // Of one answer; 10,000.
	Bytes       int64         // Of one answer; 8 MB.
	ExportTime  time.Duration // Of one file; 60 s.
	ExportRows  int           // Of one file; 1,000,000.
	ExportBytes int64         // Of one file; 1 GB.
	AtOnce      int           // Statements that run at once; 2.
	Patience    time.Duration // How long a statement waits for others; 20 s.
}

// WithDefaults fills in what is zero.
func (l Limits) WithDefaults() Limits {
	l.Time = cmp.Or(l.Time, 5*time.Second)
	l.Memory = cmp.Or(l.Memory, 256<<20)
	l.Rows = cmp.Or(l.Rows, 10_000)
	l.Bytes = cmp.Or(l.Bytes, 8<<20)
	l.ExportTime = cmp.Or(l.ExportTime, time.Minute)
	l.ExportRows = cmp.Or(l.ExportRows, 100*l.Rows)
	l.ExportBytes = cmp.Or(l.ExportBytes, 1<<30)
	l.AtOnce = cmp.Or(l.AtOnce, 2)
	l.Patience = cmp.Or(l.Patience, 20*time.Second)
	return l
}

// Sandbox runs statements of people, each in a process of its own that has nothing but the published version, little memory and little
// time. The process is the wall: it is killed where it takes too much. That a statement is one select over the version's tables is
// looked at in that process too, before it runs.
type Sandbox struct {
	o     SandboxOptions
	queue *Queue
	dir   string // Of the answers, each in a folder of its own.

	mu      sync.Mutex
	address string  // Of the readers' role, once it is known.
	spare   *worker // Waits for the next statement, so that it need not wait for a start.
	timer   *time.Timer
	closed  bool
	work    sync.WaitGroup // Starts of spare processes.
}

// NewSandbox makes a sandbox over one version; nothing is started before the first statement. Sandboxes of several versions share the
// queue.
func NewSandbox(o SandboxOptions, queue *Queue) (*Sandbox, error) {
	o.Limits = o.Limits.WithDefaults()
	if o.Rename == nil {
		o.Rename = func(s string) string { return s }
	}
	dir, err := ScratchDir("sql")
	if err != nil {
		return nil, err
	}
	return &Sandbox{o: o, queue: queue, dir: dir}, nil
}

// SandboxQueue is the queue that the limits ask for: nobody may fill it alone.
func SandboxQueue(l Limits) *Queue {
	l = l.WithDefaults()
	return NewQueue(QueueOptions{AtOnce: l.AtOnce, EachAtOnce: max(1, l.AtOnce-1), EachWaiting: 2, Waiting: 32, Patience: l.Patience})
}

// Close ends what waits and removes what is left of answers. Statements under way keep running: close their answers first.
func (s *Sandbox) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	s.closed = true
	spare := s.spare
	s.spare = nil
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.work.Wait()
	if spare != nil {
		spare.end()
	}
	return os.RemoveAll(s.dir)
}

// Statement is one select of a person.
type Statement struct {
	User   string // Whose share of the sandbox it takes.
	Text   string
	Format string // "json" for a page's answer, or "csv", "ndjson", "parquet" for a file.
}

// Answer is what a statement gave. Its rows are in a file: for "json" one array a line, otherwise the file that was asked for.
type Answer struct {
	Columns   []SandboxColumn
	Rows      int64
	Bytes     int64
	Truncated bool // There are more rows than an answer may have; never so for files.
	File      *os.File
	remove    func()
}

// SandboxColumn is a column by the engine's name of its type.
type SandboxColumn struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Precision int64  `json:"precision,omitempty"`
	Scale     int64  `json:"scale,omitempty"`
}

// Close removes the answer.
func (a *Answer) Close() error {
	err := a.File.Close()
	a.remove()
	return err
}

// Run runs a statement to its end. What is wrong with it, or with what it takes, is a *SandboxError.
func (s *Sandbox) Run(ctx context.Context, st Statement) (*Answer, error) {
	leave, err := s.queue.Enter(ctx, st.User)
	if err != nil {
		return nil, busyError(err)
	}
	defer leave()
	w, err := s.worker(ctx)
	if err != nil {
		return nil, err
	}
	q := s.question(st, w.dir)
	done, err := w.ask(ctx, q)
	if err == nil && done.Error != nil {
		err = done.Error
	}
	if known := (*SandboxError)(nil); errors.As(err, &known) && known.Kind == SandboxRefused {
		s.keep(w) // Nothing of the statement has run.
		return nil, err
	}
	w.kill()
	defer s.makeSpare()
	var f *os.File
	if err == nil {
		f, err = os.Open(q.File)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(w.dir))
	}
	return &Answer{Columns: done.Columns, Rows: done.Rows, Bytes: done.Bytes, Truncated: done.Truncated, File: f, remove: w.remove}, nil
}

// question is the statement with what it may use.
func (s *Sandbox) question(st Statement, dir string) *question {
	l := s.o.Limits
	q := &question{
		Text: st.Text, Run: s.o.Rename(st.Text), Format: st.Format, Tables: s.o.Tables, File: filepath.Join(dir, "answer"),
		Time: l.Time, Rows: l.Rows, Bytes: l.Bytes,
	}
	if st.Format != "json" {
		q.Time, q.Rows, q.Bytes, q.Whole = l.ExportTime, l.ExportRows, l.ExportBytes, true
	}
	return q
}

// worker takes the spare process or starts one.
func (s *Sandbox) worker(ctx context.Context) (*worker, error) {
	s.mu.Lock()
	w := s.spare
	s.spare = nil
	s.mu.Unlock()
	if w != nil && w.alive() {
		return w, nil
	}
	if w != nil {
		w.end()
	}
	c, err := s.config(ctx)
	if err != nil {
		return nil, err
	}
	return startWorker(ctx, s.dir, c)
}

// config says what a process opens. The readers' role is looked at once.
func (s *Sandbox) config(ctx context.Context) (*workerConfig, error) {
	l := s.o.Limits
	c := &workerConfig{Engine: s.o.Engine, Files: s.o.Files, Version: s.o.Version, Memory: l.Memory, Spill: l.ExportBytes}
	if s.o.Address == nil {
		return c, nil
	}
	s.mu.Lock()
	c.DSN = s.address
	s.mu.Unlock()
	if c.DSN != "" {
		return c, nil
	}
	var err error
	if c.DSN, err = s.o.Address(ctx); err != nil {
		return nil, noAddress(err)
	}
	s.mu.Lock()
	s.address = c.DSN
	s.mu.Unlock()
	return c, nil
}

// noAddress says why there is no role that a statement may run as, or that PostgreSQL cannot be asked.
func noAddress(err error) error {
	if !errors.Is(err, warehouse.ErrNoReader) {
		return noDatabase(err)
	}
	e := &SandboxError{Kind: SandboxNoReader, Title: "SQL is closed here", Detail: err.Error()}
	var problem *change.Problem
	if errors.As(err, &problem) {
		e.Hint = problem.Try
	}
	return e
}

// spareLife is how long a process waits for the next statement.
const spareLife = time.Minute

// makeSpare starts a process for the next statement while nobody waits for it.
func (s *Sandbox) makeSpare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.spare != nil {
		return
	}
	s.work.Go(func() {
		ctx := context.Background()
		c, err := s.config(ctx)
		if err != nil {
			return // The next statement is told why.
		}
		if w, err := startWorker(ctx, s.dir, c); err == nil {
			s.keep(w)
		}
	})
}

// keep lets a process wait for the next statement, for a while.
func (s *Sandbox) keep(w *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.spare != nil {
		w.end()
		return
	}
	s.spare = w
	s.timer = time.AfterFunc(spareLife, func() {
		s.mu.Lock()
		if s.spare != w {
			s.mu.Unlock()
			return
		}
		s.spare = nil
		s.mu.Unlock()
		w.end()
	})
}

// SandboxError says why a statement was not run or did not end.
type SandboxError struct {
	Kind   string `json:"kind"` // One of the Sandbox… constants.
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
	Cause  string `json:"cause,omitempty"` // For the log: it may name files.
}

// Kinds of a SandboxError.
const (
	SandboxRefused     = "refused"     // It is not one select over the published tables.
	SandboxMistake     = "mistake"     // The database says what is wrong with it.
	SandboxTooMuch     = "too_much"    // It took more time, memory or bytes, or gave more rows, than one may.
	SandboxBusy        = "busy"        // The asker's own statements are still running.
	SandboxFull        = "full"        // Everybody's are.
	SandboxUnavailable = "unavailable" // The database cannot be asked now.
	SandboxNoReader    = "no_reader"   // There is no role that people's SQL may run as.
)

func (e *SandboxError) Error() string { return e.Title + ": " + e.Detail }

func refused(why string) *SandboxError {
	return &SandboxError{
		Kind: SandboxRefused, Title: "This statement is not allowed here", Detail: why,
		Hint: "one select over the tables of /tables",
	}
}

func tooMuch(title, detail, hint string) *SandboxError {
	return &SandboxError{Kind: SandboxTooMuch, Title: title, Detail: detail, Hint: hint}
}

func outOfMemory() *SandboxError {
	return tooMuch("Too much memory", "the statement needs more memory than one may use", "fewer rows, fewer columns, or shorter texts")
}

func outOfTime(most time.Duration) *SandboxError {
	return tooMuch("The time was up", fmt.Sprintf("a statement may take %s", most), "fewer rows, or an aggregate")
}

func busyError(err error) error {
	switch {
	case errors.Is(err, ErrOwnShare):
		return &SandboxError{
			Kind: SandboxBusy, Title: "Too many at once", Detail: "your own statements are still running or waiting",
			Hint: "wait for one of them",
		}
	case errors.Is(err, ErrQueueFull):
		return &SandboxError{
			Kind: SandboxFull, Title: "Too many at once", Detail: "many statements are running and waiting",
			Hint: "ask again in a moment",
		}
	}
	return err
}
