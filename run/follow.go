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
	PublishEvery time.Duration        // From the first change to its publication; 0 means 10 s.
	LandEvery    time.Duration        // How long changes are gathered before they are landed; 0 means 250 ms.
	MaxImages    int64                // Most row images landed at once; 0 means 50,000.
	StoreAfter   time.Duration        // Store the position after this long without a change; 0 means 10 minutes.
	Report       func(*Report, error) // Told of each walk; nil tells nobody.
	Verify       *Verifying           // Compares staging with the source, a slice at a time; nil does not.

	mu          sync.Mutex
	lag         Lag
	stream      *cdc.Stream
	tables      []*change.Table // As they were when the log was opened.
	last        *Report         // Of the walk before.
	reading     logReading
	interrupted bool // A table was read from the source meanwhile: the log is to be taken up behind that.
}

// Lag is how far behind the source a follower is.
type Lag struct {
	Seconds   float64   `json:"seconds"` // How long the source has not been heard, or has not been listened to; 0 while it is.
	Landing   float64   `json:"landing"` // From the first commit of the last landing to its landing.
	LandedAt  time.Time `json:"landed_at"`
	HeardAt   time.Time `json:"heard_at"` // When the source last said something.
	Position  string    `json:"position"`
	Connected bool      `json:"connected"`
}

// heartbeats is how long a source may be silent that has nothing to tell: it sends a sign of life each second.
const heartbeats = 3 * time.Second

// Lag tells how far behind the follower is now: nothing, while the source lives and has nothing to tell. One that does not hear its source,
// or does not listen since it publishes, falls behind with the clock.
func (f *Following) Lag() Lag {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.lag
	if silent := time.Since(l.HeardAt); !l.HeardAt.IsZero() && silent > heartbeats {
		l.Seconds = max(l.Seconds, silent.Seconds())
	}
	return l
}

func (f *Following) note(change func(*Lag)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.lag)
}

// longestHold is how long a follower waits for another run that holds the warehouse.
const longestHold = 10 * time.Minute

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
		case errors.As(err, new(*DeletesError)): // Somebody has to say whether it is meant.
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
	if f.PublishEvery <= 0 {
		f.PublishEvery = 10 * time.Second
	}
	if f.LandEvery <= 0 {
		f.LandEvery = 250 * time.Millisecond
	}
	if f.MaxImages <= 0 {
		f.MaxImages = 50_000
	}
	if f.StoreAfter <= 0 {
		f.StoreAfter = 10 * time.Minute
	}
	if f.Report == nil {
		f.Report = func(*Report, error) {}
	}
}

// once catches up as a run does, and then follows until the link breaks or the log cannot be read on.
func (f *Following) once(ctx context.Context, o Options) (err error) {
	report, err := Do(ctx, o)
	if ctx.Err() == nil {
		f.Report(report, err)
	}
	if err != nil && !blocked(err) {
		return err
	}
	f.last = report
	if err := f.connect(ctx, o, report); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.stream.Close(), f.Verify.close())
		f.stream, f.interrupted = nil, false
	}()
	o.Wait = max(o.Wait, longestHold) // Somebody else's run, such as a repair, is waited for.
	stored := time.Now()
	for {
		due, err := f.await(ctx, o)
		if err != nil {
			return err
		}
		// After a long silence too, so that the position is stored: what was read and is purged later is not lost.
		if !due && (time.Since(stored) < f.StoreAfter || f.stored() && !f.Verify.unwritten()) {
			continue
		}
		report, err := Do(ctx, o)
		if ctx.Err() != nil {
			return nil
		}
		stored, f.last = time.Now(), report
		f.Report(report, err)
		switch {
		case err != nil && !blocked(err):
			return err
		case report.Mode != ModeLog || f.interrupted:
			return nil // A snapshot stands in between: the log is taken up behind it.
		}
		// Where changes never end there is no other time for it: what was read has landed by now, and the next slice is read.
		for range 2 {
			if _, err := f.Verify.tick(ctx, o, f); err != nil {
				return err
			}
		}
	}
}

// awaitAtMost is how long the log is waited for before something else is looked at.
const awaitAtMost = 500 * time.Millisecond

// await waits for a moment, in which the source lives; due says that there is something to land or to write down.
func (f *Following) await(ctx context.Context, o Options) (due bool, err error) {
	if due, err = f.stream.Await(ctx, awaitAtMost); err != nil || due {
		return due, err
	}
	f.note(func(l *Lag) {
		l.Seconds = 0
		if heard := f.stream.Heard(); heard.After(l.HeardAt) {
			l.HeardAt = heard
		}
	})
	return f.Verify.tick(ctx, o, f)
}

// stored tells whether the place that was read to is the one that the last landing stored.
func (f *Following) stored() bool {
	p, err := f.stream.Position().Encode()
	return err == nil && f.last != nil && string(p) == f.last.Position
}

// blocked tells whether a check stopped the publication: the next changes may mend it. A landing that deletes too much is not mended so.
func blocked(err error) bool {
	var p *change.Problem
	return errors.As(err, &p) && p.Class == change.ClassBlocked && !errors.As(err, new(*DeletesError))
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
	if f.tables, err = src.Tables(ctx); err != nil {
		return err
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
	options := (&walk{opt: o}).logOptions(f.reading.Log, f.reading.Tables)
	options.NotBefore = report.landedAt.Add(time.Microsecond)
	f.stream, err = cdc.Open(ctx, options, from)
	f.note(func(l *Lag) {
		l.Connected, l.HeardAt, l.Position = err == nil, time.Now().UTC(), report.Position
	})
	return err
}

// landFollowing lands what comes within the publication's interval, a little at a time.
func (w *walk) landFollowing(ctx context.Context, f *Following) (*cdc.Stop, error) {
	if stop := f.Verify.anew(); stop != nil {
		return stop, nil
	}
	others, err := w.changedShapes(ctx, f.reading.Tables)
	if err != nil {
		return nil, err
	}
	for t, why := range others {
		return &cdc.Stop{Table: t, Why: why}, nil // All of them are found when the log is taken up again.
	}
	until := time.Now().Add(f.PublishEvery)
	for {
		limit := cdc.Limit{Rows: f.MaxImages, Wait: min(f.LandEvery, max(time.Until(until), time.Millisecond))}
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
			l.Landing = max(0, time.Since(r.Oldest).Seconds())
		}
	})
}
