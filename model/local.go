package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/model/locality"
)

// Locality says by which of its columns a model is local: rebuilt for some values of that column, it needs only the rows of what it reads
// that belong to these values.
type Locality struct {
	Plans []*locality.Plan // One for each column that is known to do, the best first; none where the model is not local.
	Why   string           // Why it is not.
	Where string
	SQL   *locality.Statement // The model's select; nil where the parser does not know it.
}

// Column is the column by which the model is local; empty where it is not.
func (l *Locality) Column() string {
	if len(l.Plans) == 0 {
		return ""
	}
	return l.Plans[0].Column
}

// String is the answer for people.
func (l *Locality) String() string {
	if len(l.Plans) == 0 {
		return "not local: " + l.Why
	}
	out := "local by " + l.Plans[0].Column
	if followed := named(l.Plans[0].LookedUp()); followed != "" {
		out += ", following " + followed
	}
	if whole := named(l.Plans[0].Whole()); whole != "" {
		out += "; whole where " + whole + " changes"
	}
	return out
}

// named are relations for people; a part of the model is called by its name in it.
func named(relations []string) string {
	for i, r := range relations {
		if part, ok := strings.CutPrefix(r, "part."); ok {
			relations[i] = "its " + part
		}
	}
	return strings.Join(relations, ", ")
}

// mostPlans is how many ways of one model are kept, columnsTried how many of its columns are tried, and mostTogether how many make one key.
const (
	mostPlans    = 3
	columnsTried = 12
	mostTogether = 4
)

// constantKey is why a select is not local by a column that is the same in every row.
const constantKey = "its key is a constant"

// Localities says of each model, materialized or not, whether it is local. Relations are named as env says; of those that it does not name,
// "history.TABLE" is a source table's history, and what is in "ops" and "since" never changes.
func (g *Graph) Localities(env func(*Node) Env) (map[*Node]*Locality, error) {
	out := map[*Node]*Locality{}
	columns := map[*Node][]string{}
	for _, n := range g.Nodes {
		if n.Kind != KindModel {
			if n.Seed != nil {
				for _, c := range n.Seed.Columns {
					columns[n] = append(columns[n], c.Name)
				}
			}
			continue
		}
		l, names, err := g.localityOf(n, env(n), out, columns)
		if err != nil {
			return nil, err
		}
		if err := n.colocated(l); err != nil {
			return nil, err
		}
		out[n], columns[n] = l, names
	}
	return out, nil
}

// colocated is an error where a lifecycle says by which key its tables are kept together, and a table is not local by it: its rows of one
// value would need those of others.
func (n *Node) colocated(l *Locality) error {
	if n.Model.DistributeAt == "" || l.SQL == nil {
		return nil
	}
	_, why := l.SQL.By(n.Model.DistributeBy)
	if why == nil {
		return nil
	}
	return &change.Problem{
		Err:   fmt.Errorf("colocate does not hold: %s is not local by %s: %s", n.Name, n.Model.DistributeBy, why.Why),
		Where: n.Model.DistributeAt, Class: change.ClassUsage,
		Try: "another colocate, or none, which keeps the tables together by the record's own key",
	}
}

// localityOf settles one model, whose parents are settled.
func (g *Graph) localityOf(n *Node, env Env, known map[*Node]*Locality, columns map[*Node][]string) (*Locality, []string, error) {
	names := map[string]*Node{}
	named := env.Relation
	env.Relation = func(d *Node) string {
		text := named(d)
		names[strings.Join(NameParts(text), ".")] = d
		return text
	}
	asks := false
	env.Columns = func(*Node) ([]Column, error) {
		asks = true
		return nil, nil
	}
	sql, err := g.Compile(n, env)
	if err != nil {
		return nil, nil, err
	}
	if asks { // Its text is only known beside tables that are built (dbt_utils.star, union_relations).
		return &Locality{Why: "its SQL depends on the columns of tables that are built", Where: n.Path}, nil, nil
	}
	relations := map[string]*locality.Relation{}
	statement, err := locality.Parse(sql, func(name []string) *locality.Relation {
		return relationOf(name, names, columns, relations)
	})
	if err != nil {
		return &Locality{Why: "its SQL is not PostgreSQL's: " + err.Error(), Where: n.Path}, nil, nil
	}
	l := &Locality{SQL: statement}
	outputs, complete := statement.Columns()
	if !complete {
		outputs = nil
	}
	isReference := func(relation string) bool {
		d := names[relation]
		return d != nil && (d.Kind == KindSeed || d.Kind == KindModel && known[d] != nil && len(known[d].Plans) == 0)
	}
	reasons, direct := map[string]string{}, 0
	for _, column := range n.candidates(outputs) {
		plan, why := statement.By(column)
		if why == nil {
			why = readsWhole(plan, isReference)
		}
		if why == nil {
			l.Plans = append(l.Plans, plan)
			if direct += 1 - followed(plan); direct >= mostPlans {
				break
			}
			continue
		}
		reasons[column] = why.Why
		if l.Why == "" {
			l.Why, l.Where = why.Why, n.Path
			if why.At >= 0 && why.At < len(sql) {
				l.Where = g.Place(n, sql, 1+strings.Count(sql[:why.At], "\n"))
			}
		}
	}
	// What needs nothing followed is better than what does; else the order of the candidates stays.
	slices.SortStableFunc(l.Plans, func(a, b *locality.Plan) int { return cmp.Compare(followed(a), followed(b)) })
	if several := n.severalColumns(statement, l.Plans, reasons, outputs, isReference); several != nil {
		l.Plans = slices.Insert(l.Plans, 0, several)
	}
	l.Plans = l.Plans[:min(len(l.Plans), mostPlans)]
	if len(l.Plans) == 0 {
		l.Why = cmp.Or(l.Why, "the names of its columns are not known")
	}
	return l, outputs, nil
}

// severalColumns is the plan over as many columns as do together, for a model that groups and has no key of one column: fewer rows belong
// to a changed day and program than to a changed day.
func (n *Node) severalColumns(
	s *locality.Statement, single []*locality.Plan, reasons map[string]string, outputs []string, isReference func(string) bool,
) *locality.Plan {
	if n.EntityOf != nil || n.Materialized == View || slices.ContainsFunc(single, func(p *locality.Plan) bool { return n.isKey(p.Column) }) {
		return nil
	}
	columns, constant := n.together(single, reasons, outputs)
	follows := len(single) == 0 || followed(single[0]) > 0
	try := func(columns []string) *locality.Plan {
		p, why := s.ByAll(columns)
		if why != nil || readsWhole(p, isReference) != nil || !follows && followed(p) > 0 || !tellsApart(p, len(columns)-1) {
			return nil
		}
		return p
	}
	var best *locality.Plan
	for len(columns) > 1 {
		if best = try(columns); best != nil {
			break
		}
		columns = columns[:len(columns)-1]
	}
	for _, c := range constant {
		if len(columns) == 0 || len(columns) >= mostTogether {
			break
		}
		if p := try(append(slices.Clone(columns), c)); p != nil {
			best, columns = p, append(columns, c)
		}
	}
	return best
}

// together are the columns that a model is local by one at a time, and those that are constant in some part of it: they may do beside
// another.
func (n *Node) together(single []*locality.Plan, reasons map[string]string, outputs []string) (columns, constant []string) {
	for _, p := range single {
		columns = append(columns, p.Column)
	}
	for _, c := range n.candidates(outputs) {
		if !slices.Contains(columns, c) && reasons[c] == constantKey {
			constant = append(constant, c)
		}
	}
	return columns[:min(len(columns), mostTogether)], constant
}

// tellsApart tells that one column of a plan's key depends on what is read somewhere.
func tellsApart(p *locality.Plan, column int) bool {
	for _, u := range p.Uses {
		for _, k := range u.Keys {
			before, _, found := strings.Cut(k, fmt.Sprint("::", locality.KeyType, column, "_"))
			if argument := before[strings.LastIndex(before, "_, ")+1:]; found && strings.Contains(argument, "x.") {
				return true
			}
		}
	}
	return false
}

// isKey tells a column by which a model is meant to be kept apart, or which tells its rows apart by itself.
func (n *Node) isKey(column string) bool {
	return column == n.Model.DistributeBy || len(n.Config.UniqueKey) == 1 && column == n.Config.UniqueKey[0] ||
		len(n.Model.Grain) == 1 && column == n.Model.Grain[0]
}

func followed(p *locality.Plan) int {
	if len(p.LookedUp()) == 0 {
		return 0
	}
	return 1
}

// readsWhole is the reason where a plan needs all of a relation that changes with every load.
func readsWhole(p *locality.Plan, isReference func(string) bool) *locality.Reason {
	for _, u := range p.Uses {
		if u.Whole && u.Leaf.Relation.Part == "" && !isReference(u.Leaf.Relation.Name) {
			return &locality.Reason{Why: "needs all of " + u.Leaf.Relation.Name + " for one " + p.Column, At: u.Leaf.At}
		}
	}
	return nil
}

// candidates are the columns by which a model may be local: the declared ones first, then what looks like a key.
func (n *Node) candidates(outputs []string) []string {
	var out []string
	add := func(names ...string) {
		for _, name := range names {
			if name != "" && !slices.Contains(out, name) && len(out) < columnsTried {
				out = append(out, name)
			}
		}
	}
	add(n.Model.DistributeBy)
	add(n.Config.UniqueKey...)
	if n.EntityOf != nil {
		add(n.EntityOf.Key...)
	}
	add(n.Model.Grain...)
	for _, name := range outputs {
		if name == "id" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_key") {
			add(name)
		}
	}
	add(outputs...)
	return slices.DeleteFunc(out, func(name string) bool { return len(outputs) > 0 && !slices.Contains(outputs, name) })
}

// relationOf is what a name in a model's SQL stands for.
func relationOf(
	name []string, names map[string]*Node, columns map[*Node][]string, made map[string]*locality.Relation,
) *locality.Relation {
	text := strings.Join(name, ".")
	if r, ok := made[text]; ok {
		return r
	}
	var r *locality.Relation
	switch d := names[text]; {
	case d != nil:
		r = &locality.Relation{Name: text, Columns: columns[d], Source: d.Kind == KindSource}
	case len(name) == 2 && name[0] == "history":
		r = &locality.Relation{Name: text, Source: true}
	case len(name) == 2 && (name[0] == "ops" || name[0] == "since"): // What they say of a row changes only with the row.
		r = &locality.Relation{Name: text, Static: true}
	}
	made[text] = r
	return r
}

// NameParts takes a dotted name apart, and the quotes off.
func NameParts(name string) []string {
	var out []string
	var part strings.Builder
	quoted := false
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '"' && quoted && i+1 < len(name) && name[i+1] == '"':
			part.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			out = append(out, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	return append(out, part.String())
}
