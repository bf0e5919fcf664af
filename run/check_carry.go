package run

import (
	"context"

	"lifeline/model"
	"lifeline/quality"
)

// checksBefore is what is known of the published version's checks; nil where this version was built whole.
func (w *walk) checksBefore(ctx context.Context) (*quality.Before, error) {
	if w.inc == nil {
		return nil, nil
	}
	recorded, err := quality.ReadRecorded(ctx, w.hold.DB(), w.inc.since)
	if err != nil || len(recorded) == 0 {
		return nil, err
	}
	return &quality.Before{
		Results: recorded,
		Unchanged: func(c *quality.Check) bool {
			reads := w.reads[[2]string{c.Node, c.Name}]
			for _, n := range reads {
				if c := w.inc.changeOf(n); c == nil || !c.nothing() {
					return false
				}
			}
			return len(reads) > 0
		},
		Delta: func(c *quality.Check) string {
			n := w.node(c.Node)
			if n == nil {
				return ""
			}
			if c := w.inc.changeOf(n); c != nil && !c.all {
				return c.rows
			}
			return ""
		},
	}, nil
}

// changeOf is what has changed in a node since the published version; nil where nobody knows. A view's rows are those of what it reads.
func (i *incremental) changeOf(n *model.Node) *changed {
	name := n.ID
	if n.Kind == model.KindSource {
		name = "source:" + n.ID
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.changes[name]
}
