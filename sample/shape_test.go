package sample_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // Counts the real tables and a sample by one SQL.
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "make shape/*.csv again from the real tables")

// realTables are the brief's four tables, where they stand beside the repository.
const realTables = "../../shared/data/carepay"

// counted gives a connection to tables t, c, i and it, and to the view cases over them.
func counted(t *testing.T, load, dir string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		require.NoError(t, db.Close())
	})
	for _, file := range []string{load, "views.sql"} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), strings.NewReplacer("{dir}", dir, "{last_undated}", "205417").Replace(string(text)))
		require.NoError(t, err, file)
	}
	return conn
}

func realCounted(t *testing.T) *sql.Conn {
	t.Helper()
	if _, err := os.Stat(realTables); err != nil {
		t.Skip("the real tables are not beside the repository")
	}
	return counted(t, "real.sql", realTables)
}

// answers are a query's rows as text, the names of the columns first.
func answers(ctx context.Context, conn *sql.Conn, query string) ([][]string, error) {
	rows, err := conn.QueryContext(ctx, "select columns(*)::varchar from ("+strings.TrimSuffix(strings.TrimSpace(query), ";")+"\n)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	out := [][]string{names}
	for rows.Next() {
		fields := make([]any, len(names))
		texts := make([]sql.NullString, len(names))
		for i := range fields {
			fields[i] = &texts[i]
		}
		if err := rows.Scan(fields...); err != nil {
			return nil, err
		}
		row := make([]string, len(names))
		for i, text := range texts {
			row[i] = text.String
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func TestTheSampleHasTheShapeOfTheRealTables(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("several hundred thousand rows are left to make test")
	}
	conn := realCounted(t)
	t.Run("shape", func(t *testing.T) { theShapeIsTheRealOne(t, conn) })
	t.Run("measures", func(t *testing.T) { aSampleMeasuresAsTheRealTables(t, conn) })
}

func theShapeIsTheRealOne(t *testing.T, conn *sql.Conn) {
	queries, err := filepath.Glob("testdata/shape/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, queries)
	for _, path := range queries {
		query, err := os.ReadFile(path)
		require.NoError(t, err)
		made, err := answers(t.Context(), conn, string(query))
		require.NoError(t, err, path)
		var text strings.Builder
		require.NoError(t, csv.NewWriter(&text).WriteAll(made))
		file := filepath.Join("shape", strings.TrimSuffix(filepath.Base(path), ".sql")+".csv")
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
			continue
		}
		kept, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(kept), text.String(),
			"%s is not what the real tables say: go test ./sample -run TestTheSampleHasTheShape -update", file)
	}
}

// measure is a query over the tables, with the tolerance of its numbers.
type measure struct {
	name, query string
	share, more float64
}

var measureHead = regexp.MustCompile(`(?m)^-- (.+): ([\d.]+) % and ([\d.]+)$`)

func measures(t *testing.T) []measure {
	t.Helper()
	text, err := os.ReadFile("testdata/measures.sql")
	require.NoError(t, err)
	heads := measureHead.FindAllStringSubmatchIndex(string(text), -1)
	require.Greater(t, len(heads), 25)
	var out []measure
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		number := func(from, to int) float64 {
			x, err := strconv.ParseFloat(string(text[from:to]), 64)
			require.NoError(t, err)
			return x
		}
		out = append(out, measure{
			name: string(text[h[2]:h[3]]), share: number(h[4], h[5]) / 100, more: number(h[6], h[7]), query: string(text[h[1]:end]),
		})
	}
	return out
}

// of gives the numbers of a measure by their labels.
func (m measure) of(t *testing.T, conn *sql.Conn) map[string]float64 {
	t.Helper()
	rows, err := answers(t.Context(), conn, m.query)
	require.NoError(t, err, m.name)
	out := map[string]float64{}
	for _, r := range rows[1:] {
		last := len(r) - 1
		n, err := strconv.ParseFloat(r[last], 64)
		require.NoError(t, err, m.name)
		out[strings.Join(r[:last], " ")] += n
	}
	return out
}

// differing says where a sample is not like the real tables.
func (m measure) differing(want, got map[string]float64) []string {
	var out []string
	for label := range got {
		if _, ok := want[label]; !ok {
			want[label] = 0
		}
	}
	for label, n := range want {
		if math.Abs(got[label]-n) > n*m.share+m.more {
			out = append(out, fmt.Sprintf("%s: %s: %v really, %v in the sample", m.name, label, n, got[label]))
		}
	}
	return out
}

func aSampleMeasuresAsTheRealTables(t *testing.T, original *sql.Conn) {
	dir, _ := write(t, carepay(1))
	made := counted(t, "sample.sql", dir)
	want := map[string]map[string]float64{}
	for _, m := range measures(t) {
		want[m.name] = m.of(t, original)
		require.NotEmpty(t, want[m.name], m.name)
		require.Empty(t, m.differing(want[m.name], m.of(t, made)), m.name)
	}

	// A sample that is a little otherwise is found out.
	for measured, spoil := range map[string]string{
		"rows": "delete from it where id % 1000 = 0",
		"states of claims by treatment, kind and program": "update c set status = 'Draft' where status = 'Approved' " +
			"and id % 50 = 0",
		"claims with an amount of 0, by status and year":          "update c set amount = 500 where amount = 0 and id % 20 = 0",
		"money of claims, without the largest amounts, by status": "update c set amount = amount * 1.3 where amount < 1000000",

		"items of an invoice": "delete from it where id % 20 = 0",
		"missing dates": "update c set modified = timestamp '2018-05-01' where " +
			"modified is null",
		"treatments by hour": "update t set created = created + interval 1 hour",
		"days from a claim to its last change, and hours from care to submission": "update c set modified = modified + interval 2 day",
		"the busiest days": "update i set created = created + interval 1 day",
	} {
		_, err := made.ExecContext(t.Context(), spoil)
		require.NoError(t, err)
		for _, m := range measures(t) {
			if m.name == measured {
				require.NotEmpty(t, m.differing(want[m.name], m.of(t, made)), "%s after %s", m.name, spoil)
			}
		}
	}
}
