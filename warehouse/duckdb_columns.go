package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"

	"lifeline/change"
)

type duckColumn struct {
	name    string
	sqlType string // As the engine writes it, such as DECIMAL(18,4).
}

// querier runs a query: a database, a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// columns lists the columns of a table in their order, none where there is no such table.
func (r *duckRun) columns(ctx context.Context, q querier, catalog, schema, table string) ([]duckColumn, error) {
	rows, err := q.QueryContext(ctx, `
select column_name, data_type
from duckdb_columns()
where database_name = $1 and schema_name = $2 and table_name = $3
order by column_index`, catalog, schema, table)
	if err != nil {
		return nil, fmt.Errorf("look at %s.%s: %w", schema, table, err)
	}
	defer func() { _ = rows.Close() }()
	var out []duckColumn
	for rows.Next() {
		var c duckColumn
		if err := rows.Scan(&c.name, &c.sqlType); err != nil {
			return nil, fmt.Errorf("look at %s.%s: %w", schema, table, err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// columnsOf lists the columns of every table of some schemas of the landing file, by schema.table: one look at the catalogue, where a
// look for each table would cost the square of their number.
func (r *duckRun) columnsOf(ctx context.Context, q querier) (map[string][]duckColumn, error) {
	rows, err := q.QueryContext(ctx, `
select schema_name || '.' || table_name, column_name, data_type
from duckdb_columns()
where database_name = 'landing' and schema_name in ('staging', 'history', 'since')
order by 1, column_index`)
	if err != nil {
		return nil, fmt.Errorf("look at the landing: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string][]duckColumn{}
	for rows.Next() {
		var table string
		var c duckColumn
		if err := rows.Scan(&table, &c.name, &c.sqlType); err != nil {
			return nil, fmt.Errorf("look at the landing: %w", err)
		}
		out[table] = append(out[table], c)
	}
	return out, rows.Err()
}

func findColumn(columns []duckColumn, name string) (duckColumn, bool) {
	for _, c := range columns {
		if c.name == name {
			return c, true
		}
	}
	return duckColumn{}, false
}

func columnNames(columns []duckColumn) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.name
	}
	return out
}

// narrowDigits is how many digits of a decimal fit in 64 bits. The engine keeps more in 128, which is 2 to 5 times slower, so a
// column of more digits is kept in this many as long as its values fit.
const narrowDigits = 18

// canNarrow tells whether a decimal of more digits may be kept in narrowDigits.
func canNarrow(t change.Type) bool {
	return t.Kind == change.Decimal && t.Precision > narrowDigits && t.Scale <= narrowDigits
}

// duckType is the SQL type of a column. A decimal is kept in narrowDigits unless wide.
func duckType(t change.Type, wide bool) string {
	switch t.Kind {
	case change.Text:
		return "VARCHAR"
	case change.Bytes:
		return "BLOB"
	case change.Int16:
		return "SMALLINT"
	case change.Int32:
		return "INTEGER"
	case change.Int64:
		return "BIGINT"
	case change.Decimal:
		if canNarrow(t) && !wide {
			return fmt.Sprintf("DECIMAL(%d,%d)", narrowDigits, t.Scale)
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case change.Float32:
		return "FLOAT"
	case change.Float64:
		return "DOUBLE"
	case change.Date:
		return "DATE"
	case change.Timestamp:
		return "TIMESTAMP"
	}
	return "VARCHAR"
}

var decimalType = regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`)

// digits gives the places before and after the point that a whole-number or decimal type holds.
func digits(sqlType string) (before, after int, ok bool) {
	switch sqlType {
	case "SMALLINT":
		return 5, 0, true
	case "INTEGER":
		return 10, 0, true
	case "BIGINT":
		return 19, 0, true
	}
	m := decimalType.FindStringSubmatch(sqlType)
	if m == nil {
		return 0, 0, false
	}
	precision, _ := strconv.Atoi(m[1])
	after, _ = strconv.Atoi(m[2])
	return precision - after, after, true
}

// commonType is the narrowest type that holds every value of both types exactly; text where no other does.
func commonType(a, b string) string {
	if a == b {
		return a
	}
	beforeA, afterA, exactA := digits(a)
	beforeB, afterB, exactB := digits(b)
	if exactA && exactB {
		before, after := max(beforeA, beforeB), max(afterA, afterB)
		switch {
		case after > 0 || decimalType.MatchString(a) || decimalType.MatchString(b):
			if before+after <= 38 {
				return fmt.Sprintf("DECIMAL(%d,%d)", before+after, after)
			}
		case before <= 10:
			return "INTEGER"
		default:
			return "BIGINT"
		}
	}
	for _, pair := range [][2]string{{"FLOAT", "DOUBLE"}, {"DATE", "TIMESTAMP"}} {
		if (a == pair[0] && b == pair[1]) || (a == pair[1] && b == pair[0]) {
			return pair[1]
		}
	}
	return "VARCHAR"
}
