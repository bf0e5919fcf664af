package project_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/project"
)

// withRecords reads a project whose one model has this below meta.lifeline.
func withRecords(t *testing.T, own string) (*project.Project, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "models"), 0o755))
	for name, text := range map[string]string{
		"lifeline.yml":      "name: small\n",
		"dbt_project.yml":   "name: small\nversion: 1.0.0\nconfig-version: 2\nprofile: small\nmodel-paths: [models]\n",
		"models/rate.sql":   "select 1 as n\n",
		"models/schema.yml": "models:\n  - name: rate\n    config: {meta: {lifeline: {" + own + "}}}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return project.Load(dir, project.Options{})
}

func TestRecordsAreReadWithTheirDefaults(t *testing.T) {
	t.Parallel()
	p, err := withRecords(t, `grain: [a, b], records: [{of: claims, key: c.id, from: "{{ ref('rate') }} as c", by: {program_id: c.p, `+
		`period: "date_trunc('month', c.at)"}, hit: c.ok}]`)
	require.NoError(t, err)
	m := p.Model("rate")
	require.Equal(t, []string{"a", "b"}, m.Grain)
	require.Len(t, m.Records, 1)
	r := m.Records[0]
	require.Equal(t, []string{"period", "program_id"}, r.Columns)
	require.Equal(t, "date_trunc('month', c.at)", r.By["period"])
	require.Equal(t, "{{ ref('rate') }} as c", r.From, "Jinja is left for later")
	bare, err := withRecords(t, `records: [{of: claims, key: c.id, from: "ref('rate') as c", where: "c.id in (select id from ref('rate'))"}]`)
	require.NoError(t, err)
	require.Equal(t, "{{ ref('rate') }} as c", bare.Model("rate").Records[0].From, "dbt knows no ref in meta: a bare one is meant")
	require.Equal(t, "c.id in (select id from {{ ref('rate') }})", bare.Model("rate").Records[0].Condition)
	raw, err := withRecords(t, `records: [{of: claims, key: c.id, from: t, hit: "{% raw %}{{ f(ref('a')) }} < ref('b'){% endraw %}"}]`)
	require.NoError(t, err)
	require.Equal(t, "{{ f(ref('a')) }} < {{ ref('b') }}", raw.Model("rate").Records[0].Hit, "raw keeps Jinja for later, as under dbt")
	require.Equal(t, []string{"true", "c.ok", "", "1", "1", ""}, []string{r.Counted, r.Hit, r.LeftOut, r.Weight, r.Adds, r.Divides})
}

func TestWhatIsWrongInRecordsIsNamedWithItsPlaceAndFix(t *testing.T) {
	t.Parallel()
	for own, says := range map[string][2]string{
		"records: rate":                    {"meta.lifeline.records is not a list", "records: [{of: claims"},
		"records: [rate]":                  {"entry 1 of meta.lifeline.records is not a mapping", "{of: claims"},
		"records: [{of: claims, key: id}]": {`entry 1 of meta.lifeline.records has no "from"`, "from:"},

		"records: [{of: claims, key: id, from: t, hits: x}]":          {`unknown key "hits" in entry 1`, "hit"},
		"records: [{of: claims, key: id, from: t, only: numerators}]": {`only "numerators" of entry 1`, "only: numerator"},
		"records: [{of: claims, key: id, from: t, by: period}]":       {"by of entry 1 of meta.lifeline.records is not a mapping", "by: {period"},

		"columns_of: ratio": {`columns_of of model "rate" names "ratio", which is not a model`, "rate"},
	} {
		_, err := withRecords(t, own)
		var p *change.Problem
		require.True(t, errors.As(err, &p), own)
		require.Contains(t, p.Error(), says[0], own)
		require.Contains(t, p.Try, says[1], own)
		require.Regexp(t, `^models/schema\.yml:2:\d+$`, p.Where, own)
		require.Equal(t, change.ClassUsage, p.Class)
	}
}
