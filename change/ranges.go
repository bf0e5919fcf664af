package change

// IntegerKey is the key that a table's rows can be divided by: one column of whole numbers that lands as it is.
func (t *Table) IntegerKey() (Column, bool) {
	if len(t.Key) != 1 {
		return Column{}, false
	}
	i := t.Index(t.Key[0])
	if i < 0 || t.Columns[i].Mask != nil {
		return Column{}, false
	}
	k := t.Columns[i].Type.Kind
	return t.Columns[i], k == Int16 || k == Int32 || k == Int64
}

// ChecksumWeight is how many different weights the keys give to amounts.
const ChecksumWeight = 1000

// Range is a part of a table by its whole key, cut into slices of equal width.
type Range struct {
	Low, High int64 // Both included.
	Width     int64 // Of a slice; 0 takes all rows with a key as one slice, whatever Low and High say.
}

// Slice is what the rows of one slice add up to. Slices without rows are left out.
type Slice struct {
	Number       int64 // From 0.
	Low          int64 // The lowest key that is there.
	High         int64 // The highest.
	Rows         int64
	Keys         string   // The sum of the keys, exact.
	Money        []string // The exact sum of each column of Table.Money; "" where no row has a value.
	WeightedSums []string // The same with each amount times the remainder of its key by Weights.
}
