package run_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/warehouse"
)

// sliceProject has a model whose groups are more than a small memory holds at once: the engine keeps all texts of an ordered aggregate.
var sliceProject = map[string]string{
	"dbt_project.yml": "name: tiny\nmodel-paths: [models]\nmodels: {tiny: {+materialized: table}}\n",
	"models/long.sql": `select cast(i as bigint) as id, cast(i / 100 as bigint) as k, md5(cast(i as varchar)) as word
from generate_series(1, 600000) as g (i)`,
	"models/gathered.sql": `select l.k, count(*) as n, md5(string_agg(l.word, '-' order by l.word, l.id)) as words
from {{ ref('long') }} as l
group by l.k`,
}

// What does not fit the memory that a run may use is built by ranges of its key, with the same rows; and the next time at once.
func TestAModelThatDoesNotFitIsBuiltByRangesOfItsKey(t *testing.T) {
	t.Parallel()
	query := "select count(*), sum(n), md5(string_agg(words, '' order by k)) from analytics.gathered"
	whole := newTiny(t, "duckdb:"+filepath.Join(t.TempDir(), "whole.duckdb"), sliceProject)
	_, err := whole.walk(t, false)
	require.NoError(t, err)

	sliced := newTiny(t, "duckdb:"+filepath.Join(t.TempDir(), "sliced.duckdb"), sliceProject)
	require.NoError(t, sliced.wh.Close())
	sliced.wh, err = warehouse.Open(t.Context(), warehouse.Options{
		DSN: "duckdb:" + filepath.Join(sliced.dir, "sliced.duckdb"), MemoryLimit: "60MB", Threads: 2,
	})
	require.NoError(t, err)
	for _, began := range []string{"first", "again"} {
		r, err := sliced.walk(t, false)
		require.NoError(t, err, began)
		gathered := modelOf(r, "gathered")
		require.Contains(t, gathered.Why, " ranges of k", began)
		require.Equal(t, 1, strings.Count(gathered.Why, "ranges"), began)
		require.Equal(t, whole.rows(t, query), sliced.rows(t, query), began)
	}
}

func modelOf(r *run.Report, name string) run.ModelReport {
	for _, m := range r.Models {
		if m.Name == name {
			return m
		}
	}
	return run.ModelReport{}
}
