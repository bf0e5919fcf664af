package project

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Records say which rows of a table the figures of a model rest on: meta.lifeline.records, one entry a kind of row. All texts are SQL
// expressions over From, in which Jinja and bare ref('name') may stand.
type Records struct {
	Of        string            // The model whose rows they are, such as claims.
	Key       string            // Their key in it.
	From      string            // What follows FROM.
	Condition string            // where: which rows of it are looked at.
	By        map[string]string // Column of the figures to the expression that must equal it, nulls too.
	Columns   []string          // Those of By, sorted.
	Measures  []string          // Of the figures; empty for all of the model.
	Only      string            // numerator, denominator or n: the rows count in that alone; empty for all.
	Counted   string            // Whether the row counts in n.
	Hit       string            // Whether it counts in the numerator, of the counted ones; empty for all of them.
	LeftOut   string            // Whether it counts in excluded; empty for those that are not counted (of rows with Only: none).
	Weight    string            // How much it counts in n or excluded; 1 where none is given.
	Adds      string            // How much it adds to the numerator; 1 where none is given.
	Divides   string            // How much it adds to the denominator; empty where the denominator is n.
	Where     string            // file:line:column.
}

var recordsKeys = []string{
	"of", "key", "from", "where", "by", "measures", "only", "counted", "hit", "left_out", "weight", "adds",
	"divides",
}

var (
	rawTag  = regexp.MustCompile(`\{%-?\s*(?:end)?raw\s*-?%\}`)
	braces  = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}`)
	bareRef = regexp.MustCompile(`\bref\(\s*(?:'[^']+'|"[^"]+")\s*\)`)
)

// sqlText is a part of an entry that is SQL. dbt renders meta where it knows neither ref nor a project's macros: a bare ref stands
// for a reference, and {% raw %} keeps Jinja for later, here as there.
func sqlText(v any) string {
	text := rawTag.ReplaceAllString(textOf(v), "")
	var out strings.Builder
	for text != "" {
		at := braces.FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		out.WriteString(bareRef.ReplaceAllString(text[:at[0]], "{{ $0 }}") + text[at[0]:at[1]])
		text = text[at[1]:]
	}
	return out.String()
}

// readRecords reads meta.lifeline.records of a model.
func readRecords(o *Object, v any) ([]*Records, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, o.Value.Problem("meta.lifeline.records is not a list", "records: [{of: claims, key: c.id, from: …}]")
	}
	var out []*Records
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, o.Value.Problem(fmt.Sprintf("entry %d of meta.lifeline.records is not a mapping", i+1), "{of: claims, key: c.id, from: …}")
		}
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !contains(recordsKeys, k) {
				return nil, o.Value.Problem(fmt.Sprintf("unknown key %q in entry %d of meta.lifeline.records", k, i+1),
					cmp.Or(Nearest(k, recordsKeys), strings.Join(recordsKeys, ", ")))
			}
		}
		r := &Records{
			Of: textOf(m["of"]), Key: sqlText(m["key"]), From: sqlText(m["from"]), Condition: sqlText(m["where"]),
			Measures: textsOf(m["measures"]),
			Only:     textOf(m["only"]), Counted: cmp.Or(sqlText(m["counted"]), "true"), Hit: sqlText(m["hit"]), LeftOut: sqlText(m["left_out"]),
			Weight: cmp.Or(sqlText(m["weight"]), "1"), Adds: cmp.Or(sqlText(m["adds"]), "1"), Divides: sqlText(m["divides"]),
			By: map[string]string{}, Where: o.Value.Where(),
		}
		for _, name := range []string{"of", "key", "from"} {
			if textOf(m[name]) == "" {
				return nil, o.Value.Problem(fmt.Sprintf("entry %d of meta.lifeline.records has no %q", i+1, name),
					"{of: claims, key: c.id, from: \"ref('claims') as c\"}")
			}
		}
		if !contains([]string{"", "numerator", "denominator", "n"}, r.Only) {
			return nil, o.Value.Problem(fmt.Sprintf("only %q of entry %d of meta.lifeline.records must be numerator, denominator or n",
				r.Only, i+1), "only: numerator")
		}
		by, ok := m["by"].(map[string]any)
		if !ok && m["by"] != nil {
			return nil, o.Value.Problem(fmt.Sprintf("by of entry %d of meta.lifeline.records is not a mapping", i+1),
				"by: {period: c.created_month}")
		}
		r.Columns = slices.Sorted(maps.Keys(by))
		for k, x := range by {
			r.By[k] = sqlText(x)
		}
		out = append(out, r)
	}
	return out, nil
}
