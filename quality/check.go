package quality

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Status is how a check came out.
type Status string

// The ends of a check. NotApplicable is not a pass: there was nothing to test.
const (
	Pass          Status = "pass"
	Warn          Status = "warn"
	Fail          Status = "fail"  // Stops the publication (promise 3).
	Error         Status = "error" // The check itself could not run; stops the publication too.
	NotApplicable Status = "not_applicable"
)

// Severity is what a failing check does.
type Severity string

// The severities: block stops the publication, quarantine sets the failing rows aside, flag and info only tell.
const (
	Block      Severity = "block"
	Quarantine Severity = "quarantine"
	Flag       Severity = "flag"
	Info       Severity = "info"
)

// Check is one compiled test: a select that gives the bad rows of one node.
type Check struct {
	Name     string
	Kind     string // The generic test's name, or "singular".
	Node     string // The model, seed or source table that is tested.
	Column   string // As the project names it; empty for a test of the whole node.
	Severity Severity
	WarnIf   Threshold
	ErrorIf  Threshold
	Note     string   // Why the thresholds are looser than "!= 0", and
	Until    string   // the day after which they are not; YYYY-MM-DD.
	Expired  bool     // That day has passed, so the thresholds are the default ones.
	Key      []string // The columns that tell the node's rows apart; nil where nothing does.
	File     string   // Where the project says it.
	Line     int

	testSQL
	relation string
	where    string
	singular string // A singular test's select, compiled.
	limit    int64  // Of more failing rows so many count; 0 for all.
	failCalc string // What counts of a singular test's rows in place of their number; empty for that.
}

// notWord is what a name made of others may not hold.
var notWord = regexp.MustCompile(`[^a-zA-Z0-9_]+`)

// Where says which line of the project the check stands on.
func (c *Check) Where() string { return position(c.File, c.Line) }

// OfRows tells whether the check finds bad rows; the others test a table as a whole.
func (c *Check) OfRows() bool { return c.measure == "" }

// SQL is a select of the bad rows, one row each; for a test of the whole table, of its two numbers.
func (c *Check) SQL() string {
	switch {
	case c.singular != "":
		return c.singular
	case c.measure != "":
		return dedent(c.measure)
	}
	return bind(`select t.* from {bad}`, "bad", c.bad())
}

// bad is the from and where of a select of the bad rows, which are called t.
func (c *Check) bad() string {
	if c.repeated == nil {
		return bind("{target} {join} where {cond}", "target", target(c.relation, c.where), "join", c.join, "cond", c.cond)
	}
	return bind(`
		(select t.*, count(*) over (partition by {columns}) as lifeline__repeats from {target} where {known}) as t
		where t.lifeline__repeats > 1`,
		"columns", strings.Join(c.repeated, ", "), "target", target(c.relation, c.where), "known", c.known())
}

// known leaves out the rows with a null among the columns that may not repeat, where nulls do not count.
func (c *Check) known() string {
	if c.nulls {
		return "1 = 1"
	}
	return join(c.repeated, " and ", func(column string) string { return column + " is not null" })
}

// count is a select of the failing and the tested rows; tested is null where the scan of the table counts them.
func (c *Check) count() string {
	switch {
	case c.failCalc != "":
		most := ""
		if c.limit > 0 {
			most = fmt.Sprintf("\nlimit %d", c.limit)
		}
		return bind("select cast(coalesce({calc}, 0) as bigint), cast(null as bigint) from (select * from (\n{sql}\n) as r{most}) as t",
			"calc", c.failCalc, "sql", c.singular, "most", most)
	case c.singular != "":
		return bind("select count(*), cast(null as bigint) from (\n{sql}\n) as t", "sql", c.singular)
	case c.measure != "":
		return c.measure
	case c.repeated != nil:
		return bind(`
			select coalesce(sum(case when g.n > 1 then g.n else 0 end), 0), cast(null as bigint)
			from (
			    select count(*) as n
			    from {target}
			    where {known}
			    group by {columns}
			) as g`, "target", target(c.relation, c.where), "known", c.known(), "columns", strings.Join(c.repeated, ", "))
	}
	return bind(`select count(*), cast(null as bigint) from {bad}`, "bad", c.bad())
}

// glance is a select of one number that is 0 only when nothing fails, and cheaper than count; "" where there is none. Texts are told apart
// by a hash of 64 bits: where all hashes differ the texts do, and where two meet by chance the count says so.
func (c *Check) glance(ctx context.Context, db *sql.DB) string {
	if len(c.repeated) != 1 || c.nulls {
		return ""
	}
	column := c.repeated[0]
	if isText(ctx, db, bind(`select {c} from {target} limit 0`, "c", column, "target", target(c.relation, c.where))) {
		column = bind(`hashtextextended({c}, 0)`, "c", column)
	}
	return bind(`
		select count({c}) - count(distinct {c})
		from {target}`, "c", column, "target", target(c.relation, c.where))
}

// isText tells whether a select's one column is a text; where it cannot be asked, the check itself will say why.
func isText(ctx context.Context, db *sql.DB, query string) bool {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return false
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil || len(types) != 1 || rows.Err() != nil {
		return false
	}
	name := types[0].DatabaseTypeName()
	return name == "VARCHAR" || name == "TEXT"
}

// Result is how one check came out. Failing and Tested are rows, exact; Tested is 0 for a singular test, which does not say
// what it looked at.
type Result struct {
	*Check
	Status  Status
	Failing int64
	Tested  int64
	Took    time.Duration
	Err     error  // With status Error: what the engine said, with the check's place in the project.
	Detail  string // What a check of a whole table has to say beside its numbers.
	Change  Change // Against the run before.
	Since   int64  // The run since which it finds something, without a break; 0 where it finds nothing.

	kept        bool // The failing rows stand in quarantine, so they are not written down a second time.
	known       bool // The check was there before.
	foundBefore bool
	since       int64
	usual       *Usual
	seen        []seen // What a probe found, to be written down.
	carried     bool   // It stands from the published version, and so do the failing rows that were written down.
	before      Recorded
	delta       string // What has changed in its table since before was found.
}

// seen is one finding of a probe.
type seen struct{ key, value string }

// Found tells whether the check has something to say.
func (r *Result) Found() bool { return r.Status == Warn || r.Stops() }

// Stops tells whether the result forbids the publication (promise 3).
func (r *Result) Stops() bool { return r.Status == Fail || r.Status == Error }

// Share is the failing part of the tested rows for people; a failing row is never rounded to nothing.
func (r *Result) Share() string { return share(r.Failing, r.Tested) }

// String says the outcome in one line for people.
func (r *Result) String() string {
	switch {
	case r.Status == Error:
		return fmt.Sprintf("%s could not run: %s", r.Name, r.Err)
	case r.Detail != "":
		return r.Name + ": " + r.Detail
	case r.Tested == 0:
		return fmt.Sprintf("%s: %d failing%s", r.Name, r.Failing, r.expired())
	}
	return fmt.Sprintf("%s: %d of %d rows fail (%s)%s", r.Name, r.Failing, r.Tested, r.Share(), r.expired())
}

// expired tells that a loosened threshold does not hold any more.
func (r *Result) expired() string {
	if !r.Expired {
		return ""
	}
	return fmt.Sprintf("; its looser threshold held until %s: %s", r.Until, r.Note)
}

// threshold is what the status was decided by.
func (r *Result) threshold() string {
	switch r.Status {
	case Warn:
		return "warn if " + r.WarnIf.String()
	default:
		if r.Severity == Block {
			return "error if " + r.ErrorIf.String()
		}
		return "warn if " + r.WarnIf.String()
	}
}

// counts are the failing rows that the thresholds look at.
func (r *Result) counts() int64 {
	if r.limit > 0 && r.failCalc == "" {
		return min(r.Failing, r.limit)
	}
	return r.Failing
}

// evaluate decides the status by the numbers. A quarantine check stops the publication only by a bound that somebody set.
func (r *Result) evaluate() {
	stops := r.Severity == Block || r.Severity == Quarantine && !r.ErrorIf.IsDefault()
	switch {
	case r.Tested == 0 && r.Failing == 0 && !r.empty && r.singular == "":
		r.Status = NotApplicable
	case stops && r.ErrorIf.Reached(r.counts(), r.Tested, r.usual):
		r.Status = Fail
	case r.Severity != Info && r.WarnIf.Reached(r.counts(), r.Tested, r.usual):
		r.Status = Warn
	default:
		r.Status = Pass
	}
}

// compare says how the outcome stands to the run before, of which Recall knows.
func (r *Result) compare(runID int64) {
	switch {
	case r.Found() && r.foundBefore:
		r.Change, r.Since = Persisting, r.since
	case r.Found() && r.known:
		r.Change, r.Since = New, runID
	case r.Found():
		r.Since = runID // Nothing is known of before, so nothing is new.
	case r.foundBefore:
		r.Change = Resolved
	}
}

func dedent(sql string) string {
	lines := strings.Split(strings.Trim(sql, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "\t\t")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
