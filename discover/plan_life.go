package discover

import (
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
	taken := map[string]bool{}
	if pr.steps != "" {
		for _, s := range pr.r.States {
			taken[s.Name] = true
		}
	}
	for _, role := range order {
		column := pr.r.stamp(role)
		if column == "" || taken[role] && role != "created" {
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
	if len(pr.acts) > 0 {
		pr.enter = pr.acts[0].name
	}
	if pr.steps != "" {
		w.logged(pr, taken)
	}
	w.leaving(pr)
	for _, d := range pr.r.Dates {
		if slices.Contains([]string{"due", "expires", "scheduled", "updated"}, d.Role) {
			pr.facts = append(pr.facts, planFact{name: pr.free("date_" + d.Role), column: pr.table.columns[d.Column], label: heading(d.Role)})
		}
	}
	for _, r := range pr.related {
		if r.label != "" {
			pr.facts = append(pr.facts, planFact{name: r.label, column: r.label, label: heading(r.name)})
		}
	}
}

func (pr *planRecord) free(name string) string {
	for slices.ContainsFunc(pr.facts, func(f planFact) bool { return f.name == name }) {
		name += "_2"
	}
	return name
}

// logged declares what the log tells: a change into each state, or each kind of event.
func (w *plan) logged(pr *planRecord, taken map[string]bool) {
	g := pr.r.Log
	if g.Event != "" && g.State == "" && g.New == "" {
		for _, e := range g.Events {
			name := stateName(e)
			if name == "" || taken[name] && slices.ContainsFunc(pr.acts, func(a planActivity) bool { return a.name == name }) {
				name = "event_" + name
			}
			if len(pr.acts) > 14 {
				break
			}
			taken[name] = true
			pr.acts = append(pr.acts, planActivity{name: name, at: "happened_at", each: true, when: "{event: [" + yamlText(e) + "]}", as: "date_" +
				name, why: "the log " + g.Table})
		}
		return
	}
	for _, s := range pr.r.States {
		pr.acts = append(pr.acts, planActivity{
			name: s.Name, at: "happened_at", each: true, when: "{state: [" + s.Name + "]}", to: s.Name,
			as: "date_" + s.Name, why: "the log " + g.Table,
		})
	}
	if slices.ContainsFunc(pr.r.States, func(s State) bool { return s.Meaning == Decided || s.Meaning == Void }) {
		pr.acts = append(pr.acts, planActivity{
			name: "left", at: "happened_at", each: true, when: "{outcome: [decided, void]}", as: "date_left",
			hidden: true, why: "the log's first row that closes it",
		})
		pr.leave = "left"
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
