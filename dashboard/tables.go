package dashboard

import (
	"context"
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/semantic"
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

func (c *request) tables() error {
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
		for _, name := range s.Names {
			out = append(out, c.tableInfo(s.Tables[name], checks))
		}
		return &reply{data: out}, nil
	})
}

func (c *request) tableInfo(t *semantic.Table, checks map[string][]CheckInfo) TableInfo {
	schema, short, _ := strings.Cut(t.Name, ".")
	n := c.node(t.Name)
	info := TableInfo{
		Name: t.Name, Schema: schema, Kind: t.Kind, Description: nodeDescription(n), Rows: t.Rows, Columns: len(t.Columns), Key: t.Key,
		Tags: []string{}, Link: "/tables/" + t.Name,
	}
	if n != nil {
		info.Tags = append(info.Tags, n.Tags...)
	}
	if d := c.def.Model.Derived[short]; t.Kind == "derived" && d != nil {
		info.Description = strings.TrimSpace(d.Description)
	}
	_, info.Newest = c.version.Span(t)
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

func (c *request) checksByTable(ctx context.Context) (map[string][]CheckInfo, error) {
	out := map[string][]CheckInfo{}
	db := c.version.booksDB()
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

func (c *request) tableData(name string) error {
	s, err := c.snap()
	if err != nil {
		return err
	}
	t, err := s.Table(name)
	if err != nil {
		return err
	}
	return c.cached("", func(ctx context.Context) (*reply, error) {
		checks, err := c.checksByTable(ctx)
		if err != nil {
			return nil, err
		}
		_, short, _ := strings.Cut(name, ".")
		d := &TableData{
			TableInfo: c.tableInfo(t, checks), Profile: []semantic.ColumnProfile{}, Upstream: []string{}, Downstream: []string{},
			Tests: checks[short], Usage: c.def.Readers(name),
		}
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
		d.Record = s.RecordName(name)
		d.Profile, err = s.Profile(ctx, t, descriptions(n))
		return &reply{data: d}, err
	})
}

// neighbours are all nodes that a node reads and all that read it.
func (c *request) neighbours(n *model.Node) (up, down []string) {
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

// descriptions are what the project says of a model's columns.
func descriptions(n *model.Node) map[string]string {
	texts := map[string]string{}
	if n != nil && n.Model != nil {
		for _, x := range n.Model.Columns {
			texts[x.Name] = strings.TrimSpace(x.Description)
		}
	}
	return texts
}
