package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheUsualCleaning runs every kind of the macros that each project has over values that stand for nothing, and over ones that do not.
func TestTheUsualCleaning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("in/things.csv", "id,word,code,parent_id,score,made_on,status,seen\n"+
		"1, kept ,A-1,7,5,2024-02-29,New,1709164800\n2,null,0,0,-1,1900-01-01,new ,0\n3,-,-,8,0,9999-12-31,gone,12\n"+
		"4,n/a,N/A,9,7,1999-12-31,,4102444800\n5,None,B,-1,8,2099-12-31,Old,\n")
	write("lifeline.yml", "source: {dsn: \"csv:"+filepath.Join(dir, "in")+"\"}\nwarehouse: {dsn: \"duckdb:"+
		filepath.Join(dir, "out.duckdb")+"\"}\n")
	write("dbt_project.yml", "name: things\nprofile: things\nmodel-paths: [models]\nseed-paths: [seeds]\n"+
		"models: {things: {+schema: core, +materialized: table}}\nseeds: {things: {+schema: core}}\n")
	write("models/sources.yml", `sources:
  - name: things
    schema: staging
    tables:
      - name: things
        meta: {lifeline: {file: things.csv, key: [id]}}
        columns:
          - {name: id, data_type: bigint}
          - {name: word, data_type: varchar(20)}
          - {name: code, data_type: varchar(20)}
          - {name: parent_id, data_type: bigint}
          - {name: score, data_type: bigint}
          - {name: made_on, data_type: date}
          - {name: status, data_type: varchar(20)}
          - {name: seen, data_type: bigint}
`)
	write("seeds/status_map.csv", "entity,source_value,state\nthing,New,new\nthing,old,done\nother,gone,lost\n")
	write("models/cleaned.sql", `select t.id, {{ clean('t.word', basis=true) }}, {{ clean('t.code', 'code', name='the_code') }},
    {{ clean('t.parent_id', 'key', nothing=[-1]) }}, {{ clean('t.score', 'number', nothing=[-1]) }},
    {{ clean('t.made_on', 'date', nothing=['1999-12-31']) }}, {{ clean_value('t.word', nothing=['none']) }} as stricter,
    cast({{ clean_value('t.seen', 'seconds') }} as varchar) as seen,
    cast({{ clean_value('t.seen * 1000 + 5', 'milliseconds') }} as varchar) as seen_ms,
    {{ clean_state('t.status', name='life') }}
from {{ source('things', 'things') }} as t
{{ status_map_of('thing', 't.status') }}
`)
	// A project may have a macro of such a name itself: its own stands.
	write("models/own.sql", "select {{ clean_word(\"'X'\") }} as word, {{ clean_basis('null', 'key') }} as basis\n")
	write("macros/own.sql", "{% macro clean_word(value) %}'mine'{% endmacro %}\n")
	require.Equal(t, "published", string(report(t, 0, "run", "--project", dir).Status))
	at := []string{"--project", dir}
	rows := query(t, at, "select id, word, word_basis, the_code, parent_id, score, cast(made_on as varchar) as made_on, made_on_basis, "+
		"stricter, life, life_basis from core.cleaned order by id")
	row := func(id float64, word any, wordBasis string, code, parent, score, made any, madeBasis string, stricter, life, lifeBasis any,
	) map[string]any {
		return map[string]any{
			"id": id, "word": word, "word_basis": wordBasis, "the_code": code, "parent_id": parent, "score": score, "made_on": made,
			"made_on_basis": madeBasis, "stricter": stricter, "life": life, "life_basis": lifeBasis,
		}
	}
	require.Equal(t, []map[string]any{
		row(1, "kept", "repaired", "A-1", 7.0, 5.0, "2024-02-29", "source", "kept", "new", "source"),
		row(2, nil, "missing", nil, nil, nil, nil, "missing", nil, "new", "repaired"),
		row(3, nil, "missing", nil, 8.0, 0.0, nil, "missing", nil, "unknown", "missing"),
		row(4, nil, "missing", nil, 9.0, 7.0, nil, "missing", nil, "unknown", "missing"),
		row(5, "None", "source", "B", nil, 8.0, "2099-12-31", "source", nil, "done", "repaired"),
	}, rows)
	require.Equal(t, []map[string]any{{"seen": "2024-02-29 00:00:00", "seen_ms": "2024-02-29 00:00:00.005"}},
		query(t, at, "select seen, seen_ms from core.cleaned where coalesce(seen, seen_ms) is not null"), "0, 12 and the year 2100 are no times")
	require.Equal(t, []map[string]any{{"word": "mine", "basis": "missing"}}, query(t, at, "select word, basis from core.own"))
}
