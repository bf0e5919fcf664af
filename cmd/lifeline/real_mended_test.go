package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// providersOfMended is how many providers the mended treatments are spread over: the real ones were lost.
const providersOfMended = 20

// mendedAtTheSource are the brief's tables as a loader leaves them that names the columns of its file: with TYPE, left empty, or without
// it. Nothing tells who the providers were, so each treatment gets one by its number.
func mendedAtTheSource(t *testing.T, tables []*realTable, withType bool) []*realTable {
	t.Helper()
	out := append([]*realTable(nil), tables...)
	shifted := tables[0]
	require.Equal(t, "TREATMENT", shifted.name)
	mended := &realTable{name: shifted.name, file: shifted.file}
	mended.columns = strings.Replace(shifted.columns, "TYPE,", "", 1)
	if withType {
		mended.columns = shifted.columns
	}
	for _, row := range shifted.rows {
		require.Equal(t, `\N`, row[8], "PROGRAM_ID, which the shift left nothing for")
		id, err := strconv.Atoi(row[0])
		require.NoError(t, err)
		well := []string{row[0], row[1]}
		if withType {
			well = append(well, `\N`)
		}
		well = append(well, row[2], row[3], row[4], row[5], fmt.Sprint(900+id/10%providersOfMended), row[7])
		mended.rows = append(mended.rows, well)
	}
	out[0] = mended
	return out
}

// Mended at the source, the brief's database publishes the same rows as before but for the provider, says nothing of a shift any more, and
// the pages by provider fill.
func TestTheBriefsDatabaseMendedAtTheSourceHasItsProviders(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	tables := sliceOfReal(t, readReal(t))
	e := expect(t, tables)
	const rows = `(
select id, status_raw, date_created, date_modified, date_submitted, date_treatment, program_id from core.treatments) order by id`

	shifted := at(entitiesOnly(t), "csv:"+realFolder(t, tables), duckAt(t, "shifted"))
	requirePublishedAsIs(t, shifted, e)
	want := published(t, shifted, rows)
	for name, p := range map[string]struct {
		project  string
		withType bool
	}{"without TYPE": {carepay, false}, "with TYPE left empty": {entitiesOnly(t), true}} {
		t.Run(name, func(t *testing.T) {
			mended := mendedAtTheSource(t, tables, p.withType)
			flags := at(p.project, "csv:"+realFolder(t, mended), duckAt(t, "mended"))
			r := report(t, 0, append([]string{"run"}, flags...)...)
			require.Equal(t, run.Published, r.Status)
			require.NotContains(t, strings.Join(r.Warnings, "\n"), "is lost")
			requireReal(t, flags, e)
			require.Equal(t, want, published(t, flags, rows))
			providers := query(t, flags, "select provider_id, count(*) as n from core.treatments group by provider_id")
			require.Len(t, providers, providersOfMended)
			if p.project == carepay {
				requireProvidersAreShown(t, flags)
			}
		})
	}
}

// requireProvidersAreShown reads the page by provider: its first card names every provider with all its treatments.
func requireProvidersAreShown(t *testing.T, flags []string) {
	t.Helper()
	page := providersPage(t, flags)
	filled := 0
	for _, c := range page.Cards {
		require.NotContains(t, fmt.Sprint(c.Answer), "the provider was lost", c.ID)
		if len(c.Rows) > 0 {
			filled++
		}
	}
	require.Equal(t, len(page.Cards), filled, "cards with rows")
}
