package lifecycle

import (
	"slices"
	"strings"
)

// stream puts the activities of several lifecycles under each other: a row for each activity and each one concerned.
func (d *declarations) stream(s *Stream) *table {
	t := &table{
		description: "What happened, for each " + strings.Join(s.Actors, ", ") + " concerned, from the lifecycles " + strings.Join(s.Of, ", ") +
			". Grain: one row per activity and actor.",
		grain: []string{"id", "actor"},
	}
	t.add("id", "", "Of the activity, as in its own fact.")
	t.add("actor", "", "Whose row it is: "+strings.Join(s.Actors, ", ")+".")
	t.add("actor_id", "", "The key of that one.")
	t.add("lifecycle", "", "Of what: "+strings.Join(s.Of, ", ")+".")
	t.add("record_id", "", "The record that it happened to.")
	t.add("activity_date", "", "When it happened, UTC.")
	t.add("activity_status", "", "What happened.")
	t.add("from_state", "", "The state before.")
	t.add("to_state", "", "The state that it led to.")
	t.add("basis", "", "How the time is known.")
	t.add("occurrence", "", "Which time the record does this, from 1.")
	t.add("position", "", "Order among activities of one time and record.")
	var parts []string
	for _, name := range s.Of {
		i := slices.IndexFunc(d.lifecycles, func(l *Declaration) bool { return l.Name == name })
		l := d.lifecycles[i]
		for _, actor := range s.Actors {
			key := "a." + l.KeyColumn(actor)
			parts = append(parts, "select a.id, cast('"+actor+"' as varchar(60)) as actor, "+key+" as actor_id, cast('"+name+
				"' as varchar(60)) as lifecycle, a."+l.KeyColumn(l.Name)+
				" as record_id, a."+l.Names.Time+" as activity_date, a."+l.Names.Activity+
				" as activity_status, a.from_state, a.to_state, a.basis, a.occurrence, a.position\n    from "+
				ref(l.Tables.Activity)+" as a\n    where "+key+" is not null")
		}
	}
	t.sql = "select *\nfrom (\n    " + strings.Join(parts, "\n    union all\n    ") + "\n) as u"
	return t
}
