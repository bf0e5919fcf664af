package quality

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"lifeline/change"
)

// Ranger adds up a source's rows by slices of their key, at the point of the snapshot whose totals do not balance.
type Ranger interface {
	Ranges(ctx context.Context, t *change.Table, of change.Range) ([]change.Slice, error)
}

// slicesOfRange is into how many parts a range that does not balance is cut: three rounds find the row among sixteen million.
const slicesOfRange = 256

// NameRows names the rows that make books of source and staging differ, by cutting the ranges of keys that differ until one key
// is left. It changes the details of books that do not balance and looks at nothing else.
func NameRows(ctx context.Context, db *sql.DB, tables []*change.Table, books []Equation, source Ranger) error {
	for _, t := range tables {
		wrong := false
		for _, b := range books {
			wrong = wrong || b.Table == t.Name && !b.Balances
		}
		if _, whole := t.IntegerKey(); !wrong || !whole {
			continue
		}
		s := &search{db: db, table: t, source: source}
		detail, err := s.run(ctx)
		if err != nil {
			return fmt.Errorf("look for the rows of %s that differ: %w", t.Name, err)
		}
		for i := range books {
			if b := &books[i]; b.Table == t.Name && !b.Balances {
				b.Detail = strings.TrimPrefix(b.Detail+"; "+detail, "; ")
			}
		}
	}
	return nil
}

// search looks for the keys of one table that the source and staging have otherwise.
type search struct {
	db     *sql.DB
	table  *change.Table
	source Ranger
	found  []string
	more   bool
}

func (s *search) run(ctx context.Context) (string, error) {
	left, right, err := s.both(ctx, change.Range{})
	if err != nil {
		return "", err
	}
	var low, high int64
	first := true
	for _, x := range []change.Slice{left[0], right[0]} {
		if x.Rows > 0 && (first || x.Low < low) {
			low = x.Low
		}
		if x.Rows > 0 && (first || x.High > high) {
			high = x.High
		}
		first = first && x.Rows == 0
	}
	switch {
	case first || equalSlices(left[0], right[0]):
		return "the difference is in rows without a key", nil
	case high-low < 0:
		return "", errors.New("the keys lie too far apart")
	}
	if err := s.narrow(ctx, low, high); err != nil {
		return "", err
	}
	detail := strings.Join(s.found, "; ")
	if s.more {
		detail += "; and more"
	}
	return detail, nil
}

// narrow cuts a range that differs.
func (s *search) narrow(ctx context.Context, low, high int64) error {
	width := (high-low)/slicesOfRange + 1
	left, right, err := s.both(ctx, change.Range{Low: low, High: high, Width: width})
	if err != nil {
		return err
	}
	for number := range int64(slicesOfRange) {
		a, b := left[number], right[number]
		if equalSlices(a, b) {
			continue
		}
		if len(s.found) == named {
			s.more = true
			return nil
		}
		at := low + number*width
		if width == 1 {
			s.found = append(s.found, s.describe(at, a, b))
			continue
		}
		if err := s.narrow(ctx, at, min(at+width-1, high)); err != nil {
			return err
		}
	}
	return nil
}

// describe says how one key's rows differ.
func (s *search) describe(key int64, a, b change.Slice) string {
	if a.Rows != b.Rows {
		return fmt.Sprintf("%s %d: %d rows in the source, %d in staging", s.table.Name, key, a.Rows, b.Rows)
	}
	for i, m := range s.table.Money {
		if !equalDecimals(a.Money[i], b.Money[i]) {
			return fmt.Sprintf("%s %d: %s is %s in the source, %s in staging", s.table.Name, key, m.Column, shown(a.Money[i]), shown(b.Money[i]))
		}
	}
	return fmt.Sprintf("%s %d", s.table.Name, key)
}

func shown(sum string) string {
	if sum == "" {
		return "null"
	}
	return decimal(rat(sum))
}

// both asks source and staging for the same slices, by number.
func (s *search) both(ctx context.Context, of change.Range) (left, right map[int64]change.Slice, err error) {
	a, err := s.source.Ranges(ctx, s.table, of)
	if err != nil {
		return nil, nil, err
	}
	b, err := s.staging(ctx, of)
	if err != nil {
		return nil, nil, err
	}
	return byNumber(a), byNumber(b), nil
}

func byNumber(slices []change.Slice) map[int64]change.Slice {
	out := make(map[int64]change.Slice, len(slices))
	for _, x := range slices {
		out[x.Number] = x
	}
	return out
}

func (s *search) staging(ctx context.Context, of change.Range) ([]change.Slice, error) {
	key, _ := s.table.IntegerKey()
	source := StagingTable{Name: s.table.Name}
	columns, err := source.columns(ctx, s.db)
	if err != nil {
		return nil, err
	}
	number, where := "cast(0 as bigint)", "{k} is not null"
	if of.Width > 0 {
		// The remainder is taken off first, so that both engines divide whole numbers exactly.
		number = fmt.Sprintf("cast(((cast({k} as bigint) - (%d)) - (cast({k} as bigint) - (%d)) %% %d) / %d as bigint)", of.Low, of.Low,
			of.Width, of.Width)
		where = fmt.Sprintf("{k} between %d and %d", of.Low, of.High)
	}
	query := "select " + number + ", count(*), min({k}), max({k}), cast(sum({k}) as text)"
	for _, m := range s.table.Money {
		query += bind(`, cast(sum({m}) as text), cast({weighed} as text)`, "m", ident(m.Column), "weighed", "sum("+
			weighed("", m.Column, key.Name, columns)+")")
	}
	query += " from " + source.Relation() + " where " + where + " group by 1"
	rows, err := s.db.QueryContext(ctx, bind(query, "k", ident(key.Name)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []change.Slice
	for rows.Next() {
		var x change.Slice
		texts := make([]sql.NullString, 2*len(s.table.Money))
		into := []any{&x.Number, &x.Rows, &x.Low, &x.High, &x.Keys}
		for i := range texts {
			into = append(into, &texts[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i := range s.table.Money {
			x.Money, x.WeightedSums = append(x.Money, texts[2*i].String), append(x.WeightedSums, texts[2*i+1].String)
		}
		out = append(out, x)
	}
	return out, rows.Err()
}

// equalSlices compares what two slices add up to; one that is not there has no rows.
func equalSlices(a, b change.Slice) bool {
	if a.Rows != b.Rows || !equalDecimals(a.Keys, b.Keys) {
		return false
	}
	for i := range max(len(a.Money), len(b.Money)) {
		if i >= len(a.Money) || i >= len(b.Money) || !equalDecimals(a.Money[i], b.Money[i]) ||
			!equalDecimals(a.WeightedSums[i], b.WeightedSums[i]) {
			return false
		}
	}
	return true
}

func equalDecimals(a, b string) bool { return rat(a).Cmp(rat(b)) == 0 }

func rat(text string) *big.Rat {
	x := new(big.Rat)
	if text != "" {
		x.SetString(text) // Both sides are decimals; anything else counts as nothing on one of them, and is found.
	}
	return x
}

// nothing is the sum of what cannot be added up.
const nothing = "cast(null as bigint)"

// weighed is an expression for an amount times the weight of its key, so that a cent that moved from one row to another is
// noticed; null where the engine could not add it up exactly.
func weighed(alias, amount, key string, columns []stagingColumn) string {
	kind := ""
	for _, c := range columns {
		if c.name == amount {
			kind = c.kind
		}
	}
	if alias != "" {
		alias += "."
	}
	value := alias + ident(amount)
	weight := bind(`({a}{k} % {w})`, "a", alias, "k", ident(key), "w", fmt.Sprint(change.ChecksumWeight))
	var digits, scale int
	switch _, err := fmt.Sscanf(kind, "decimal(%d,%d)", &digits, &scale); {
	case err == nil && digits <= 28:
		return fmt.Sprintf("cast(%s as decimal(28,%d)) * cast(%s as smallint)", value, scale, weight)
	case err == nil:
		return nothing
	case kind == "numeric":
		return value + " * " + weight
	case kind == "smallint" || kind == "integer" || kind == "bigint":
		return "cast(" + value + " as numeric(20,0)) * cast(" + weight + " as smallint)"
	}
	return nothing
}
