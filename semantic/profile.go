package semantic

import (
	"context"
	"fmt"
	"strings"
)

// Profile looks at the values of every column in one pass, then at the most frequent values of columns with few.
func (s *Version) Profile(ctx context.Context, t *Table, texts map[string]string) ([]ColumnProfile, error) {
	parts := []string{"count(*)"}
	for _, col := range t.Columns {
		name, kind := s.comparable(col)
		distinct, low, high := s.reader.CountDistinct(name, t.Rows), "min("+name+")", "max("+name+")"
		if s.reader.Engine() == "postgres" && (kind == "bytea" || kind == "uuid") {
			name = "cast(" + name + " as text)" // It knows their order, but not the least of them.
			low, high = "min("+name+")", "max("+name+")"
		}
		if col.Type == "boolean" {
			low, high = "min(cast("+name+" as varchar))", "max(cast("+name+" as varchar))"
		}
		parts = append(parts, "count("+name+")", distinct, low, high)
	}
	got, err := Fetch(ctx, s.db, "select "+strings.Join(parts, ", ")+" from "+t.relation+" as t", 0)
	if err != nil {
		return nil, fmt.Errorf("look at the values of %s: %w", t.Name, err)
	}
	row := got.Rows[0]
	total := CountOf(row[0])
	out := make([]ColumnProfile, len(t.Columns))
	for i, col := range t.Columns {
		p := ColumnProfile{
			Column: col, Description: texts[col.Name], Nulls: total - CountOf(row[1+4*i]), Distinct: CountOf(row[2+4*i]),
			Min: row[3+4*i], Max: row[4+4*i], Top: []Option{},
		}
		if p.Distinct > 0 && p.Distinct <= 30 && total > 0 {
			name, _ := s.comparable(col)
			top, err := Fetch(ctx, s.db, fmt.Sprintf("select %s, count(*) from %s as t group by 1 order by 2 desc, 1 limit 6", name, t.relation), 0)
			if err != nil {
				return nil, fmt.Errorf("look at the values of %s.%s: %w", t.Name, col.Name, err)
			}
			for _, x := range top.Rows {
				p.Top = append(p.Top, Option{Value: valueOrNull(x[0]), Label: textOr(x[0], "none"), Rows: CountOf(x[1])})
			}
		}
		out[i] = p
	}
	return out, nil
}

func textOr(v any, other string) string {
	if v == nil {
		return other
	}
	return TextOf(v)
}
