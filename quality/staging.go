package quality

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/project"
	"lifeline/warehouse"
)

// StagingTable is a staging table as the verdicts and the books see it.
type StagingTable struct {
	Name  string            // In staging, such as "claim".
	Key   []string          // Its declared key; empty where it has none, and then its rows have no identity.
	Money map[string]string // Money column to the column of its currency ("" where there is none).
}

// NewStagingTable gives the Source that a project declares.
func NewStagingTable(t *project.SourceTable) StagingTable {
	return StagingTable{Name: t.Name, Key: t.Key, Money: t.Money}
}

// Relation is the staging table for SQL.
func (s StagingTable) Relation() string { return warehouse.Relation("staging", s.Name) }

// stagingColumn is one column as the engine tells of it.
type stagingColumn struct {
	name string
	kind string
}

// columns lists the columns of a staging table in their order.
func (s StagingTable) columns(ctx context.Context, db querier) ([]stagingColumn, error) {
	// An empty answer says its columns at a cost that does not grow with the number of tables, as a look into the catalogue would.
	rows, err := db.QueryContext(ctx, "select * from "+s.Relation()+" limit 0")
	if err != nil {
		return nil, fmt.Errorf("columns of staging.%s: %w", s.Name, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("columns of staging.%s: %w", s.Name, err)
	}
	out := make([]stagingColumn, len(types))
	for i, t := range types {
		kind := strings.ToLower(t.DatabaseTypeName())
		if name, ok := longNames[kind]; ok {
			kind = name
		}
		out[i] = stagingColumn{name: t.Name(), kind: kind}
	}
	return out, rows.Err()
}

// longNames are the names of types that PostgreSQL's protocol has in short.
var longNames = map[string]string{
	"int2": "smallint", "int4": "integer", "int8": "bigint", "bool": "boolean", "float4": "real",
	"float8": "double precision",
}

// rowJSON is an expression for a whole staging row as one JSON object, the same text on both engines: texts, times, decimals
// and 64-bit numbers as strings, bytes as \x and hexadecimal digits, nothing rounded. `_run` is ours and not part of the row.
func rowJSON(alias string, columns []stagingColumn) string {
	var b strings.Builder
	b.WriteString(`'{`)
	between := ""
	for _, c := range columns {
		if c.name == "_run" {
			continue
		}
		b.WriteString(between)
		b.WriteString(strings.ReplaceAll(jsonName(c.name), "'", "''") + `:' || coalesce(`)
		b.WriteString(jsonValue(c.kind, alias+"."+ident(c.name)))
		b.WriteString(`, 'null') || '`)
		between = ","
	}
	b.WriteString(`}'`)
	return b.String()
}

// jsonName writes a column's name as JSON does.
func jsonName(name string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(name); err != nil {
		panic(err) // A text can always be written.
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// jsonValue is an expression for one value as JSON text; null stays null.
func jsonValue(kind, value string) string {
	switch {
	case kind == "smallint" || kind == "integer" || kind == "boolean":
		return bind(`cast({v} as text)`, "v", value)
	case kind == "bytea" || kind == "blob":
		return bind(`'"\' || {v} || '"'`, "v", warehouse.TextSQL(kind, value)) // The text begins with a backslash, which JSON doubles.
	case kind == "double" || kind == "float" || kind == "double precision" || kind == "real":
		return warehouse.TextSQL(kind, value)
	case strings.HasPrefix(kind, "timestamp") || strings.HasPrefix(kind, "decimal") || kind == "numeric" || kind == "date" ||
		kind == "bigint":
		return bind(`'"' || cast({v} as text) || '"'`, "v", value)
	}
	return bind(`cast(to_json({v}) as text)`, "v", value)
}

// bookColumns lists the columns that the books need: the key, the amounts and their currencies, each once, in order.
func (s StagingTable) bookColumns() []string {
	names := slices.Clone(s.Key)
	for amount, currency := range s.Money {
		names = append(names, amount)
		if currency != "" {
			names = append(names, currency)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// numericKey tells whether the key is one column of whole numbers, which can be added up.
func (s StagingTable) numericKey(columns []stagingColumn) bool {
	for _, c := range columns {
		if len(s.Key) == 1 && c.name == s.Key[0] {
			return c.kind == "smallint" || c.kind == "integer" || c.kind == "bigint"
		}
	}
	return false
}

// amounts lists the money columns in order.
func (s StagingTable) amounts() []string { return slices.Sorted(maps.Keys(s.Money)) }

// KeyText is a row's identity as quarantine has it: an expression over the rows of the table under an alias.
func (s StagingTable) KeyText(ctx context.Context, db *sql.DB, alias string) (string, error) {
	columns, err := s.columns(ctx, db)
	if err != nil {
		return "", err
	}
	return s.keyText(alias, columns), nil
}
