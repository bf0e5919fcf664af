package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/source/preflight"
)

// shape is what a table looks like and what lands of it.
type shape struct {
	physical []preflight.Column // As the source has them.
	columns  []change.Column    // As they land.
	at       []int              // Where each of them stands in the source, from 0.
	width    int                // The values that a row has: fewer than the columns where a header has more than its rows.
	told     []string           // What people should know about it.
	mapped   bool               // Its columns are read from other places than their names say.
	byName   bool               // It has the form of a shift, and its rows have proved that there is none.
}

// reshape makes of the columns as the source has them those that land: mapped back where a shift is declared, masked, and without those
// that are dropped.
func (c Contract) reshape(table string, found []change.Column) (shape, error) {
	s := shape{width: len(found)}
	for i, column := range found {
		s.physical = append(s.physical, preflight.Column{Name: column.SourceName, Type: column.SourceType})
		s.columns, s.at = append(s.columns, column), append(s.at, i)
	}
	if c.Shift != nil {
		if err := c.unshift(&s, table, found); err != nil {
			return s, err
		}
	}
	kept := s.columns[:0]
	at := s.at[:0]
	for i, column := range s.columns {
		mask := c.Masks[column.Name]
		if mask != nil {
			if mask.Method == change.MaskDrop {
				continue
			}
			typ, err := mask.Type(column.Type)
			if err != nil {
				return s, &change.Problem{
					Err: fmt.Errorf("mask of column %s of %s: %w", column.Name, c.Name, err), Class: change.ClassUsage,
					Try: "hash, drop, or a truncation that fits its type",
				}
			}
			column.Type, column.Mask = typ, mask
		}
		kept, at = append(kept, column), append(at, s.at[i])
	}
	s.columns, s.at = kept, at
	return s, nil
}

// unshift reads the contract's columns from the places where their values lie. What lay under a type that could not hold it is lost,
// and said to be.
func (c Contract) unshift(s *shape, table string, found []change.Column) error {
	agreed := c.ordered()
	after := slices.IndexFunc(agreed, func(a ContractColumn) bool { return strings.EqualFold(a.Name, c.Shift.After) })
	if err := c.fitsShift(table, found, agreed, after); err != nil {
		return err
	}
	s.columns, s.at, s.width, s.mapped = nil, nil, len(agreed), true
	var moved, lost []string
	for i, a := range agreed {
		if i >= len(found) {
			lost = append(lost, fmt.Sprintf("%s is lost: the table has no column for it", spelling(found, a.Name)))
			continue
		}
		is := found[i]
		column := change.Column{Name: change.StagingName(a.Name), SourceName: is.SourceName, SourceType: is.SourceType, Nullable: true}
		var err error
		if column.Type, err = change.TypeOf(cmp.Or(a.DataType, "text")); err != nil {
			return fmt.Errorf("column %s of %s: %w", a.Name, c.Name, err)
		}
		if i > after {
			name := spelling(found, a.Name)
			if why := c.whyLost(i, is, column.Type); why != "" {
				lost = append(lost, fmt.Sprintf("%s is lost: it lay in %s, which %s", name, is.SourceName, why))
			} else {
				moved = append(moved, fmt.Sprintf("%s holds %s", is.SourceName, name))
			}
		}
		s.columns, s.at = append(s.columns, column), append(s.at, i)
	}
	proof := ""
	if c.evidence != nil {
		proof = fmt.Sprintf(", as %d of %d rows prove and none denies", c.evidence.shifted, c.evidence.rows)
	}
	s.told = append(s.told, fmt.Sprintf("columns of %s after %s are shifted by %d%s, and mapped back: %s",
		table, strings.ToUpper(c.Shift.After), c.Shift.By, proof, strings.Join(moved, ", ")))
	for _, l := range lost {
		s.told = append(s.told, table+"."+l)
	}
	return nil
}

// whyLost says why no value of an agreed column can be read back from where it lay; "" where one can.
func (c Contract) whyLost(agreed int, is change.Column, want change.Type) string {
	switch {
	case c.evidence != nil && c.evidence.kept[agreed] > 0, is.SourceType != "" && holds(is.Type, want):
		return ""
	case is.SourceType != "":
		return "is " + is.SourceType
	case c.evidence != nil:
		return "holds none of its values"
	}
	return ""
}

// fitsShift checks that the table has the shape that the shift describes; a table that has been mended must not be shifted again.
func (c Contract) fitsShift(table string, found []change.Column, agreed []ContractColumn, after int) error {
	problem := func(format string, args ...any) error {
		return &change.Problem{
			Err: fmt.Errorf("shift of %s: %s", table, fmt.Sprintf(format, args...)), Where: c.Shift.Where, Class: change.ClassBlocked,
			Try: "take the shift out of models/sources.yml if the source was mended; else say after which column and by how many",
		}
	}
	if after < 0 {
		return problem("the contract has no column %s", c.Shift.After)
	}
	if c.Shift.By == 0 || len(found) != len(agreed)+c.Shift.By {
		return problem("%d columns were agreed and %d are there, which is not a shift by %d", len(agreed), len(found), c.Shift.By)
	}
	for i, a := range agreed {
		at := i
		if i > after {
			at += c.Shift.By
		}
		if i > after && at <= after {
			continue // Of a table that has too few columns this one is missing.
		}
		if !strings.EqualFold(found[at].SourceName, a.Name) {
			return problem("column %d is %s where %s was due", at+1, found[at].SourceName, strings.ToUpper(a.Name))
		}
	}
	return nil
}

// spelling writes an agreed name as the table does.
func spelling(found []change.Column, name string) string {
	for _, c := range found {
		if strings.EqualFold(c.SourceName, name) {
			return c.SourceName
		}
	}
	return name
}

// holds tells whether a column of one type keeps the values of another, so that they can be read back.
func holds(is, want change.Type) bool {
	whole := func(t change.Type) bool { return t.Kind >= change.Int16 && t.Kind <= change.Int64 }
	switch {
	case is.Kind == change.Text:
		return true
	case whole(is) && whole(want):
		return is.Kind >= want.Kind
	case is.Kind == change.Decimal && whole(want):
		return is.Precision-is.Scale >= 19
	case is.Kind == change.Decimal && want.Kind == change.Decimal:
		return is.Scale >= want.Scale && is.Precision-is.Scale >= want.Precision-want.Scale
	case is.Kind == change.Timestamp:
		return want.Kind == change.Timestamp || want.Kind == change.Date
	}
	return is.Kind == want.Kind && is.Kind != change.Bytes
}

// ordered are the contract's columns in their order.
func (c Contract) ordered() []ContractColumn {
	out := slices.Clone(c.Columns)
	slices.SortStableFunc(out, func(a, b ContractColumn) int { return cmp.Compare(a.Position, b.Position) })
	return out
}
