package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/project"
)

var update = flag.Bool("update", false, "write the generated part of docs/quality.md")

const qualityDoc = "../../docs/quality.md"

// wanted are the checks that claims data needs, by their numbers, in the order of the list.
const wanted = `CM01 CM02 CM03 CM04 CM05 CM06 CM07 CM08 CM09 CM10 CM11 CM13 CM15
	VA01 VA02 VA03 VA04 VA05 VA06 VA08 VA09 VA10 VA11 VA13 VA14 VA17
	CN01 CN02 CN03 CN04 CN05 CN07 CN08 CN09 CN11 CN13 CN15 CN19 CN20
	UQ01 UQ02 UQ03 UQ04 RI01 RI02 RI03 RI04 RI08 RI09
	TM01 TM02 TM03 TM04 TM08 AN01 AN02 AN03 AN04 AN05 AN07 AN08 AN16 AN17`

// builtIn are those that are not tests of the project, and what does their work.
var builtIn = map[string]string{
	"UQ01": "Rows of one key and one content count once; the others are `superseded`. Judged for every source table with a declared key.",
	"UQ02": "Rows of one key and different content are all quarantined, reason `duplicate_key`.",
	"UQ03": "`unique` on `id` of each activity table.",
	"UQ04": "`unique` on the key of each flattened table, and the book that compares its keys with those of its entity.",
	"RI09": "Landing compares each snapshot with the one before: a row that is gone leaves staging and stands in history as `delete`.",
	"TM01": "`freshness` of each source table: 24 h. `lifeline.yml` can loosen it, with a note and a day until which that holds.",
	"TM02": "The dashboard's banner, by `stale_after`; every answer says the `as_of` it is of.",
	"TM03": "All tables of a run are read at one point of the source; `ops.runs` has the position and how it was held.",
	"TM04": "A run reads whole snapshots, so there can be no gap between two of them.",
	"AN01": "Book source = staging, rows of each table.",
	"AN02": "Book staging = core + quarantine + superseded, rows of each table.",
	"AN03": "The same in money, per currency, to the last decimal.",
	"AN04": "Book of checksums by ranges of keys, source against staging, narrowed down to the row.",
	"AN07": "Preflight compares the source with the contract before a row is read: removed, retyped and moved columns stop the run, added " +
		"ones are reported.",
	"AN17": "Every version is built whole from staging, so there is no increment that could differ.",
}

var number = regexp.MustCompile(`\b(CM|VA|CN|UQ|RI|TM|AN)\d\d\b`)

type documented struct{ Name, Node, Severity, Threshold, SQL, Sentence, File string }

// carepayChecks are the checks of a run over the sample, each with the sentence that the project says of it.
func carepayChecks(t *testing.T) []documented {
	t.Helper()
	flags := at(carepay, "csv:"+smallSample(t), duckAt(t, "documented"))
	r := firstRun(t, flags)
	o := lifeline(t, append(append([]string{"query", "--json", "--books"}, flags...), fmt.Sprintf(`
select check_name as "Name", node as "Node", severity as "Severity", threshold as "Threshold", sql as "SQL"
from ops.check_results
where run_id = %d and kind <> 'freshness'
order by case when node like 'carepay.%%' then 0 when node = '' then 2 else 1 end, node, check_name`, r.RunID))...)
	require.Zero(t, o.code, o.errors)
	var out []documented
	require.NoError(t, json.Unmarshal([]byte(o.out), &out))
	p, err := lifecycle.Load(carepay, project.Options{})
	require.NoError(t, err)
	tests := map[string]*project.Test{}
	for _, test := range p.Tests {
		tests[test.Name] = test
	}
	for i := range out {
		d := &out[i]
		test := tests[d.Name]
		require.NotNil(t, test, d.Name)
		d.Sentence, d.File = test.Description, test.File
		if d.Sentence == "" {
			d.Sentence = inWords(test)
		}
	}
	return out
}

// inWords says what a test of dbt's own means, where the project leaves that to its name.
func inWords(t *project.Test) string {
	switch t.Kind {
	case "not_null":
		return fmt.Sprintf("`%s` is never null.", t.Column)
	case "unique":
		return fmt.Sprintf("No two rows share a `%s`.", t.Column)
	case "relationships":
		return fmt.Sprintf("Each `%s` is that of a row of %s.", t.Column,
			strings.Trim(strings.TrimPrefix(fmt.Sprint(t.Args["to"]), "ref"), "()'"))
	case "accepted_values":
		return fmt.Sprintf("`%s` is one of %s.", t.Column, strings.Trim(strings.ReplaceAll(fmt.Sprint(t.Args["values"]), " ", ", "), "[]"))
	}
	return "See the file."
}

var (
	spaces   = regexp.MustCompile(`\s+`)
	read     = regexp.MustCompile(`timestamp '20[2-9]\d-[^']*'`)
	relation = regexp.MustCompile(`\bv\.(core|analytics)\.`)
)

// oneLine is a query as the table shows it: on one line, of the published names, with a word for when the source was read.
func (d *documented) oneLine() string {
	if strings.HasSuffix(d.File, ".sql") {
		return fmt.Sprintf("[%s](../examples/carepay/%s)", d.File, d.File)
	}
	sql := spaces.ReplaceAllString(relation.ReplaceAllString(read.ReplaceAllString(d.SQL, "<when it was read>"), "$1."), " ")
	return "`" + strings.ReplaceAll(sql, "|", `\|`) + "`"
}

// generated is the part of the page that follows from the project.
func generated(checks []documented) string {
	var b strings.Builder
	b.WriteString("### By number\n\n| number | where it lives |\n|---|---|\n")
	places := map[string][]string{}
	for _, c := range checks {
		for _, n := range number.FindAllString(c.Sentence[:min(len(c.Sentence), 30)], -1) {
			places[n] = append(places[n], "`"+c.Name+"`")
		}
	}
	for _, n := range strings.Fields(wanted) {
		where := places[n]
		if text := builtIn[n]; text != "" {
			where = append(where, text)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", n, strings.Join(where, ", "))
	}
	node := "-"
	for _, c := range checks {
		if c.Node != node {
			node = c.Node
			title := "`" + node + "`"
			if node == "" {
				title = "Over several tables"
			}
			fmt.Fprintf(&b, "\n### %s\n\n| check | what it says | action | query of what is wrong |\n|---|---|---|---|\n", title)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s, %s | %s |\n", c.Name, c.Sentence, c.Severity, c.Threshold, c.oneLine())
	}
	return b.String()
}

const beginGenerated, endGenerated = "<!-- made by go test ./cmd/lifeline -run TestTheQualityPage -update -->\n", "<!-- end -->\n"

func TestTheQualityPageSaysEachCheckInOneSentenceWithItsQuery(t *testing.T) {
	t.Parallel()
	checks := carepayChecks(t)
	made := generated(checks)
	var named []string
	for _, c := range checks {
		require.NotEqual(t, "See the file.", c.Sentence, c.Name)
		named = append(named, number.FindAllString(c.Sentence, -1)...)
	}
	for _, n := range strings.Fields(wanted) {
		require.True(t, builtIn[n] != "" || slices.Contains(named, n), "%s is nowhere", n)
	}
	require.Len(t, strings.Fields(wanted), 63)
	page, err := os.ReadFile(qualityDoc)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), beginGenerated)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, endGenerated)
	require.True(t, ok)
	whole := before + beginGenerated + made + endGenerated + after
	if *update {
		require.NoError(t, os.WriteFile(qualityDoc, []byte(whole), 0o644))
		return
	}
	require.Equal(t, whole, string(page), "docs/quality.md is not what the project says: go test ./cmd/lifeline -run TestTheQualityPage "+
		"-update")
}
