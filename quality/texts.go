package quality

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeline/warehouse"
)

// Rows are named by texts: the quarantine keeps keys, the checks what they found. A value has one text on both engines (warehouse.TextSQL),
// for which the column's type must be known.

// evidence is what is shown of a bad row: some values as text, with a word between them. The zero value shows nothing.
type evidence struct {
	values  []string // Expressions over the bad row.
	between string
	nulls   bool // Null is shown as such; else nothing is shown where a value is null.
}

func showing(value string) evidence { return evidence{values: []string{value}} }

// sql is the expression, by the types of the values.
func (s evidence) sql(kinds []string) string {
	if len(s.values) == 0 {
		return "cast(null as text)"
	}
	parts := make([]string, len(s.values))
	for i, v := range s.values {
		parts[i] = warehouse.TextSQL(kinds[i], v)
		if s.nulls {
			parts[i] = bind(`coalesce({v}, 'null')`, "v", parts[i])
		}
	}
	return strings.Join(parts, " || "+text(s.between)+" || ")
}

// keyText is a row's identity as one text: the bare value of a single column, else a JSON array of texts.
func keyText(alias string, columns, kinds []string) string {
	if len(columns) == 1 {
		return warehouse.TextSQL(kinds[0], alias+"."+ident(columns[0]))
	}
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = bind(`coalesce(cast(to_json({v}) as text), 'null')`, "v", warehouse.TextSQL(kinds[i], alias+"."+ident(c)))
	}
	return `'[' || ` + strings.Join(parts, ` || ',' || `) + ` || ']'`
}

// kindsOf are the types of expressions over a from clause. An empty answer says them at no cost.
func kindsOf(ctx context.Context, db querier, values []string, from string) ([]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	rows, err := db.QueryContext(ctx, fmt.Sprintf("select %s from %s limit 0", strings.Join(values, ", "), from))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	kinds := make([]string, len(types))
	for i, t := range types {
		kinds[i] = t.DatabaseTypeName()
	}
	return kinds, rows.Err()
}

func aliased(alias string, columns []string) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = alias + "." + ident(c)
	}
	return out
}

// keyText is the text of a staging row's key.
func (s StagingTable) keyText(alias string, columns []stagingColumn) string {
	kinds := make([]string, len(s.Key))
	for i, k := range s.Key {
		if at := slices.IndexFunc(columns, func(c stagingColumn) bool { return c.name == k }); at >= 0 {
			kinds[i] = columns[at].kind
		}
	}
	return keyText(alias, s.Key, kinds)
}

// coreKeyText is the text of a candidate row's key.
func (a *RowVerdicts) coreKeyText(ctx context.Context, e *entity, alias string) (string, error) {
	if e.keyKinds == nil {
		kinds, err := kindsOf(ctx, a.build.DB(), aliased("t", e.Key), e.Relation+" as t")
		if err != nil {
			return "", fmt.Errorf("types of the key of %s: %w", e.Node, err)
		}
		e.keyKinds = kinds
	}
	return keyText(alias, e.Key, e.keyKinds), nil
}
