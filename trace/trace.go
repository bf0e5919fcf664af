// Package trace goes back from what is published to what it was made of: from a row to its cleaned entity, the source's row, that row's
// earlier versions and the run that read it, and from a figure to the records that it counts.
//
// It follows the project's graph, keys and tests, and reads through handles that others open; it writes nothing.
package trace

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/warehouse"
)

// Options say what to trace in.
type Options struct {
	Project   *project.Project
	Graph     *model.Graph // Made with the published version's as-of instant.
	Published *sql.DB      // core and analytics.
	Books     *sql.DB      // ops and quarantine.
	Staging   *sql.DB      // staging and history; nil while they cannot be looked at.
	Version   int64        // Of what is published.
	// Keys are those of source tables as they landed, by table: what the project does not say of a key, the source does.
	Keys map[string][]string
}

// Tracer answers for one published version.
type Tracer struct {
	Options

	relations map[string]*model.Node
	compiled  map[*project.Records]string // The select of an entry's records; which figure they are of is an argument.
}

// New makes a tracer. It is for one goroutine.
func New(o Options) *Tracer {
	t := &Tracer{Options: o, relations: map[string]*model.Node{}, compiled: map[*project.Records]string{}}
	for _, n := range o.Graph.Nodes {
		if n.Materialized != model.Ephemeral {
			t.relations[relation(n)] = n
		}
	}
	return t
}

func relation(n *model.Node) string { return n.Schema + "." + n.Alias }

// Value is one cell: its text as SQL casts it, nil for null.
type Value struct {
	Column string
	Type   string // As the engine names it.
	Text   *string
}

// Row is one row in the order of its columns.
type Row []Value

// Get is the text of a column; nil where it is null or not there.
func (r Row) Get(column string) *string {
	for _, v := range r {
		if v.Column == column {
			return v.Text
		}
	}
	return nil
}

// Has tells whether the row has a column.
func (r Row) Has(column string) bool {
	return slices.ContainsFunc(r, func(v Value) bool { return v.Column == column })
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})$`)

// MarshalJSON writes an object in the order of the columns: whole numbers up to 15 digits and truth values as such, everything else as
// text.
func (r Row) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, v := range r {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(v.Column)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		kind := strings.ToLower(v.Type)
		switch {
		case v.Text == nil:
			b.WriteString("null")
		case strings.Contains(kind, "int") && jsonNumber.MatchString(*v.Text), kind == "boolean" && (*v.Text == "true" || *v.Text == "false"):
			b.WriteString(*v.Text)
		default:
			text, err := json.Marshal(*v.Text)
			if err != nil {
				return nil, err
			}
			b.Write(text)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Node finds the table that a name means: schema.table, a table, or a model's name. An unknown one is a problem that names the nearest.
func (t *Tracer) Node(name string) (*model.Node, error) {
	if n := t.relations[name]; n != nil {
		return n, nil
	}
	var names []string
	for _, n := range t.Graph.Nodes {
		if n.Materialized == model.Ephemeral {
			continue
		}
		if n.Alias == name || n.Name == name {
			return n, nil
		}
		names = append(names, relation(n))
	}
	near := nearest(name, names)
	try := "lifeline ls"
	if near != "" {
		try = "lifeline trace " + near + " KEY"
	}
	return nil, problem(fmt.Errorf("there is no table %q", name), try)
}

// nearest is the table that a misspelt name most likely means; without a schema it is compared with the bare names.
func nearest(name string, names []string) string {
	if strings.Contains(name, ".") {
		return project.Nearest(name, names)
	}
	var bare []string
	for _, n := range names {
		bare = append(bare, n[strings.IndexByte(n, '.')+1:])
	}
	near := project.Nearest(name, bare)
	if i := slices.Index(bare, near); near != "" && i >= 0 {
		return names[i]
	}
	return ""
}

func problem(err error, try string) error {
	return &change.Problem{Err: err, Try: try, Class: change.ClassUsage}
}

// column is a column of a table as the engine has it.
type column struct{ name, kind string }

func columnsOf(ctx context.Context, db *sql.DB, schema, table string) ([]column, error) {
	rows, err := db.QueryContext(ctx, `
select column_name, data_type
from information_schema.columns
where table_schema = $1
  and table_name = $2
order by ordinal_position`, schema, table)
	if err != nil {
		return nil, fmt.Errorf("look up the columns of %s.%s: %w", schema, table, err)
	}
	defer rows.Close()
	var out []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.kind); err != nil {
			return nil, fmt.Errorf("look up the columns of %s.%s: %w", schema, table, err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

var number = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// fits tells whether a text can be a value of a type, so that the engine is not asked what it would refuse.
func fits(kind, text string) bool {
	kind = strings.ToLower(kind)
	switch {
	case strings.Contains(kind, "int"):
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil
	case strings.HasPrefix(kind, "decimal"), strings.HasPrefix(kind, "numeric"), strings.HasPrefix(kind, "double"):
		return number.MatchString(text)
	case kind == "boolean":
		return text == "true" || text == "false"
	case kind == "date":
		return dated.MatchString(text)
	case strings.HasPrefix(kind, "timestamp"):
		return timed.MatchString(text)
	}
	return true
}

var (
	dated = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	timed = regexp.MustCompile(`^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?$`)
)

// castable is a value's text as the engine reads it: bytes are spelled in its own way.
func castable(kind, text string) string {
	if kind = strings.ToLower(kind); kind == "bytea" || kind == "blob" {
		if b, is := change.ParseBytes(text); is {
			return change.BytesText(kind, b)
		}
	}
	return text
}

// condition is what a where holds: a column and the text of its value, nil for null.
type condition struct {
	column string
	text   *string
}

// find reads the rows of a table that meet all conditions, in a fixed order; none where a text cannot be a value of its column.
func find(ctx context.Context, db *sql.DB, schema, table string, where []condition, tail string) ([]Row, error) {
	columns, err := columnsOf(ctx, db, schema, table)
	if err != nil || len(columns) == 0 {
		return nil, err
	}
	var list, conditions []string
	var args []any
	for _, c := range columns {
		list = append(list, warehouse.TextSQL(c.kind, "t."+warehouse.Quote(c.name)))
	}
	for _, w := range where {
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == w.column })
		if i < 0 {
			return nil, fmt.Errorf("%s.%s has no column %s", schema, table, w.column)
		}
		if w.text == nil {
			conditions = append(conditions, fmt.Sprintf("t.%s is null", warehouse.Quote(w.column)))
			continue
		}
		if !fits(columns[i].kind, *w.text) {
			return nil, nil
		}
		args = append(args, castable(columns[i].kind, *w.text))
		conditions = append(conditions, fmt.Sprintf("t.%s = cast($%d as %s)", warehouse.Quote(w.column), len(args), columns[i].kind))
	}
	text := fmt.Sprintf("select %s from %s.%s as t", strings.Join(list, ", "), warehouse.Quote(schema), warehouse.Quote(table))
	if len(conditions) > 0 {
		text += " where " + strings.Join(conditions, " and ")
	}
	rows, err := db.QueryContext(ctx, text+" "+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", schema, table, err)
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		row := make(Row, len(columns))
		into := make([]any, len(columns))
		for i, c := range columns {
			row[i] = Value{Column: c.name, Type: c.kind}
			into[i] = &row[i].Text
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read %s.%s: %w", schema, table, err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", schema, table, err)
	}
	return out, nil
}
