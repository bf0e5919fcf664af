package discover

import (
	"context"
	"regexp"
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
		if !l.left() {
			break
		}
		o := l.shapeOfOptions(t)
		if o == nil {
			if o = l.packedLists(ctx, t); o != nil {
				out = append(out, o)
			}
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
	if o.list != nil && o.code != nil && o.label != nil {
		return o
	}
	return l.listsByKey(t)
}

// listsByKey takes a table whose key is the name of a list and a code, and which has a text beside them, for several lists.
func (l *look) listsByKey(t *Table) *optionList {
	if len(t.Primary) != 2 {
		return nil
	}
	o := &optionList{table: t, list: t.Column(t.Primary[0]), code: t.Column(t.Primary[1])}
	if st := l.profile.stats(t, o.list.Name); o.list.kind() != text || st.Distinct < 2 || st.Distinct*2 > l.profile.rows(t) {
		return nil
	}
	for _, c := range t.Columns {
		if c.kind() == text && !slices.Contains(t.Primary, c.Name) &&
			(o.label == nil || has(c.words, "label", "title", "value") && !has(o.label.words, "label", "title", "value")) {
			o.label = c
		}
	}
	if o.label == nil {
		return nil
	}
	return o
}

// packed is a line of a list that stands in one text, such as "2|In planning".
var packed = regexp.MustCompile(`^\s*['"]?(-?\w{1,12})['"]?\s*[|=;:]\s*(\S.*?)\s*$`)

// packedLists reads a table that has a list a row: its name, and all its codes with their labels in one text.
func (l *look) packedLists(ctx context.Context, t *Table) *optionList {
	rows := l.profile.rows(t)
	if t.View || rows < 2 || rows > 500 || len(t.Columns) > 12 {
		return nil
	}
	var name, list *Column
	for _, c := range t.Columns {
		switch {
		case name == nil && c.kind() == text && l.profile.stats(t, c.Name).Distinct == rows:
			name = c
		case (c.kind() == text || c.kind() == longText) && has(c.words, "value", "option", "choice", "item", "list", "enum"):
			list = c
		}
	}
	if name == nil || list == nil || name == list {
		return nil
	}
	found, err := l.reader.Rows(ctx, t, []string{name.Name, list.Name}, 500)
	if err != nil {
		return nil
	}
	o := &optionList{table: t, list: name, words: map[string]map[string]string{}}
	for _, r := range found {
		words := map[string]string{}
		lines := strings.Split(strings.TrimSpace(r[list.Name]), "\n")
		for _, line := range lines {
			if m := packed.FindStringSubmatch(line); m != nil {
				words[m[1]] = m[2]
			}
		}
		if len(words) > 1 && len(words) == len(lines) {
			o.words[r[name.Name]] = words
		}
	}
	if len(o.words) == 0 {
		return nil
	}
	return o
}
