package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each bad input ends with its exit code, a message that names the place, and a hint; and what was published stays.
func TestBadInputIsNamedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	dsn := "duckdb:" + filepath.Join(t.TempDir(), "shop.duckdb")
	good := shopCSV(t)
	firstRun(t, at(shop, "csv:"+good, dsn))
	published := query(t, at(shop, "csv:"+good, dsn), "select count(*) as n from core.purchases")

	broken := func(name string, change func(text []byte) []byte) string {
		dir := copyOf(t, good)
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, change(text), 0o644))
		return "csv:" + dir
	}
	f := func(name, project, source string, code int, says ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			o := lifeline(t, append([]string{"run"}, at(project, source, dsn)...)...)
			require.Equal(t, code, o.code, o.errors)
			for _, s := range append(says, "Error:", "Try:") {
				require.Contains(t, o.errors, s)
			}
			require.Equal(t, published, query(t, at(shop, "csv:"+good, dsn), "select count(*) as n from core.purchases"))
		})
	}

	f("no project", t.TempDir(), "csv:"+good, 2, "lifeline.yml")
	f("no source", shop, "csv:"+filepath.Join(t.TempDir(), "nowhere"), 2, "nowhere")
	f("unknown scheme", shop, "oracle://x", 2, "does not begin with mysql://")
	f("missing file", shop, func() string {
		dir := copyOf(t, good)
		require.NoError(t, os.Remove(filepath.Join(dir, "purchases.csv")))
		return "csv:" + dir
	}(), 3, "purchases.csv")
	f("torn last line", shop, broken("purchases.csv", func(b []byte) []byte { return b[:bytes.LastIndexByte(b, ',')-6] }), 3, "purchases.csv:")
	f("extra field", shop, broken("purchases.csv", func(b []byte) []byte { return append(b, ",more"...) }), 3, "purchases.csv:")
	f("wrong encoding", shop, broken("purchases.csv", func(b []byte) []byte {
		return bytes.Replace(b, []byte("Sent"), []byte("Sen\xe9"), 1)
	}), 3, "purchases.csv:")
	f("a column is gone", shop, broken("purchases.csv",
		func(b []byte) []byte { return bytes.Replace(b, []byte("amount"), []byte("value"), 1) }), 3, "amount")

	spoilt := func(file, text string) string {
		p := shopCopy(t)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(p, file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(p, file), []byte(text), 0o644))
		return p
	}
	f("broken YAML", spoilt("models/bad.yml", "models:\n  - name: [x\n"), "csv:"+good, 2, "models/bad.yml:")
	f("unknown key", spoilt("models/bad.yml", "modles:\n  - name: purchases\n"), "csv:"+good, 2, "models/bad.yml:1:1", "modles", "models")
	f("unknown test", spoilt("models/bad.yml",
		"models:\n  - name: dim_customers\n    columns:\n      - name: name\n        data_tests: [not_nul]\n"), "csv:"+
		good, 2, "models/bad.yml:5", "not_nul", "not_null")
	f("unknown reference", spoilt("models/core/bad.sql", "select 1 as x\nfrom {{ ref('purchase') }}"), "csv:"+good, 2, "models/core/bad.sql:2",
		`"purchases"`)
	f("syntax error", spoilt("models/core/bad.sql", "selec 1"), "csv:"+good, 1, "models/core/bad.sql")
	f("a circle", spoilt("models/core/bad.sql", "select * from {{ ref('bad') }}"), "csv:"+good, 2, "circle")
}

func TestALongFieldIsNoProblem(t *testing.T) {
	t.Parallel()
	dir, _ := spoiledPurchases(t, 1, 1, strings.Repeat("x", 10<<20))
	flags := at(shop, "csv:"+dir, duckAt(t, "long"))
	r := report(t, 0, append([]string{"run"}, flags...)...)
	require.Len(t, r.Tables, 3)
	rows := query(t, flags, "select max(length(status)) as n from core.purchases")
	require.EqualValues(t, 10<<20, rows[0]["n"])
}
