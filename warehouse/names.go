package warehouse

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lifeline/change"
)

// Quote writes a name for SQL so that every engine takes it as it stands, whatever it is made of.
func Quote(name string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(name, "\x00", ""), `"`, `""`) + `"`
}

// plainName is a name that SQL reads as it stands, unless it is a word of its own.
var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Name writes a name for SQL that people read: bare where every engine takes that for the same name, else quoted.
func Name(name string) string {
	if plainName.MatchString(name) && !reservedWords[name] {
		return name
	}
	return Quote(name)
}

// Relation names a table or view of a schema for SQL that people read.
func Relation(schema, name string) string { return Name(schema) + "." + Name(name) }

// Literal writes a text for SQL.
func Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// quoted names a relation with every part in quotes.
func quoted(schema, name string) string { return Quote(schema) + "." + Quote(name) }

// quoteAll quotes names and joins them, each behind a prefix such as "n.".
func quoteAll(prefix string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + Quote(n)
	}
	return strings.Join(out, ", ")
}

// reservedWords are those that PostgreSQL or DuckDB keep for themselves.
var reservedWords = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`
all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check collate collation column
columns concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp
current_user default deferrable desc describe distinct do else end except false fetch for foreign freeze from full generated glob grant
group having ilike in initially inner intersect into is isnull join lambda lateral leading left like limit localtime localtimestamp map
natural not notnull null offset on only or order outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify
references returning right select semi session_user show similar some struct summarize symmetric system_user table tablesample then
to trailing true try_cast union unique unpack unpivot user using variadic verbose when where window with`) {
		words[w] = true
	}
	return words
}()

// ownPrefix begins the columns of our own that stand beside the source's in working tables.
const ownPrefix = "lifeline__"

// reservedColumns are names that staging and history have for themselves.
var reservedColumns = []string{"_raw", "_run", "_op", "_valid_from", "_valid_to", "_basis", "_position", "_ended_run", "_from_basis"}

// landingName are the tables that the next run drops when this one is killed.
var landingName = regexp.MustCompile(`__next([0-9]+|_remade)?$`)

// nameRules are what an engine asks of names beside what staging asks on all of them.
type nameRules struct {
	engine  string
	system  []string // Columns that the engine has in every table.
	longest int      // Bytes of a name; 0 for no limit.
	columns int      // Of one table; 0 for no limit.
}

// check refuses tables that cannot land under their names, before anything is written. Names differ by more than capitals on every
// engine, so that a project is right on all of them.
func (r nameRules) check(tables []*change.Table) error {
	seen := map[string]*change.Table{}
	for _, t := range tables {
		name := strings.ToLower(t.Name)
		switch twin := seen[name]; {
		case twin != nil:
			return badName(fmt.Sprintf("the tables %s and %s would be one in the warehouse, where capitals do not count", twin.Name, t.Name),
				fmt.Sprintf("name: %s_2 with identifier: %s for one of them in the sources file", name, t.SourceName))
		case t.Name == "" || strings.Contains(t.Name, "\x00"):
			return badName(fmt.Sprintf("the table %q has no name that can be written", t.SourceName),
				"a name: for it in the sources file, with identifier:")
		case landingName.MatchString(name):
			return badName(fmt.Sprintf("table %s has a name that staging keeps for tables under way", t.SourceName),
				"another name: for it in the sources file, with identifier: "+t.SourceName)
		case r.longest > 0 && len(t.Name) > r.longest:
			return badName(fmt.Sprintf("the table name %q has more than the %d bytes that %s keeps", t.Name, r.longest, r.engine),
				"a shorter name: for it in the sources file, with identifier: "+t.SourceName)
		}
		seen[name] = t
		if err := r.checkColumns(t); err != nil {
			return err
		}
	}
	return nil
}

func (r nameRules) checkColumns(t *change.Table) error {
	const another = "a view of the source that names it otherwise, under the table's name: in the sources file with identifier: VIEW"
	if r.columns > 0 && len(t.Columns) > r.columns {
		return badName(fmt.Sprintf("%s has %d columns, more than the %d that %s holds", t.SourceName, len(t.Columns), r.columns, r.engine),
			"a view of the source with the columns that are needed")
	}
	seen := map[string]change.Column{}
	for _, c := range t.Columns {
		name := strings.ToLower(c.Name)
		twin, double := seen[name]
		switch {
		case double:
			return badName(fmt.Sprintf("the columns %s and %s of %s would be one in the warehouse, where capitals do not count",
				twin.SourceName, c.SourceName, t.SourceName), another)
		case slices.Contains(reservedColumns, name) || strings.HasPrefix(name, ownPrefix):
			return badName(fmt.Sprintf("column %s of %s has a name that staging keeps for itself", c.SourceName, t.SourceName), another)
		case slices.Contains(r.system, name):
			return badName(fmt.Sprintf("column %s of %s has the name of a column that %s has in every table", c.SourceName, t.SourceName, r.engine),
				another)
		case c.Name == "" || strings.Contains(c.Name, "\x00"):
			return badName(fmt.Sprintf("a column of %s has no name that can be written", t.SourceName), another)
		case r.longest > 0 && len(c.Name) > r.longest:
			return badName(fmt.Sprintf("the name of column %s of %s has more than the %d bytes that %s keeps", c.SourceName, t.SourceName,
				r.longest, r.engine), another)
		}
		seen[name] = c
	}
	return nil
}

// checkModels refuses models that the engine would cut the names of.
func (r nameRules) checkModels(models []Model) error {
	for _, m := range models {
		if r.longest > 0 && len(m.Name) > r.longest {
			return &change.Problem{
				Err: fmt.Errorf("the name of model %s.%s has more than the %d bytes that %s keeps", m.Schema, m.Name, r.longest, r.engine),
				Try: "{{ config(alias='…') }} with a shorter name", Class: change.ClassUsage,
			}
		}
	}
	return nil
}

func badName(what, try string) error {
	return &change.Problem{Err: fmt.Errorf("%s", what), Try: try, Class: change.ClassBlocked}
}

// duckNames: a column called rowid would hide the engine's own, by which rows are compared and replaced.
var duckNames = nameRules{engine: "DuckDB", system: []string{"rowid"}}

var postgresNames = nameRules{
	engine: "PostgreSQL", system: []string{"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"}, longest: 63,
	columns: 1600 - 8, // Beside ours.
}

// Check refuses names that this engine cannot keep.
func (w *duckWarehouse) Check(_ context.Context, tables []*change.Table, models []Model) error {
	if err := duckNames.check(tables); err != nil {
		return err
	}
	return duckNames.checkModels(models)
}
