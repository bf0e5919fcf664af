package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/project"
)

// node finds the project's node of a table by its name.
func (s *Server) node(name string) *model.Node {
	if s.options.Graph == nil {
		return nil
	}
	for _, n := range s.options.Graph.Nodes {
		if nodeName(n) == name {
			return n
		}
	}
	return nil
}

// nodeName is how the dashboard calls a node: as its table, or source.table.
func nodeName(n *model.Node) string {
	if n.Kind == model.KindSource {
		return "source." + n.Name
	}
	return n.Schema + "." + n.Alias
}

func nodeDescription(n *model.Node) string {
	switch {
	case n == nil:
		return ""
	case n.Model != nil && n.Model.Description != "":
		return strings.TrimSpace(n.Model.Description)
	case n.Model != nil:
		return leadingComment(n.Model.SQL)
	case n.Seed != nil:
		return strings.TrimSpace(n.Seed.Description)
	case n.Source != nil:
		return strings.TrimSpace(n.Source.Description)
	}
	return ""
}

// leadingComment is what a model's file says of itself before its first statement.
func leadingComment(sql string) string {
	var lines []string
	for line := range strings.SplitSeq(sql, "\n") {
		text, is := strings.CutPrefix(strings.TrimSpace(line), "--")
		if !is {
			break
		}
		lines = append(lines, strings.TrimSpace(text))
	}
	return strings.Join(lines, " ")
}

func (c *call) tables() error {
	s, err := c.snap()
	if err != nil {
		return err
	}
	return c.cached("", func(ctx context.Context) (*reply, error) {
		checks, err := c.checksByTable(ctx)
		if err != nil {
			return nil, err
		}
		out := []TableInfo{}
		for _, name := range s.names {
			out = append(out, c.tableInfo(s.tables[name], checks))
		}
		return &reply{data: out}, nil
	})
}

func (c *call) tableInfo(t *table, checks map[string][]CheckInfo) TableInfo {
	schema, short, _ := strings.Cut(t.Name, ".")
	n := c.node(t.Name)
	info := TableInfo{
		Name: t.Name, Schema: schema, Kind: t.Kind, Description: nodeDescription(n), Rows: t.rows, Columns: len(t.columns), Key: t.Key,
		Tags: []string{}, Link: "/tables/" + t.Name,
	}
	if n != nil {
		info.Tags = append(info.Tags, n.Tags...)
	}
	if d := c.def.Model.Derived[short]; t.Kind == "derived" && d != nil {
		info.Description = strings.TrimSpace(d.Description)
	}
	if b := t.bounds[c.e.defaultBasis(t)]; !b.to.IsZero() {
		info.Newest = dayOrNone(b.to)
	}
	for _, x := range checks[short] {
		switch {
		case x.Status == "pass":
			info.Checks.Passed++
		case x.Status == "warn":
			info.Checks.Warned++
		case bad(x.Status):
			info.Checks.Failed++
		}
	}
	return info
}

func (c *call) checksByTable(ctx context.Context) (map[string][]CheckInfo, error) {
	out := map[string][]CheckInfo{}
	db := c.e.booksDB()
	if db == nil {
		return out, nil
	}
	all, err := loadChecks(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, x := range all.Checks {
		out[x.Table] = append(out[x.Table], x)
	}
	return out, nil
}

func (c *call) tableData(name string) error {
	s, err := c.snap()
	if err != nil {
		return err
	}
	t := s.tables[name]
	if t == nil {
		return notFound("table", name, project.Nearest(name, s.names))
	}
	return c.cached("", func(ctx context.Context) (*reply, error) {
		checks, err := c.checksByTable(ctx)
		if err != nil {
			return nil, err
		}
		_, short, _ := strings.Cut(name, ".")
		d := &TableData{TableInfo: c.tableInfo(t, checks), Profile: []ColumnProfile{}, Upstream: []string{}, Downstream: []string{}, Tests: checks[short], Usage: c.readers(name)}
		if d.Tests == nil {
			d.Tests = []CheckInfo{}
		}
		n := c.node(name)
		if n != nil {
			d.Upstream, d.Downstream = c.neighbours(n)
		}
		if c.user.has(RoleData) {
			if n != nil && n.Model != nil {
				d.SQL = n.Model.SQL
			} else if x := c.def.Model.Derived[short]; x != nil && t.Kind == "derived" {
				d.SQL = x.SQL
			}
		}
		if r := s.def.Model.recordOf(name); r != nil {
			d.Record = r.Name
		}
		d.Profile, err = c.profile(ctx, s, t, n)
		return &reply{data: d}, err
	})
}

// neighbours are all nodes that a node reads and all that read it.
func (c *call) neighbours(n *model.Node) (up, down []string) {
	up, down = []string{}, []string{}
	for x := range c.options.Graph.Upstream(n) {
		up = append(up, nodeName(x))
	}
	for _, x := range c.options.Graph.Nodes {
		if c.options.Graph.Upstream(x)[n] {
			down = append(down, nodeName(x))
		}
	}
	slices.Sort(up)
	slices.Sort(down)
	return up, down
}

// profile looks at the values of every column in one pass, then at the most frequent values of columns with few.
func (c *call) profile(ctx context.Context, s *snapshot, t *table, n *model.Node) ([]ColumnProfile, error) {
	parts := []string{"count(*)"}
	for _, col := range t.columns {
		name := quoteName(col.Name)
		distinct, low, high := "approx_count_distinct("+name+")", "min("+name+")", "max("+name+")"
		if s.engine != "duckdb" || t.rows <= 1000000 {
			distinct = "count(distinct " + name + ")"
		}
		if col.Type == "boolean" {
			low, high = "min(cast("+name+" as varchar))", "max(cast("+name+" as varchar))"
		}
		parts = append(parts, "count("+name+")", distinct, low, high)
	}
	got, err := fetch(ctx, s.db, "select "+strings.Join(parts, ", ")+" from "+t.relation+" as t", 0)
	if err != nil {
		return nil, fmt.Errorf("look at the values of %s: %w", t.Name, err)
	}
	row := got.rows[0]
	total := whole(row[0])
	texts := map[string]string{}
	if n != nil && n.Model != nil {
		for _, x := range n.Model.Columns {
			texts[x.Name] = strings.TrimSpace(x.Description)
		}
	}
	out := make([]ColumnProfile, len(t.columns))
	for i, col := range t.columns {
		p := ColumnProfile{Column: col, Description: texts[col.Name], Nulls: total - whole(row[1+4*i]), Distinct: whole(row[2+4*i]), Min: row[3+4*i], Max: row[4+4*i], Top: []Option{}}
		if p.Distinct > 0 && p.Distinct <= 30 && total > 0 {
			top, err := fetch(ctx, s.db, fmt.Sprintf("select %s, count(*) from %s as t group by 1 order by 2 desc, 1 limit 6", quoteName(col.Name), t.relation), 0)
			if err != nil {
				return nil, fmt.Errorf("look at the values of %s.%s: %w", t.Name, col.Name, err)
			}
			for _, x := range top.rows {
				p.Top = append(p.Top, Option{Value: valueOrNull(x[0]), Label: textOr(x[0], "none"), Rows: whole(x[1])})
			}
		}
		out[i] = p
	}
	return out, nil
}

func textOr(v any, other string) string {
	if v == nil {
		return other
	}
	return textOf(v)
}
