package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/model"
	"lifeline/project"
	"lifeline/semantic"
)

// The drawing's measures, in pixels.
const (
	nodeWidth  = 190
	nodeHeight = 46
	gapX       = 70
	gapY       = 18
)

// web is the project's graph as the dashboard draws it: sources, seeds, models, derived tables and pages.
type web struct {
	up, down map[string][]string
	kind     map[string]string
}

func (c *request) web() *web {
	w := &web{map[string][]string{}, map[string][]string{}, map[string]string{}}
	link := func(from, to string) {
		if !slices.Contains(w.up[to], from) {
			w.up[to] = append(w.up[to], from)
			w.down[from] = append(w.down[from], to)
		}
	}
	if c.options.Graph != nil {
		for _, n := range c.options.Graph.Nodes {
			if n.Materialized == model.Ephemeral {
				continue
			}
			name := nodeName(n)
			w.kind[name] = "table"
			switch {
			case n.Kind == model.KindSource:
				w.kind[name] = "source"
			case n.Kind == model.KindSeed:
				w.kind[name] = "seed"
			case n.Materialized == model.View:
				w.kind[name] = "view"
			}
			for _, d := range solid(n) {
				link(nodeName(d), name)
			}
		}
	}
	for name, d := range c.def.Model.Derived {
		full := "dashboard." + name
		w.kind[full] = "view"
		for other := range w.kind {
			if strings.Contains(d.SQL, other) {
				link(other, full)
			}
		}
	}
	for _, p := range c.def.Pages {
		page := "page." + p.Name
		for name := range maps.Keys(w.kind) {
			if slices.ContainsFunc(c.def.Readers(name), func(x string) bool { return strings.HasPrefix(x, p.Name+"/") }) && w.kind[name] != "page" {
				w.kind[page] = "page"
				link(name, page)
			}
		}
	}
	for _, m := range []map[string][]string{w.up, w.down} {
		for _, list := range m {
			slices.Sort(list)
		}
	}
	return w
}

// solid are what a node reads, looking through ephemeral models.
func solid(n *model.Node) []*model.Node {
	var out []*model.Node
	for _, d := range n.DependsOn {
		if d.Materialized == model.Ephemeral {
			out = append(out, solid(d)...)
		} else {
			out = append(out, d)
		}
	}
	return out
}

func reach(edges map[string][]string, from string, steps int) map[string]int {
	out := map[string]int{from: 0}
	for at := []string{from}; len(at) > 0 && steps != 0; steps-- {
		var next []string
		for _, name := range at {
			for _, n := range edges[name] {
				if _, seen := out[n]; !seen {
					out[n] = out[name] + 1
					next = append(next, n)
				}
			}
		}
		at = next
	}
	return out
}

func (c *request) lineage() error {
	up, err := c.number("up", 1, 0, 20)
	if err != nil {
		return err
	}
	down, err := c.number("down", 1, 0, 20)
	if err != nil {
		return err
	}
	w := c.web()
	names := slices.Sorted(maps.Keys(w.kind))
	table := c.query().Get("table")
	if table == "" && len(names) > 0 {
		if table = c.def.Model.Main; w.kind[table] == "" {
			table = names[0]
		}
	}
	if w.kind[table] == "" {
		return semantic.NotFound("table", table, project.Nearest(table, names))
	}
	column := c.query().Get("column")
	return c.cached(fmt.Sprintf("%s|%d|%d|%s", table, up, down, column), func(ctx context.Context) (*reply, error) {
		checks, err := c.checksByTable(ctx)
		if err != nil {
			return nil, err
		}
		d := c.draw(w, table, up, down, checks)
		d.Tables = names
		return &reply{data: d}, nil
	})
}

// draw lays the neighbourhood out in columns: what is read on the left, what reads on the right. A node's column is the longest way to
// the middle, so that edges lead one way.
func (c *request) draw(w *web, table string, up, down int, checks map[string][]CheckInfo) *LineageData {
	layer := map[string]int{table: 0}
	above, below := longest(w.up, table), longest(w.down, table)
	for name := range reach(w.up, table, up) {
		layer[name] = -above[name]
	}
	for name := range reach(w.down, table, down) {
		if name != table {
			layer[name] = below[name]
		}
	}
	d := &LineageData{Table: table, Nodes: []LineageNode{}, Edges: []LineageEdge{}, Columns: []ColumnPath{}}
	d.Upstream, d.Downstream = without(reach(w.up, table, -1), table), without(reach(w.down, table, -1), table)
	columns := map[int][]string{}
	for _, name := range slices.Sorted(maps.Keys(layer)) {
		columns[layer[name]] = append(columns[layer[name]], name)
	}
	order := slices.Sorted(maps.Keys(columns))
	place := map[string]*LineageNode{}
	for _, l := range order {
		d.Height = max(d.Height, len(columns[l])*(nodeHeight+gapY)-gapY)
	}
	for i, l := range order {
		list := columns[l]
		if i > 0 {
			slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(pull(w, place, a), pull(w, place, b)) })
		}
		y := (d.Height - len(list)*(nodeHeight+gapY) + gapY) / 2
		for _, name := range list {
			n := c.lineageNode(w, name, checks)
			n.Layer, n.X, n.Y, n.Width, n.Height, n.Focus = l, i*(nodeWidth+gapX), y, nodeWidth, nodeHeight, name == table
			for _, other := range append(slices.Clone(w.up[name]), w.down[name]...) {
				if _, shown := layer[other]; !shown {
					n.More++
				}
			}
			place[name] = &n
			d.Nodes = append(d.Nodes, n)
			y += nodeHeight + gapY
		}
	}
	d.Width = len(order)*(nodeWidth+gapX) - gapX
	for _, to := range d.Nodes {
		for _, name := range w.up[to.Name] {
			if from := place[name]; from != nil && from.Layer < to.Layer {
				d.Edges = append(d.Edges, LineageEdge{name, to.Name, curve(from, &to)})
			}
		}
	}
	d.Columns = columnPaths(d.Nodes)
	return d
}

func curve(from, to *LineageNode) string {
	x1, y1, x2, y2 := from.X+from.Width, from.Y+from.Height/2, to.X, to.Y+to.Height/2
	mid := (x1 + x2) / 2
	return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, mid, y1, mid, y2, x2, y2)
}

// pull is the mean height of what a node is joined to on its left; it keeps edges from crossing.
func pull(w *web, place map[string]*LineageNode, name string) int {
	sum, n := 0, 0
	for _, other := range w.up[name] {
		if p := place[other]; p != nil {
			sum += p.Y
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// longest is the number of steps on the longest way to each node that can be reached; the graph has no circles.
func longest(edges map[string][]string, from string) map[string]int {
	reached := reach(edges, from, -1)
	out := map[string]int{from: 0}
	waiting := map[string]int{}
	for name := range reached {
		for _, next := range edges[name] {
			waiting[next]++
		}
	}
	for at := []string{from}; len(at) > 0; at = at[1:] {
		for _, next := range edges[at[0]] {
			out[next] = max(out[next], out[at[0]]+1)
			if waiting[next]--; waiting[next] == 0 {
				at = append(at, next)
			}
		}
	}
	return out
}

func without(set map[string]int, name string) []string {
	delete(set, name)
	return slices.Sorted(maps.Keys(set))
}

func (c *request) lineageNode(w *web, name string, checks map[string][]CheckInfo) LineageNode {
	n := LineageNode{Name: name, Kind: w.kind[name], Status: "", Link: "/tables/" + name, Columns: []string{}}
	_, short, _ := strings.Cut(name, ".")
	for _, x := range checks[short] {
		if rank(x.Status) > rank(n.Status) {
			n.Status = x.Status
		}
	}
	switch n.Kind {
	case "page":
		n.Link = ""
		if p := c.def.Page(short); p != nil {
			n.Link = p.Path
		}
	case "source":
		n.Link = "/lineage?table=" + name
		if node := c.node(name); node != nil && node.Source != nil {
			for _, col := range node.Source.Columns {
				n.Columns = append(n.Columns, col.Name)
			}
		}
	}
	if c.version.Version != nil {
		if t := c.version.Tables[name]; t != nil {
			n.Rows = t.Rows
			for _, col := range t.Columns {
				n.Columns = append(n.Columns, col.Name)
			}
		}
	}
	return n
}

// columnPaths are the columns that several of the shown nodes carry by one name.
func columnPaths(nodes []LineageNode) []ColumnPath {
	at := map[string][]string{}
	for _, n := range nodes {
		for _, col := range n.Columns {
			at[col] = append(at[col], n.Name)
		}
	}
	out := []ColumnPath{}
	for _, col := range slices.Sorted(maps.Keys(at)) {
		if len(at[col]) > 1 {
			out = append(out, ColumnPath{col, at[col]})
		}
	}
	return out
}
