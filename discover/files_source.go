package discover

import (
	"fmt"
	"slices"
	"strings"
)

// sources is models/sources.yml: the contract, keys, money, and what the database's own comments say.
func (w *plan) sources() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 2\n\nsources:\n  - name: %s\n    description: %s\n    schema: staging\n    quoting: {database: false, "+
		"schema: false, identifier: false}\n    tables:\n",
		w.source, yamlText("The database "+w.Catalog.Name+" as it stands at one point in time. The columns below are the contract: their "+
			"names, declared types and order."))
	for _, t := range w.tables {
		w.sourceTable(&b, t)
	}
	return b.String()
}

func (w *plan) sourceTable(b *strings.Builder, t *planTable) {
	fmt.Fprintf(b, "      - name: %s\n", t.name)
	if t.name != t.t.Name && t.t.File == "" {
		fmt.Fprintf(b, "        identifier: %s\n", yamlText(t.t.Name))
	}
	if t.t.Comment != "" {
		fmt.Fprintf(b, "        description: %s\n", yamlText(t.t.Comment))
	}
	b.WriteString("        meta:\n          lifeline:\n")
	if t.t.File != "" {
		fmt.Fprintf(b, "            file: %s\n", yamlText(t.t.File))
	}
	keys := make([]string, len(t.t.Primary))
	for i, k := range t.t.Primary {
		keys[i] = yamlText(strings.ToLower(k))
	}
	fmt.Fprintf(b, "            key: [%s]\n", strings.Join(keys, ", "))
	if money := w.moneyOf(t); money != "" {
		fmt.Fprintf(b, "            money: {%s}\n", money)
	}
	b.WriteString("        columns:\n")
	for _, c := range t.t.Columns {
		fmt.Fprintf(b, "          - {name: %s, data_type: %s", yamlText(strings.ToLower(c.Name)), yamlText(c.Type))
		if text := w.describe(t, c); text != "" {
			fmt.Fprintf(b, ", description: %s", yamlText(text))
		}
		b.WriteString("}\n")
	}
}

// booked are the exact amounts of a table that the books add up. What floats or whole numbers hold is no sum to the cent.
func (w *plan) booked(t *planTable) []Amount {
	var out []Amount
	for _, m := range w.Money {
		c := t.t.Column(m.Column)
		if m.Table == t.t.Name && m.Confidence != Low && c.kind() == decimal && scale(c) <= 9 && len(out) < 12 {
			out = append(out, m)
		}
	}
	return out
}

// moneyOf lists the amounts of a table with their currency columns.
func (w *plan) moneyOf(t *planTable) string {
	var out []string
	for _, m := range w.booked(t) {
		currency := "null"
		if m.Currency != "" {
			currency = yamlText(strings.ToLower(m.Currency))
		}
		out = append(out, fmt.Sprintf("%s: %s", yamlText(strings.ToLower(m.Column)), currency))
	}
	return strings.Join(out, ", ")
}

// describe says what is known of a column in a sentence.
func (w *plan) describe(t *planTable, c *Column) string {
	var parts []string
	if c.Comment != "" && !strings.EqualFold(strings.ReplaceAll(c.Comment, " ", "_"), c.Name) {
		parts = append(parts, c.Comment)
	}
	for _, k := range w.keysOf[t.t.Name] {
		if k.Column == c.Name && k.Confidence != Low {
			parts = append(parts, "Key of "+k.Parent+".")
		}
	}
	for _, p := range w.Polymorphic {
		if p.Table == t.t.Name && p.ID == c.Name {
			parts = append(parts, "Key of the table that "+p.Type+" names.")
		}
	}
	for _, d := range w.Dates {
		if d.Table == t.t.Name && d.Column == c.Name && d.Confidence != Low {
			parts = append(parts, "When it was "+strings.ReplaceAll(d.Role, "_", " ")+".")
		}
	}
	if c.Unix != "" {
		parts = append(parts, "Counts "+string(c.Unix)+" since 1970.")
	}
	for _, d := range w.Deletes {
		if d.Table == t.t.Name && d.Column == c.Name {
			parts = append(parts, "Switches the row on or off.")
		}
	}
	return strings.Join(parts, " ")
}

// coreModel is one table's model: its columns as they stand, but for what no value can be.
func (w *plan) coreModel(t *planTable) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- %s: one row per row of the source.\n", w.title(t))
	joins := w.joins(t)
	alias := ""
	if len(joins) > 0 || t.record != nil && t.record.r.State != "" {
		alias = "t."
	}
	var list selectList
	for _, c := range t.t.Columns {
		w.coreColumn(&list, t, c, alias)
	}
	w.underOwnName(&list, t, alias)
	w.stateColumns(&list, t, alias)
	for _, j := range joins {
		list.line(fmt.Sprintf("%s.%s as %s", j.alias, staged(j.label), j.as))
	}
	b.WriteString("select\n" + list.String() + "\nfrom {{ source('" + w.source + "', '" + t.name + "') }}")
	if alias != "" {
		b.WriteString(" as t")
	}
	b.WriteString("\n")
	for _, j := range joins {
		fmt.Fprintf(&b, "left join {{ source('%s', '%s') }} as %s on %s\n", w.source, j.table, j.alias, j.on)
	}
	if t.record != nil && t.record.r.State != "" {
		fmt.Fprintf(&b, "{{ status_map_of('%s', '%s') }}\n", t.record.r.Name, jinjaText(alias+staged(t.record.r.State)))
	}
	return b.String()
}

// jinjaText escapes a name for a Jinja string.
func jinjaText(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `'`, `\'`)
}

// coreColumn is a source column as core has it.
func (w *plan) coreColumn(list *selectList, t *planTable, c *Column, alias string) {
	name := alias + staged(c.Name)
	as := t.columns[c.Name]
	kind := w.cleaning(t, c)
	if kind == "" {
		if staged(c.Name) == as {
			list.add(name)
		} else {
			list.add(name + " as " + as)
		}
		return
	}
	var args strings.Builder
	if kind != "text" {
		args.WriteString(", '" + kind + "'")
	}
	if kind == "key" && w.hasNegative(t, c) {
		args.WriteString(", nothing=[-1]")
	}
	if staged(c.Name) != as {
		fmt.Fprintf(&args, ", name='%s'", as)
	}
	list.line(fmt.Sprintf("{{ clean('%s'%s) }}", jinjaText(name), args.String()))
}

// underOwnName repeats the amounts, and their currencies, that core calls otherwise: the books need them under staging's names.
func (w *plan) underOwnName(list *selectList, t *planTable, alias string) {
	seen := map[string]bool{}
	for _, m := range w.booked(t) {
		for _, name := range []string{m.Column, m.Currency} {
			if name != "" && !seen[name] && staged(name) != t.columns[name] {
				seen[name] = true
				list.line(alias + staged(name))
			}
		}
	}
}

// cleaning is the kind of cleaning that a column's values ask for, "" where they can stay as they are. What is a key stays.
func (w *plan) cleaning(t *planTable, c *Column) string {
	if slices.Contains(t.t.Primary, c.Name) || w.pointedAt(t, c) {
		return ""
	}
	if c.Unix != "" {
		return string(c.Unix)
	}
	st := w.Profile.stats(t.t, c.Name)
	key := slices.ContainsFunc(w.keysOf[t.t.Name], func(k *Key) bool { return k.Column == c.Name && k.Confidence != Low })
	switch {
	case key && c.kind() == integer && (st.Zero > 0 || w.hasNegative(t, c)):
		return "key"
	case c.isTime() && st.Far+st.Zero > 0 && !t.taken(t.columns[c.Name]+"_basis"):
		return "date"
	case c.kind() == text && key && st.Blank+st.Zero > 0:
		return "code"
	case c.kind() == text && st.Blank > 0 && c.Base != "char" || c.kind() == longText && st.Blank > 0:
		return "text"
	}
	return ""
}

// hasNegative reports whether values below zero were seen. In a number that is a key, -1 stands for nothing.
func (w *plan) hasNegative(t *planTable, c *Column) bool {
	return strings.HasPrefix(w.Profile.stats(t.t, c.Name).Min, "-")
}

// pointedAt reports whether other rows know this row by a column.
func (w *plan) pointedAt(t *planTable, c *Column) bool {
	return slices.ContainsFunc(w.keysTo[t.t.Name], func(k *Key) bool { return k.Key == c.Name })
}

// selectList writes the columns of a select: those that stay as they are beside each other, the others on lines of their own.
type selectList struct {
	lines []string
	open  bool // The last line may take another column.
}

func (l *selectList) add(column string) {
	if n := len(l.lines); l.open && len(l.lines[n-1])+len(column) < 110 {
		l.lines[n-1] += ", " + column
		return
	}
	l.lines, l.open = append(l.lines, column), true
}

func (l *selectList) line(column string) { l.lines, l.open = append(l.lines, column), false }

func (l *selectList) String() string { return "    " + strings.Join(l.lines, ",\n    ") }

// stateColumns are the record's canonical state, how it came about, and its key where that has several columns.
func (w *plan) stateColumns(list *selectList, t *planTable, alias string) {
	pr := t.record
	if pr == nil {
		return
	}
	if pr.joined {
		parts := make([]string, len(pr.r.Key))
		for i, k := range pr.r.Key {
			parts[i] = "cast(" + alias + staged(k) + " as varchar)"
		}
		list.line(strings.Join(parts, " || '-' || ") + " as " + pr.key)
	}
	for _, m := range pr.measures {
		if m.literal != "" {
			list.line(fmt.Sprintf("cast(%s as varchar(10)) as %s", sqlText(m.literal), m.currency))
			break
		}
	}
	if pr.r.State == "" {
		end, kind := jinjaText(alias+staged(pr.r.EndDate)), "date"
		if unit := t.t.Column(pr.r.EndDate).Unix; unit != "" {
			kind = string(unit)
		}
		list.line(fmt.Sprintf("case when {{ clean_value('%s', '%s') }} is null then %s else %s end as %s",
			end, kind, sqlText(pr.r.States[0].Name), sqlText(pr.r.States[1].Name), pr.state))
		return
	}
	name := ""
	if pr.state != "state" {
		name = ", name='" + pr.state + "'"
	}
	list.line(fmt.Sprintf("{{ clean_state('%s'%s) }}", jinjaText(alias+staged(pr.r.State)), name))
}

// join ties a record's row to the name of what it points at.
type join struct{ table, alias, on, label, as string }

// sameKey compares two columns; a number and a text are compared as texts, which no engine does by itself.
func sameKey(left string, l *Column, right string, r *Column) string {
	number := func(c *Column) bool { return c.kind() == integer || c.kind() == decimal }
	if l == nil || r == nil || number(l) == number(r) {
		return left + " = " + right
	}
	return fmt.Sprintf("cast(%s as varchar) = cast(%s as varchar)", left, right)
}

func (w *plan) joins(t *planTable) []join {
	if t.record == nil {
		return nil
	}
	var out []join
	for i, r := range t.record.related {
		if r.label == "" {
			continue
		}
		label := labelOf(r.parent.t).Name
		alias := fmt.Sprintf("l%d", i+1)
		out = append(out, join{
			table: r.parent.name, alias: alias, label: label, as: r.label,
			on: sameKey(alias+"."+staged(r.key.Key), r.parent.t.Column(r.key.Key), "t."+staged(r.key.Column), t.t.Column(r.key.Column)),
		})
	}
	return out
}

// coreSchema is the schema file of core: descriptions, and tests that hold on the data as it was found.
func (w *plan) coreSchema() string {
	var b strings.Builder
	b.WriteString("version: 2\n\nmodels:\n")
	for _, t := range w.tables {
		if t.model != "" {
			w.modelSchema(&b, t)
		}
	}
	for _, pr := range w.records {
		if pr.steps != "" {
			fmt.Fprintf(&b, "  - name: %s\n    description: %s\n    columns:\n      - name: id\n        description: The row of the log.\n      "+
				"  data_tests: [not_null, unique]\n",
				pr.steps, yamlText("What the log "+pr.r.Log.Table+" tells of each "+pr.r.Name+". Grain: one row per row of the log that is about one."))
		}
	}
	return b.String()
}

func (w *plan) modelSchema(b *strings.Builder, t *planTable) {
	grain := make([]string, len(t.t.Primary))
	for i, k := range t.t.Primary {
		grain[i] = t.columns[k]
	}
	description := t.t.Comment
	if description == "" {
		description = w.title(t) + "."
	}
	fmt.Fprintf(b, "  - name: %s\n    description: %s\n", t.model, yamlText(description))
	if t.stated {
		fmt.Fprintf(b, "    config: {meta: {lifeline: {entity_of: %s, grain: [%s]}}}\n", t.name, strings.Join(grain, ", "))
	}
	if len(grain) > 1 {
		fmt.Fprintf(b, "    data_tests:\n      - dbt_utils.unique_combination_of_columns:\n"+
			"          arguments: {combination_of_columns: [%s]}\n", strings.Join(grain, ", "))
	}
	b.WriteString("    columns:\n")
	for _, c := range t.t.Columns {
		w.columnSchema(b, t, c)
	}
	if t.record != nil {
		fmt.Fprintf(b, "      - name: %s\n        description: %s\n", t.record.state,
			yamlText("The state in our words, by status_map or the end date; unknown where nobody has said what the value means."))
		if t.record.r.State != "" {
			fmt.Fprintf(b, "        data_tests:\n          - dbt_utils.not_accepted_values:\n              name: unknown_%s_state\n             "+
				" arguments: {values: [unknown]}\n              config: {severity: warn}\n", t.record.r.Name)
		}
	}
}

func (w *plan) columnSchema(b *strings.Builder, t *planTable, c *Column) {
	fmt.Fprintf(b, "      - name: %s\n", t.columns[c.Name])
	if text := w.describe(t, c); text != "" {
		fmt.Fprintf(b, "        description: %s\n", yamlText(text))
	}
	var tests []string
	if len(t.t.Primary) == 1 && t.t.Primary[0] == c.Name {
		tests = append(tests, "          - not_null", "          - unique")
	} else if slices.Contains(t.t.Primary, c.Name) {
		tests = append(tests, "          - not_null")
	}
	for _, k := range w.keysOf[t.t.Name] {
		parent := w.of[k.Parent]
		if k.Column != c.Name || k.Confidence == Low || parent == nil || parent.model == "" || parent == t || parent.t.Column(k.Key) == nil ||
			parent.t.Column(k.Key).kind() != c.kind() ||
			slices.ContainsFunc(tests, func(s string) bool { return strings.Contains(s, "relationships") }) {
			continue
		}
		if st := w.Profile.stats(t.t, c.Name); slices.Contains(t.t.Primary, c.Name) && (st.Zero+st.Blank > 0 || w.hasNegative(t, c)) {
			continue // A part of the key cannot be made null.
		}
		tests = append(tests, fmt.Sprintf("          - relationships:\n              arguments: {to: ref('%s'), field: %s}", parent.model,
			parent.columns[k.Key]))
		if !k.proven(w.Profile.rows(t.t)) {
			tests[len(tests)-1] += "\n              config: {severity: warn}"
		}
	}
	if len(tests) > 0 {
		b.WriteString("        data_tests:\n" + strings.Join(tests, "\n") + "\n")
	}
}

// proven reports whether every value of a key was seen in the parent, so that a test of it holds.
func (k *Key) proven(rows int) bool {
	return k.Tried > 0 && k.Missing == 0 && k.Tried < 1000 && rows <= 5000
}
