package lifecycle

import (
	"fmt"
	"strings"

	"lifeline/project"
)

// checks gives the project the checks that hold a lifecycle's tables together. One that a schema file binds already is left to it.
func (l *compiler) checks(p *project.Project) {
	t, key := l.Tables, l.KeyColumn(l.Name)
	if t.Activity != "" {
		l.generic(p, "not_null", t.Activity, "id", nil)
		l.generic(p, "unique", t.Activity, "id", nil)
		l.generic(p, "not_null", t.Activity, l.Names.Time, nil)
		l.generic(p, "not_null", t.Activity, key, nil)
		if bases := l.bases(); bases != nil {
			l.generic(p, "accepted_values", t.Activity, "basis", map[string]any{"values": bases})
		}
	}
	if t.Flattened != "" {
		l.generic(p, "not_null", t.Flattened, key, nil)
		l.generic(p, "unique", t.Flattened, key, nil)
	}
	if l.State != "" {
		l.singular(p, l.StateCheck(), "A record in no state, or in one that is not declared, is reported: no backlog and no rate counts it.",
			l.undeclared())
	}
	if t.Intervals != "" {
		l.singular(p, l.PresentCheck(), "Each record is in one state now, and no stay ends before it begins.", l.overlaps())
		l.singular(p, l.TransitionCheck(), "A step that the declared states do not allow is reported; the activity stays.", l.illegal())
	}
	if t.Activity != "" && t.Flattened != "" {
		l.singular(p, l.EventsCheck(), "Every time and count on a record's line is that of its activities, and the other way round.", l.unequal())
	}
}

// bases are the bases that the fact may have; none where a column says what they are.
func (l *compiler) bases() []any {
	seen := map[string]bool{}
	var out []any
	add := func(words ...string) {
		for _, w := range words {
			if !seen[w] {
				seen[w] = true
				out = append(out, w)
			}
		}
	}
	for _, a := range l.Activities {
		if a.InFact && a.BasisOf != "" {
			return nil
		}
		if a.InFact {
			add(a.Basis)
		}
	}
	if l.seesChanges() {
		add("binlog", "snapshot", "first_seen")
	}
	return out
}

func (l *compiler) generic(p *project.Project, kind, node, column string, args map[string]any) {
	for _, t := range p.Tests {
		if t.Kind == kind && t.Node == node && t.Column == column {
			return
		}
	}
	if args == nil {
		args = map[string]any{}
	}
	p.Tests = append(p.Tests, &project.Test{
		Name: kind + "_" + node + "_" + column, Kind: kind, Node: node, Column: column, Args: args,
		Severity: "error", WarnIf: "", ErrorIf: "", File: l.Path, Line: 1,
	})
}

// singular gives a registered check its SQL; none where there is nothing to compare. A wrong step is told and stops nothing, unless a
// schema file says otherwise.
func (l *compiler) singular(p *project.Project, name, description, sql string) {
	for _, t := range p.Tests {
		if t.Name != name || t.Kind != project.Singular {
			continue
		}
		t.SQL, t.Disabled = sql, t.Disabled || sql == ""
		if t.Description == "" {
			t.Description = description
			if name == l.TransitionCheck() || name == l.StateCheck() {
				t.Severity = "warn"
			}
		}
	}
}

// illegal gives the activities whose step the declared states do not allow. Steps are known where changes were seen.
func (l *compiler) illegal() string {
	var allowed []string
	for _, s := range l.States {
		var next []string
		for _, other := range l.States {
			if s.Name != other.Name && s.May(other) {
				next = append(next, other.Name)
			}
		}
		if len(next) > 0 {
			allowed = append(allowed, "(from_state = '"+s.Name+"' and "+in("to_state", next)+")")
		}
	}
	rule := "false"
	if len(allowed) > 0 {
		rule = strings.Join(allowed, "\n    or ")
	}
	return fmt.Sprintf("select id, %s, from_state, to_state\nfrom %s\nwhere from_state <> to_state\n    and not coalesce(%s, false)",
		l.KeyColumn(l.Name), ref(l.Tables.Activity), "("+rule+")")
}

// undeclared gives the records whose state is null or not declared.
func (l *compiler) undeclared() string {
	return "select " + l.Key + ", " + l.State + "\nfrom " + ref(l.From) + "\nwhere " + l.State + " is null\n    or not " +
		in(l.stateOf(l.State), l.stateNames())
}

// overlaps gives the records that are not in just one state now, and the stays that begin before the one before has ended.
func (l *compiler) overlaps() string {
	key := l.KeyColumn(l.Name)
	return `select *
from (
    select ` + key + `, 'current' as what
    from ` + ref(l.Tables.Intervals) + `
    group by ` + key + `
    having count(*) filter (where is_current) <> 1
    union all
    select ` + key + `, 'overlap'
    from ` + ref(l.Tables.Intervals) + `
    where to_time < from_time
) as u`
}

// unequal gives the records whose line and activities differ.
func (l *compiler) unequal() string {
	var counted, compared []string
	for i := range l.Activities {
		a := &l.Activities[i]
		if !a.InFact || !a.InFlattened {
			continue
		}
		filter := fmt.Sprintf(" filter (where %s = '%s' and basis <> 'imputed')", l.Names.Activity, a.Name)
		counted = append(counted, "min("+l.Names.Time+")"+filter+" as first_"+a.Name, "max("+l.Names.Time+")"+filter+" as last_"+a.Name,
			"count(*)"+filter+" as count_"+a.Name)
		compared = append(compared, fmt.Sprintf("f.%s is distinct from e.first_%s", a.As, a.Name),
			fmt.Sprintf("f.%s_last is distinct from e.last_%s", a.As, a.Name),
			fmt.Sprintf("f.%s_count <> coalesce(e.count_%s, 0)", a.Name, a.Name))
	}
	if len(counted) == 0 {
		return ""
	}
	key := l.KeyColumn(l.Name)
	return "select coalesce(f." + key + ", e." + key + ") as " + key + "\nfrom " + ref(l.Tables.Flattened) +
		" as f\nfull join (\n    select\n        " + key + ",\n        " +
		strings.Join(counted, ",\n        ") + "\n    from " + ref(l.Tables.Activity) + "\n    group by " + key + "\n) as e on e." + key +
		" = f." + key +
		"\nwhere f." + key + " is null\n    or " + strings.Join(compared, "\n    or ")
}
