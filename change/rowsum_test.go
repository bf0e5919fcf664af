package change_test

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
)

// When two rows exchange values of one length, their checksums add up to something else, even where the plain CRCs of the values add up to
// the same: a CRC is linear, so it alone would miss about one exchange in 40,000.
func TestRowsThatExchangeValuesAddUpToSomethingElse(t *testing.T) {
	t.Parallel()
	table := &change.Table{Name: "t", Columns: []change.Column{
		{Name: "id", SourceName: "id", SourceType: "int", Type: change.Type{Kind: change.Int32}},
		{Name: "word", SourceName: "word", SourceType: "varchar(9)", Type: change.Type{Kind: change.Text}, Nullable: true},
	}}
	summer := change.NewRowSummer(table)
	sum := func(ids [2]int, words [2]string) (total uint64) {
		b := change.NewBatch(table, 2)
		for i := range ids {
			b.Cols[0].AppendInt(int64(ids[i]))
			b.Cols[1].AppendBytes([]byte(words[i]))
			b.Raw.AppendNull(change.Text)
			b.Len++
			total += summer.Sum(b, i)
		}
		return total
	}
	var buf []byte
	crcs := func(ids [2]int, words [2]string) (total uint64) {
		for i := range ids {
			buf = append(strconv.AppendInt(buf[:0], int64(ids[i]), 10), "\x1f6\x1f"...)
			buf = append(append(buf, words[i]...), "\x1f0"...)
			total += uint64(crc32.ChecksumIEEE(buf))
		}
		return total
	}
	random, alike := rand.New(rand.NewPCG(1, 1)), 0
	for range 500_000 {
		ids := [2]int{100_000 + random.IntN(800_000), 100_000 + random.IntN(800_000)}
		words := [2]string{strconv.Itoa(100_000 + random.IntN(800_000)), strconv.Itoa(100_000 + random.IntN(800_000))}
		swapped := [2]string{words[1], words[0]}
		if ids[0] != ids[1] && words[0] != words[1] && crcs(ids, words) == crcs(ids, swapped) {
			alike++
			require.NotEqual(t, sum(ids, words), sum(ids, swapped), "%v %v", ids, words)
		}
	}
	require.NotZero(t, alike, "the CRCs alone tell all of them apart: the test shows nothing")
}

// What lies between values may be in a text: texts that give the same bytes behind each other have checksums of their own.
func TestTextsWithSeparatorsHaveChecksumsOfTheirOwn(t *testing.T) {
	t.Parallel()
	text := func(name string) change.Column {
		return change.Column{Name: name, SourceName: name, SourceType: "varchar(20)", Type: change.Type{Kind: change.Text}}
	}
	table := &change.Table{Name: "t", Columns: []change.Column{text("a"), text("b")}}
	summer := change.NewRowSummer(table)
	seen := map[uint64][2]string{}
	for _, values := range [][2]string{
		{"a\x1fb", "c"}, {"a", "b\x1fc"}, {"a\x1f1\x1fb", "c"}, {"a", "1\x1fb\x1fc"}, {"", "a\x1fb\x1fc"}, {"abc", "\x1f"},
	} {
		b := change.NewBatch(table, 1)
		b.Cols[0].AppendBytes([]byte(values[0]))
		b.Cols[1].AppendBytes([]byte(values[1]))
		b.Raw.AppendNull(change.Text)
		b.Len = 1
		sum := summer.Sum(b, 0)
		require.NotContains(t, seen, sum, "%q and %q", values, seen[sum])
		seen[sum] = values
	}
}

// A null differs from every text, and moving a value to the column beside it changes a row's checksum.
func TestNullsAreInARowsChecksumByTheirPlace(t *testing.T) {
	t.Parallel()
	table := &change.Table{Name: "t"}
	for i := range 130 {
		table.Columns = append(table.Columns, change.Column{
			Name: fmt.Sprint("c", i), SourceName: fmt.Sprint("c", i), SourceType: "varchar(9)", Type: change.Type{Kind: change.Text}, Nullable: true,
		})
	}
	summer := change.NewRowSummer(table)
	b := change.NewBatch(table, 1)
	seen := map[uint64]int{}
	for at := range table.Columns {
		b.Reset()
		for i := range table.Columns {
			if i == at {
				b.Cols[i].AppendBytes([]byte("x"))
			} else {
				b.Cols[i].AppendNull(change.Text)
			}
		}
		b.Raw.AppendNull(change.Text)
		b.Len = 1
		sum := summer.Sum(b, 0)
		require.NotContains(t, seen, sum, "a value in column %d", at)
		seen[sum] = at
	}
}
