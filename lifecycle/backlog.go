package lifecycle

import (
	"fmt"
	"strings"

	"lifeline/project"
)

// longestAge is beyond any age in days.
const longestAge = 1000000

// backlog is the daily table of what waited at the end of each business day. A record comes in on the day that it enters and goes from
// one age to the next by itself, so each record gives two lines for each age that it reaches; running sums of these give each day.
func (l *compiler) backlog() *table {
	b := l.Backlog
	t := &table{
		description: fmt.Sprintf("How many of each %s waited at the end of each business day (%s to %s), and how much they come to. Grain: one "+
			"row per day, state, %s, currency and age where there is one.",
			words(l.Name), strings.Join(b.Enter, " or else "), b.Leave, strings.Join(append(append([]string{}, b.By...), "age"), ", ")),
		indexes: []project.Index{{Columns: []string{"as_of_date"}}},
	}
	group := []string{"state"}
	for _, name := range b.By {
		group = append(group, l.KeyColumn(name))
	}
	amount, currency := "cast(null as numeric(38, 4))", ""
	if len(l.Measures) > 0 {
		amount, currency = "s."+l.Measures[0].Name, l.Measures[0].CurrencyName()
	}
	if currency != "" {
		group = append(group, currency)
	}
	t.grain = append(append([]string{"as_of_date"}, group...), "age_bucket")
	t.with = append(l.waits(group, amount), l.ages()...)
	keys := strings.Join(group, ", ")
	t.with = append(t.with,
		cte("pieces", `
select `+prefixed("w", group)+`, a.age, a.bucket, w.amount,
    case when a.age = 0 then w.last_day else w.entered + a.low end as first_day,
    case when a.age = 0 then w.last_day + 1 else least(coalesce(w.gone, w.last_day + 1), w.entered + a.high + 1) end as end_day
from waits as w
inner join ages as a on (a.age > 0 and w.entered + a.low < coalesce(w.gone, w.last_day + 1)) or (a.age = 0 and w.entered is null)`),
		cte("moves", `
select `+keys+`, age, bucket, moved_on, cast(sum(n) as bigint) as n, cast(sum(blank) as bigint) as blank, sum(amount) as amount
from (
    select `+keys+`, age, bucket, first_day as moved_on, 1 as n, case when amount is null then 1 else 0 end as blank,
        coalesce(amount, 0) as amount
    from pieces
    union all
    select `+keys+`, age, bucket, end_day, -1, case when amount is null then -1 else 0 end, -coalesce(amount, 0)
    from pieces
) as u
group by `+keys+`, age, bucket, moved_on`),
		cte("running", `
select `+keys+`, age, bucket, moved_on,
    least(coalesce(lead(moved_on) over w, `+l.lastDay()+` + 1), `+l.lastDay()+` + 1) as until,
    sum(n) over w as n,
    sum(blank) over w as blank,
    sum(amount) over w as amount
from moves
window w as (partition by `+keys+`, age, bucket order by moved_on)`))
	t.add("as_of_date", "r.moved_on + cast(d.n as integer)", "The business day at whose end it waited.")
	t.add("state", "cast(r.state as varchar(60))", "The state that it was in; null for what has left since, where it is not known.")
	for _, name := range b.By {
		t.add(l.KeyColumn(name), "r."+l.KeyColumn(name), "The "+words(name)+" concerned; null where unknown.")
	}
	if currency != "" {
		t.add(currency, "r."+currency, "Of the amounts; amounts of two currencies are never added.")
	}
	t.add("age_bucket", "cast(r.bucket as varchar(20))",
		"Whole days since it entered; unknown for what waits now and has no date of entry, which stands on the last day only.")
	t.add("age_order", "r.age", "Place of the bucket among the others; 0 for unknown.")
	t.add("records", "cast(r.n as bigint)", "How many waited.")
	t.add("amount", "cast(r.amount as numeric(38, 4))", "What they come to, of those that have an amount.")
	t.add("records_without_amount", "cast(r.blank as bigint)", "How many the amount leaves out because they have none.")
	t.add("as_of", asOf, "The instant that the figures are of, UTC, exclusive.")
	// A join by day >= and < would compare each run with each day; a series for each run costs what it gives.
	t.from = "from running as r\ncross join lateral generate_series(0, r.until - r.moved_on - 1) as d (n)\nwhere r.n > 0"
	return t
}

func prefixed(alias string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = alias + "." + n
	}
	return strings.Join(out, ", ")
}

// lastDay is the last business day before as_of.
func (l *compiler) lastDay() string { return l.days.day("(" + asOf + " - interval '1 microsecond')") }

// waits is the CTE with a line per wait: when it began and ended, as business days. Where changes were seen, the stays in open states
// are the waits; else it is from the activity that enters to the one that leaves.
func (l *compiler) waits(group []string, amount string) []string {
	b := l.Backlog
	enter := make([]string, len(b.Enter))
	for i, name := range b.Enter {
		enter[i] = "s." + l.Activity(name).As
	}
	entered := enter[0]
	if len(enter) > 1 {
		entered = "coalesce(" + strings.Join(enter, ", ") + ")"
	}
	left := "s." + l.Activity(b.Leave).As + "_last"
	isOpen := in("s."+l.State, l.open())
	columns := func(state string) string {
		out := []string{state + " as state"}
		for _, g := range group[1:] {
			out = append(out, "s."+g)
		}
		return strings.Join(append(out, amount+" as amount"), ", ")
	}
	parts := []string{`select ` + columns("case when "+isOpen+" then s."+l.State+" end") + `, ` + entered + ` as entered_at, case when not ` +
		"(" + isOpen + ")" + ` then ` + left + ` end as left_at
    from ` + ref(l.Tables.Flattened) + ` as s` + l.unseen() + `
    where (` + isOpen + ` or ` + left + ` is not null)`}
	if l.seesChanges() {
		parts[0] += " and h.record_key is null"
		key := l.KeyColumn(l.Name)
		parts = append(parts, `select `+columns("i.state")+`, i.from_time, i.to_time
    from `+ref(l.Tables.Intervals)+` as i
    inner join `+ref(l.Tables.Flattened)+` as s on s.`+key+` = i.`+key+`
    inner join changed as h on h.record_key = i.`+key+`
    where `+in("i.state", l.open())+` and (i.is_current or i.from_time is not null and i.to_time is not null)`)
	}
	var out []string
	if l.seesChanges() {
		out = append(out, cte("changed", "select distinct record_key\nfrom "+ref(l.Tables.Changes)))
	}
	out = append(out, cte("spans", "select *\nfrom (\n    "+strings.Join(parts, "\n    union all\n    ")+
		"\n) as u\nwhere u.left_at is null or u.entered_at is not null"))
	return append(out, cte("waits", `
select `+prefixed("s", group)+`, s.amount,
    `+l.days.day("s.entered_at")+` as entered,
    `+l.days.day("s.left_at")+` as gone,
    `+l.lastDay()+` as last_day
from spans as s
where s.entered_at < `+asOf+` or s.entered_at is null`))
}

// unseen joins the records of which changes were seen, so that they can be left out.
func (l *compiler) unseen() string {
	if !l.seesChanges() {
		return ""
	}
	return "\n    left join changed as h on h.record_key = s." + l.KeyColumn(l.Name)
}

// ages is the CTE of the age buckets.
func (l *compiler) ages() []string {
	rows := []string{"(0, 'unknown', 0, 0)"}
	low := 0
	for i, high := range l.Backlog.Ages {
		rows = append(rows, fmt.Sprintf("(%d, '%d-%d', %d, %d)", i+1, low, high, low, high))
		low = high + 1
	}
	rows = append(rows, fmt.Sprintf("(%d, '>%d', %d, %d)", len(l.Backlog.Ages)+1, low-1, low, longestAge))
	return []string{cte("ages", "select *\nfrom (values "+strings.Join(rows, ", ")+") as v (age, bucket, low, high)")}
}
