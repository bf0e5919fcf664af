package lifecycle

import (
	"slices"
)

// log reads the source's own log of states.
func (r *reader) log() error {
	v, ok := r.o.Take("log")
	if !ok {
		return nil
	}
	o, err := v.Object()
	if err != nil {
		return err
	}
	switch {
	case r.State == "":
		return v.Problem("a log of states, and no column with the present one", "state: status")
	case r.History != "":
		return v.Problem("a log of the source and a history of our own: both tell the same changes",
			"take history: out; the log's times are exact")
	}
	g := &Log{}
	if err := firstError(r.reference(o, "from", &g.Model), o.Text("key", &g.Key), o.Text("id", &g.ID), o.Text("at", &g.At),
		o.Text("state", &g.State), o.Text("previous", &g.Previous)); err != nil {
		return err
	}
	for _, c := range []struct{ key, column string }{{"key", g.Key}, {"at", g.At}, {"state", g.State}} {
		if c.column == "" {
			return v.Problem("the log does not say which of its columns is the "+c.key, "log: {from: ref('"+g.Model+
				"'), key: order_id, state: status, at: created_at}")
		}
	}
	for _, column := range []string{g.Key, g.ID, g.At, g.State, g.Previous} {
		if column == "" {
			continue
		}
		if err := requireColumn(v, column, nil); err != nil {
			return err
		}
	}
	if g.When, err = conditionsOf(o, nil); err != nil {
		return err
	}
	r.Log = g
	return o.Finish(nil)
}

// seesChanges tells whether changes of the state are known: from the source's own log, or from what the warehouse has kept.
func (l *Declaration) seesChanges() bool { return l.History != "" || l.Log != nil }

// seenStates are the states whose change, where it was seen, is this activity: those that it declares, else the state of its own name.
func (l *Declaration) seenStates(a *Activity) []string {
	if states := resultingStates(a); len(states) > 0 {
		return states
	}
	if slices.Contains(l.stateNames(), a.Name) {
		return []string{a.Name}
	}
	return nil
}
