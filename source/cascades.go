package source

import (
	"context"
	"slices"

	"lifeline/change"
)

// silentCascades tells whether the rows that foreign keys change are missing in the log. From 9.6 on MySQL changes them as statements do.
func (s *server) silentCascades(ctx context.Context) (bool, error) {
	if s.maria || s.number < 90600 {
		return true, nil
	}
	rows, err := s.ask(ctx, "show global variables like 'innodb_native_foreign_keys'")
	return err != nil || len(rows) == 0 || rows[0]["value"] != "OFF", err
}

// cascades are the foreign keys whose actions change rows of a table, those of its parents among them: what is deleted above deletes below,
// through tables that do not land too.
func (s *server) cascades(ctx context.Context, table string) ([]change.Cascade, error) {
	var out []change.Cascade
	type step struct {
		schema, table string
		onDelete      bool // Whether a row of the table that is deleted changes one of ours,
		onUpdate      bool // or one that is updated.
	}
	here := step{s.address.database, table, true, true}
	open, seen := []step{here}, []step{here}
	for len(open) > 0 {
		at := open[0]
		open = open[1:]
		keys, err := s.actingKeys(ctx, at.schema, at.table)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			c := change.Cascade{
				Schema: k.Schema, Parent: k.Parent, Columns: k.Columns, OnDelete: k.OnDelete && (at.onDelete || k.keeps && at.onUpdate),
				OnUpdate: k.OnUpdate && at.onUpdate,
			}
			if !c.OnDelete && !c.OnUpdate {
				continue
			}
			out = append(out, c)
			if next := (step{c.Schema, c.Parent, c.OnDelete, c.OnUpdate}); !slices.Contains(seen, next) {
				open, seen = append(open, next), append(seen, next)
			}
		}
	}
	return out, nil
}

// actingKey is a foreign key that changes rows of its table.
type actingKey struct {
	change.Cascade

	keeps bool // When a row of the parent is deleted the child's row stays, with other values.
}

// actingKeys are the foreign keys of one table that act.
func (s *server) actingKeys(ctx context.Context, schema, table string) ([]actingKey, error) {
	rows, err := s.ask(ctx, "select r.constraint_name as name, k.referenced_table_schema as parent_schema, "+
		"k.referenced_table_name as parent, k.referenced_column_name as col, r.delete_rule as on_delete, r.update_rule as on_update "+
		"from information_schema.referential_constraints r join information_schema.key_column_usage k "+
		"on k.constraint_schema = r.constraint_schema and k.constraint_name = r.constraint_name and k.table_name = r.table_name "+
		"where r.constraint_schema = "+literal(schema)+" and r.table_name = "+literal(table)+
		// Said of both: else MariaDB opens every table of the server to find the columns of one.
		" and k.table_schema = "+literal(schema)+" and k.table_name = "+literal(table)+
		" order by r.constraint_name, k.ordinal_position")
	if err != nil {
		return nil, err
	}
	acts := func(rule string) bool { return rule == "CASCADE" || rule == "SET NULL" || rule == "SET DEFAULT" }
	var out []actingKey
	last := ""
	for _, r := range rows {
		k := actingKey{keeps: r["on_delete"] != "CASCADE"}
		k.Schema, k.Parent, k.OnDelete, k.OnUpdate = r["parent_schema"], r["parent"], acts(r["on_delete"]), acts(r["on_update"])
		if !k.OnDelete && !k.OnUpdate {
			continue
		}
		if r["name"] != last || len(out) == 0 {
			out = append(out, k)
		}
		last = r["name"]
		out[len(out)-1].Columns = append(out[len(out)-1].Columns, r["col"])
	}
	return out, nil
}
