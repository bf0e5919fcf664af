package run

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"

	"lifeline/model"
	"lifeline/model/locality"
	"lifeline/warehouse"
)

// Parts of models that need all of a source table are kept with a version as tables of their own, so that the next one can tell which of
// their rows have changed. Nobody else reads them.

// partSchema is where they are, beside what else is ours in a version.
const partSchema = "lifeline"

func partName(n *model.Node, part string) string {
	sum := md5.Sum([]byte(n.ID + "." + part))
	return "part_" + hex.EncodeToString(sum[:12])
}

// makeParts makes the parts of a model, or carries them over where nothing that they read has changed, and notes what is other in them.
func (w *walk) makeParts(ctx context.Context, n *model.Node) error {
	l := w.local[n]
	if l == nil || l.SQL == nil || len(l.Plans) == 0 || n.Materialized == model.View || n.Materialized == model.Ephemeral ||
		n.Materialized == model.Incremental {
		return nil
	}
	for _, part := range l.SQL.Parts() {
		name := partName(n, strings.TrimPrefix(part.Name, "part."))
		m := warehouse.Model{Schema: partSchema, Name: name, SQL: part.Part}
		_, before, err := w.build.Previous(ctx, partSchema, name)
		if err != nil {
			return err
		}
		known := before && w.inc != nil && w.inc.same(n)
		if known && w.disturbed(w.inc, n) == "" {
			m.SQL, m.Carry = "", true
		}
		rows, err := w.build.Create(ctx, m)
		if err != nil {
			return w.inModel(n, m.SQL, err)
		}
		if w.inc == nil {
			continue
		}
		c := &changed{all: true, why: "its " + strings.TrimPrefix(part.Name, "part.") + " is new"}
		switch {
		case m.Carry:
			c = &changed{}
		case known && rows <= mostCompared:
			if c, err = w.partDifference(ctx, name); err != nil {
				return err
			}
		}
		w.inc.mu.Lock()
		w.inc.changes[part.Name+" of "+n.ID] = c
		w.inc.mu.Unlock()
	}
	return nil
}

// partDifference finds the rows of a part that went and those that came.
func (w *walk) partDifference(ctx context.Context, name string) (*changed, error) {
	previous, _, err := w.build.Previous(ctx, partSchema, name)
	if err != nil {
		return nil, err
	}
	table := w.build.Relation("build", name+"_delta")
	return w.compare(ctx, table, "select * from "+previous, "select * from "+w.build.Relation(partSchema, name))
}

// compare puts the rows of which two selects of the same columns have not equally many into a table: those that went and those that came.
func (w *walk) compare(ctx context.Context, table, before, now string) (*changed, error) {
	db := w.build.DB()
	columns, err := columnNames(ctx, db, "("+now+") as n")
	if err != nil {
		return nil, err
	}
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = warehouse.Quote(c)
	}
	all := strings.Join(list, ", ")
	// One aggregate costs a third of "except all" both ways, and finds nulls equal as that does.
	if _, err := db.ExecContext(ctx, fmt.Sprintf(`
create table %[1]s as
select %[2]s, sum(lifeline__side) as lifeline__side
from (
    select %[2]s, 1 as lifeline__side from (%[3]s) as b
    union all
    select %[2]s, -1 from (%[4]s) as n
) as u
group by %[2]s
having sum(lifeline__side) <> 0`, table, all, before, now)); err != nil {
		return nil, err
	}
	var some bool
	if err := db.QueryRowContext(ctx, "select exists (select 1 from "+table+")").Scan(&some); err != nil {
		return nil, err
	}
	if !some {
		return &changed{}, nil
	}
	return &changed{rows: table}, nil
}

// withParts is a model's select with its parts read from their tables; empty where it has none.
func (w *walk) withParts(n *model.Node) string {
	l := w.local[n]
	if l == nil || l.SQL == nil || len(l.Plans) == 0 || n.Materialized == model.View || n.Materialized == model.Ephemeral ||
		len(l.SQL.Parts()) == 0 {
		return ""
	}
	return l.SQL.Restrict(func(leaf *locality.Leaf) string {
		if leaf.Relation.Part == "" {
			return ""
		}
		return w.build.Relation(partSchema, partName(n, strings.TrimPrefix(leaf.Relation.Name, "part.")))
	})
}
