package warehousetest

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
)

// Row is one row of a source: a value a column, then, where something was lost, the text of `_raw`. Values are nil, int, float64,
// string, []byte, time.Time for dates and timestamps; a decimal is its text.
type Row []any

// Table describes a source table: columns as "name type", such as "amount decimal(19,4)". A key column is marked by a star: "id* int64".
func Table(name string, columns ...string) *change.Table {
	t := &change.Table{Name: name, SourceName: strings.ToUpper(name)}
	for _, c := range columns {
		column, kind, _ := strings.Cut(c, " ")
		column, key := strings.CutSuffix(column, "*")
		if key {
			t.Key = append(t.Key, column)
		}
		t.Columns = append(t.Columns, change.Column{
			Name: column, SourceName: strings.ToUpper(column), SourceType: kind, Type: typeOf(kind), Nullable: !key,
		})
	}
	return t
}

func typeOf(name string) change.Type {
	for _, t := range []change.Type{
		{Kind: change.Text},
		{Kind: change.Bytes},
		{Kind: change.Int16},
		{Kind: change.Int32},
		{Kind: change.Int64},
		{Kind: change.Float32},
		{Kind: change.Float64},
		{Kind: change.Date},
		{Kind: change.Timestamp},
	} {
		if t.String() == name {
			return t
		}
	}
	for precision := 1; precision <= 38; precision++ {
		for scale := 0; scale <= precision; scale++ {
			t := change.Type{Kind: change.Decimal, Precision: precision, Scale: scale}
			if t.String() == name {
				return t
			}
		}
	}
	panic("no type " + name)
}

// Batch fills a batch.
func Batch(t *change.Table, rows []Row) *change.Batch {
	b := change.NewBatch(t, len(rows))
	for _, row := range rows {
		for i, c := range t.Columns {
			appendValue(&b.Cols[i], c.Type, row[i])
		}
		if len(row) > len(t.Columns) && row[len(t.Columns)] != nil {
			b.Raw.AppendBytes([]byte(row[len(t.Columns)].(string)))
		} else {
			b.Raw.AppendNull(change.Text)
		}
		b.Len++
	}
	return b
}

func appendValue(v *change.Vector, t change.Type, value any) {
	switch x := value.(type) {
	case nil:
		v.AppendNull(t.Kind)
	case int:
		v.AppendInt(int64(x))
	case int64:
		v.AppendInt(x)
	case float64:
		v.AppendFloat(x)
	case []byte:
		v.AppendBytes(x)
	case time.Time:
		if t.Kind == change.Date {
			v.AppendInt(x.Unix() / 86400)
			return
		}
		v.AppendInt(x.UnixMicro())
	case string:
		if t.Kind != change.Decimal {
			v.AppendBytes([]byte(x))
			return
		}
		unscaled, _ := new(big.Int).SetString(strings.ReplaceAll(padded(x, t.Scale), ".", ""), 10)
		if len(strings.TrimPrefix(unscaled.String(), "-")) > 18 {
			v.AppendWide(x)
			return
		}
		v.AppendInt(unscaled.Int64())
	}
}

// padded gives a decimal's text as many digits after the point as the column has.
func padded(text string, scale int) string {
	_, fraction, _ := strings.Cut(text, ".")
	if !strings.Contains(text, ".") {
		text += "."
	}
	return text + strings.Repeat("0", scale-len(fraction))
}

// Source is what one snapshot holds: the rows of each table.
type Source map[*change.Table][]Row

// Land loads one snapshot of the tables in the given order, each by two writers.
func Land(t testing.TB, r warehouse.Run, at time.Time, tables []*change.Table, rows Source) []warehouse.Landed {
	t.Helper()
	l, err := r.Load(t.Context(), tables, change.Snapshot{
		Position: change.Position("at " + at.Format(time.RFC3339)), TakenAt: at,
		Way: "test",
	})
	require.NoError(t, err)
	for _, table := range tables {
		half := len(rows[table]) / 2
		for _, part := range [][]Row{rows[table][:half], rows[table][half:]} {
			w, err := l.Writer(t.Context(), table)
			require.NoError(t, err)
			require.NoError(t, w.Write(t.Context(), Batch(table, part)))
			require.NoError(t, w.Close(t.Context()))
		}
	}
	landed, err := l.Commit(t.Context(), nil)
	require.NoError(t, err)
	return landed
}
