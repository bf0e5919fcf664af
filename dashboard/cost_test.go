package dashboard_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/semantic"
)

// cpu is the processor time that this process has used, in milliseconds.
func cpu(t *testing.T) float64 {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Sec+u.Stime.Sec)*1000 + float64(u.Utime.Usec+u.Stime.Usec)/1000
}

// newQuestion is a question that nobody has asked before: a period and an exclusion that differ each time.
func newQuestion(r *rand.Rand, page string) string {
	from := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(900))
	q := fmt.Sprintf("from=%s&to=%s&program!=%d", from.Format(time.DateOnly), from.AddDate(0, 0, 20+r.IntN(150)).Format(time.DateOnly),
		r.IntN(100000))
	if page == "provider" {
		q += fmt.Sprintf("&provider=%d", 2000+r.IntN(1500))
	}
	return q
}

var loadPages = strings.Split(cmp.Or(os.Getenv("LIFELINE_BENCH_PAGES"), "overview,providers,products,reconciliation,provider"), ",")

// TestProcessorTimeOfNewPages measures what one page costs that was never asked before, one at a time: processor time of the whole
// process, which a busy machine does not change much. LIFELINE_BENCH_ANSWERS=FILE keeps the answers, to compare two programs.
func TestProcessorTimeOfNewPages(t *testing.T) {
	dsn := os.Getenv("LIFELINE_BENCH_WAREHOUSE")
	if dsn == "" {
		t.Skip("LIFELINE_BENCH_WAREHOUSE names no warehouse")
	}
	before := cpu(t)
	c := open(t, dsn)
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, resident, _ := strings.Cut(string(status), "VmRSS:")
	resident, _, _ = strings.Cut(strings.TrimSpace(resident), "\n")
	t.Logf("opening cost %.0f ms of processor time; %s are in memory", cpu(t)-before, resident)
	answers := map[string]any{}
	cost := map[string][]float64{}
	for i := range 12 {
		for _, page := range loadPages {
			q := newQuestion(rand.New(rand.NewPCG(uint64(i), 11)), page)
			before := cpu(t)
			code, _, body := c.raw("/api/v1/pages/" + page + "?" + q)
			spent := cpu(t) - before
			require.Equal(t, http.StatusOK, code, string(body))
			if i > 1 {
				cost[page], cost["all"] = append(cost[page], spent), append(cost["all"], spent)
			}
			var answer dashboard.Answer[semantic.PageData]
			require.NoError(t, json.Unmarshal(body, &answer))
			answer.Meta.MS = 0
			for j := range answer.Data.Cards {
				answer.Data.Cards[j].MS, answer.Data.Cards[j].SQL = 0, ""
				require.Nil(t, answer.Data.Cards[j].Problem)
				if os.Getenv("LIFELINE_BENCH_CARDS") != "" && i > 1 {
					card := answer.Data.Cards[j].ID
					before := cpu(t)
					_, _, _ = c.raw("/api/v1/pages/" + page + "?" + q + "&card=" + url.QueryEscape(card))
					cost[page+"/"+card] = append(cost[page+"/"+card], cpu(t)-before)
				}
			}
			answers[page+"?"+q] = answer.Data
		}
	}
	names := make([]string, 0, len(cost))
	for name := range cost {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		sum := 0.0
		for _, x := range cost[name] {
			sum += x
		}
		slices.Sort(cost[name])
		t.Logf("%-28s mean %6.1f ms  most %6.1f ms of processor time", name, sum/float64(len(cost[name])), cost[name][len(cost[name])-1])
	}
	if file := os.Getenv("LIFELINE_BENCH_ANSWERS"); file != "" {
		text, err := json.MarshalIndent(answers, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, text, 0o644))
	}
}
