package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lifeline/cdc"
	"lifeline/change"
	"lifeline/source"
)

// Following says how Follow works. Its zero value has sensible times.
type Following struct {
	Publish time.Duration // From the first change to its publication; 0 means 10 s.
	Land    time.Duration // How long changes are gathered before they are landed; 0 means 250 ms.
	Rows    int64         // So many images are landed at once at most; 0 means 50,000.
	Idle    time.Duration // After so long without a change the position is stored all the same; 0 means 10 minutes.
	Told    func(*Report, error)

	mu          sync.Mutex
	lag         Lag
	stream      *cdc.Stream
	reading     logReading
	interrupted bool // A table was read from the source meanwhile: the log is to be taken up behind that.
}

// Lag is how far behind the source a follower is.
type Lag struct {
	Seconds   float64   `json:"seconds"` // From the newest commit that is known to its landing; 0 where nothing waits.
	LandedAt  time.Time `json:"landed_at"`
	HeardAt   time.Time `json:"heard_at"` // When the source last said something.
	Position  string    `json:"position"`
	Connected bool      `json:"connected"`
}

// Lag tells how far behind the follower is now. A follower that does not hear its source falls behind with the clock.
func (f *Following) Lag() Lag {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.lag
	if silent := time.Since(l.HeardAt); !l.HeardAt.IsZero() && silent > 5*time.Second {
		l.Seconds = max(l.Seconds, silent.Seconds())
	}
	return l
}

func (f *Following) note(change func(*Lag)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.lag)
}

// pauses between attempts to reach a source that is away.
const (
	shortestPause = time.Second
	longestPause  = time.Minute
)

// Follow stays on the source's binary log: what changes is landed within a moment, checked and published at an interval. It begins as a
// run does, and ends without an error when the context does. A position that is gone ends it, and so does a source without a readable log.
func Follow(ctx context.Context, o Options) error {
	f := o.Following
	f.defaults()
	pause := shortestPause
	for ctx.Err() == nil {
		err := f.once(ctx, o)
		var p *change.Problem
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			pause = shortestPause
			continue
		case errors.As(err, &p) && (p.Class == change.ClassPositionGone || p.Class == change.ClassUsage || p.Class == change.ClassHeld):
			return err
		}
		f.note(func(l *Lag) { l.Connected = false })
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
	return nil
}

func (f *Following) defaults() {
	if f.Publish <= 0 {
		f.Publish = 10 * time.Second
	}
	if f.Land <= 0 {
		f.Land = 250 * time.Millisecond
	}
	if f.Rows <= 0 {
		f.Rows = 50_000
	}
	if f.Idle <= 0 {
		f.Idle = 10 * time.Minute
	}
	if f.Told == nil {
		f.Told = func(*Report, error) {}
	}
}

// once catches up as a run does, and then follows until the link breaks or the log cannot be read on.
func (f *Following) once(ctx context.Context, o Options) (err error) {
	report, err := Do(ctx, o)
	if ctx.Err() == nil {
		f.Told(report, err)
	}
	if err != nil && !blocked(err) {
		return err
	}
	if err := f.connect(ctx, o, report); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.stream.Close())
		f.stream, f.interrupted = nil, false
	}()
	for {
		_, err := f.stream.Await(ctx, f.Idle) // After a long silence too, so that the position is stored.
		if err != nil {
			return err
		}
		report, err := Do(ctx, o)
		if ctx.Err() != nil {
			return nil
		}
		f.Told(report, err)
		switch {
		case err != nil && !blocked(err):
			return err
		case report.Mode != ModeLog || f.interrupted:
			return nil // A snapshot stands in between: the log is taken up behind it.
		}
	}
}

// blocked tells whether a check stopped the publication: the next changes may mend it.
func blocked(err error) bool {
	var p *change.Problem
	return errors.As(err, &p) && p.Class == change.ClassBlocked
}

// connect opens the log where the last landing left it.
func (f *Following) connect(ctx context.Context, o Options, report *Report) error {
	src, err := o.Source(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }() // It was only asked.
	logged, ok := src.(source.Logged)
	if !ok {
		return &change.Problem{
			Err: errors.New("a folder has no log to follow"), Class: change.ClassUsage, Try: "lifeline run --every 5m",
		}
	}
	f.reading = logReading{}
	if f.reading.Log, err = logged.Log(ctx); err != nil {
		return err
	}
	if f.reading.Unreadable != "" {
		return &change.Problem{
			Err: fmt.Errorf("the source cannot be followed: %s", f.reading.Unreadable), Class: change.ClassUsage,
			Try: f.reading.Try + "; lifeline run --every 5m does without",
		}
	}
	for _, t := range f.reading.Tables {
		if t.Trouble != "" {
			return &change.Problem{
				Err: fmt.Errorf("the source cannot be followed: %s", t.Trouble), Class: change.ClassUsage, Try: "lifeline run --every 5m",
			}
		}
	}
	from, ok := change.ParseLogPosition(change.Position(report.Position))
	if !ok || from.File == "" {
		return fmt.Errorf("the place of the last landing in the binary log of %s is not known", f.reading.Shown)
	}
	f.reading.from = from
	w := &walk{opt: o}
	f.stream, err = cdc.Open(ctx, w.logOptions(f.reading.Log, f.reading.Tables), from)
	f.note(func(l *Lag) {
		l.Connected, l.HeardAt, l.Position = err == nil, time.Now().UTC(), report.Position
	})
	return err
}

// landFollowing lands what comes within the publication's interval, a little at a time.
func (w *walk) landFollowing(ctx context.Context, f *Following) (*cdc.Stop, error) {
	others, err := w.changedShapes(ctx, f.reading.Tables)
	if err != nil {
		return nil, err
	}
	for t, why := range others {
		return &cdc.Stop{Table: t, Why: why}, nil // All of them are found when the log is taken up again.
	}
	until := time.Now().Add(f.Publish)
	for {
		limit := cdc.Limit{Rows: f.Rows, Wait: min(f.Land, max(time.Until(until), time.Millisecond))}
		result, err := w.landChanges(ctx, f.stream, f.reading.Tables, limit, f.reading.Now)
		if err != nil || result.Stop != nil {
			return result.Stop, err
		}
		f.landed(result)
		w.snapshot = change.Snapshot{Position: result.Position, TakenAt: result.At, Way: "binary log"}
		w.report.Position = string(result.Position)
		if !time.Now().Before(until) || result.Images == 0 {
			return nil, nil
		}
	}
}

// landed notes how far behind the landing was.
func (f *Following) landed(r cdc.Result) {
	f.note(func(l *Lag) {
		l.HeardAt, l.LandedAt, l.Position, l.Connected = time.Now().UTC(), time.Now().UTC(), string(r.Position), true
		l.Seconds = 0
		if !r.Oldest.IsZero() {
			l.Seconds = max(0, time.Since(r.Oldest).Seconds())
		}
	})
}
