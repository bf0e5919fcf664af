package warehouse

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// longestLook is how long a run that begins waits for those who look at the landing file.
const longestLook = 30 * time.Second

// OpenStaging opens the landing file for reading, while no run has it. The engine lets one process write a file or several read it, so a
// run that begins meanwhile waits until the reader is closed.
func (w *duckWarehouse) OpenStaging(ctx context.Context) (*Reader, error) {
	if _, err := os.Stat(w.paths.landing); errors.Is(err, os.ErrNotExist) {
		return nil, ErrNothingPublished
	}
	f, err := w.paths.look(ctx, syscall.LOCK_SH, 0)
	if err != nil {
		return nil, err
	}
	r, err := w.attach(ctx, w.paths.landing, "landing")
	if err != nil {
		return nil, errors.Join(err, letGo(f))
	}
	db := r.DB
	r.close = func() error { return errors.Join(db.Close(), letGo(f)) }
	return r, nil
}

// look takes the lock of the landing file, shared to read it or exclusive to write it. What it cannot have gives a *HeldError with the
// run that holds the warehouse, as far as that is known.
func (p duckPaths) look(ctx context.Context, how int, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(p.looks, os.O_RDWR|os.O_CREATE, privateMode)
	if err != nil {
		return nil, duckProblem("open the lock of the landing file", err)
	}
	if err := p.flock(ctx, f, how, wait, 20*time.Millisecond); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
