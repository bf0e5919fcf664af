package source

import (
	"context"
	"lifeline/change"
)

func (n *serverSnapshot) Totals(ctx context.Context) ([]change.Totals, error) { return nil, nil }
