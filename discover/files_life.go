package discover

import (
	"fmt"
	"slices"
	"strings"
)

// lifecycle is lifecycles/NAME.yml.
func (w *plan) lifecycle(pr *planRecord) string {
	var b strings.Builder
	r := pr.r
	fmt.Fprintf(&b, "# The life of %s, as it is believed (%s): %s.\nlifecycle: %s\n",
		aOrAn(strings.ReplaceAll(r.Name, "_", " ")), r.Confidence,
		comment(r.Evidence), r.Name)
	fmt.Fprintf(&b, "from: ref('%s')\nkey: %s\nstate: %s\n\nstates:\n", pr.table.model, pr.key, pr.state)
	w.lifeStates(&b, pr)
	switch {
	case pr.logged:
		fmt.Fprintf(&b, "\n# Every change, as %s tells it (%s): %s.\nlog: {from: ref('%s'), key: record_key, id: id, at: happened_at, state: "+
			"state%s}\n", r.Log.Table, r.Log.Confidence, comment(r.Log.Evidence), pr.steps, previousOf(r.Log))
	case pr.steps != "":
		fmt.Fprintf(&b, "\nchildren:\n  step: {from: ref('%s'), key: record_key}\n", pr.steps)
	}
	if len(pr.related) > 0 {
		b.WriteString("\nrelated:\n")
		for _, rel := range pr.related {
			fmt.Fprintf(&b, "  %s: %s   # %s, %s\n", rel.name, rel.column, comment(rel.parent.t.Name), rel.key.Confidence)
		}
	}
	if len(pr.measures) > 0 {
		b.WriteString("\nmeasures:\n")
		for _, m := range pr.measures {
			currency := ""
			if m.currency != "" {
				currency = "currency: " + m.currency
			}
			fmt.Fprintf(&b, "  %s: {%s}\n", m.name, currency)
		}
	}
	if len(pr.facts) > 0 {
		b.WriteString("\ncolumns:\n")
		for _, f := range pr.facts {
			fmt.Fprintf(&b, "  %s: %s\n", f.name, f.column)
		}
	}
	w.lifeActivities(&b, pr)
	return b.String()
}

// lifeStates are the states, what they mean, and what may follow them.
func (w *plan) lifeStates(b *strings.Builder, pr *planRecord) {
	steps := pr.r.Steps
	if steps == nil {
		steps = &Steps{}
	}
	if len(steps.Next) > 0 {
		fmt.Fprintf(b, "  # next: %s (%s).\n", comment(steps.Evidence), steps.Confidence)
	}
	reached := map[string]bool{}
	for _, s := range pr.r.States {
		for _, n := range steps.Next[s.Name] {
			reached[n] = true
		}
	}
	any := slices.ContainsFunc(pr.r.States, func(s State) bool { _, ok := steps.Next[s.Name]; return !ok })
	states := pr.r.States
	if pr.r.State != "" && !slices.ContainsFunc(states, func(s State) bool { return s.Name == "unknown" }) {
		states = append(slices.Clone(states), State{Name: "unknown", Label: "unknown", Meaning: Open})
	}
	for _, s := range states {
		var flags []string
		if s.Meaning != Unknown && s.Raw+s.Evidence != "" {
			flags = append(flags, string(s.Meaning)+": true")
		}
		if slices.Contains(steps.First, s.Name) || len(steps.Next) > 0 && !any && !reached[s.Name] {
			flags = append(flags, "initial: true")
		}
		if next, ok := steps.Next[s.Name]; ok {
			flags = append(flags, "next: ["+strings.Join(next, ", ")+"]")
		}
		if !strings.EqualFold(s.Label, s.Name) {
			flags = append(flags, "label: "+yamlText(s.Label))
		}
		fmt.Fprintf(b, "  %s: {%s}%s\n", s.Name, strings.Join(flags, ", "), stateComment(s))
	}
}

func previousOf(g *Log) string {
	if g.Old != "" {
		return ", previous: previous"
	}
	return ""
}

func (w *plan) lifeActivities(b *strings.Builder, pr *planRecord) {
	b.WriteString("\nactivities:\n")
	for _, a := range pr.acts {
		var parts []string
		if a.each {
			parts = append(parts, "each: step", "at: "+a.at, "when: "+a.when)
		} else if a.at != "" {
			parts = append(parts, "at: "+a.at)
		}
		if len(a.states) > 0 {
			parts = append(parts, "state: ["+strings.Join(a.states, ", ")+"]")
		}
		if a.to != "" {
			parts = append(parts, "to: "+a.to)
		}
		if a.proxy {
			parts = append(parts, "basis: proxy")
		}
		if a.as != "" {
			parts = append(parts, "as: "+a.as)
		}
		if a.hidden {
			parts = append(parts, "fact: false")
		}
		fmt.Fprintf(b, "  %s: {%s}   # %s\n", a.name, strings.Join(parts, ", "), comment(a.why))
	}
	if pr.enter != "" && pr.leave != "" {
		fmt.Fprintf(b, "\nlegs:\n  time_to_close: [%s, %s]\n", pr.enter, pr.leave)
	}
	if pr.waits() {
		fmt.Fprintf(b, "\nbacklog:\n  enter: %s\n  leave: %s\n", pr.enter, pr.leave)
	}
	pr.writeCounters(b)
	b.WriteString("\nnames: {time: happened_at, activity: activity, key: \"{}_id\"}\n")
}

// writeCounters counts what came in and what left, of each one concerned.
func (pr *planRecord) writeCounters(b *strings.Builder) {
	if len(pr.counts) == 0 {
		return
	}
	var by, why []string
	for _, c := range pr.counts {
		by = append(by, c.by)
		why = append(why, c.why)
	}
	fmt.Fprintf(b, "\n# %s.\ncounters:\n  by: [%s]\n  windows: [7d, 28d, total]\n  count:\n    %s: {activity: %s}\n",
		comment(strings.Join(why, "; ")), strings.Join(by, ", "), pr.plural, pr.enter)
	if a := pr.activity(pr.leave); a != nil {
		fmt.Fprintf(b, "    %s_left: {activity: %s}\n", pr.plural, pr.leave)
	}
}

func stateComment(s State) string {
	if s.Meaning == Unknown {
		return "   # say open, decided or void"
	}
	return ""
}

// comment makes a text fit for a comment's line.
func comment(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// statusMap is seeds/status_map.csv.
func (w *plan) statusMap() string {
	var b strings.Builder
	b.WriteString("entity,source_value,state,outcome,label\n")
	for _, pr := range w.records {
		if pr.r.State == "" {
			continue
		}
		seen := map[string]bool{}
		for _, s := range pr.r.States {
			key := strings.ToLower(strings.TrimSpace(s.Raw))
			if seen[key] {
				continue
			}
			seen[key] = true
			fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", pr.r.Name, csvText(s.Raw), s.Name, s.Meaning, csvText(s.Label))
		}
	}
	return b.String()
}

func csvText(s string) string {
	s = strings.NewReplacer("\n", " ", "\r", " ").Replace(s)
	if strings.ContainsAny(s, `",`) || s != strings.TrimSpace(s) || s == "" {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// stepsModel reads a log: one row for each of its rows that is about a record.
func (w *plan) stepsModel(pr *planRecord) string {
	var b strings.Builder
	g := pr.r.Log
	log := w.of[g.Table]
	fmt.Fprintf(&b, "-- What %s tells of each %s (%s): %s.\nselect\n", g.Table, strings.ReplaceAll(pr.r.Name, "_", " "), g.Confidence,
		comment(g.Evidence))
	record, where := "h."+staged(g.Key), g.Where
	var from strings.Builder
	fmt.Fprintf(&from, "from {{ source('%s', '%s') }} as h\n", w.source, log.name)
	if g.Through != nil {
		between := w.of[g.Through.Table]
		fmt.Fprintf(&from, "inner join {{ source('%s', '%s') }} as b on %s", w.source, between.name,
			sameKey("b."+staged(g.Through.Key), between.t.Column(g.Through.Key), "h."+staged(g.Key), log.t.Column(g.Key)))
		for _, e := range g.Through.Where {
			fmt.Fprintf(&from, " and cast(b.%s as varchar) = %s", staged(e.Column), sqlText(e.Value))
		}
		from.WriteString("\n")
		record = "b." + staged(g.Through.Record)
	}
	if g.Other != "" || pr.joined {
		other := g.Other
		if other == "" {
			other = pr.r.Key[0]
		}
		fmt.Fprintf(&from, "inner join {{ ref('%s') }} as r on r.%s = %s\n", pr.table.model, pr.table.columns[other], record)
		record = "r." + pr.key
	}
	id := w.logID(log.t)
	if id != "h.id" {
		id += " as id"
	}
	fmt.Fprintf(&b, "    %s,\n    %s as record_key,\n", id, record)
	switch value := g.State + g.New; {
	case value != "":
		fmt.Fprintf(&b, "    coalesce(m.state, 'unknown') as state,\n    cast(h.%s as varchar) as value_raw,\n", staged(value))
		if g.Old != "" {
			b.WriteString("    p.state as previous,\n")
		}
		fmt.Fprintf(&from, "{{ status_map_of('%s', '%s') }}\n", pr.r.Name, jinjaText("h."+staged(value)))
		if g.Old != "" {
			fmt.Fprintf(&from, "{{ status_map_of('%s', '%s', 'p') }}\n", pr.r.Name, jinjaText("h."+staged(g.Old)))
		}
	default:
		names := w.of[g.Names.Parent]
		fmt.Fprintf(&b, "    n.%s as event,\n", staged(labelOf(names.t).Name))
		fmt.Fprintf(&from, "left join {{ source('%s', '%s') }} as n on %s\n", w.source, names.name,
			sameKey("n."+staged(g.Names.Key), names.t.Column(g.Names.Key), "h."+staged(g.Event), log.t.Column(g.Event)))
	}
	if g.By != "" {
		fmt.Fprintf(&b, "    h.%s as by_id,\n", staged(g.By))
	}
	at, when := "h."+staged(g.At), log.t.Column(g.At)
	if g.AtHop {
		at, when = "b."+staged(g.At), w.of[g.Through.Table].t.Column(g.At)
	}
	fmt.Fprintf(&b, "    %s as happened_at\n", asTime(when, at))
	b.WriteString(from.String())
	for i, e := range where {
		word := "and"
		if i == 0 {
			word = "where"
		}
		fmt.Fprintf(&b, "%s cast(h.%s as varchar) = %s\n", word, staged(e.Column), sqlText(e.Value))
	}
	return b.String()
}

// logID tells a log's rows apart.
func (w *plan) logID(t *Table) string {
	if len(t.Primary) == 1 {
		return "h." + staged(t.Primary[0]) // As it stands, so that it orders rows of one second.
	}
	if len(t.Primary) == 0 {
		return "row_number() over (order by h." + staged(t.Columns[0].Name) + ")"
	}
	parts := make([]string, len(t.Primary))
	for i, k := range t.Primary {
		parts[i] = "cast(h." + staged(k) + " as varchar)"
	}
	return strings.Join(parts, " || '-' || ")
}
