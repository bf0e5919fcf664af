package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/catalog"
	"lifeline/model"
	"lifeline/project"
)

// of describes a project of one model beside a source and a seed.
func of(t *testing.T, sql, schema string) *catalog.Table {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lifeline.yml":       "name: small\nwarehouse: {dsn: \"duckdb:small.duckdb\"}\n",
		"dbt_project.yml":    "name: small\nversion: 1.0.0\nconfig-version: 2\nprofile: small\nmodel-paths: [models]\nseed-paths: [seeds]\n",
		"models/subject.sql": sql,
		"models/other.sql":   "select 1 as one, 2 as two\n",
		"models/schema.yml": "version: 2\nsources:\n  - name: s\n    tables:\n      - name: raw\n        meta: {lifeline: {key: [a, b]}}\n  " +
			"      columns: [{name: a, data_type: int, description: The a.}]\n" + schema,
		"seeds/words.csv":      "word,meaning\na,b\n",
		"seeds/properties.yml": "version: 2\nseeds:\n  - name: words\n    columns: [{name: word, description: The word.}]\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	p, err := project.Load(dir, project.Options{})
	require.NoError(t, err)
	g, err := model.NewGraph(p, model.Options{})
	require.NoError(t, err)
	all, err := catalog.New(p, g)
	require.NoError(t, err)
	missing, columns := all.Undocumented()
	for _, table := range all.Tables {
		columns -= len(table.Columns)
		for _, c := range table.Undocumented() {
			require.Contains(t, missing, table.Name+"."+c)
		}
	}
	require.Zero(t, columns)
	for _, table := range all.Tables {
		if table.Node == "subject" {
			return table
		}
	}
	require.Fail(t, "the model is not described")
	return nil
}

func names(table *catalog.Table) string {
	var out []string
	for _, c := range table.Columns {
		out = append(out, c.Name)
	}
	return strings.Join(out, " ")
}

func TestColumnsAreToldFromTheSelectList(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"select a, b.c, \"D\" as d from x": "a c d",
		"select distinct a as b from x":    "b",
		"-- from nowhere, as z\nselect 'a, from b' as x, count(*) filter (where y > 1) as n, case when a then (select 1) end as last from t " +
			"group by 1": "x n last",
		"with c as (select 1 as one, 2 as two), d as (select c.*, 3 as three from c where c.one > 0) select * from d": "one two three",
		"select * from (select 1 as a union all select 2) as u":                                                       "a",
		"select l.*, r.k as k from (select 1 as a, 2 as b) as l left join x as r on r.k = l.a":                        "a b k",
		"select * from {{ ref('other') }} as o":                                                                       "one two",
		"with c as (select extract(epoch from t) as s from x) select c.s, substring(q from 2) as q from c":            "s q",
	} {
		table := of(t, sql, "")
		require.Equal(t, want, names(table), sql)
		require.False(t, table.Open, sql)
	}
	table := of(t, "select *, 1 as one from {{ source('s', 'raw') }}", "")
	require.Equal(t, "a one", names(table), "a source's columns are its contract")
	require.True(t, of(t, "select x.* from elsewhere.t as x", "").Open, "nobody knows that table")
}

func TestGrainIsWhatTheProjectSaysElseWhatATestHolds(t *testing.T) {
	t.Parallel()
	const sql = "select 1 as a, 2 as b"
	for schema, want := range map[string]string{
		"": "|",
		"models:\n  - name: subject\n" +
			"    meta: {lifeline: {grain: [a, b]}}\n    columns: [{name: a, data_tests: [unique]}]\n": "one row per a and b|meta.lifeline.grain",
		"models:\n  - name: subject\n" +
			"    columns: [{name: b, data_tests: [not_null, unique]}]\n": "one row per b|test unique_subject_b",
		"models:\n  - name: subject\n" +
			"    columns: [{name: b, data_tests: [{unique: {config: {where: a > 1}}}]}]\n": "|",
		"models:\n  - name: subject\n" +
			"    data_tests: [{dbt_utils.unique_combination_of_columns: {name: pair, " +
			"combination_of_columns: [a, b]}}]\n": "one row per a and b|test pair",
	} {
		table := of(t, sql, schema)
		require.Equal(t, want, table.Grain+"|"+table.GrainFrom, schema)
	}
}
