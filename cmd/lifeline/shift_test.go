package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/sample"
)

// edit replaces a text of a project's file that must be there.
func edit(t *testing.T, project, file, old, with string) {
	t.Helper()
	path := filepath.Join(project, file)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), old, with, 1)), 0o600))
}

// shiftLine declares that the treatments may have either form.
const shiftLine = "            shift: {after: status, by: 1, when: type}\n"

// unaware is carepay without the declared shift.
func unaware(t *testing.T) string {
	t.Helper()
	dir := entitiesCopy(t)
	edit(t, dir, "models/sources.yml", shiftLine, "")
	return dir
}

// mapped is carepay with the treatments' columns mapped back whatever their rows say.
func mapped(t *testing.T) string {
	t.Helper()
	dir := entitiesCopy(t)
	edit(t, dir, "models/sources.yml", shiftLine, "            shift: {after: status, by: 1}\n")
	return dir
}

func duckAt(t *testing.T, name string) string {
	t.Helper()
	leaveToMakeTest(t)
	return "duckdb:" + filepath.Join(t.TempDir(), name+".duckdb")
}

var shiftedSample = sample.Options{Project: "carepay", Scale: 0.05, Seed: 1, Dirt: "real", ShiftTreatments: true}

func TestAShiftedFileIsNamedAndMappedBackWhole(t *testing.T) {
	t.Parallel()
	dir, right, wrong := sampleFolder(t, shiftedSample), duckAt(t, "right"), duckAt(t, "mapped")
	o := lifeline(t, append([]string{"run"}, at(unaware(t), "csv:"+dir, wrong)...)...)
	require.Equal(t, 3, o.code, o.errors)
	require.Contains(t, o.errors, "columns after STATUS are shifted by one: TYPE was added")
	require.Contains(t, o.errors, "shift: {after: …, by: 1}")

	project := mapped(t)
	r := report(t, 0, append([]string{"run"}, at(project, "csv:"+dir, wrong)...)...)
	said := strings.Join(r.Warnings, "\n")
	require.Contains(t, said, "TYPE holds DATE_CREATED")
	require.NotContains(t, said, "lost")
	firstRun(t, at(entitiesOnly(t), "csv:"+smallSample(t), right))
	requireSameContent(t, right, wrong)

	// Once the source is mended, a shift that is still declared would do the damage itself.
	o = lifeline(t, append([]string{"run"}, at(project, "csv:"+smallSample(t), wrong)...)...)
	require.Equal(t, 3, o.code, o.errors)
	require.Contains(t, o.errors, "8 columns were agreed and 8 are there, which is not a shift by 1")
	requireSameContent(t, right, wrong)
}

func TestAShiftedTableIsMappedBackButForWhatItsTypesLost(t *testing.T) {
	t.Parallel()
	source := mysqlDatabase(t)
	_, err := sample.Load(t.Context(), shiftedSample, source)
	require.NoError(t, err)
	dsn := duckAt(t, "mapped")
	o := lifeline(t, append([]string{"run"}, at(unaware(t), source, dsn)...)...)
	require.Equal(t, 3, o.code, o.errors)
	require.Contains(t, o.errors, "columns after STATUS are shifted by one: TYPE was added")

	project := mapped(t)
	r := report(t, 0, append([]string{"run"}, at(project, source, dsn)...)...)
	require.Contains(t, strings.Join(r.Warnings, "\n"), "TREATMENT.PROVIDER_ID is lost: it lay in DATE_TREATMENT, which is datetime")

	right := duckAt(t, "right")
	firstRun(t, at(entitiesOnly(t), "csv:"+smallSample(t), right))
	const kept = `
select id, status, date_created, date_modified, date_submitted, date_treatment, program_id
from core.treatments
order by id`
	require.Equal(t, query(t, at(carepay, "", right), kept), query(t, at(project, "", dsn), kept))
	lost := query(t, at(project, "", dsn), "select count(*) as n, count(provider_id) as known from core.treatments")
	require.NotEqual(t, "0", lost[0]["n"])
	require.EqualValues(t, 0, lost[0]["known"])
}
