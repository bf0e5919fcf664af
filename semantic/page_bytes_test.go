package semantic_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/semantic"
)

// A page of rows ends at its number of rows or, where their texts are long, at a few megabytes, whichever comes first.
func TestAPageOfLongTextsIsAPageOfFewerRows(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer db.Close()
	for _, c := range []struct {
		query string
		limit int
		rows  int
		more  bool
	}{
		{"select i from range(10) as r(i) order by i", 3, 3, true},
		{"select i from range(3) as r(i) order by i", 3, 3, false},
		{"select i, repeat('x', 1000000) as v from range(100) as r(i) order by i", 50, 5, true},
		{"select i, repeat('x', 9000000) as v from range(2) as r(i) order by i", 50, 1, true},
		{"select i, repeat('x', 9000000) as v from range(1) as r(i) order by i", 50, 1, false},
	} {
		got, more, err := semantic.FetchPage(t.Context(), db, c.query, c.limit)
		require.NoError(t, err, c.query)
		require.Len(t, got.Rows, c.rows, c.query)
		require.Equal(t, c.more, more, c.query)
		require.EqualValues(t, 0, got.Rows[0][0])
	}
}
