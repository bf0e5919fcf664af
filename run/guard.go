package run

import (
	"fmt"
	"slices"

	"lifeline/change"
	"lifeline/warehouse"
)

// DeletesError refuses a landing that would take out more of a table than may go without being asked.
type DeletesError struct {
	Table         string
	Deleted, Rows int64 // Of how many.
	Limit         string
}

func (e *DeletesError) Error() string {
	return fmt.Sprintf("%d of the %d rows of %s would be deleted (%.1f %%), and max_deletes allows %s", e.Deleted, e.Rows, e.Table,
		100*float64(e.Deleted)/float64(max(e.Rows, 1)), e.Limit)
}

// guard refuses a landing that takes out too much of a table, counted over all landings of the run: what a broken load of the source has
// emptied is not to become history without a question.
func (w *walk) guard(landed []warehouse.Landed) error {
	for _, l := range landed {
		gone := w.deleted[l.Table] + l.Deleted
		before := l.Rows + gone - l.Inserted
		limit := w.opt.Project.Config.DeletesOf(l.Table)
		if l.Deleted == 0 || limit.Allows(gone, before) || slices.Contains(w.opt.Deletes, l.Table) {
			continue
		}
		return &change.Problem{
			Err: &DeletesError{Table: l.Table, Deleted: gone, Rows: before, Limit: limit.Text}, Class: change.ClassBlocked,
			Try: fmt.Sprintf("look at %s in the source; if that is right, lifeline run --allow-deletes %s", l.Table, l.Table),
		}
	}
	return nil
}

// noteDeleted counts what a landing has taken out.
func (w *walk) noteDeleted(landed []warehouse.Landed) {
	if w.deleted == nil {
		w.deleted = map[string]int64{}
	}
	for _, l := range landed {
		w.deleted[l.Table] += l.Deleted
	}
}
