package warehouse

import (
	"context"
	"errors"
	"time"
)

// duckWarehouse is a warehouse in files on this machine.
type duckWarehouse struct {
	Options

	paths duckPaths
}

type duckPaths struct{ published string }

func duckPathsOf(path string) duckPaths { return duckPaths{published: path} }

// Engine names the engine.
func (w *duckWarehouse) Engine() string { return "duckdb" }

// Close frees nothing: every reader and run has its own handle.
func (w *duckWarehouse) Close() error { return nil }

// Begin takes the warehouse for one run.
func (w *duckWarehouse) Begin(context.Context, Holder, time.Duration) (Run, error) {
	return nil, errors.ErrUnsupported
}

// Published opens the published version.
func (w *duckWarehouse) Published(context.Context) (*Reader, error) { return nil, ErrNothingPublished }

// Books opens ops and quarantine.
func (w *duckWarehouse) Books(context.Context) (*Reader, error) { return nil, ErrNothingPublished }
