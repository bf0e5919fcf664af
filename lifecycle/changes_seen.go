package lifecycle

import (
	"fmt"
	"slices"
	"strings"
)

// changeKinds are what the table of changes tells of beside transitions between states; each is the name of its activity.
var changeKinds = []string{"observed_in_state", "deleted", "restored"}

// seenAs is the condition on a row of the changes that makes it this activity; empty where none can be. The activity fact and the
// flattened table both ask it, so that they name the same changes.
func (l *compiler) seenAs(alias string, a *Activity) string {
	if !l.seesChanges() {
		return ""
	}
	var out []string
	if states := l.seenStates(a); len(states) > 0 {
		out = append(out, alias+".kind = 'transition' and "+in(alias+".to_state", states))
	}
	if slices.Contains(changeKinds, a.Name) {
		out = append(out, alias+".kind = '"+a.Name+"'")
	}
	if len(out) == 0 {
		return ""
	}
	return "(" + strings.Join(out, " or ") + ")"
}

// implied tells that nothing but its name makes a change of the state this activity of the record. Its date column leads to no state.
func (l *compiler) implied(a *Activity) bool {
	return a.Each == "" && len(resultingStates(a)) == 0 && l.seenAs("h", a) != ""
}

// beforeHistory says whether a date column (at) still stands for a record of which changes were seen (alias has first_seen and the
// counts): a true date of a step before them, or of one that was not seen among them, and every date that no change can tell of. A column
// that only stands in gives way to what was seen.
func (l *compiler) beforeHistory(a *Activity, at, alias string) string {
	switch {
	case l.seenAs(alias, a) == "":
		return ""
	case a.At == "", a.Basis == "proxy", a.Basis == "imputed":
		return "false"
	}
	before := at + " < " + alias + ".first_seen"
	if l.Log != nil {
		// What the log begins with may be the very activity that the column tells of, or the next one in the same second.
		before += fmt.Sprintf(" or %[1]s = %[2]s.first_seen and (%[2]s.first_%[3]s is null or %[2]s.first_%[3]s > %[1]s)", at, alias, a.Name)
	}
	if l.implied(a) {
		before += fmt.Sprintf(" or %s.count_%s = 0", alias, a.Name)
	}
	return "(" + before + ")"
}

// needsCounts tells whether beforeHistory asks how often and when first the activity was seen.
func (l *compiler) needsCounts(a *Activity) bool {
	return a.Each == "" && a.At != "" && a.Basis != "proxy" && a.Basis != "imputed" && l.seenAs("h", a) != "" && (l.Log != nil || l.implied(a))
}

// changeEvents are the parts of the changes that were seen: one for each activity that a change may be, and one for the others, which
// have the state's own name.
func (l *compiler) changeEvents() []string {
	var out, named []string
	for i := range l.Activities {
		a := &l.Activities[i]
		if condition := l.seenAs("h", a); a.InFact && condition != "" {
			named = append(named, condition)
			out = append(out, l.changeEvent("'"+a.Name+"'", condition))
		}
	}
	others := "true"
	if len(named) > 0 {
		others = "coalesce(not (" + strings.Join(named, " or ") + "), true)"
	}
	return append(out, l.changeEvent("case when h.kind = 'transition' then h.to_state else h.kind end", others))
}

func (l *compiler) changeEvent(activity, where string) string {
	columns := append(l.carried("l", nil, nil), "h.activity_date as happened_at", activity+" as activity", "h.basis as basis",
		"h.lower_bound as lower_bound", "h.upper_bound as upper_bound", "h.from_state as from_state", "h.to_state as to_state",
		fmt.Sprintf("%d + h.n as position", changePlace), "h.known_at as known_at", noText+" as origin")
	return "select " + strings.Join(columns, ", ") + "\n    from " + ref(l.Tables.Changes) +
		" as h\n    inner join lives as l on l.record_key = h.record_key\n    where h.activity_date is not null and " + where
}
