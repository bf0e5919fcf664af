package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// createView makes a view inside the version's file. There it must not name the catalog that the file has while it is built,
// because readers attach the file under another name.
func (b *duckBuild) createView(ctx context.Context, m Model) error {
	m.SQL = strings.TrimRight(m.SQL, " \t\r\n;")
	switch n, err := b.run.statements(m.SQL); {
	case err != nil:
		return err
	case n != 1:
		return notOneSelect(fmt.Sprintf("build %s.%s", m.Schema, m.Name))
	}
	query, err := b.withoutCatalog(ctx, m.SQL)
	if err == nil {
		err = b.inVersion(ctx, m, fmt.Sprintf("create view %s.%s as\n%s", Name(m.Schema), Name(m.Name), query))
	}
	if err == nil {
		return nil
	}
	// The rewritten text has other lines than the model, so a mistake is looked for in the model's own.
	if _, own := b.run.db.ExecContext(ctx, "explain\n"+m.SQL); own != nil {
		err = own
	}
	return duckProblem(fmt.Sprintf("build %s.%s", m.Schema, m.Name), err)
}

// carryView makes a view again as the published version has it.
func (b *duckBuild) carryView(ctx context.Context, m Model) error {
	var text string
	err := b.run.db.QueryRowContext(ctx, `
select sql
from duckdb_views()
where database_name = 'prev' and schema_name = $1 and view_name = $2`, m.Schema, m.Name).Scan(&text)
	if err != nil {
		return duckProblem(fmt.Sprintf("carry %s.%s over", m.Schema, m.Name), err)
	}
	return b.inVersion(ctx, m, text)
}

// inVersion runs one statement with the version as the catalog that names are looked up in.
func (b *duckBuild) inVersion(ctx context.Context, m Model, statement string) error {
	doing := fmt.Sprintf("build %s.%s", m.Schema, m.Name)
	conn, err := b.run.db.Conn(ctx)
	if err != nil {
		return duckProblem(doing, err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, "use v"); err != nil {
		return duckProblem(doing, err)
	}
	_, err = conn.ExecContext(ctx, statement)
	if _, back := conn.ExecContext(context.WithoutCancel(ctx), "use landing"); err == nil {
		err = back
	}
	return duckProblem(doing, err)
}

// withoutCatalog takes the catalog v out of every name of a relation in a select. The engine's own parser tells which words are
// such names.
func (b *duckBuild) withoutCatalog(ctx context.Context, query string) (string, error) {
	var tree string
	if err := b.run.db.QueryRowContext(ctx, "select cast(json_serialize_sql("+Literal(query)+") as varchar)").Scan(&tree); err != nil {
		return "", err
	}
	// Numbers stay as they are written, because large ones would not survive a float64.
	decoder := json.NewDecoder(strings.NewReader(tree))
	decoder.UseNumber()
	var node any
	if err := decoder.Decode(&node); err != nil {
		return "", fmt.Errorf("read the parsed view: %w", err)
	}
	if top, is := node.(map[string]any); is && top["error"] == true {
		return "", fmt.Errorf("parse the view: %v", top["error_message"])
	}
	stripCatalog(node)
	text, err := json.Marshal(node)
	if err != nil {
		return "", fmt.Errorf("write the parsed view: %w", err)
	}
	var plain string
	err = b.run.db.QueryRowContext(ctx, "select json_deserialize_sql(cast("+Literal(string(text))+" as json))").Scan(&plain)
	return plain, err
}

// stripCatalog walks a parsed query.
func stripCatalog(node any) {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			stripCatalog(child)
		}
	case map[string]any:
		if n["type"] == "BASE_TABLE" && n["catalog_name"] == "v" {
			n["catalog_name"] = ""
		}
		// A column as v.schema.table.column.
		if names, is := n["column_names"].([]any); is && n["type"] == "COLUMN_REF" && len(names) == 4 && names[0] == "v" {
			n["column_names"] = names[1:]
		}
		for _, child := range n {
			stripCatalog(child)
		}
	}
}
