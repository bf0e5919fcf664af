package run

import (
	"fmt"
	"slices"

	"lifeline/change"
	"lifeline/model"
)

// EntityKeys refuses a model that cleans a table row for row where its rows cannot be told apart, before anything is read. Tables are those
// of the source, with the keys that it or the project declares.
func EntityKeys(g *model.Graph, tables []*change.Table) error {
	for _, n := range g.Nodes {
		if n.EntityOf == nil {
			continue
		}
		i := slices.IndexFunc(tables, func(t *change.Table) bool { return t.Name == n.EntityOf.Name })
		if i < 0 {
			continue
		}
		own, theirs := len(n.Config.UniqueKey), len(tables[i].Key)
		p := &change.Problem{Where: n.Path, Class: change.ClassUsage}
		switch {
		case theirs == 0:
			p.Err = fmt.Errorf("%s cleans %s row for row, and %s has no key", n.Name, n.EntityOf.Name, n.EntityOf.Name)
			p.Try = fmt.Sprintf("meta.lifeline.key of %s in sources.yml: the columns that tell its rows apart", n.EntityOf.Name)
		case own > 0 && own != theirs:
			p.Err = fmt.Errorf("%s cleans %s row for row, with a key of %d columns where %s has %d", n.Name, n.EntityOf.Name, own,
				n.EntityOf.Name, theirs)
			p.Try = fmt.Sprintf("unique_key of %s, in the order of %s's key", n.Name, n.EntityOf.Name)
		default:
			continue
		}
		return p
	}
	return nil
}
