package change

import "fmt"

// Batch is a run of rows of one table, held by column. It is owned by who reads until Write returns, and reused after that:
// a writer that keeps values copies them.
type Batch struct {
	Table *Table
	Len   int
	Cols  []Vector // One per column of Table.
	Raw   Vector   // Text: the `_raw` JSON of each row, null for most.
}

// Vector holds the values of one column. Which slice is filled follows from the column's Kind; a null's value there is zero.
type Vector struct {
	Nulls   []bool
	Ints    []int64
	Floats  []float64
	Data    []byte         // Text and Bytes: all values, end to end.
	Offsets []int          // Text and Bytes: value i is Data[Offsets[i]:Offsets[i+1]]; one more than values.
	Wide    map[int]string // Decimal: rows whose unscaled value has more than 18 digits, as decimal text.
}

// NewBatch returns an empty batch for t with room for rows rows.
func NewBatch(t *Table, rows int) *Batch {
	b := &Batch{Table: t, Cols: make([]Vector, len(t.Columns))}
	for i := range b.Cols {
		b.Cols[i].grow(t.Columns[i].Type.Kind, rows)
	}
	b.Raw.grow(Text, rows)
	return b
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Len = 0
	for i := range b.Cols {
		b.Cols[i].reset()
	}
	b.Raw.reset()
}

// Bytes returns about how much memory the values take, to bound a batch of long texts.
func (b *Batch) Bytes() int {
	n := len(b.Raw.Data)
	for i := range b.Cols {
		n += 8*len(b.Cols[i].Ints) + 8*len(b.Cols[i].Floats) + len(b.Cols[i].Data)
	}
	return n
}

// Truncate cuts the batch back to n rows, which drops a row that was begun and could not be finished.
func (b *Batch) Truncate(n int) {
	for i := range b.Cols {
		b.Cols[i].truncate(n)
	}
	b.Raw.truncate(n)
	b.Len = n
}

// AppendNull adds a null of the given kind.
func (v *Vector) AppendNull(k Kind) {
	v.Nulls = append(v.Nulls, true)
	switch k {
	case Text, Bytes:
		v.Offsets = append(v.Offsets, len(v.Data))
	case Float32, Float64:
		v.Floats = append(v.Floats, 0)
	default:
		v.Ints = append(v.Ints, 0)
	}
}

// AppendInt adds a value of an integer, date, timestamp or decimal column.
func (v *Vector) AppendInt(x int64) {
	v.Nulls = append(v.Nulls, false)
	v.Ints = append(v.Ints, x)
}

// AppendWide adds a decimal of more than 18 digits.
func (v *Vector) AppendWide(text string) {
	if v.Wide == nil {
		v.Wide = map[int]string{}
	}
	v.Wide[len(v.Ints)] = text
	v.AppendInt(0)
}

// AppendFloat adds a value of a floating-point column.
func (v *Vector) AppendFloat(x float64) {
	v.Nulls = append(v.Nulls, false)
	v.Floats = append(v.Floats, x)
}

// AppendBytes adds a value of a Text or Bytes column; p is copied.
func (v *Vector) AppendBytes(p []byte) {
	v.Nulls = append(v.Nulls, false)
	v.Data = append(v.Data, p...)
	v.Offsets = append(v.Offsets, len(v.Data))
}

// BytesAt returns the value of row i of a Text or Bytes column, valid until the batch is reset.
func (v *Vector) BytesAt(i int) []byte { return v.Data[v.Offsets[i]:v.Offsets[i+1]] }

func (v *Vector) grow(k Kind, rows int) {
	v.Nulls = make([]bool, 0, rows)
	switch k {
	case Text, Bytes:
		v.Offsets = make([]int, 1, rows+1)
	case Float32, Float64:
		v.Floats = make([]float64, 0, rows)
	default:
		v.Ints = make([]int64, 0, rows)
	}
}

func (v *Vector) reset() {
	v.Nulls, v.Ints, v.Floats, v.Data = v.Nulls[:0], v.Ints[:0], v.Floats[:0], v.Data[:0]
	if v.Offsets != nil {
		v.Offsets = v.Offsets[:1]
	}
	clear(v.Wide)
}

func (v *Vector) truncate(n int) {
	if n >= len(v.Nulls) {
		return
	}
	v.Nulls = v.Nulls[:n]
	if v.Offsets != nil {
		v.Offsets = v.Offsets[:n+1]
		v.Data = v.Data[:v.Offsets[n]]
	}
	if len(v.Ints) > n {
		v.Ints = v.Ints[:n]
	}
	if len(v.Floats) > n {
		v.Floats = v.Floats[:n]
	}
	for i := range v.Wide {
		if i >= n {
			delete(v.Wide, i)
		}
	}
}

// String names a type as a contract does, such as "decimal(19,4)".
func (t Type) String() string {
	names := [...]string{"text", "bytes", "int16", "int32", "int64", "decimal", "float32", "float64", "date", "timestamp"}
	if t.Kind == Decimal {
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	}
	return names[t.Kind]
}
