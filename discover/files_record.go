package discover

import (
	"fmt"
	"slices"
	"strings"
)

// recordPage is the page of one kind of record: its states, how long it takes, what waits, who is concerned.
func (w *plan) recordPage(pr *planRecord) string {
	s := shown{
		table: "analytics." + pr.dim(), noun: strings.ReplaceAll(pr.r.Name, "_", " "), list: pr.plural, key: pr.keyOf(pr.r.Name),
		record: pr, pt: pr.table,
	}
	var b strings.Builder
	fmt.Fprintf(&b, "title: %s\npath: /%s-flow\nsection: Operations\nicon: layers\norder: %d\ntable: %s\ndescription: %s\n\ncards:\n",
		yamlText(heading(pr.plural)+" flow"), strings.ReplaceAll(pr.r.Name, "_", "-"), 20+slices.Index(w.records, pr), s.table,
		yamlText("Where "+plural(s.noun)+" stand, how long they take, and whom they concern."))
	w.stateCard(&b, &s)
	if pr.leave != "" {
		w.speedCard(&b, &s)
	}
	if s.came() != "" {
		w.flowCard(&b, &s, "wide")
	}
	if pr.waits() {
		w.waitingCards(&b, &s)
	}
	n := 0
	for _, r := range pr.related {
		if n < 4 && r.name != "state" && w.tellsApart(pr, r) {
			w.concernedCard(&b, &s, r)
			n++
		}
	}
	return b.String()
}

func (w *plan) stateCard(b *strings.Builder, s *shown) {
	fmt.Fprintf(b, `  - id: states
    question: %s
    answer: '{{ count (sum "n") }} %s stand in {{ count (rows) }} states.'
    mark: bars
    width: half
    encoding: {label: state, y: [n]}
    sql: |
      select %s as state, count(*) as n
      from {{ rows }} as r
      group by 1
      order by 2 desc, 1
    rows: "%[4]s?"
    columns:
      state: {label: State, format: state}
      n: {label: %[5]s, link: "%[4]s?state={state}"}
    definition: The period's rows by the state that each stands at now.
`, yamlText("Where do the "+plural(s.noun)+" stand?"), plural(s.noun), s.record.state, s.list, yamlText(heading(s.list)))
}

func (w *plan) speedCard(b *strings.Builder, s *shown) {
	fmt.Fprintf(b, `  - id: speed
    question: %s
    answer: 'Half of {{ plural .n %s }} took {{ days .median }} or less, nine in ten {{ days .p90 }} or less.'
    empty: None has both dates in this period.
    mark: number
    width: half
    sql: |
      select
        count(*) as n,
        cast(percentile_cont(0.5) within group (order by time_to_close_seconds / 86400.0) as numeric(18, 2)) as median,
        cast(percentile_cont(0.9) within group (order by time_to_close_seconds / 86400.0) as numeric(18, 2)) as p90
      from {{ rows }} as r
      where time_to_close_seconds is not null
    rows: "%[3]s?time_to_close_seconds!=is:null"
    tile: {label: Days to close, value: median, format: days, direction: down}
    columns:
      median: {label: Median, format: days}
      p90: {label: 9 in 10 within, format: days}
      n: {label: %[4]s, link: "%[3]s?time_to_close_seconds!=is:null"}
    definition: %[5]s
`, yamlText("How long does "+aOrAn(s.noun)+" take?"), yamlText(s.noun), s.list, yamlText(heading(s.list)), yamlText(w.flowDefinition(s)))
}

// waitingCards show the backlog at the end of each day, and its age today.
func (w *plan) waitingCards(b *strings.Builder, s *shown) {
	table := "analytics." + s.record.backlog()
	fmt.Fprintf(b, `  - id: waiting
    question: %[1]s
    answer: '{{ count (last "n") }} waited at the end.'
    mark: area
    width: wide
    encoding: {x: bucket, y: [n], time: true}
    sql: |
      select b.bucket, b.bucket_to, coalesce(sum(d.records), 0) as n
      from {{ buckets }} as b
      left join %[2]s as d on d.as_of_date = b.bucket_to
      group by 1, 2
      order by 1
    columns:
      bucket: {label: From, format: day}
      bucket_to: {label: To, format: day}
      n: {label: Waiting at the end, color: wait, format: count}
    definition: What had come in and not left at the end of each bar's last day.
  - id: ages
    question: How old is what waits?
    answer: '{{ count (sum "n") }} wait.'
    empty: Nothing waits.
    mark: bars
    width: half
    encoding: {label: age, y: [n]}
    sql: |
      select age_bucket as age, sum(records) as n, age_order
      from %[2]s
      where as_of_date = (select max(as_of_date) from %[2]s)
      group by age_bucket, age_order
      order by age_order
    columns:
      age: {label: Age}
      n: {label: Waiting, format: count}
      age_order: {hidden: true}
    definition: What waits at the end of the last day, by whole days since it came in.
    notes: [The period does not apply to what waits.]
`, yamlText("How many "+plural(s.noun)+" wait at the end of each day?"), table)
}

// tellsApart reports whether bars of a related thing say something: it has names, or so few numbers that people know them.
func (w *plan) tellsApart(pr *planRecord, r planRelated) bool {
	st := w.Profile.stats(pr.table.t, r.key.Column)
	return r.label != "" || st.Distinct >= 0 && st.Distinct <= 100
}

func (w *plan) concernedCard(b *strings.Builder, s *shown, r planRelated) {
	format := "text"
	if r.label == "" {
		format = "id"
	}
	fmt.Fprintf(b, `  - id: by_%[1]s
    question: %[2]s
    answer: '{{ plural (at 0 "all_groups") "group" }} in all; the first has {{ count (at 0 "n") }}.'
    empty: None in this period.
    mark: bars
    width: half
    limit: 12
    encoding: {label: what, y: [n]}
    sql: |
      select %[3]s as what, count(*) as n, count(*) over () as all_groups
      from {{ rows }} as r
      group by 1
      order by 2 desc, 1
    rows: "%[4]s?"
    columns:
      what: {label: %[5]s, format: %[6]s}
      n: {label: %[7]s, link: "%[4]s?%[1]s={what}"}
      all_groups: {hidden: true}
    definition: The period's rows by %[8]s.
`, r.name, yamlText(whoHasMost(lowerFirst(w.relatedTitle(r)), plural(s.noun))), s.record.filterOf(r), s.list,
		yamlText(w.relatedTitle(r)), format, yamlText(heading(s.list)), lowerFirst(w.relatedTitle(r)))
}

// whoHasMost asks for the one with most records, in words that fit a name such as "assigned to" too.
func whoHasMost(what, records string) string {
	if strings.HasSuffix(what, " to") || strings.HasSuffix(what, " by") {
		return "Who has most " + records + ", by " + what + "?"
	}
	return "Which " + what + " has most " + records + "?"
}
