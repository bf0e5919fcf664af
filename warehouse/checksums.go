package warehouse

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"lifeline/change"
)

// narrowed is what a load was told of the rows that are written to it.
type narrowed struct {
	scopes map[string]*change.Scope
	sums   []change.Checksums
}

// of is a table's scope; nil where all its rows are written.
func (n *narrowed) of(table string) *change.Scope {
	if s := n.scopes[table]; s != nil && !s.Whole {
		return s
	}
	return nil
}

func (n *narrowed) narrow(scopes []change.Scope) {
	n.scopes = map[string]*change.Scope{}
	for i := range scopes {
		n.scopes[scopes[i].Table] = &scopes[i]
	}
}

// keepChecksums replaces the checksums of a load's tables.
func (n *narrowed) keepChecksums(ctx context.Context, exec execer, run int64, position change.Position, tables []string) error {
	for _, t := range tables {
		if err := exec(ctx, `delete from ops.checksums where table_name = $1`, t); err != nil {
			return err
		}
	}
	for i := range n.sums {
		text, err := json.Marshal(&n.sums[i])
		if err != nil {
			return fmt.Errorf("write the checksums of %s: %w", n.sums[i].Table, err)
		}
		if err := exec(ctx, `
insert into ops.checksums (table_name, run_id, position, sums)
values ($1, $2, $3, $4)`, n.sums[i].Table, run, string(position), string(text)); err != nil {
			return err
		}
	}
	return nil
}

// ReadChecksums reads the checksums of what staging holds, of all tables that have some. Those of a table that has landed since in another
// way are left out.
func ReadChecksums(ctx context.Context, db *sql.DB) ([]change.Checksums, error) {
	rows, err := db.QueryContext(ctx, `
select c.sums
from ops.checksums as c
join information_schema.tables as t on t.table_schema = 'staging' and t.table_name = c.table_name
join ops.positions as p on p.position = c.position
where p.run_id = (select max(run_id) from ops.positions)
order by c.table_name`)
	if err != nil {
		return nil, fmt.Errorf("read ops.checksums: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []change.Checksums
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read ops.checksums: %w", err)
		}
		var sums change.Checksums
		if err := json.Unmarshal([]byte(text), &sums); err != nil {
			return nil, fmt.Errorf("read ops.checksums: %w", err)
		}
		out = append(out, sums)
	}
	return out, rows.Err()
}

// DropChecksums makes the next load read these tables whole.
func DropChecksums(ctx context.Context, db *sql.DB, tables []string) error {
	for _, t := range tables {
		if _, err := db.ExecContext(ctx, `delete from ops.checksums where table_name = $1`, t); err != nil {
			return fmt.Errorf("drop the checksums of %s: %w", t, err)
		}
	}
	return nil
}

// scopeBounds are the texts of a scope's intervals. A missing bound becomes low or high, which are beyond every value of the column's type;
// an interval beyond them has no values and is left out.
func scopeBounds(scope *change.Scope, low, high string) (from, to []string) {
	least, _ := new(big.Int).SetString(low, 10)
	most, whole := new(big.Int).SetString(high, 10)
	for _, i := range scope.Intervals {
		a, b := low, high
		if i.Low != nil {
			a = *i.Low
		}
		if i.High != nil {
			b = *i.High
		}
		if x, ok := new(big.Int).SetString(a, 10); ok && whole {
			if x.Cmp(most) > 0 {
				continue
			}
			if x.Cmp(least) < 0 {
				a = low
			}
		}
		if x, ok := new(big.Int).SetString(b, 10); ok && whole {
			if x.Cmp(least) < 0 {
				continue
			}
			if x.Cmp(most) > 0 {
				b = high
			}
		}
		from, to = append(from, a), append(to, b)
	}
	return from, to
}

// Bounds of the numbers that a scope can have: of 64 bits, and of a decimal.
const (
	leastInt, mostInt         = "-9223372036854775808", "9223372036854775807"
	leastDecimal, mostDecimal = "-999999999999999999999999999999", "999999999999999999999999999999"
)

// scopeRange gives those for a column's type; none where its values are not numbers.
func scopeRange(t change.Type) (low, high string) {
	switch t.Kind {
	case change.Int16, change.Int32, change.Int64:
		return leastInt, mostInt
	case change.Decimal:
		return leastDecimal, mostDecimal
	default:
		return "", ""
	}
}

// literals writes texts as a list for SQL.
func literals(texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = Literal(t)
	}
	return strings.Join(out, ", ")
}
