package discover

import (
	"fmt"
	"slices"
	"strings"
)

// shown is a table that pages ask: a record's flattened life, or rows with a date where there are no records.
type shown struct {
	table, noun, list, key string
	date                   string
	record                 *planRecord
	pt                     *planTable
}

// events are tables whose rows happen and have no life, the ones with money first, four at most.
func (w *plan) events() []shown {
	var out []shown
	for _, withMoney := range []bool{true, false} {
		for _, t := range w.tables {
			if t.model == "" || t.record != nil || len(t.t.Primary) != 1 || len(out) >= 4 ||
				slices.ContainsFunc(out, func(s shown) bool { return s.pt == t }) {
				continue
			}
			date := ""
			for _, d := range w.Dates {
				if d.Table == t.t.Name && (d.Role == "created" || d.Role == "dated") && (date == "" || d.Role == "created") && d.Confidence != Low {
					date = t.columns[d.Column]
				}
			}
			money := slices.ContainsFunc(w.Money, func(m Amount) bool { return m.Table == t.t.Name && m.Confidence != Low })
			if date == "" || money != withMoney {
				continue
			}
			out = append(out, shown{
				table: "core." + t.model, noun: strings.ToLower(w.title(t)), list: t.model,
				key: t.columns[t.t.Primary[0]], date: date, pt: t,
			})
		}
	}
	return out
}

// lists are what the pages show.
func (w *plan) lists() []shown {
	var out []shown
	for _, pr := range w.records {
		out = append(out, shown{
			table: "analytics." + pr.dim(), noun: strings.ReplaceAll(pr.r.Name, "_", " "), list: pr.plural,
			key: pr.keyOf(pr.r.Name), record: pr, pt: pr.table,
		})
	}
	if len(out) == 0 {
		out = w.events()
	}
	return out
}

// came is the column with which a row came in, "" where it has no date.
func (s *shown) came() string {
	if s.record == nil {
		return s.date
	}
	if a := s.record.activity(s.record.enter); a != nil {
		return a.column()
	}
	return ""
}

func (s *shown) left() string {
	if s.record == nil {
		return ""
	}
	if a := s.record.activity(s.record.leave); a != nil {
		return a.column()
	}
	return ""
}

// dashboardModel is dashboards/model.yml: how the tables are asked.
func (w *plan) dashboardModel() string {
	lists := w.lists()
	var b strings.Builder
	b.WriteString("# How the tables of this project are asked: dates, filters, records. The pages are the other files of this folder.\n")
	if len(lists) == 0 {
		if t := w.biggest(); t != nil {
			fmt.Fprintf(&b, "main: core.%s\nrange: all\n\ntables:\n  core.%s: {title: %s, noun: rows}\n", t.model, t.model,
				yamlText(w.title(t)))
		}
		return b.String()
	}
	fmt.Fprintf(&b, "main: %s\nrange: all\nversus: none\n\nbases:\n  came_in: {label: Came in, hint: When it began.}\n", lists[0].table)
	if slices.ContainsFunc(lists, func(s shown) bool { return s.left() != "" }) {
		b.WriteString("  left: {label: Left, hint: When it was decided or closed.}\n")
	}
	w.filters(&b, lists)
	w.tones(&b)
	b.WriteString("\ntables:\n")
	for i := range lists {
		w.askedTable(&b, &lists[i])
	}
	w.coreTables(&b, lists)
	b.WriteString("\nrecords:\n")
	for i := range lists {
		w.recordList(&b, &lists[i])
	}
	return b.String()
}

// coreTables say by which column a row of core is known.
func (w *plan) coreTables(b *strings.Builder, lists []shown) {
	for _, t := range w.tables {
		if t.model == "" || slices.ContainsFunc(lists, func(s shown) bool { return s.table == "core."+t.model }) {
			continue
		}
		key := ""
		if len(t.t.Primary) == 1 {
			key = ", key: " + t.columns[t.t.Primary[0]]
		} else if t.record != nil {
			key = ", key: " + t.record.key
		}
		fmt.Fprintf(b, "  core.%s: {title: %s, noun: rows, source: %s%s}\n", t.model, yamlText(w.title(t)), t.name, key)
	}
}

func (w *plan) biggest() *planTable {
	var out *planTable
	for _, t := range w.tables {
		if t.model != "" && (out == nil || t.t.Rows > out.t.Rows) {
			out = t
		}
	}
	return out
}

// filterOf is the flattened column that a related thing is filtered by: its name where one is known, else its number.
func (pr *planRecord) filterOf(r planRelated) string {
	if r.label != "" {
		return r.label
	}
	return pr.keyOf(r.name)
}

func (w *plan) filters(b *strings.Builder, lists []shown) {
	kinds, titles := map[string]string{}, map[string]string{}
	for _, s := range lists {
		if s.record == nil {
			continue
		}
		for _, r := range s.record.related {
			titles[r.name] = w.relatedTitle(r)
			kind := "text"
			if r.label == "" {
				kind = "id"
			}
			if old, ok := kinds[r.name]; !ok || old == "text" {
				kinds[r.name] = kind
			}
		}
	}
	if len(w.records) == 0 {
		return
	}
	b.WriteString("\nfilters:\n  state: {label: State, kind: state}\n")
	for _, name := range sortedKeys(kinds) {
		if name == "state" {
			continue
		}
		fmt.Fprintf(b, "  %s: {label: %s, kind: %s}\n", name, yamlText(titles[name]), kinds[name])
	}
}

func (w *plan) tones(b *strings.Builder) {
	tones := map[string]string{"unknown": "{label: Unknown, tone: unknown}"}
	for _, pr := range w.records {
		for _, s := range pr.r.States {
			tone := map[Meaning]string{Open: "wait", Decided: "good", Void: "bad", Unknown: "unknown"}[s.Meaning]
			if old := tones[s.Name]; old == "" {
				tones[s.Name] = fmt.Sprintf("{label: %s, tone: %s}", yamlText(strings.TrimSpace(s.Label)), tone)
			}
		}
	}
	if len(w.records) == 0 {
		return
	}
	b.WriteString("\nstates:\n")
	for _, name := range sortedKeys(tones) {
		fmt.Fprintf(b, "  %s: %s\n", name, tones[name])
	}
}

func (w *plan) askedTable(b *strings.Builder, s *shown) {
	fmt.Fprintf(b, "  %s:\n    title: %s\n    noun: %s\n    key: %s\n    source: %s\n", s.table, yamlText(heading(s.list)),
		yamlText(plural(s.noun)), s.key, s.pt.name)
	var dates, filters, money []string
	if c := s.came(); c != "" {
		dates = append(dates, "came_in: "+c)
	}
	if c := s.left(); c != "" {
		dates = append(dates, "left: "+c)
	}
	if pr := s.record; pr != nil {
		filters = append(filters, "state: "+pr.state)
		for _, r := range pr.related {
			if r.name != "state" {
				filters = append(filters, r.name+": "+pr.filterOf(r))
			}
		}
		for _, m := range pr.measures {
			if m.currency != "" && m.single {
				money = append(money, m.name+": "+m.currency)
			}
		}
	}
	if len(dates) > 0 {
		fmt.Fprintf(b, "    dates: {%s}\n", strings.Join(dates, ", "))
	}
	if len(filters) > 0 {
		fmt.Fprintf(b, "    filters: {%s}\n", strings.Join(filters, ", "))
	}
	if len(money) > 0 {
		fmt.Fprintf(b, "    money: {%s}\n", strings.Join(money, ", "))
	}
}

// recordList is the list of a kind of record, and its page for one of them.
func (w *plan) recordList(b *strings.Builder, s *shown) {
	fmt.Fprintf(b, "  %s:\n    title: %s\n    singular: %s\n    table: %s\n", s.list, yamlText(heading(s.list)), yamlText(heading(s.noun)),
		s.table)
	pr := s.record
	if pr == nil {
		if s.date != "" {
			fmt.Fprintf(b, "    sort: -%s\n", s.date)
		}
		return
	}
	fmt.Fprintf(b, "    core: core.%s\n    state: %s\n", pr.table.model, pr.state)
	columns := []string{s.key, pr.state}
	facets := []string{"state"}
	var facts []string
	for i, r := range pr.related {
		if r.name == "state" {
			continue
		}
		if i < 4 {
			columns = append(columns, pr.filterOf(r))
		}
		if len(facets) < 5 {
			facets = append(facets, r.name)
		}
		facts = append(facts, pr.filterOf(r))
	}
	for _, m := range pr.measures {
		columns = append(columns, m.name)
		if m.currency != "" && !slices.Contains(columns, m.currency) {
			columns = append(columns, m.currency)
		}
	}
	for _, f := range pr.facts {
		if !slices.Contains(facts, f.name) {
			facts = append(facts, f.name)
		}
	}
	for _, c := range []string{s.came(), s.left()} {
		if c != "" && !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	fmt.Fprintf(b, "    columns: [%s]\n    facets: [%s]\n", strings.Join(columns, ", "), strings.Join(facets, ", "))
	if c := s.came(); c != "" {
		fmt.Fprintf(b, "    sort: -%s\n", c)
	}
	if len(facts) > 0 {
		fmt.Fprintf(b, "    facts: [%s]\n", strings.Join(facts, ", "))
	}
	b.WriteString("    timeline:\n")
	for i := range pr.acts {
		a := &pr.acts[i]
		if !a.hidden {
			fmt.Fprintf(b, "      - {column: %s, label: %s, basis: %s_basis}\n", a.column(), yamlText(a.title()), a.column())
		}
	}
	b.WriteString("    related:\n")
	fmt.Fprintf(b, "      - {title: Steps, table: analytics.%s, column: %s, equals: %s, order: \"happened_at, position\"}\n", pr.fact(),
		s.key, s.key)
	w.relatedChildren(b, pr, s.key)
}

func (w *plan) relatedChildren(b *strings.Builder, pr *planRecord, key string) {
	n := 0
	for _, k := range pr.r.Children {
		t := w.of[k.Table]
		if t == nil || t.model == "" || pr.joined || k.Key != pr.r.Key[0] || n >= 5 || t.record == pr {
			continue
		}
		n++
		fmt.Fprintf(b, "      - {title: %s, table: core.%s, column: %s, equals: %s}\n", yamlText(w.title(t)), t.model, t.columns[k.Column],
			key)
	}
}

// overview is the first page.
func (w *plan) overview() string {
	lists := w.lists()
	var b strings.Builder
	b.WriteString("title: Overview\npath: /\nsection: Operations\nicon: gauge\norder: 10\n")
	if len(w.records) == 0 {
		b.WriteString("description: What the database holds. " +
			"No table was found whose rows have a life with states or an end, so none is shown.\n")
		return b.String() + w.tablesPage(lists)
	}
	b.WriteString("description: What comes in, what waits, and what has left.\n\nqueries:\n")
	for i := range lists[:min(3, len(lists))] {
		w.countQuery(&b, &lists[i])
	}
	b.WriteString("\ncards:\n")
	for i := range lists[:min(3, len(lists))] { // A row of numbers; the further kinds have theirs on their own pages.
		w.countCards(&b, &lists[i])
	}
	width := "half"
	if len(lists) == 1 {
		width = "wide"
	}
	for i := range lists {
		if lists[i].came() != "" {
			w.flowCard(&b, &lists[i], width)
		}
	}
	return b.String()
}

func (w *plan) countQuery(b *strings.Builder, s *shown) {
	fmt.Fprintf(b, "  %s: |\n    select count(*) as n\n    from {{ rows(%s) }} as r\n", s.record.r.Name+"_in", s.table)
	if open := s.record.statesOf(Open); len(open) > 0 {
		fmt.Fprintf(b, "  %s: |\n    select count(*) as n\n    from {{ rows_any_date(%s) }} as r\n    where %s in %s\n", s.record.r.Name+"_open",
			s.table, s.record.state, sqlList(open))
	}
}

func (w *plan) countCards(b *strings.Builder, s *shown) {
	name := s.record.r.Name
	fmt.Fprintf(b, `  - id: %[1]s_in
    question: How many %[2]s came in?
    answer: '{{ plural .n %[3]s }} came in.'
    mark: number
    width: third
    table: %[4]s
    query: %[1]s_in
    rows: "%[5]s?"
    tile: {label: %[6]s, value: n}
    columns: {n: {label: %[6]s, link: "%[5]s?"}}
    definition: Every row of %[7]s whose first date lies in the period.
`, name, plural(s.noun), yamlText(s.noun), s.table, s.list, yamlText(heading(s.list)), s.pt.model)
	open := s.record.statesOf(Open)
	if len(open) == 0 {
		return
	}
	link := s.list + "?range=all&undated=include&state=" + strings.Join(open, "&state=")
	fmt.Fprintf(b, `  - id: %[1]s_open
    question: How many %[2]s wait now?
    answer: '{{ plural .n %[3]s }} wait now.'
    mark: number
    width: third
    table: %[4]s
    query: %[1]s_open
    rows: %[5]s
    tile: {label: %[6]s, value: n, direction: down}
    columns: {n: {label: Waiting, link: %[5]s}}
    definition: %[7]s
    notes: [The period does not apply to what waits.]
`, name, plural(s.noun), yamlText(s.noun), s.table, yamlText(link), yamlText(heading(s.list)+" waiting"),
		yamlText(fmt.Sprintf("%s that stand at %s now.", heading(plural(s.noun)), strings.ReplaceAll(strings.Join(open, ", "), "_", " "))))
}

// flowCard shows what came in and what left, by the period's bars.
func (w *plan) flowCard(b *strings.Builder, s *shown, width string) {
	name := s.list
	if s.record != nil {
		name = s.record.r.Name
	}
	left := s.left() != ""
	answer, y, join, columns := "{{ count (sum \"came\") }} came in", "came", "", ""
	ctes := fmt.Sprintf("      came as (\n        select {{ bucket(%s) }} as bucket, count(*) as n\n        from {{ rows_on(came_in, %s) "+
		"}} as r\n        group by 1\n      )", s.came(), s.table)
	picks := "coalesce(c.n, 0) as came"
	if left {
		answer += " and {{ count (sum \"gone\") }} left"
		y += ", gone"
		ctes += fmt.Sprintf(",\n      gone as (\n        select {{ bucket(%s) }} as bucket, count(*) as n\n        from {{ rows_on(left, %s) "+
			"}} as r\n        group by 1\n      )", s.left(), s.table)
		picks += ", coalesce(g.n, 0) as gone"
		join = "\n      left join gone as g on g.bucket = b.bucket"
		columns = fmt.Sprintf("\n      gone: {label: Left, color: good, link: \"%s?basis=left&from={bucket}&to={bucket_to}\"}", s.list)
	}
	fmt.Fprintf(b, `  - id: %[1]s_flow
    question: %[2]s
    answer: '%[3]s.'
    mark: columns
    width: %[12]s
    table: %[4]s
    encoding: {x: bucket, y: [%[5]s], time: true}
    sql: |
      with
%[6]s
      select b.bucket, b.bucket_to, %[7]s
      from {{ buckets }} as b
      left join came as c on c.bucket = b.bucket%[8]s
      order by 1
    rows: "%[9]s?basis=came_in"
    columns:
      bucket: {label: From, format: day}
      bucket_to: {label: To, format: day, low: true}
      came: {label: Came in, color: accent, link: "%[9]s?basis=came_in&from={bucket}&to={bucket_to}"}%[10]s
    definition: %[11]s
`, name, yamlText("How many "+plural(s.noun)+" come and go?"), answer, s.table, y, ctes, picks, join, s.list, columns,
		yamlText(w.flowDefinition(s)), width)
	if note := w.undated(s); note != "" {
		fmt.Fprintf(b, "    notes: [%s]\n", yamlText(note))
	}
}

// undated says that rows have no day on which they came in: they stand in no bar, and wait all the same.
func (w *plan) undated(s *shown) string {
	if s.record == nil || s.record.activity(s.record.enter) == nil {
		return ""
	}
	at, pt := s.record.activity(s.record.enter).at, s.record.table
	for _, c := range pt.t.Columns {
		if at == "" || pt.columns[c.Name] != at {
			continue
		}
		st, rows := w.Profile.stats(pt.t, c.Name), w.Profile.rows(pt.t)
		if without := rows - (st.Filled - st.Zero - st.Far); without*100 >= rows && without > 0 {
			return fmt.Sprintf("%s was empty in %d of the %d rows that init looked at. Such %s stand in no bar and in no count of what came in; "+
				"they wait "+
				"all the same.", c.Name, without, rows, plural(s.noun))
		}
	}
	return ""
}

func (w *plan) flowDefinition(s *shown) string {
	text := "Came in by " + s.came() + "."
	if s.left() != "" {
		text += " Left by " + s.left() + "."
		if a := s.record.activity(s.record.leave); a.proxy {
			text += " That is the row's last change, which stands in for the day it was decided."
		}
	}
	return text
}

// tablesPage is the first page of a database without records: how many rows there are, and what happens when.
func (w *plan) tablesPage(lists []shown) string {
	var b strings.Builder
	var counts []string
	for _, t := range w.tables {
		if t.model != "" && len(counts) < 40 {
			counts = append(counts, fmt.Sprintf("select cast(%s as varchar(80)) as name, count(*) as n from core.%s", sqlText(t.model), t.model))
		}
	}
	if len(counts) == 0 {
		return "cards: []\n"
	}
	b.WriteString("\ncards:\n")
	for i := range lists {
		w.flowCard(&b, &lists[i], "half")
	}
	fmt.Fprintf(&b, `  - id: tables
    question: Which tables have most rows?
    answer: '{{ at 0 "name" }} has most: {{ count (at 0 "n") }} rows.'
    mark: bars
    width: wide
    encoding: {label: name, y: [n]}
    sql: |
      select name, n
      from (
        %s
      ) as u
      order by n desc, name
    columns:
      name: {label: Table, link: "/tables/core.{name}"}
      n: {label: Rows, format: count}
    definition: Rows of core, one for each row of the source.
`, strings.Join(counts, "\n        union all\n        "))
	return b.String()
}
