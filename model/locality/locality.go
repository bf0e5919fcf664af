// Package locality says by which column a select is local: which of its result columns, when it is restricted to some values, needs only
// those rows of the relations that it reads which have the same values. It parses the select with PostgreSQL's own parser and opens no
// database.
//
// A select is local by a column K when for every set V of values
//
//	(select … from A, B, …) where K in V
//
// stays the same when A is restricted to the rows whose own key is in V, and B likewise. Each relation is then one of three: keyed, by an
// expression over its columns; looked up, where a change of it is followed to keys by other relations that the select joins it with; or
// read whole. What the analysis does not understand is not local.
package locality

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// Relation is what a name in the SQL stands for.
type Relation struct {
	Name    string   // As the caller knows it.
	Columns []string // In order; nil where they are not known.
	Static  bool     // What it says of a row that was there before never changes.
	Source  bool     // It changes with every load.
	Part    string   // The select that gives it, where it is a part of the statement: see Statement.Parts.
}

// Catalog resolves a name as it stands in the SQL, such as [core claims]; nil where it stands for nothing that is known.
type Catalog func(name []string) *Relation

// Leaf is one place in the SQL where a relation is read.
type Leaf struct {
	Relation *Relation
	At       int  // Where its name begins in the SQL, in bytes.
	Aliased  bool // It has an alias there.
}

// Step follows a change from values to values: of the rows of a leaf where the expression Where has one of the values, it takes Select.
type Step struct {
	Leaf          *Leaf
	Where, Select string
}

// Path is how a change of a leaf that is not keyed reaches keys: the values of Own over its changed rows, and the steps from there.
type Path struct {
	Own   string
	Steps []Step
}

// Use is how one leaf is read. Expressions are SQL over the leaf's columns, each with "x." before it.
type Use struct {
	Leaf  *Leaf
	Keys  []string // The expressions that are the key; one of them for most. Only rows of those keys matter where there is no path.
	Paths []Path
	Whole bool // Every change of it may change everything.
}

// Keyed tells that the leaf may be restricted by one expression.
func (u *Use) Keyed() bool { return len(u.Keys) == 1 && len(u.Paths) == 0 && !u.Whole }

// Plan says how a select is local by one of its columns.
type Plan struct {
	Column  string   // Or several, such as "day, program_id".
	Columns []string // Where the key is several columns at once: its expressions are then calls of KeyFunction.
	Uses    []*Use   // In the order of the SQL; static relations are left out.
}

// Whole are the relations that are read whole.
func (p *Plan) Whole() []string {
	var out []string
	for _, u := range p.Uses {
		if u.Whole && !slices.Contains(out, u.Leaf.Relation.Name) {
			out = append(out, u.Leaf.Relation.Name)
		}
	}
	return out
}

// LookedUp are the relations that are not keyed but joined in a way that changes can be followed along.
func (p *Plan) LookedUp() []string {
	var out []string
	for _, u := range p.Uses {
		if len(u.Paths) > 0 && !slices.Contains(out, u.Leaf.Relation.Name) {
			out = append(out, u.Leaf.Relation.Name)
		}
	}
	return out
}

// Reason says why a select is not local.
type Reason struct {
	Why string
	At  int // Where in the SQL, in bytes; -1 where nowhere.
}

func (r *Reason) Error() string { return r.Why }

func because(at int32, format string, args ...any) *Reason {
	return &Reason{Why: fmt.Sprintf(format, args...), At: int(at)}
}

// Statement is one select, parsed.
type Statement struct {
	sql     string
	query   *pg.SelectStmt
	leaves  map[*pg.RangeVar]*Leaf
	order   []*Leaf
	named   map[*pg.SelectStmt]outputs
	facts   map[*pg.SelectStmt]*facts
	parts   map[string]*Relation
	head    string // The statement up to its own select: its WITH.
	catalog Catalog
	items   int
	unknown *Reason // What makes everything unknown, such as a function that is not known.
}

// Parse reads one select. An error means that the parser does not know it; it may still be good SQL of another dialect.
func Parse(sql string, catalog Catalog) (*Statement, error) {
	tree, err := pg.Parse(sql)
	if err != nil {
		return nil, err
	}
	if len(tree.Stmts) != 1 || tree.Stmts[0].Stmt.GetSelectStmt() == nil {
		return nil, errors.New("it is not one select")
	}
	s := &Statement{
		sql: sql, query: tree.Stmts[0].Stmt.GetSelectStmt(), leaves: map[*pg.RangeVar]*Leaf{}, catalog: catalog,
		named: map[*pg.SelectStmt]outputs{}, facts: map[*pg.SelectStmt]*facts{}, parts: map[string]*Relation{},
	}
	s.head = s.with()
	s.unknown = s.suspicious()
	s.whollyIn(s.query, nil, newUses(), map[*pg.SelectStmt]bool{}) // Every place where something is read is known from here.
	return s, nil
}

// Text is the select as it was given.
func (s *Statement) Text() string { return s.sql }

// Columns are the names of the result's columns in order, as far as the SQL says them.
func (s *Statement) Columns() ([]string, bool) {
	return s.outputs(s.query, nil)
}

// By says how the select is local by one of its columns.
func (s *Statement) By(column string) (*Plan, *Reason) {
	if s.unknown != nil {
		return nil, s.unknown
	}
	u, why := s.local(s.query, nil, nil, columnRef(column), false)
	if why == nil {
		why = s.unknown
	}
	if why != nil {
		return nil, why
	}
	return &Plan{Column: column, Uses: u.sorted()}, nil
}

// KeyFunction stands, in the expressions of a plan over several columns, for a hash of its arguments. Each of them is cast to a type named
// KeyType and the number of its column: whoever runs the plan puts the column's own type there, so that equal keys are equal everywhere.
const (
	KeyFunction = "lifeline_key"
	KeyType     = "lifeline_type_"
)

// ByAll says how the select is local by several of its columns at once: groups of both a day and a program are touched by far fewer changes
// than days are.
func (s *Statement) ByAll(columns []string) (*Plan, *Reason) {
	if s.unknown != nil {
		return nil, s.unknown
	}
	call := &pg.FuncCall{Funcname: []*pg.Node{pg.MakeStrNode(KeyFunction)}, Funcformat: pg.CoercionForm_COERCE_EXPLICIT_CALL}
	for i, c := range columns {
		call.Args = append(call.Args, &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{
			Arg: columnRef(c),
			TypeName: &pg.TypeName{
				Names: []*pg.Node{pg.MakeStrNode(fmt.Sprint(KeyType, i, "_"))}, Typemod: -1,
			},
		}}})
	}
	u, why := s.local(s.query, nil, nil, &pg.Node{Node: &pg.Node_FuncCall{FuncCall: call}}, false)
	if why == nil {
		why = s.unknown
	}
	if why != nil {
		return nil, why
	}
	return &Plan{Column: strings.Join(columns, ", "), Columns: columns, Uses: u.sorted()}, nil
}

// Leaves are the places where relations are read, in order. Names that stand for nothing known are left out.
func (s *Statement) Leaves() []*Leaf {
	slices.SortFunc(s.order, func(a, b *Leaf) int { return a.At - b.At })
	return s.order
}

// leaf is the place of a name; nil where it stands for nothing.
func (s *Statement) leaf(v *pg.RangeVar) *Leaf {
	if l, ok := s.leaves[v]; ok {
		return l
	}
	var name []string
	for _, part := range []string{v.Catalogname, v.Schemaname, v.Relname} {
		if part != "" {
			name = append(name, part)
		}
	}
	r := s.catalog(name)
	var l *Leaf
	if r != nil {
		l = &Leaf{Relation: r, At: int(v.Location), Aliased: v.Alias != nil}
		s.order = append(s.order, l)
	}
	s.leaves[v] = l
	return l
}

// Restrict puts text in the place of relation names: with says what stands for a leaf, empty for what stays.
func (s *Statement) Restrict(with func(*Leaf) string) string {
	var b strings.Builder
	from := 0
	for _, l := range s.Leaves() {
		text := with(l)
		if text == "" {
			continue
		}
		end := l.At + nameLength(s.sql[l.At:])
		b.WriteString(s.sql[from:l.At])
		b.WriteString(text)
		if !l.Aliased {
			b.WriteString(" as " + lastPart(s.sql[l.At:end]))
		}
		from = end
	}
	return b.String() + s.sql[from:]
}

// nameLength is how long a name of dotted parts at the beginning of a text is.
func nameLength(text string) int {
	i := 0
	for {
		if strings.HasPrefix(text[i:], `"`) {
			i++
			for i < len(text) {
				if text[i] == '"' {
					if i+1 < len(text) && text[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				i++
			}
			i++
		} else {
			for i < len(text) && (text[i] == '_' || text[i] == '$' || text[i] >= 0x80 || isWord(text[i])) {
				i++
			}
		}
		if i >= len(text) || text[i] != '.' {
			return min(i, len(text))
		}
		i++
	}
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// lastPart is the last part of a dotted name, as it is written.
func lastPart(name string) string {
	quoted, from := false, 0
	for i := range len(name) {
		switch {
		case name[i] == '"':
			quoted = !quoted
		case name[i] == '.' && !quoted:
			from = i + 1
		}
	}
	return name[from:]
}
