package discover

import (
	"fmt"
	"slices"
	"strings"
)

// order is how the roles of dates follow each other in a life.
var order = []string{
	"created", "recorded", "dated", "submitted", "accepted", "started", "invoiced", "paid", "shipped", "decided",
	"closed", "reopened", "cancelled", "voided", "deleted",
}

// activities declares what happens to a record: its dates, and what its log tells.
func (w *plan) activities(pr *planRecord) {
	taken := w.namesOfLog(pr)
	for _, role := range order {
		column := pr.r.stamp(role)
		if column == "" || taken[role] && role != "created" || w.never(pr, column) {
			continue
		}
		a := planActivity{name: role, at: pr.table.columns[column], why: "the column " + column}
		if taken[role] {
			a.name = role + "_date"
		}
		if pr.r.State == "" && column == pr.r.EndDate {
			a.to = pr.r.States[1].Name
		} else if pr.steps == "" && slices.ContainsFunc(pr.r.States, func(s State) bool { return s.Name == role }) {
			a.to = role
		}
		pr.acts = append(pr.acts, a)
		taken[a.name] = true
	}
	if len(pr.acts) == 0 && pr.steps == "" {
		w.onlyDate(pr)
	}
	if len(pr.acts) > 0 {
		pr.enter = pr.acts[0].name
	}
	if pr.steps != "" {
		w.fromLog(pr)
	}
	w.leaving(pr)
	for _, d := range pr.r.Dates {
		if slices.Contains([]string{"due", "expires", "scheduled", "updated"}, d.Role) && pr.activity(d.Role) == nil {
			pr.facts = append(pr.facts, planFact{name: pr.free("date_" + d.Role), column: pr.table.columns[d.Column], label: heading(d.Role)})
		}
	}
	for _, r := range pr.related {
		if r.label != "" {
			pr.facts = append(pr.facts, planFact{name: r.label, column: r.label, label: w.relatedTitle(r)})
		}
	}
}

func (pr *planRecord) free(name string) string {
	for slices.ContainsFunc(pr.facts, func(f planFact) bool { return f.name == name }) {
		name += "_2"
	}
	return name
}

// never reports whether no row has a date, of rows enough to say so.
func (w *plan) never(pr *planRecord, column string) bool {
	st, rows := w.Profile.stats(pr.table.t, column), w.Profile.rows(pr.table.t)
	return rows >= 20 && st.Distinct >= 0 && st.Filled-st.Zero-st.Far <= 0
}

// onlyDate makes an activity of the one date that a record has, whatever it says: a life needs a time.
func (w *plan) onlyDate(pr *planRecord) {
	for _, d := range pr.r.Dates {
		if !w.never(pr, d.Column) {
			pr.acts = append(pr.acts, planActivity{name: stateName(d.Role), at: pr.table.columns[d.Column], why: "the column " + d.Column})
			return
		}
	}
}

// namesOfLog are the activities that the log tells of; it knows each time, where a date column has the last one only.
func (w *plan) namesOfLog(pr *planRecord) map[string]bool {
	out := map[string]bool{}
	if pr.steps == "" {
		return out
	}
	if pr.logged {
		for _, s := range w.loggedStates(pr) {
			out[s.Name] = true
		}
		return out
	}
	for _, e := range pr.r.Log.Events {
		if name := stateName(e); name != "created" {
			out[name] = true
		}
	}
	return out
}

// loggedStates are the states that rows or the log have. A state that nothing has yet needs no column.
func (w *plan) loggedStates(pr *planRecord) []State {
	var out []State
	for _, s := range pr.r.States {
		if s.Rows > 0 || pr.r.Steps != nil && pr.r.Steps.Seen[s.Name] || w.Profile.rows(pr.table.t) == 0 {
			out = append(out, s)
		}
	}
	return out
}

// fromLog declares what the log tells: each change of the state, or each kind of event.
func (w *plan) fromLog(pr *planRecord) {
	g := pr.r.Log
	if !pr.logged {
		created := slices.ContainsFunc(pr.acts, func(a planActivity) bool { return a.name == "created" })
		for _, e := range g.Events {
			name := stateName(e)
			if name == "" || created && name == "created" || len(pr.acts) > 14 ||
				slices.ContainsFunc(pr.acts, func(a planActivity) bool { return a.name == name }) {
				continue
			}
			pr.acts = append(pr.acts, planActivity{
				name: name, at: "happened_at", each: true, when: "{event: [" + yamlText(e) + "]}",
				why: "the log " + g.Table,
			})
		}
		return
	}
	var left []string
	for _, s := range w.loggedStates(pr) {
		pr.acts = append(pr.acts, planActivity{name: s.Name, label: s.Label, states: []string{s.Name}, why: "the log " + g.Table})
		if s.Meaning == Decided || s.Meaning == Void {
			left = append(left, s.Name)
		}
	}
	if len(left) > 0 && !slices.ContainsFunc(pr.acts, func(a planActivity) bool { return a.name == "left" }) {
		pr.acts = append(pr.acts, planActivity{
			name: "left", states: left, hidden: true, why: "the log's first change into a state that waits no longer",
		})
		pr.leave = "left"
	}
}

// counters count what happened to a record for those whom it concerns: the people first, three at most.
func (w *plan) counters(pr *planRecord) {
	if pr.enter == "" {
		return
	}
	person := func(r planRelated) bool {
		words := trimThing(r.parent.t.words)
		return len(words) > 0 && slices.Contains(personTable, words[len(words)-1])
	}
	for _, people := range []bool{true, false} {
		for _, r := range pr.related {
			if len(pr.counts) < 3 && person(r) == people && r.key.Confidence != Low {
				why := fmt.Sprintf("%s points at %s (%s)", r.key.Column, r.parent.t.Name, r.key.Confidence)
				pr.counts = append(pr.counts, planCount{by: r.name, why: why})
			}
		}
	}
}

// waits reports whether a backlog can be counted: something enters, leaves, and is open between.
func (pr *planRecord) waits() bool {
	return pr.enter != "" && pr.leave != "" && len(pr.statesOf(Open)) > 0
}

// leaving finds the activity with which a record waits no longer.
func (w *plan) leaving(pr *planRecord) {
	if pr.leave != "" {
		return
	}
	for _, want := range []string{"closed", "decided", "shipped", "paid"} {
		if i := slices.IndexFunc(pr.acts, func(a planActivity) bool { return a.name == want && !a.each || a.name == want && a.each }); i >= 0 &&
			pr.acts[i].name != pr.enter {
			pr.leave = want
			return
		}
	}
	var done []string
	for _, s := range pr.r.States {
		if s.Meaning == Decided || s.Meaning == Void {
			done = append(done, s.Name)
		}
	}
	updated := pr.r.stamp("updated")
	if updated == "" || len(done) == 0 || pr.enter == "" {
		return
	}
	name := "decided"
	if slices.ContainsFunc(pr.acts, func(a planActivity) bool { return a.name == name }) {
		name = "left"
	}
	pr.acts = append(pr.acts, planActivity{
		name: name, at: pr.table.columns[updated], states: done, proxy: true,
		why: "its last change stands in for the day it was decided: no column says that day",
	})
	pr.leave = name
}

// flattened names of the lifecycle's table.
func (pr *planRecord) dim() string     { return "dim_" + pr.r.Name + "_lifecycle" }
func (pr *planRecord) fact() string    { return "fct_" + pr.r.Name + "_activity" }
func (pr *planRecord) backlog() string { return "fct_" + pr.r.Name + "_backlog_daily" }

func (pr *planRecord) keyOf(name string) string { return name + "_id" }

// column is the flattened table's column with an activity's time.
func (a *planActivity) column() string {
	if a.as != "" {
		return a.as
	}
	return "date_" + a.name
}

// title is how people call an activity.
func (a *planActivity) title() string {
	if a.label != "" {
		return heading(a.label)
	}
	return heading(a.name)
}

func (pr *planRecord) activity(name string) *planActivity {
	for i := range pr.acts {
		if pr.acts[i].name == name {
			return &pr.acts[i]
		}
	}
	return nil
}

// statesOf are the names of the states with a meaning.
func (pr *planRecord) statesOf(m Meaning) []string {
	var out []string
	for _, s := range pr.r.States {
		if s.Meaning == m {
			out = append(out, s.Name)
		}
	}
	return out
}

func sqlList(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = sqlText(n)
	}
	return "(" + strings.Join(out, ", ") + ")"
}
