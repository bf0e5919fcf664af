package sample_test

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/sample"
)

// files are the four files of a sample in the order in which they are written.
var files = []string{"treatments.csv", "claims.csv", "invoices.csv", "invoice_items.csv"}

// realInvoices is the one real table, where it stands beside the repository.
const realInvoices = "../../shared/data/invoices.csv"

func carepay(scale float64) sample.Options {
	return sample.Options{Project: "carepay", Scale: scale, Seed: 1, Dirt: "real"}
}

// write makes a sample in a folder of the test's own.
func write(t *testing.T, o sample.Options) (string, sample.Summary) {
	t.Helper()
	dir := t.TempDir()
	s, err := sample.Write(t.Context(), o, dir)
	require.NoError(t, err)
	return dir, s
}

// whole is the sample at scale 1, made once.
var whole = sync.OnceValues(func() (map[string][][]string, error) {
	dir, err := os.MkdirTemp("", "lifeline-sample-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := sample.Write(context.Background(), carepay(1), dir); err != nil {
		return nil, err
	}
	tables := map[string][][]string{}
	for _, f := range files {
		if tables[f], err = records(filepath.Join(dir, f)); err != nil {
			return nil, err
		}
	}
	return tables, nil
})

func wholeSample(t *testing.T) map[string][][]string {
	t.Helper()
	tables, err := whole()
	require.NoError(t, err)
	return tables
}

// records are the rows of a file without its header.
func records(path string) ([][]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff"))).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return rows[1:], nil
}

func rowsOf(t *testing.T, dir, file string) [][]string {
	t.Helper()
	rows, err := records(filepath.Join(dir, file))
	require.NoError(t, err)
	return rows
}

// sums are the SHA-256 of a sample's files.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f))
		require.NoError(t, err)
		out[f] = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return out
}

// count counts rows by the value of a column.
func count(rows [][]string, column int) map[string]int {
	out := map[string]int{}
	for _, r := range rows {
		out[r[column]]++
	}
	return out
}
