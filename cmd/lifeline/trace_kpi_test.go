package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"

	"lifeline/trace"
)

// withTracer opens a tracer in the test's own process.
func withTracer(t *testing.T, project, dsn string, do func(context.Context, *trace.Tracer)) {
	t.Helper()
	g := &Globals{Project: project, Warehouse: dsn}
	require.NoError(t, g.withTracer(t.Context(), func(tracer *trace.Tracer) error {
		do(t.Context(), tracer)
		return nil
	}))
}

// requireBehind holds the records of a figure to what the figure says, by counting them.
func requireBehind(t *testing.T, f trace.Figure, b *trace.Behind) {
	t.Helper()
	what := *f.Get("kpi_id") + " " + *f.Get("measure")
	require.True(t, b.Agrees, "%s: %+v", what, b)
	var n, listed int64
	seen := map[string]bool{}
	for _, s := range b.Sets {
		for _, r := range s.Records {
			id := s.Of + s.Only + r.Key
			require.False(t, seen[id], "%s counts %s twice", what, id)
			seen[id] = true
			if r.Counted {
				listed++
			}
		}
		n += s.N
		require.Len(t, s.Records, int(s.Total), what)
	}
	require.Equal(t, n, listed, what)
	if len(b.Sets) > 0 && *f.Get("kpi_id") != "KPI-32" { // The index weighs figures; the others count records.
		requireNumber(t, *f.Get("n"), apd.New(n, 0).String(), what)
	}
}

// untraced are the measures that are made of other figures, and those whose numerator no sum over records gives.
var untraced = map[string]string{"KPI-27 completion_factor": "all"}

func TestEveryKPIOfTheGoldenSetIsTheRecordsBehindIt(t *testing.T) {
	t.Parallel()
	project := goldenProject(t)
	onEveryEngine(t, func(t *testing.T, dsn string) {
		flags := at(project, "csv:testdata/kpi", dsn)
		firstRun(t, flags)
		withTracer(t, project, dsn, func(ctx context.Context, tracer *trace.Tracer) {
			names := tracer.FigureNames()
			require.Len(t, names, 32)
			figures, few := 0, oneIn(5, dsn)
			if !long {
				few *= 4
			}
			for _, name := range names {
				found, err := tracer.Figures(ctx, tracer.FigureNode(name), nil)
				require.NoError(t, err)
				for i, f := range found {
					if i%few != 0 {
						continue
					}
					b, err := tracer.Behind(ctx, f, 0)
					require.NoError(t, err, name)
					requireBehind(t, f, b)
					what := *f.Get("kpi_id") + " " + *f.Get("measure")
					require.Equal(t, untraced[what] == "all", !b.Traced.Rows, what)
					require.Equal(t, strings.HasPrefix(what, "KPI-23") || untraced[what] != "", !b.Traced.Numerator, what)
					figures++
				}
			}
			require.Greater(t, figures, 400/few)
		})
		requireHandListed(t, flags, oneIn(5, dsn))
	})
}

// handListed are records that docs/kpis.md names in its column "by hand": those in the numerator, and those in n.
var handListed = []struct{ args, hits, n string }{
	{"KPI-01 --month 2019-07 --program 1", "101 104", "101 102 104"},
	{"kpi_01_approval_rate --month 2019-08 --program 2", "111", "111 113"},
	{"KPI-01 --month none --program 1", "", ""},
	{"KPI-02 --month 2019-07 --program 1", "102", "101 102 104"},
	{"KPI-03 --month 2019-08 --program 2", "113", "111 112 113"},
	{"KPI-04 --month 2019-07 --program 1 --currency KES", "101 104", "101 102 104"},
	{"KPI-05 --month 2019-07 --program 1", "101", "101 102 104"},
	{"KPI-06 --month 2019-07 --program 1 --measure rate", "4", "1 2 3 4"},
	{"KPI-06 --month none --program 1 --measure rate_of_invoices", "204", "201 202 203 204 209 210"},
	{"KPI-12 --month 2019-10 --program 1 --part 14 --basis proxy", "", "9"},
	{"KPI-13 --program 2 --measure claims --part >90", "112", "112"},
	{"KPI-14 --month 2019-07 --program 1 --measure clearance", "101 102 104", "101 102 103 104"},
	{"KPI-16 --month 2019-10 --program 1 --measure treatments", "9", "9"},
	{"KPI-18 --month 2019-08 --program 1 --measure amount", "106", "106"},
	{"KPI-20 --month 2019-07 --program 1 --measure mean_approved", "101 103 104", "101 103 104"},
}

func requireHandListed(t *testing.T, flags []string, few int) {
	t.Helper()
	for i, want := range handListed {
		if i%few != 0 {
			continue
		}
		o := lifeline(t, append(append([]string{"trace", "--json", "--limit", "0"}, strings.Fields(want.args)...), flags...)...)
		require.Zero(t, o.code, o.errors)
		var got struct {
			Behind []struct{ Records []trace.Set }
		}
		require.NoError(t, json.Unmarshal([]byte(o.out), &got), o.out)
		require.Len(t, got.Behind, 1, want.args)
		var hits, n []string
		for _, s := range got.Behind[0].Records {
			for _, r := range s.Records {
				if r.Hit {
					hits = append(hits, r.Key)
				}
				if r.Counted {
					n = append(n, r.Key)
				}
			}
		}
		slices.Sort(hits)
		slices.Sort(n)
		require.Equal(t, want.hits, strings.Join(hits, " "), want.args)
		require.Equal(t, want.n, strings.Join(n, " "), want.args)
	}
}

func TestFiguresOfASampleAreTheRecordsBehindThem(t *testing.T) {
	t.Parallel()
	dsn := duckAt(t, "figures")
	flags := at(carepay, "csv:"+smallSample(t), dsn)
	firstRun(t, flags)
	most := 4
	if long {
		most = 12
	}
	withTracer(t, carepay, dsn, func(ctx context.Context, tracer *trace.Tracer) {
		for _, name := range tracer.FigureNames() {
			found, err := tracer.Figures(ctx, tracer.FigureNode(name), nil)
			require.NoError(t, err)
			seen := map[string]int{}
			for i, f := range found {
				// A few of each measure, from all over the table.
				if measure := *f.Get("measure"); (i*7919)%len(found) < len(found)/3 || len(found) < 40 {
					if seen[measure]++; seen[measure] > most {
						continue
					}
					b, err := tracer.Behind(ctx, f, 0)
					require.NoError(t, err, name)
					requireBehind(t, f, b)
				}
			}
		}
	})
	o := lifeline(t, append([]string{"trace", "kpi_01_approval_rate", "--month", "2019-03", "--program", "40", "--limit", "2"}, flags...)...)
	require.Zero(t, o.code, o.errors)
	require.Contains(t, o.out, "core.claims: ")
	require.Contains(t, o.out, "numerator + 1, n")
	require.Contains(t, o.out, "--limit 0 lists all")
	requireFiguresRefused(t, flags)
}

func TestATraceSaysWhenTheProjectIsNoLongerThatOfTheVersion(t *testing.T) {
	t.Parallel()
	project, dsn := projectCopy(t), duckAt(t, "changed")
	flags := at(project, "csv:"+smallSample(t), dsn)
	firstRun(t, flags)
	edit(t, project, "models/kpi/kpi_01_08.yml", "where: c.decided\n", "where: c.approved\n")
	o := lifeline(t, append([]string{"trace", "kpi_02_rejection_rate", "--json"}, flags...)...)
	require.Zero(t, o.code, o.errors)
	edit(t, project, "models/kpi/kpi_01_08.yml", "hit: c.approved\n", "hit: c.rejected\n")
	for month := range 12 {
		o = lifeline(t, append([]string{"trace", "KPI-01", "--program", "40", "--month", "2019-" +
			[]string{"01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"}[month]}, flags...)...)
		if o.code == 0 && strings.Contains(o.out, "do not add up to the published figure") {
			require.Contains(t, o.out, "Try: lifeline run")
			return
		}
	}
	require.Fail(t, "no figure was found to be another", o.out)
}
