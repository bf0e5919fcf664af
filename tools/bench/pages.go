package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Twenty users, each of whom asks for a page a second; half of what they ask was never asked before.
const (
	pageUsers   = 20
	pageSeconds = 30
)

// askedPages are the pages of the carepay project, the first one as often as people open it, and those that every project has: a list, a
// record, and the pages about runs, checks, quarantine, tables and lineage. askedBefore are questions that the server has been asked
// before it is measured.
var (
	askedPages  = []string{"overview", "overview", "providers", "products", "reconciliation", "provider", "claims", "claim", "data"}
	askedBefore = []string{"", "range=28d", "range=365d", "status=rejected"}
)

// pages measures the dashboard's pages as their users see them: a server process of its own over the DuckDB warehouse that the part
// building made, asked over loopback.
func (b *bench) pages(ctx context.Context) error {
	warehouse := filepath.Join(b.dir, "bench.duckdb")
	if _, err := os.Stat(warehouse); errors.Is(err, os.ErrNotExist) {
		b.note("pages: not measured without the part building before them")
		return nil
	}
	program := filepath.Join(b.dir, "lifeline")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/lifeline").CombinedOutput(); err != nil {
		return fmt.Errorf("build the server: %w\n%s", err, tail(string(out)))
	}
	serve := exec.CommandContext(ctx, program, "serve", "--project", projectDir, "--warehouse", "duckdb:"+warehouse, "--addr", "127.0.0.1:0")
	said, err := serve.StdoutPipe()
	if err != nil {
		return err
	}
	serve.Stderr = os.Stderr
	fmt.Fprintf(os.Stderr, "pages, %d users for %d s\n", pageUsers, pageSeconds)
	if err := serve.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	asked, err := askPages(ctx, said)
	_ = serve.Process.Signal(syscall.SIGTERM)
	if ended := serve.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("the server ended: %w", ended)
	}
	if err != nil {
		return err
	}
	memory := 0.0
	if usage, ok := serve.ProcessState.SysUsage().(*syscall.Rusage); ok {
		memory = float64(usage.Maxrss) / 1024
	}
	for _, name := range asked.names() {
		s := asked.seconds[name]
		slices.Sort(s)
		b.results = append(b.results, result{
			Name: "page " + name, Scale: b.scale, Seconds: s, PeakMB: memory,
			Detail: fmt.Sprintf("p50 %.1f ms; p95 %.1f ms; p99 %.1f ms of %d", quantile(s, 0.5)*1000, quantile(s, 0.95)*1000,
				quantile(s, 0.99)*1000, len(s)),
		})
	}
	return nil
}

// answers are the times of a page's answers, in seconds, by page and by whether it was asked before.
type answers struct {
	mu      sync.Mutex
	seconds map[string][]float64
	failed  error
}

func (a *answers) add(took float64, names ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range names {
		a.seconds[name] = append(a.seconds[name], took)
	}
}

func (a *answers) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = errors.Join(a.failed, err)
}

func (a *answers) names() []string {
	var out []string
	for name := range a.seconds {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// askPages reads from the server where it listens, and asks.
func askPages(ctx context.Context, said io.Reader) (*answers, error) {
	out := &answers{seconds: map[string][]float64{}}
	lines := bufio.NewScanner(said)
	address := ""
	for address == "" && lines.Scan() {
		if at := strings.Index(lines.Text(), "http://"); at >= 0 {
			address = strings.TrimRight(strings.Fields(lines.Text()[at:])[0], "/")
		}
	}
	if address == "" {
		return nil, errors.New("the server did not say where it listens")
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	for _, page := range askedPages {
		for _, q := range askedBefore {
			if page != "provider" && page != "claim" {
				if _, err := askPage(ctx, address, page, q); err != nil {
					return nil, err
				}
			}
		}
	}
	var work sync.WaitGroup
	for u := range pageUsers {
		work.Go(func() { out.user(ctx, address, u) })
	}
	work.Wait()
	return out, out.failed
}

// user asks for a page a second.
func (a *answers) user(ctx context.Context, address string, number int) {
	r := rand.New(rand.NewPCG(uint64(number), uint64(time.Now().UnixNano())))
	time.Sleep(time.Duration(number) * time.Second / pageUsers)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := range pageSeconds {
		page, q, kind := askedPages[r.IntN(len(askedPages))], askedBefore[r.IntN(len(askedBefore))], "asked before"
		if page == "data" {
			q = ""
		} else if (n+number)%2 == 0 || page == "provider" || page == "claim" { // Half of the users at a time, for they do not ask in step.
			from := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(900))
			q = fmt.Sprintf("from=%s&to=%s&program!=%d", from.Format(time.DateOnly), from.AddDate(0, 0, 20+r.IntN(150)).Format(time.DateOnly),
				r.IntN(100000))
			kind = "never asked"
		}
		switch page {
		case "claim":
			q = fmt.Sprint(2535672 + r.IntN(700000)) // Of the sample's keys, from the first one.
		case "provider":
			q += fmt.Sprintf("&provider=%d", 2000+r.IntN(1500))
		}
		took, err := askPage(ctx, address, page, q)
		if err != nil {
			a.fail(err)
			return
		}
		a.add(took, "all", kind, page)
		<-tick.C
	}
}

// dataPages are asked in turn: what they show is the same for everybody.
var dataPages = []string{"runs", "checks", "quarantine", "tables", "lineage?table=analytics.dim_claims_lifecycle&up=1&down=1", "meta"}

// pagePath is where the API answers for a page.
func pagePath(page, query string) string {
	switch page {
	case "claims":
		return "/tables/analytics.dim_claims_lifecycle/rows?histogram=1&limit=100&sort=-date_submitted&fields=" +
			"dim_claim_id,status,dim_program_id,dim_provider_id,type,amount,currency,invoices_total,date_submitted,date_treatment,date_decided&" +
			query
	case "claim":
		return "/records/claims/" + query
	case "data":
		return "/" + dataPages[rand.IntN(len(dataPages))]
	}
	return "/pages/" + page + "?" + query
}

// askPage gives the seconds until a page's whole answer is there.
func askPage(ctx context.Context, address, page, query string) (float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/v1"+pagePath(page, query), nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("ask for %s: %w", page, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, fmt.Errorf("ask for %s: %w", page, err)
	}
	if answer.StatusCode != http.StatusOK && (page != "claim" || answer.StatusCode != http.StatusNotFound) { // A few keys are in quarantine.
		return 0, fmt.Errorf("ask for %s?%s: %s: %s", page, query, answer.Status, tail(string(text)))
	}
	return time.Since(began).Seconds(), nil
}

// quantile is the value below which a share of sorted values lies.
func quantile(sorted []float64, share float64) float64 {
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// printPages compares each page with what its users are promised.
func (b *bench) printPages(w io.Writer) {
	asked := false
	for _, r := range b.results {
		name, is := strings.CutPrefix(r.Name, "page ")
		if !is {
			continue
		}
		asked = true
		if slices.Contains(askedPages, name) || name == "all" {
			ms := quantile(r.Seconds, 0.95) * 1000
			fmt.Fprintf(w, "%-64s %8.0f %8s %s\n", "page "+name+", p95 ms", ms, "<= 100", verdict(ms <= 100))
		}
	}
	if !asked {
		fmt.Fprintf(w, "%-64s %8s\n", "pages, p95 ms", "not measured")
	}
}
