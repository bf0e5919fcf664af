package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/model"
	"lifeline/warehouse"
)

// Chain is the way of one published row back to the source.
type Chain struct {
	Version  int64     `json:"version"`
	Steps    []Step    `json:"steps"` // The asked row first, the source's row last.
	Repairs  []Repair  `json:"repairs"`
	History  []Past    `json:"history"` // Earlier versions of the source's row, newest first.
	Runs     []Run     `json:"runs"`
	Parents  []Related `json:"parents"`
	Children []Related `json:"children"`
	MadeOf   []Related `json:"made_of"` // Of a row that is made of many.
	Note     string    `json:"note,omitempty"`
}

// Step is a row on the way, with the column that led to it.
type Step struct {
	Table string `json:"table"`
	Via   string `json:"via"` // Such as "dim_claim_id = 12"; the asked row's key for the first.
	File  string `json:"file,omitempty"`
	Row   Row    `json:"row"`
}

// Repair is a cell of core and what it was in the source.
type Repair struct {
	Column string   `json:"column"`
	Basis  string   `json:"basis"`
	Value  *string  `json:"value"`
	Raw    *string  `json:"raw"`             // As it landed: from staging, else the text that its type could not hold.
	Rules  []string `json:"rules,omitempty"` // What the last run did to cells of that column with that basis.
}

// Past is an earlier version of the source's row.
type Past struct {
	Op      string   `json:"op"`
	From    *string  `json:"valid_from"` // UTC.
	To      *string  `json:"valid_to"`
	Basis   string   `json:"basis"`
	Run     *string  `json:"run"`
	Changes []Change `json:"changes"` // What the version after it has otherwise.
}

// Change is a cell that a later version has otherwise.
type Change struct {
	Column string  `json:"column"`
	Was    *string `json:"was"`
	Became *string `json:"became"`
}

// Run is a run that read a version of the source's row.
type Run struct {
	ID      string  `json:"run_id"`
	Command *string `json:"command"`
	Status  *string `json:"status"`
	Started *string `json:"started_at"` // UTC.
	Ended   *string `json:"ended_at"`
	At      *string `json:"position"`
	Version *string `json:"version"` // That it published.
}

// Related are rows of another table: one parent, or all children.
type Related struct {
	Table  string   `json:"table"`
	Column string   `json:"column"` // The one that ties them.
	Rows   int64    `json:"rows"`
	Keys   []string `json:"keys"` // The first of them.
}

const firstKeys = 10

// Trace follows one row of a table. Several key columns are separated by commas, in the order of the grain; an empty one is null.
// A key that is not there is a problem which says where the row is instead: in quarantine, gone from the source, or nowhere.
func (t *Tracer) Trace(ctx context.Context, n *model.Node, key string) (*Chain, error) {
	c := &Chain{
		Version: t.Version, Steps: []Step{}, Repairs: []Repair{}, History: []Past{}, Runs: []Run{}, Parents: []Related{},
		Children: []Related{}, MadeOf: []Related{},
	}
	if n.Kind == model.KindSource {
		return c, t.fromSource(ctx, c, n, key)
	}
	row, via, err := t.first(ctx, n, key)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, t.missing(ctx, n, key)
	}
	c.Steps = append(c.Steps, Step{Table: relation(n), Via: via, File: n.Path, Row: row})
	if n.EntityOf != nil {
		return c, t.fromEntity(ctx, c, n, n, t.keyOf(n))
	}
	entity, column := t.entity(n, row.Has)
	if entity == nil || row.Get(column) == nil {
		return c, t.madeOf(ctx, c, n, row)
	}
	return c, t.fromEntity(ctx, c, n, entity, []string{column})
}

func (t *Tracer) first(ctx context.Context, n *model.Node, key string) (Row, string, error) {
	columns := t.keyOf(n)
	if len(columns) == 0 {
		return nil, "", problem(fmt.Errorf("nothing says which column tells the rows of %s apart", relation(n)),
			"meta: {lifeline: {grain: [id]}} in its YAML file")
	}
	parts, err := change.ParseKey(key, len(columns))
	if err != nil {
		return nil, "", problem(fmt.Errorf("the rows of %s are told apart by %d columns: %w", relation(n), len(columns), err),
			fmt.Sprintf("lifeline trace %s %q", relation(n), strings.Join(columns, ",")))
	}
	where := conditions(columns, parts)
	rows, err := find(ctx, t.Published, n.Schema, n.Alias, where, "limit 1")
	if err != nil || len(rows) == 0 {
		return nil, "", err
	}
	return rows[0], said(where), nil
}

func conditions(columns []string, values []*string) []condition {
	where := make([]condition, len(columns))
	for i, c := range columns {
		where[i] = condition{c, values[i]}
	}
	return where
}

// said writes conditions as people read them.
func said(where []condition) string {
	parts := make([]string, len(where))
	for i, w := range where {
		if parts[i] = w.column + " is null"; w.text != nil {
			parts[i] = w.column + " = " + *w.text
		}
	}
	return strings.Join(parts, ", ")
}

// fromEntity goes on from the last step, some columns of which hold the entity's key, to the entity, its source row, history and run.
func (t *Tracer) fromEntity(ctx context.Context, c *Chain, n, entity *model.Node, columns []string) error {
	row := c.Steps[0].Row
	key := make([]*string, len(columns))
	for i, column := range columns {
		key[i] = row.Get(column)
	}
	if entity != n {
		via := said(conditions(columns, key))
		rows, err := find(ctx, t.Published, entity.Schema, entity.Alias, conditions(t.keyOf(entity), key), "limit 1")
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			c.Note = fmt.Sprintf("%s has no row with %s", relation(entity), via)
			return nil
		}
		c.Steps = append(c.Steps, Step{Table: relation(entity), Via: via, File: entity.Path, Row: rows[0]})
		row = rows[0]
	}
	t.parents(c, n, entity, row)
	if err := t.children(ctx, c, entity, row); err != nil {
		return err
	}
	source, err := t.landed(ctx, c, entity, key)
	if err != nil {
		return err
	}
	if err := t.repairs(ctx, c, entity, row, source); err != nil {
		return err
	}
	return t.runs(ctx, c)
}

// parents are the other entities that a row of the chain names.
func (t *Tracer) parents(c *Chain, n, entity *model.Node, row Row) {
	add := func(from *model.Node, row Row) {
		for _, p := range entities(from) {
			column := t.link(from, p, row.Has)
			if p == entity || column == "" || row.Get(column) == nil ||
				slices.ContainsFunc(c.Parents, func(r Related) bool { return r.Table == relation(p) }) {
				continue
			}
			c.Parents = append(c.Parents, Related{Table: relation(p), Column: column, Rows: 1, Keys: []string{*row.Get(column)}})
		}
	}
	add(entity, row)
	if n != entity {
		add(n, c.Steps[0].Row)
	}
}

// children are the rows that a relationships test ties to an entity's row.
func (t *Tracer) children(ctx context.Context, c *Chain, entity *model.Node, row Row) error {
	for _, r := range t.relationships() {
		if r.parent != entity || r.child.EntityOf == nil || row.Get(r.field) == nil {
			continue
		}
		related, err := t.related(ctx, r.child, r.column, *row.Get(r.field))
		if err != nil {
			return err
		}
		c.Children = append(c.Children, related)
	}
	return nil
}

// related counts the rows of a table by one column, and names the first.
func (t *Tracer) related(ctx context.Context, n *model.Node, by, key string) (Related, error) {
	out := Related{Table: relation(n), Column: by, Keys: []string{}}
	columns, err := columnsOf(ctx, t.Published, n.Schema, n.Alias)
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(columns, func(c column) bool { return c.name == by })
	own := t.keyOf(n)
	if i < 0 || !fits(columns[i].kind, key) || len(own) == 0 {
		return out, nil
	}
	where := fmt.Sprintf(`from %s.%s as t where t.%s = cast($1 as %s)`, warehouse.Quote(n.Schema), warehouse.Quote(n.Alias),
		warehouse.Quote(by), columns[i].kind)
	key = castable(columns[i].kind, key)
	if err := t.Published.QueryRowContext(ctx, "select count(*) "+where, key).Scan(&out.Rows); err != nil {
		return out, fmt.Errorf("count %s: %w", out.Table, err)
	}
	texts, names := make([]string, len(own)), make([]string, len(own))
	for i, o := range own {
		names[i] = "t." + warehouse.Quote(o)
		texts[i] = warehouse.TextSQL(kindOf(columns, o), names[i])
	}
	rows, err := t.Published.QueryContext(ctx, fmt.Sprintf("select %s %s order by %s limit %d", strings.Join(texts, ", "), where,
		strings.Join(names, ", "), firstKeys), key)
	if err != nil {
		return out, fmt.Errorf("read %s: %w", out.Table, err)
	}
	defer rows.Close()
	values := make([]*string, len(own))
	into := make([]any, len(own))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return out, fmt.Errorf("read %s: %w", out.Table, err)
		}
		out.Keys = append(out.Keys, rowKey(values))
	}
	return out, rows.Err()
}

func kindOf(columns []column, name string) string {
	for _, c := range columns {
		if c.name == name {
			return c.kind
		}
	}
	return ""
}

// rowKey is a row's key as it is asked for: a value as it stands, several as a JSON array.
func rowKey(values []*string) string {
	if len(values) == 1 && values[0] != nil {
		return *values[0]
	}
	return change.KeyText(values)
}

// madeOf counts the rows of the entities that a row made of many was made of.
func (t *Tracer) madeOf(ctx context.Context, c *Chain, n *model.Node, row Row) error {
	for _, e := range entities(n) {
		columns, err := columnsOf(ctx, t.Published, e.Schema, e.Alias)
		if err != nil {
			return err
		}
		for _, name := range t.ownKey(n) {
			own := row.Get(t.keyOf(n)[0])
			if own == nil || !slices.ContainsFunc(columns, func(c column) bool { return c.name == name }) {
				continue
			}
			related, err := t.related(ctx, e, name, *own)
			if err != nil {
				return err
			}
			c.MadeOf = append(c.MadeOf, related)
			break
		}
	}
	if len(c.MadeOf) == 0 {
		c.Note = "the row is made of many, and no column of its own ties them to it; lifeline docs shows what the table reads"
	}
	return nil
}

// landed adds the source's row and its earlier versions.
func (t *Tracer) landed(ctx context.Context, c *Chain, entity *model.Node, key []*string) (Row, error) {
	s := entity.EntityOf
	if t.Staging == nil {
		c.Note = "a run is writing staging and history now; the source's row can be seen once it has ended"
		return nil, nil
	}
	columns := t.landedKey(s)
	if len(columns) != len(key) || len(key) == 0 {
		c.Note = fmt.Sprintf("nothing ties the row to one of %s.%s", s.Schema, s.Name)
		return nil, nil
	}
	where := conditions(columns, key)
	rows, err := find(ctx, t.Staging, s.Schema, s.Name, where, "limit 1")
	if err != nil {
		return nil, err
	}
	var now Row
	if len(rows) > 0 {
		now = rows[0]
		c.Steps = append(c.Steps, Step{Table: s.Schema + "." + s.Name, Via: said(where), File: fileOf(s.Where), Row: now})
	} else {
		c.Note = fmt.Sprintf("%s.%s has no row %s any more: it has gone from the source since this version was published", s.Schema, s.Name,
			rowKey(key))
	}
	past, err := find(ctx, t.Staging, "history", s.Name, where, "order by t._valid_from desc, t._run desc")
	if err != nil {
		return nil, err
	}
	later := now
	for _, p := range past {
		c.History = append(c.History, pastOf(p, later))
		later = p
	}
	return now, nil
}

func fileOf(where string) string {
	file, _, _ := strings.Cut(where, ":")
	return file
}

func pastOf(row, later Row) Past {
	p := Past{From: row.Get("_valid_from"), To: row.Get("_valid_to"), Run: row.Get("_run"), Changes: []Change{}}
	if op := row.Get("_op"); op != nil {
		p.Op = *op
	}
	if basis := row.Get("_basis"); basis != nil {
		p.Basis = *basis
	}
	for _, v := range row {
		if later != nil && later.Has(v.Column) && !strings.HasPrefix(v.Column, "_") && !same(v.Text, later.Get(v.Column)) {
			p.Changes = append(p.Changes, Change{Column: v.Column, Was: v.Text, Became: later.Get(v.Column)})
		}
	}
	return p
}

func same(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// repairs puts each cell of core that has a basis beside what landed.
func (t *Tracer) repairs(ctx context.Context, c *Chain, entity *model.Node, row, source Row) error {
	lost := map[string]string{}
	if raw := source.Get("_raw"); raw != nil {
		_ = json.Unmarshal([]byte(*raw), &lost) // What is not read stays in the step.
	}
	for _, v := range row {
		name, is := strings.CutSuffix(v.Column, "_basis")
		if !is || v.Text == nil {
			continue
		}
		r := Repair{Column: name, Basis: *v.Text, Value: row.Get(name), Raw: source.Get(name)}
		if text, was := lost[name]; was {
			r.Raw = &text
		}
		if r.Basis != "source" {
			var err error
			if r.Rules, err = t.rules(ctx, entity, r); err != nil {
				return err
			}
		}
		c.Repairs = append(c.Repairs, r)
	}
	return nil
}

func (t *Tracer) rules(ctx context.Context, entity *model.Node, r Repair) ([]string, error) {
	rows, err := t.Books.QueryContext(ctx, `
select distinct rule
from ops.repairs
where table_name in ($1, $2)
  and column_name = $3
  and basis = $4
  and rule is not null
  and run_id = (select max(run_id) from ops.repairs where table_name in ($1, $2))
order by rule`, entity.Name, relation(entity), r.Column, r.Basis)
	if err != nil {
		return nil, fmt.Errorf("read ops.repairs: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var rule string
		if err := rows.Scan(&rule); err != nil {
			return nil, fmt.Errorf("read ops.repairs: %w", err)
		}
		out = append(out, rule)
	}
	return out, rows.Err()
}

// runs are those that brought the present and the earlier versions of the source's row.
func (t *Tracer) runs(ctx context.Context, c *Chain) error {
	var ids []string
	add := func(id *string) {
		if id != nil && !slices.Contains(ids, *id) {
			ids = append(ids, *id)
		}
	}
	for _, s := range c.Steps {
		add(s.Row.Get("_run"))
	}
	for _, p := range c.History {
		add(p.Run)
	}
	for _, id := range ids {
		rows, err := find(ctx, t.Books, "ops", "runs", []condition{{"run_id", &id}}, "limit 1")
		if err != nil {
			return err
		}
		r := Run{ID: id}
		if len(rows) > 0 {
			get := rows[0].Get
			r.Command, r.Status, r.Started = get("command"), get("status"), get("started_at")
			r.Ended, r.At, r.Version = get("ended_at"), get("position"), get("version")
		}
		c.Runs = append(c.Runs, r)
	}
	return nil
}

// fromSource traces a row of staging: from the entity that it became, or else from itself.
func (t *Tracer) fromSource(ctx context.Context, c *Chain, n *model.Node, key string) error {
	for _, e := range t.Graph.Nodes {
		if e.EntityOf != n.Source || n.Source == nil {
			continue
		}
		row, via, err := t.first(ctx, e, key)
		if err != nil {
			return err
		}
		if row == nil {
			return t.missing(ctx, e, key)
		}
		c.Steps = append(c.Steps, Step{Table: relation(e), Via: via, File: e.Path, Row: row})
		return t.fromEntity(ctx, c, e, e, t.keyOf(e))
	}
	return &change.Problem{
		Err: fmt.Errorf("no model of the project cleans %s", relation(n)), Try: "lifeline ls --select " + n.Name + "+",
		Class: change.ClassUsage,
	}
}
