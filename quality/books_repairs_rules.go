package quality

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Rules splits the repairs of an entity by what was done to the raw value, which it reads in staging beside the core row. Several
// rules of one cell are said together, such as "carriage return, trimmed", so that the rows of one column still add up.
//
//   - repaired: byte order mark, no-break space, carriage return, line feed or tab, trimmed, case;
//   - missing: zero date, no such day (or no number), out of range, word of nothing (blank or NULL), empty; "bounded" where a lower or
//     an upper bound is known instead;
//   - imputed: from which row, where the model says it in `<column>_from`, else "from other rows".
func (a *RowVerdicts) Rules(ctx context.Context, node string, repairs []Repair) ([]Repair, error) {
	e := a.entities.byNode(node)
	if e == nil {
		return repairs, nil
	}
	var touched []string
	for _, r := range repairs {
		if r.Basis != "source" && r.Basis != "" && !slices.Contains(touched, r.Column) {
			touched = append(touched, r.Column)
		}
	}
	if len(touched) == 0 {
		return repairs, nil
	}
	counts, err := a.countRules(ctx, e, touched)
	if err != nil {
		return nil, fmt.Errorf("count the repairs of %s by rule: %w", node, err)
	}
	var out []Repair
	for _, r := range repairs {
		if r.Basis == "source" || r.Basis == "" {
			out = append(out, r)
			continue
		}
		for _, c := range counts {
			if c.Column == r.Column && c.Basis == r.Basis {
				c.Table = r.Table
				out = append(out, c)
			}
		}
	}
	return out, nil
}

func (a *RowVerdicts) countRules(ctx context.Context, e *entity, touched []string) ([]Repair, error) {
	core, err := columnsOf(ctx, a.build.DB(), e.Relation)
	if err != nil {
		return nil, err
	}
	staging, err := e.source.columns(ctx, a.build.DB())
	if err != nil {
		return nil, err
	}
	var exprs, wheres []string
	for _, c := range touched {
		exprs = append(exprs, bind(`c.{b}`, "b", ident(c+"_basis")), ruleOf(c, core, staging))
		wheres = append(wheres, bind(`c.{b} <> 'source'`, "b", ident(c+"_basis")))
	}
	numbers := make([]string, len(exprs))
	for i := range numbers {
		numbers[i] = fmt.Sprint(i + 1)
	}
	rows, err := a.build.DB().QueryContext(ctx, bind(`
		select {exprs}, count(*)
		from {core} as c
		join {keyed} as s on {same}
		where {touched}
		group by {numbers}`,
		"exprs", strings.Join(exprs, ", "), "core", e.Relation, "keyed", e.keyed.Relation, "same", e.sameInCore("s", "c"),
		"touched", strings.Join(wheres, " or "), "numbers", strings.Join(numbers, ", ")))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[Repair]int64{}
	for rows.Next() {
		var n int64
		values := make([]*string, len(exprs))
		into := make([]any, 0, len(exprs)+1)
		for i := range values {
			into = append(into, &values[i])
		}
		if err := rows.Scan(append(into, &n)...); err != nil {
			return nil, err
		}
		for i, c := range touched {
			if basis, rule := values[2*i], values[2*i+1]; basis != nil && *basis != "source" && rule != nil {
				counts[Repair{Column: c, Basis: *basis, Rule: *rule}] += n
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	out := make([]Repair, 0, len(counts))
	for r, n := range counts {
		r.Rows = n
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Repair) int {
		return strings.Compare(a.Column+"\x00"+a.Basis+"\x00"+a.Rule, b.Column+"\x00"+b.Basis+"\x00"+b.Rule)
	})
	return out, nil
}

// ruleOf is an expression for what was done to one column's value.
func ruleOf(column string, core []string, staging []stagingColumn) string {
	kind := ""
	for _, c := range staging {
		if c.name == column {
			kind = c.kind
		}
	}
	imputed := text("from other rows")
	if slices.Contains(core, column+"_from") {
		imputed = bind(`'from ' || coalesce(cast(c.{f} as text), 'other rows')`, "f", ident(column+"_from"))
	}
	missing, repaired := text("empty"), text("case")
	raw := "s." + ident(column)
	isText := strings.HasPrefix(kind, "varchar") || kind == "text" || strings.HasPrefix(kind, "character")
	if isText {
		parts := []string{}
		for _, p := range []struct{ code, name string }{
			{"65279", "byte order mark"}, {"160", "no-break space"}, {"13", "carriage return"}, {"10", "line feed"}, {"9", "tab"},
		} {
			parts = append(parts, bind(`case when strpos({raw}, chr({code})) > 0 then {name} else '' end`,
				"raw", raw, "code", p.code, "name", text(p.name+", ")))
		}
		parts = append(parts, bind(`case when {raw} <> trim({raw}, ' ') then 'trimmed, ' else '' end`, "raw", raw))
		repaired = bind(`coalesce(nullif(rtrim({parts}, ', '), ''), 'case')`, "parts", strings.Join(parts, " || "))
		missing = bind(`case when {raw} is null then 'empty' when trim({raw}, ' ') in ('', 'NULL') then 'word of nothing' else 'unknown' end`,
			"raw", raw)
	} else if kind != "" {
		unreadable := "no number"
		if kind == "date" || strings.HasPrefix(kind, "timestamp") {
			unreadable = "no such day"
		}
		missing = bind(`case when s._raw like {zero} then 'zero date' when s._raw like {lost} then {unreadable}
		     when {raw} is not null then 'out of range' else 'empty' end`,
			"zero", text(`%"`+column+`":"0000-%`), "lost", text(`%"`+column+`":%`), "unreadable", text(unreadable), "raw", raw)
	}
	if slices.Contains(core, column+"_lower") && slices.Contains(core, column+"_upper") {
		missing += bind(` || case when c.{l} is not null or c.{u} is not null then ', bounded' else '' end`,
			"l", ident(column+"_lower"), "u", ident(column+"_upper"))
	} else if slices.Contains(core, column+"_lower") {
		missing += bind(` || case when c.{l} is not null then ', bounded' else '' end`, "l", ident(column+"_lower"))
	}
	return bind(`case c.{b} when 'imputed' then {imputed} when 'missing' then {missing} when 'repaired' then {repaired} end`,
		"b", ident(column+"_basis"), "imputed", imputed, "missing", missing, "repaired", repaired)
}
