package warehouse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/change"
)

// Changes lands what a source's log tells: images of rows, in the log's order. Its writers may be used by several goroutines at once, each
// writer by one.
type Changes interface {
	// Writer opens a stream of images of one table: batches of change.Images.
	Writer(ctx context.Context, t *change.Table) (change.Writer, error)
	// With sets, before Commit, what is kept beside the rows and who may refuse them.
	With(c Conditions)
	// Commit brings staging to where the log stands at the batch's position, appends every superseded version to history with its commit
	// times, and stores the position, all in one transaction (promise 5). A *DriftError says that staging is not as the log found it.
	Commit(ctx context.Context, b change.LogBatch) ([]Landed, error)
	// Abort drops what was written. After Commit it does nothing.
	Abort(ctx context.Context) error
}

// DriftError says that staging does not hold the rows that the source changed: nothing was landed.
type DriftError struct {
	Table string
	Keys  int64 // That one of the two has and the other has not.
}

func (e *DriftError) Error() string {
	return fmt.Sprintf("staging.%s is not as the source's log found it: %d rows are there and should not be, or should be and are not",
		e.Table, e.Keys)
}

// imageNames fill the statements over the images of one table.
type imageNames struct {
	table   string
	columns []string // Of the source, and _raw.
	unique  []string // Empty where rows are told apart by all their values.
	run     int64
	next    string
}

// bind writes names into a statement. {names} are the columns, {n.names} the same behind an alias; {keys} those that tell rows apart, and
// {i=o} their equality in two relations.
func (n *imageNames) bind(text string) string {
	pairs := []string{
		"{staging}", quoted("staging", n.table), "{history}", quoted("history", n.table), "{since}", quoted("since", n.table), "{next}", n.next,
		"{since_next}", quoted("since", nextTable(n.table)), "{bare}", Quote(n.table),
		"{names}", quoteAll("", n.columns), "{n.names}", quoteAll("n.", n.columns), "{o.names}", quoteAll("o.", n.columns),
		"{keys}", quoteAll("", n.unique), "{n.keys}", quoteAll("n.", n.unique), "{i.keys}", quoteAll("i.", n.unique), "{run}", fmt.Sprint(n.run),
		"{seq}", change.ImageSequence, "{sign}", change.ImageSign, "{update}", change.ImageUpdate, "{at}", change.ImageTime,
		"{tx}", change.ImageTx, "{position}", change.ImagePosition,
		"{brought}", FromBasis("s"),
		"{from_basis}", "case when i.lifeline__first then " + FromBasis("s") + " when i.lifeline__began = 0 then 'binlog' end",
	}
	pairs = append(pairs, "{same}", n.same("n", "o"))
	for _, two := range []string{"io", "is", "so", "ko", "ks", "no", "nk"} {
		pairs = append(pairs, "{"+two[:1]+"="+two[1:]+"}", n.equal(two[:1], two[1:]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// countByRow counts what the images of a table without a key do: rows that come, that go and come again, and that go; then how many of
// staging's rows go, and how many of them are not there.
const countByRow = `
select coalesce(sum(came - least(came, gone)), 0)::bigint, coalesce(sum(least(came, gone)), 0)::bigint,
	coalesce(sum(gone - least(came, gone)), 0)::bigint, coalesce(sum(gone), 0)::bigint, coalesce(sum(missing), 0)::bigint
from (
	select i.lifeline__h, count(*) filter (where i.lifeline__last and i.{sign} > 0) as came,
		count(*) filter (where i.lifeline__first and i.{sign} < 0) as gone,
		count(*) filter (where i.lifeline__first and i.{sign} < 0 and w.lifeline__h is null) as missing
	from lifeline_image as i
	left join lifeline_was as w on w.lifeline__h = case when i.lifeline__first then i.lifeline__h end and w.lifeline__k = 1 - i.lifeline__l
	group by i.lifeline__h
) as x`

// FromBasis says how the beginning of a row's life is known, by what since has of the row that is in staging: the log told of its
// insertion, or a snapshot found it. It is null for a version that another one came before.
func FromBasis(since string) string {
	return strings.ReplaceAll("case when s._op = 'insert' then 'binlog' when s._since is null then 'snapshot' end", "s.", since+".")
}

func (n *imageNames) equal(a, b string) string {
	out := make([]string, len(n.unique))
	for i, k := range n.unique {
		out[i] = a + "." + Quote(k) + " = " + b + "." + Quote(k)
	}
	return strings.Join(out, " and ")
}

// same is the equality of all values of two rows.
func (n *imageNames) same(a, b string) string {
	out := make([]string, len(n.columns))
	for i, c := range n.columns {
		out[i] = a + "." + Quote(c) + " is not distinct from " + b + "." + Quote(c)
	}
	return strings.Join(out, " and ")
}

// seenImages finds, for each key, the last image that a snapshot has seen already: each image but the first half of an update leads to a
// state of the row, and the earliest that staging has is where the log goes on. Later ones may be equal; then the row came back to what it
// was, and every version in between is one that history wants. lifeline__upto is null where staging has none of the states.
const seenImages = `
select {keys}, min(case
	when lifeline__first and ({sign} > 0 and not lifeline__there or {sign} < 0 and lifeline__same) then {seq} - 1
	when {sign} > 0 and lifeline__same or {sign} < 0 and {update} = 0 and not lifeline__there then {seq}
	end) as lifeline__upto
from (
	select {n.keys}, n.{seq}, n.{sign}, n.{update}, lag(n.{seq}) over (partition by {n.keys} order by n.{seq}) is null as lifeline__first,
		o._run is not null as lifeline__there, o._run is not null and {same} as lifeline__same
	from {next} as n
	left join {staging} as o on {n=o}
) as n
group by {keys}`

// dropSeen leaves those images out.
const dropSeen = `
delete from {next} as n
using lifeline_seen as k
where {n=k}
	and n.{seq} <= k.lifeline__upto`

// errReplayed is a guard: whoever reads the log knows which tables have no key.
func errReplayed(table string) error {
	return fmt.Errorf("%s has no key, so that changes that a snapshot may have seen cannot be told from others", table)
}

func numberList(numbers []int64) string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = fmt.Sprint(n)
	}
	return strings.Join(out, ", ")
}

// forgetTotals drops what is kept of a table that the log has changed: it was true of the rows before.
func forgetTotals(ctx context.Context, exec execer, table string) error {
	return exec(ctx, `delete from ops.landed_totals where table_name = $1`, table)
}

// keepPosition notes how far the log was read: one row for each run, with whether the run has changed anything.
func keepPosition(ctx context.Context, exec execer, run int64, stream string, b change.LogBatch, changed bool) error {
	if err := exec(ctx, `
insert into ops.positions (source, position, taken_at, run_id, changed)
select $1, $2, cast($3 as timestamp), cast($4 as bigint), cast($5 as boolean)
	or coalesce((select bool_or(changed) from ops.positions where run_id = $4), false)`,
		stream, string(b.Position), stampOf(b.At), run, changed); err != nil {
		return err
	}
	return exec(ctx, `
delete from ops.positions
where run_id = $1 and position <> $2`, run, string(b.Position))
}

// loggedNames are the tables that a log is read of, in order.
func loggedNames(logged map[string]*change.LoggedTable) []string {
	return slices.Sorted(maps.Keys(logged))
}

// OwnSince are the columns of a table of since beside the key. _op is what the log told when the row came to be as it is.
var OwnSince = []string{"_since", "_op", "_run"}

// sinceChange are the statements that make the since of a table, or give it the key and the types that staging has by now; none where it
// has them. Both are names with their types. What is known by a key that went away is kept under the new one, as long as staging still has
// the columns of the old one.
func sinceChange(have, staging map[string]string, key []string) []string {
	create := `
create table {since} as
select {keys}, cast(null as timestamp) as _since, cast(null as varchar) as _op, _run
from {staging}
limit 0`
	if len(have) == 0 {
		return []string{create}
	}
	same, convertible := len(have) == len(key)+len(OwnSince), true
	for _, k := range key {
		same = same && have[k] == staging[k]
	}
	if same {
		return nil
	}
	var old, named []string
	for name := range have {
		if slices.Contains(OwnSince, name) {
			continue
		}
		_, there := staging[name]
		convertible = convertible && there
		old = append(old, "cast(s."+Quote(name)+" as "+staging[name]+") = o."+Quote(name))
	}
	if !convertible {
		return []string{"drop table {since}", create}
	}
	for _, k := range key {
		named = append(named, "o."+Quote(k))
	}
	return []string{`
create table {since_next} as
select ` + strings.Join(named, ", ") + `, s._since, s._op, o._run
from {staging} as o
join {since} as s on s._run = o._run and ` + strings.Join(old, " and "), "drop table {since}", "alter table {since_next} rename to {bare}"}
}
