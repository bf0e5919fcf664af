package dashboard_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPagesUnderLoad measures twenty users who each ask for a page a second, half of the questions never asked before. It needs a big
// warehouse: LIFELINE_BENCH_WAREHOUSE=duckdb:PATH go test ./dashboard -run UnderLoad -v.
func TestPagesUnderLoad(t *testing.T) {
	dsn := os.Getenv("LIFELINE_BENCH_WAREHOUSE")
	if dsn == "" {
		t.Skip("LIFELINE_BENCH_WAREHOUSE names no warehouse")
	}
	c := open(t, dsn)
	const users, seconds = 20, 30
	pages := []string{"overview", "overview", "providers", "products", "reconciliation", "provider"}
	usual := []string{"", "range=28d", "range=365d", "status=rejected"}
	for _, p := range pages {
		for _, q := range usual {
			if p != "provider" {
				status, _, body := c.raw("/api/v1/pages/" + p + "?" + q)
				require.Equal(t, http.StatusOK, status, string(body))
			}
		}
	}
	var mu sync.Mutex
	spent := map[string][]float64{}
	var work sync.WaitGroup
	for u := range users {
		work.Go(func() {
			r := rand.New(rand.NewPCG(uint64(u), 7))
			<-time.After(time.Duration(u) * time.Second / users)
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for n := range seconds {
				page, q, kind := pages[r.IntN(len(pages))], usual[r.IntN(len(usual))], "asked before"
				if n%2 == 0 || page == "provider" {
					from := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(900))
					q = fmt.Sprintf("from=%s&to=%s&program!=%d", from.Format(time.DateOnly), from.AddDate(0, 0, 20+r.IntN(150)).Format(time.DateOnly), r.IntN(100000))
					kind = "new"
				}
				if page == "provider" {
					q += fmt.Sprintf("&provider=%d", 2000+r.IntN(1500))
				}
				answer, err := http.Get(c.url + "/api/v1/pages/" + page + "?" + q)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				text := strings.TrimPrefix(answer.Header.Get("Server-Timing"), "app;dur=")
				ms, err := strconv.ParseFloat(text, 64)
				if err != nil || answer.StatusCode != http.StatusOK {
					t.Errorf("%s %s: %d", page, q, answer.StatusCode)
				}
				mu.Lock()
				spent["all"] = append(spent["all"], ms)
				spent[kind] = append(spent[kind], ms)
				if kind == "new" {
					spent["new "+page] = append(spent["new "+page], ms)
				}
				mu.Unlock()
				<-tick.C
			}
		})
	}
	work.Wait()
	for _, kind := range []string{"all", "asked before", "new", "new overview", "new providers", "new products", "new reconciliation", "new provider"} {
		ms := spent[kind]
		slices.Sort(ms)
		if len(ms) > 0 {
			t.Logf("%-20s n %4d  p50 %7.1f ms  p95 %7.1f ms  max %7.1f ms", kind, len(ms), ms[len(ms)/2], ms[len(ms)*95/100], ms[len(ms)-1])
		}
	}
}
