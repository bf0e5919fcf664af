package source

import (
	"context"
	"fmt"
	"strings"
)

// A view does not keep a table from being replaced between two statements: TRUNCATE empties it for older views too (before MySQL 8), and
// tools that change a table online rename a copy into its place, which a view reads without a word. So it is looked, when the views
// are made and after every read, whether each table still is the one that it was.

// identity tells one table of a name from another.
type identity struct {
	made string // When it was created, by the server's clock.
	rows bool   // Whether it has a row.
}

// identify looks at the tables for the first time.
func (n *serverSnapshot) identify(ctx context.Context) (err error) {
	n.identities, err = n.look(ctx)
	return err
}

// same fails as a lost view does, where a table is not the one that it was.
func (n *serverSnapshot) same(ctx context.Context) error {
	now, err := n.look(ctx)
	if err != nil {
		return n.server.address.explain("look at the tables again", err)
	}
	for i, t := range n.tables {
		if now[i] != n.identities[i] {
			lost := &lostError{fmt.Errorf("table %s was replaced or emptied while it was read", t.SourceName)}
			return n.server.address.explain("read "+t.SourceName, lost)
		}
	}
	return nil
}

func (n *serverSnapshot) look(ctx context.Context) ([]identity, error) {
	if len(n.tables) == 0 {
		return nil, nil
	}
	names := make([]string, len(n.tables))
	for i, t := range n.tables {
		names[i] = literal(t.SourceName)
	}
	rows, err := n.server.ask(ctx, "select table_name as name, create_time as made from information_schema.tables where table_schema = "+
		literal(n.server.address.database)+" and table_name in ("+strings.Join(names, ", ")+")")
	if err != nil {
		return nil, err
	}
	made := make(map[string]string, len(rows))
	for _, r := range rows {
		made[r["name"]] = r["made"]
	}
	out := make([]identity, len(n.tables))
	for i, t := range n.tables {
		out[i].made = made[t.SourceName]
		if t.isView || n.server.maria || n.server.number >= 80000 {
			continue // The view itself fails after a TRUNCATE.
		}
		found, err := n.conns[0].query(ctx, "select 1 as found from "+n.server.from(t)+" limit 1")
		if err != nil {
			return nil, err
		}
		out[i].rows = len(found) > 0
		if err := n.conns[0].release(ctx); err != nil {
			return nil, err
		}
	}
	return out, nil
}
