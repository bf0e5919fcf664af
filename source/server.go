package source

import (
	"context"
	"errors"
)

func openServer(_ context.Context, o Options) (Source, error) { return nil, errors.New("mysql: not linked") }

// IsViewLost reports whether err means that the consistent view of the source is gone, such as after a lost connection: a new
// snapshot may succeed.
func IsViewLost(err error) bool { return false }
