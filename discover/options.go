package discover

import (
	"context"
	"slices"
	"strings"
)

// optionList is a table of several lists: whose word each row is, its code, and what people call it.
type optionList struct {
	table             *Table
	list, code, label *Column
	words             map[string]map[string]string // By list: codes and their labels.
}

var (
	listWords = []string{"list", "category", "group", "domain", "set", "lookup", "picklist", "enum", "type", "kind", "dropdown"}
	codeWords = []string{"option", "code", "value", "key", "item"}
)

// optionsOf finds the labels of a column's codes in a table of several lists: the list that is called as the column, and has the codes.
func (l *look) optionsOf(ctx context.Context, c *Column, words []Word) map[string]string {
	var codes []string
	for _, w := range words {
		if !w.Null && strings.TrimSpace(w.Text) != "" {
			codes = append(codes, w.Text)
		}
	}
	if len(codes) < 2 {
		return nil
	}
	var best map[string]string
	for _, o := range l.optionLists(ctx) {
		for _, name := range sortedKeys(o.words) {
			options := o.words[name]
			known := 0
			for _, code := range codes {
				if _, ok := options[code]; ok {
					known++
				}
			}
			if known*10 >= len(codes)*8 && calledAlike(name, c) && (best == nil || len(options) < len(best)) {
				best = options
			}
		}
	}
	return best
}

// calledAlike reports whether a list is called as a column: apptstat as pc_apptstatus, order_status as status_id of orders.
func calledAlike(list string, c *Column) bool {
	a, b := strings.Join(split(list), ""), strings.Join(stemOf(c.words), "")
	return len(a) >= 4 && (strings.Contains(b, a) || len(b) >= 4 && strings.Contains(a, b))
}

// optionLists reads the tables of several lists, once.
func (l *look) optionLists(ctx context.Context) []*optionList {
	if l.options != nil {
		return *l.options
	}
	var out []*optionList
	for _, t := range l.catalog.Tables {
		o := l.shapeOfOptions(t)
		if o == nil || !l.left() {
			continue
		}
		rows, err := l.reader.Rows(ctx, t, []string{o.list.Name, o.code.Name, o.label.Name}, 10_000)
		if err != nil {
			continue
		}
		o.words = map[string]map[string]string{}
		for _, r := range rows {
			list := r[o.list.Name]
			if o.words[list] == nil {
				o.words[list] = map[string]string{}
			}
			o.words[list][r[o.code.Name]] = r[o.label.Name]
		}
		out = append(out, o)
	}
	l.options = &out
	return out
}

// shapeOfOptions finds the three columns of a table of several lists, nil where it is none.
func (l *look) shapeOfOptions(t *Table) *optionList {
	rows := l.profile.rows(t)
	if t.View || rows < 6 || l.rowsOf(t) > 20_000 || len(t.Columns) > 30 {
		return nil
	}
	o := &optionList{table: t}
	for _, c := range t.Columns {
		if c.kind() != text && c.kind() != integer || len(c.words) == 0 {
			continue
		}
		st, stem := l.profile.stats(t, c.Name), stemOf(c.words)
		switch {
		case o.list == nil && c.kind() == text && st.Distinct >= 2 && st.Distinct*2 <= rows && slices.Contains(listWords, stem[len(stem)-1]):
			o.list = c
		case o.code == nil && has(c.words, codeWords...) && st.Filled > 0:
			o.code = c
		case o.label == nil && c.kind() == text && has(c.words, "title", "label", "name", "meaning", "description", "text"):
			o.label = c
		}
	}
	if o.list == nil || o.code == nil || o.label == nil {
		return nil
	}
	return o
}
