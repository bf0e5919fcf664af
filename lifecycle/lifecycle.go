// Package lifecycle turns the lifecycles that a project declares into ordinary models: the activity fact and the flattened record.
// It opens no database and renders nothing; package model does that with these models as with any other file.
package lifecycle

import (
	"fmt"
	"strings"

	"lifeline/change"
	"lifeline/project"
)

// Add gives the project the models of its lifecycles, in the schema analytics, with their tests. A name that the project has already
// is an error that says where the lifecycle stands.
func Add(p *project.Project) error {
	for _, l := range p.Lifecycles {
		for _, m := range []*project.Model{activity(l), flattened(l)} {
			if p.Model(m.Name) != nil || p.Seed(m.Name) != nil {
				return &change.Problem{Err: fmt.Errorf("lifecycle %s makes the table %s, and the project has one of that name", l.Name, m.Name),
					Where: l.Path, Class: change.ClassUsage, Try: "rename it under tables:, or take the file out"}
			}
			p.Models = append(p.Models, m)
			key := m.Columns[0].Name
			for _, kind := range []string{"not_null", "unique"} {
				p.Tests = append(p.Tests, &project.Test{Name: kind + "_" + m.Name + "_" + key, Kind: kind, Node: m.Name, Column: key,
					Args: map[string]any{}, Severity: "error", WarnIf: "!= 0", ErrorIf: "!= 0", File: l.Path, Line: 1})
			}
		}
	}
	return nil
}

// part is a column of a generated table.
type part struct{ name, sql, description string }

func build(l *project.Lifecycle, name, description, from string, parts []part) *project.Model {
	m := &project.Model{Name: name, Path: l.Path, Description: description, PatchedIn: l.Path,
		Config: project.ModelConfig{Materialized: "table", Schema: "analytics", Tags: []string{"analytics", "lifecycle"}}}
	var lines []string
	for _, c := range parts {
		m.Columns = append(m.Columns, project.Column{Name: c.name, Description: c.description})
		lines = append(lines, fmt.Sprintf("    %s as %s", c.sql, c.name))
	}
	m.SQL = lives(l) + "\nselect\n" + strings.Join(lines, ",\n") + "\n" + from + "\n"
	return m
}

// lives is the CTE with a line per record: its key, state, keys of others, measures and the time of each activity.
func lives(l *project.Lifecycle) string {
	columns := []string{"r." + l.Key + " as record_key", "r." + l.State + " as state"}
	for _, c := range concerned(l) {
		columns = append(columns, qualified(c.Column)+" as "+c.Name)
	}
	for _, a := range l.Activities {
		at := qualified(a.At)
		if len(a.States) > 0 {
			at = fmt.Sprintf("case when r.%s in ('%s') then %s end", l.State, strings.Join(a.States, "', '"), at)
		}
		columns = append(columns, at+" as at_"+a.Name)
	}
	out := "with\nlives as (\n    select\n        " + strings.Join(columns, ",\n        ") + fmt.Sprintf("\n    from {{ ref('%s') }} as r", l.From)
	for _, p := range l.Parents {
		out += fmt.Sprintf("\n    left join {{ ref('%s') }} as %s on %s.%s = r.%s", p.Model, p.Name, p.Name, p.Key, p.On)
	}
	return out + "\n)\n"
}

// concerned are the measures and the keys of others, by the names that the tables give them.
func concerned(l *project.Lifecycle) []project.LifecycleColumn {
	out := append([]project.LifecycleColumn{}, l.Measures...)
	for _, r := range l.Related {
		out = append(out, project.LifecycleColumn{Name: "dim_" + r.Name + "_id", Column: r.Column})
	}
	return out
}

func qualified(column string) string {
	if strings.Contains(column, ".") {
		return column
	}
	return "r." + column
}

// activity is the fact with a row per activity. A date column is seen once, so an activity occurs once a record; the state before it
// is not known from a column.
func activity(l *project.Lifecycle) *project.Model {
	var steps []string
	for _, a := range l.Activities {
		to := "cast(null as varchar(20))"
		if len(a.States) > 0 {
			to = "cast(l.state as varchar(20))"
		}
		steps = append(steps, fmt.Sprintf("    select l.*, l.at_%s as activity_date, '%s' as activity_status, '%s' as basis, %s as to_state\n    from lives as l\n    where l.at_%s is not null",
			a.Name, a.Name, a.Basis, to, a.Name))
	}
	parts := []part{
		{"id", fmt.Sprintf("md5('%s|' || cast(a.record_key as varchar) || '|' || a.activity_status || '|' || cast(a.activity_date as varchar) || '|1')", l.Name),
			"Identity of the activity: md5 of lifecycle, key, activity, time and occurrence."},
		{"activity_date", "a.activity_date", "When it happened, UTC."},
		{"activity_status", "a.activity_status", "What happened."},
		{"from_state", "cast(null as varchar(20))", "The state before; null, because a date column does not tell it."},
		{"to_state", "a.to_state", "The state that it led to; null where the activity names none."},
		{"basis", "a.basis", "column: a date column of the record; proxy: one that stands in."},
		{"occurrence", "cast(1 as integer)", "Which time the record does this, from 1."},
		{"dim_" + l.Name + "_id", "a.record_key", "The record."},
	}
	for _, c := range concerned(l) {
		parts = append(parts, part{c.Name, "a." + c.Name, "As in " + c.Column + " of the record."})
	}
	return build(l, l.Activity, "What happened, a row per activity of a "+l.Name+".", "from (\n"+strings.Join(steps, "\n    union all\n")+"\n) as a", parts)
}

// flattened is the table with a row per record.
func flattened(l *project.Lifecycle) *project.Model {
	parts := []part{{"dim_" + l.Name + "_id", "l.record_key", "The record."}, {"status", "l.state", "Its present state."}}
	for _, c := range concerned(l) {
		parts = append(parts, part{c.Name, "l." + c.Name, "As in " + c.Column + " of the record."})
	}
	for _, a := range l.Activities {
		parts = append(parts, part{"date_" + a.Name, "l.at_" + a.Name, "When it was " + a.Name + ", UTC."},
			part{"date_" + a.Name + "_basis", fmt.Sprintf("case when l.at_%s is not null then '%s' end", a.Name, a.Basis), "column or proxy; null without a date."})
	}
	for _, a := range l.Activities[1:] {
		parts = append(parts, part{"lag_" + a.Name + "_seconds", seconds(l.Activities[0].Name, a.Name), "Whole seconds from " + l.Activities[0].Name + " to it."})
	}
	for _, g := range l.Legs {
		parts = append(parts, part{g.Name + "_seconds", seconds(g.From, g.To), "Whole seconds from " + g.From + " to " + g.To + "."})
	}
	parts = append(parts, part{"as_of", "timestamp '{{ var('as_of') }}'", "The instant that the figures are of, UTC, exclusive."})
	return build(l, l.Flattened, "The life of each "+l.Name+" on one line.", "from lives as l", parts)
}

func seconds(from, to string) string {
	return fmt.Sprintf("cast(floor(extract(epoch from (l.at_%s - l.at_%s))) as bigint)", to, from)
}
