package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const dataModel = "../../docs/data-model.md"

const dataModelHead = `# Data model

Every table of the two projects that ship with Lifeline: what a row is, its columns, what it is made of and what is checked. <!-- made by
go test ./cmd/lifeline -run TestTheDataModel -update --> This page is generated from the projects' files by ` +
	"`lifeline docs --format md`" + `; the pages of
` + "`lifeline docs`" + ` have the SQL of each table too.

- [carepay](#carepay): claims of a health insurance
- [fooddelivery](#fooddelivery): orders of a delivery service

`

func TestTheDataModelIsWhatTheProjectsSay(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	text.WriteString(dataModelHead)
	for _, dir := range []string{carepay, foodProject} {
		p, err := (&Globals{Project: dir}).load()
		require.NoError(t, err)
		all, err := describeProject(p)
		require.NoError(t, err)
		missing, _ := all.Undocumented()
		require.Empty(t, missing, "describe these columns in the project's YAML files")
		require.NoError(t, all.Markdown(&text, 2))
	}
	if *update {
		require.NoError(t, os.WriteFile(dataModel, text.Bytes(), 0o644))
	}
	page, err := os.ReadFile(dataModel)
	require.NoError(t, err)
	require.True(t, bytes.Equal(text.Bytes(), page),
		"docs/data-model.md is not what the projects say: go test ./cmd/lifeline -run TestTheDataModel -update")
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text.String(), -1) {
		if strings.Contains(link[1], ".") {
			require.Contains(t, text.String(), `<a id="`+link[1]+`"></a>`)
		}
	}
}

// documentedColumns are the columns of the tables of one schema, as docs tells them.
func documentedColumns(t *testing.T, dir string) map[string][]string {
	t.Helper()
	p, err := (&Globals{Project: dir}).load()
	require.NoError(t, err)
	all, err := describeProject(p)
	require.NoError(t, err)
	out := map[string][]string{}
	for _, table := range all.Tables {
		if table.Kind == "source" || table.Inlined {
			continue
		}
		require.False(t, table.Open, table.Name)
		for _, c := range table.Columns {
			out[table.Name] = append(out[table.Name], c.Name)
		}
		slices.Sort(out[table.Name])
	}
	return out
}

func TestDocsTellEveryPublishedColumnAndNoOther(t *testing.T) {
	t.Parallel()
	for dir, files := range map[string]string{carepay: smallSample(t), foodProject: foodFiles(t)} {
		flags := at(dir, "csv:"+files, duckAt(t, "columns"))
		firstRun(t, flags)
		got := map[string][]string{}
		for _, row := range query(t, flags, `select table_schema as s, table_name as t, column_name as c from information_schema.columns
			where table_schema in ('core', 'analytics') order by 1, 2, 3`) {
			name := row["s"].(string) + "." + row["t"].(string)
			got[name] = append(got[name], row["c"].(string))
		}
		require.NotEmpty(t, got)
		require.Equal(t, got, documentedColumns(t, dir))
	}
}

func TestThePagesAskNothingOfOthersAndLeadNowhereElse(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pages")
	o := lifeline(t, "docs", "--project", carepay, "--out", dir, "--json")
	require.Zero(t, o.code, o.errors)
	var w written
	require.NoError(t, json.Unmarshal([]byte(o.out), &w))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, w.Files)
	require.Len(t, files, w.Tables+2, "a page a table, the first page, the style sheet")
	link := regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		require.NotContains(t, string(text), "://", f.Name())
		require.NotContains(t, string(text), "<script", f.Name())
		require.NotContains(t, string(text), "url(", f.Name())
		if strings.HasSuffix(f.Name(), ".html") {
			require.Contains(t, string(text), `default-src 'none'; style-src 'self'`, f.Name())
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			require.FileExists(t, filepath.Join(dir, m[1]), f.Name())
		}
	}
	claims, err := os.ReadFile(filepath.Join(dir, "core.claims.html"))
	require.NoError(t, err)
	for _, says := range []string{
		"one row per id (by meta.lifeline.grain)", "analytics.dim_claims.html", "staging.claim.html", "the failing rows are quarantined",
		"the publication stops", "models/core/claims.sql", "from staging.claim",
	} {
		require.Contains(t, string(claims), says)
	}
}

func TestAColumnWithoutADescriptionIsListedAndCounted(t *testing.T) {
	t.Parallel()
	project := projectCopy(t)
	edit(t, project, "models/core/core.yml", "      - {name: amount_basis, description: source or missing.}\n", "")
	edit(t, project, "models/core/core.yml", "      - {name: date_created_basis, description: source or missing.}\n",
		"      - {name: date_created_basis}\n")
	o := lifeline(t, "docs", "--project", project, "--format", "md")
	require.Zero(t, o.code, o.errors)
	require.Contains(t, o.out, "2 columns are not described")
	require.Regexp(t, `2 of \d+ columns have no description:\n\n- .core\.\w+\.date_created_basis.\n- .core\.claims\.amount_basis.`, o.out)
	require.Equal(t, 2, strings.Count(o.out, "*undocumented*"))
}
