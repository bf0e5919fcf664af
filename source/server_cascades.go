package source

import (
	"context"
	"maps"
	"slices"
	"strings"

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
func (a *actingKeys) cascades(ctx context.Context, table string) ([]change.Cascade, error) {
	var out []change.Cascade
	type step struct {
		schema, table string
		onDelete      bool // Whether a row of the table that is deleted changes one of ours,
		onUpdate      bool // or one that is updated.
	}
	here := step{a.server.address.database, table, true, true}
	open, seen := []step{here}, []step{here}
	for len(open) > 0 {
		at := open[0]
		open = open[1:]
		keys, err := a.of(ctx, at.schema, at.table)
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

// actingKeys are the foreign keys that act: those of the source's database asked for at once where many tables are looked at, those of
// other tables as they are met.
type actingKeys struct {
	server *server
	whole  map[string][]actingKey // By table; nil where each table is asked for.
}

// actingKeysFor prepares to look at the keys of so many tables.
func (s *server) actingKeysFor(ctx context.Context, tables int) (*actingKeys, error) {
	a := &actingKeys{server: s}
	if tables < wholeShare {
		return a, nil
	}
	var err error
	a.whole, err = s.actingIn(ctx, s.address.database, "")
	return a, err
}

// of are the keys of one table.
func (a *actingKeys) of(ctx context.Context, schema, table string) ([]actingKey, error) {
	if a.whole != nil && schema == a.server.address.database {
		return named(a.whole, table), nil
	}
	keys, err := a.server.actingIn(ctx, schema, table)
	return named(keys, table), err
}

// named finds a table's keys; some servers write a parent's name in small letters where it has capitals.
func named(keys map[string][]actingKey, table string) []actingKey {
	if found, exact := keys[table]; exact {
		return found
	}
	return keys[strings.ToLower(table)]
}

// actingIn asks for the keys of a database, or of one table where one is named, in the order of their names. The two lists are put
// together here: MariaDB joins them by comparing every row with every other.
func (s *server) actingIn(ctx context.Context, schema, table string) (map[string][]actingKey, error) {
	of := ""
	if table != "" {
		of = " and table_name = " + literal(table)
	}
	rules, err := s.ask(ctx, "select table_name as of_table, constraint_name as name, delete_rule as on_delete, update_rule as on_update "+
		"from information_schema.referential_constraints where constraint_schema = "+literal(schema)+of+" order by table_name, constraint_name")
	if err != nil {
		return nil, err
	}
	acts := func(rule string) bool { return rule == "CASCADE" || rule == "SET NULL" || rule == "SET DEFAULT" }
	rules = slices.DeleteFunc(rules, func(r map[string]string) bool { return !acts(r["on_delete"]) && !acts(r["on_update"]) })
	out := map[string][]actingKey{}
	if len(rules) == 0 {
		return out, nil
	}
	columns, err := s.ask(ctx, "select table_name as of_table, constraint_name as name, referenced_table_schema as parent_schema, "+
		"referenced_table_name as parent, referenced_column_name as col from information_schema.key_column_usage where table_schema = "+
		literal(schema)+of+" and referenced_table_name is not null order by ordinal_position")
	if err != nil {
		return nil, err
	}
	byKey := map[[2]string][]map[string]string{}
	for _, c := range columns {
		name := [2]string{c["of_table"], c["name"]}
		byKey[name] = append(byKey[name], c)
	}
	for _, r := range rules {
		k := actingKey{keeps: r["on_delete"] != "CASCADE"}
		k.OnDelete, k.OnUpdate = acts(r["on_delete"]), acts(r["on_update"])
		for _, c := range byKey[[2]string{r["of_table"], r["name"]}] {
			k.Schema, k.Parent, k.Columns = c["parent_schema"], c["parent"], append(k.Columns, c["col"])
		}
		out[r["of_table"]] = append(out[r["of_table"]], k)
	}
	for table, keys := range maps.Clone(out) {
		if small := strings.ToLower(table); out[small] == nil {
			out[small] = keys
		}
	}
	return out, nil
}
