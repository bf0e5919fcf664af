package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A question of the past reads staging as it was, by whatever name the statement gives the table, and a model can ask the same; what cannot
// be known is said with what to do, and what is known landing by landing is told.
func TestAQuestionOfThePastReadsStagingAsItWas(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, warehouse string) {
		dir := t.TempDir()
		write := func(name, text string) {
			t.Helper()
			path := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		}
		write("lifeline.yml", "name: shop\nsource: {dsn: 'csv:"+dir+"/csv'}\n")
		write("dbt_project.yml", "name: shop\nmodels: {shop: {core: {+schema: core}}}\n")
		write("models/sources.yml", "sources:\n  - name: s\n    schema: staging\n    tables:\n"+
			"      - {name: claim, meta: {lifeline: {file: claim.csv, key: [id]}}, "+
			"columns: [{name: id, data_type: int}, {name: status, data_type: varchar(20)}]}\n")
		write("models/core/claims.sql", "select id, status from {{ source('s', 'claim') }}\n")
		at := []string{"--project", dir, "--warehouse", warehouse}
		ask := func(moment, statement string) outcome {
			t.Helper()
			return lifeline(t, append([]string{"query", "--format", "csv", "--at", moment, statement}, at...)...)
		}
		o := ask("2026-01-01", "select * from staging.claim")
		require.Equal(t, 1, o.code, o.errors)

		write("csv/claim.csv", "id,status\n1,draft\n2,draft\n")
		report(t, 0, append([]string{"run"}, at...)...)
		then := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00")
		write("csv/claim.csv", "id,status\n1,approved\n3,draft\n")
		report(t, 0, append([]string{"run"}, at...)...)

		for _, statement := range []string{
			"select id, status from staging.claim order by id",
			`select c.id, c.status from "staging" . claim as c where 'staging.claim' <> '' /* staging.other */ order by 1`,
			"select staging.claim.id, claim.status from staging.claim order by 1",
		} {
			o := ask(then, statement)
			require.Zero(t, o.code, o.errors)
			require.Equal(t, "id,status\n1,draft\n2,draft\n", o.out, statement)
			require.Contains(t, o.errors, "claim is as the landing of")
			require.Contains(t, o.errors, "is not told apart")
		}
		if oneIn(2, warehouse) == 1 {
			requireUnanswered(t, ask, then)
		}

		write("models/core/before.sql", "select id, status from {{ at(source('s', 'claim'), '"+then+"') }} as c\n")
		r := report(t, 0, append([]string{"run"}, at...)...)
		require.Contains(t, strings.Join(r.Warnings, "\n"), "claim is as the landing of")
		o = lifeline(t, append([]string{"query", "--format", "csv", "select id, status from core.before order by id"}, at...)...)
		require.Equal(t, "id,status\n1,draft\n2,draft\n", o.out, o.errors)
		exported := lifeline(t, append([]string{"export", "dbt", "--out", filepath.Join(t.TempDir(), "dbt")}, at[:2]...)...)
		require.Equal(t, 2, exported.code, exported.errors)
		require.Contains(t, exported.errors, "at() reads a source table as it was, which dbt cannot")
		require.Contains(t, exported.errors, "models/core/before.sql")
		for text, says := range map[string]string{
			"at(source('s', 'claim'), '2020-01-01')": "its versions are kept since",
			"at(ref('claims'), '2020-01-01')":        "at takes a source table",
			"at(source('s', 'claim'))":               "at takes a source table and a moment",
			"at(source('s', 'claim'), 'soon')":       "is not a moment",
		} {
			if oneIn(2, warehouse) > 1 {
				break
			}
			write("models/core/before.sql", "select id, status\nfrom {{ "+text+" }} as c\n")
			o := lifeline(t, append([]string{"run"}, at...)...)
			require.NotZero(t, o.code)
			require.Contains(t, o.errors, says)
			require.Contains(t, o.errors, "before.sql:2")
		}
	})
}

// requireUnanswered asks what nobody can answer, and what is no question.
func requireUnanswered(t *testing.T, ask func(moment, statement string) outcome, then string) {
	t.Helper()
	for _, c := range []struct {
		moment, statement, says string
		code                    int
	}{
		{"yesterday", "select * from staging.claim", "is not a moment", 2},
		{"2020-01-01", "select * from staging.claim", "its versions are kept since", 1},
		{"2100-01-01", "select * from staging.claim", "has been read up to", 1},
		{then, "select * from core.claims", "names no table of staging", 2},
		{then, "select * from staging.nothing", "is not a source table", 2},
	} {
		o := ask(c.moment, c.statement)
		require.Equal(t, c.code, o.code, o.errors)
		require.Contains(t, o.errors, c.says)
		require.Contains(t, o.errors, "Try: ")
	}
}
