package dashboard_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/semantic"
)

func TestEveryAnswerHasTheStrictHeaders(t *testing.T) {
	t.Parallel()
	c := duck(t)
	for _, path := range []string{
		"/", "/claims/12", "/assets/none.js", "/api/v1/meta", "/api/v1/pages/overview", "/api/v1/nothing",
		"/healthz", "/metrics", "/api/v1/openapi.json",
	} {
		_, h, _ := c.raw(path)
		policy := h.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.Contains(t, policy, "require-trusted-types-for 'script'", path)
		require.Contains(t, policy, "frame-ancestors 'none'", path)
		require.NotContains(t, policy, "unsafe", path)
		require.NotContains(t, policy, "http", path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		require.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"), path)
		require.Empty(t, h.Get("Set-Cookie"), path)
		require.NotEmpty(t, h.Get("X-Request-Id"), path)
	}
}

func TestTheAPIIsReadOnly(t *testing.T) {
	t.Parallel()
	c := duck(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		answer := c.request(method, "/api/v1/pages/overview", "{}")
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode, method)
	}
}

func TestAnAnswerThatTheAskerHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	c := duck(t)
	for _, path := range []string{
		"/api/v1/pages/overview?range=28d", "/api/v1/tables", "/api/v1/tables/core.claims/rows?limit=2",
		"/api/v1/checks", "/",
	} {
		_, h, _ := c.raw(path)
		require.NotEmpty(t, h.Get("ETag"), path)
		require.Equal(t, "private, no-cache", h.Get("Cache-Control"), path)
		again := *c
		again.header = http.Header{"If-None-Match": {h.Get("ETag")}}
		status, _, body := again.raw(path)
		require.Equal(t, http.StatusNotModified, status, path)
		require.Empty(t, body)
	}
	_, a, _ := c.raw("/api/v1/pages/overview?range=28d")
	_, b, _ := c.raw("/api/v1/pages/overview?range=7d")
	require.NotEqual(t, a.Get("ETag"), b.Get("ETag"))
}

func TestForeignHostsAndSitesAreTurnedAway(t *testing.T) {
	t.Parallel()
	c := duck(t)
	r, err := http.NewRequest(http.MethodGet, c.url+"/api/v1/meta", nil)
	require.NoError(t, err)
	r.Host = "evil.example.org"
	answer, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusMisdirectedRequest, answer.StatusCode)
	foreign := *c
	foreign.header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	foreign.problem("/api/v1/tables/core.claims/rows?format=csv", http.StatusForbidden)
}

func TestOnlyLoopbackWithoutAuthentication(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:8080", "[::1]:8080", "localhost:0"} {
		require.NoError(t, dashboard.CheckAddress(addr, dashboard.Auth{}), addr)
	}
	for _, addr := range []string{"0.0.0.0:8080", ":8080", "[::]:80", "192.168.1.4:80", "data.example.org:80", "nonsense"} {
		require.Error(t, dashboard.CheckAddress(addr, dashboard.Auth{Mode: dashboard.AuthNone}), addr)
	}
	require.NoError(t, dashboard.CheckAddress("0.0.0.0:8080", dashboard.Auth{Mode: dashboard.AuthBasic}))
}

// usersText is a file of users, whose hashes are made once: they cost what they are meant to.
var usersText = sync.OnceValues(func() (string, error) {
	var b strings.Builder
	fmt.Fprintln(&b, "# name:roles:hash")
	for line, secret := range map[string]string{
		"ada:viewer,data": "correct horse", "ben:viewer": "battery staple",
		"robot:token,viewer": "a-long-token-of-a-robot", "old:token=2020-01-01,data": "a-token-that-is-over",
	} {
		hash, err := dashboard.HashSecret(secret)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s:%s\n", line, hash)
	}
	return b.String(), nil
})

func users(t *testing.T) string {
	t.Helper()
	text, err := usersText()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "users.txt")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func (c *client) as(name, password string) *client {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(name, password)
	other := *c
	other.header = r.Header
	return &other
}

func (c *client) bearer(token string) *client {
	other := *c
	other.header = http.Header{"Authorization": {"Bearer " + token}}
	return &other
}

func TestBasicAndBearerAuthenticationKnowsRoles(t *testing.T) {
	t.Parallel()
	var audit bytes.Buffer
	c := duck(t, func(o *dashboard.Options) {
		o.Auth = dashboard.Auth{Mode: dashboard.AuthBasic, File: users(t), Contact: "data@example.org"}
		o.Logger = slog.New(slog.NewTextHandler(&audit, nil))
	})
	status, h, _ := c.raw("/")
	require.Equal(t, http.StatusUnauthorized, status, "the pages are as closed as the data")
	require.Contains(t, h.Get("WWW-Authenticate"), "Basic")
	c.problem("/api/v1/meta", http.StatusUnauthorized)
	status, _, _ = c.raw("/healthz")
	require.Equal(t, http.StatusOK, status)
	c.as("ada", "wrong").problem("/api/v1/meta", http.StatusUnauthorized)
	c.bearer("a-token-that-is-over").problem("/api/v1/meta", http.StatusUnauthorized)
	c.as("robot", "a-long-token-of-a-robot").problem("/api/v1/meta", http.StatusUnauthorized)

	ada, ben := c.as("ada", "correct horse"), c.as("ben", "battery staple")
	require.Equal(t, "ada", get[dashboard.MetaData](ada, "/api/v1/meta").Data.User.Name)
	require.Equal(t, []string{"viewer"}, get[dashboard.MetaData](c.bearer("a-long-token-of-a-robot"), "/api/v1/meta").Data.User.Roles)
	p := ben.problem(ask("select 1 as a"), http.StatusForbidden)
	require.Equal(t, "data", p.Role)
	require.Equal(t, "data@example.org", p.Contact)
	require.Len(t, get[dashboard.SQLData](ada, ask("select 1 as a")).Data.Rows, 1)

	// Raw values and SQL are for data; the cache must not mix the two.
	for _, x := range []struct {
		who *client
		sql bool
	}{{ada, true}, {ben, false}, {ada, true}, {ben, false}} {
		page := get[semantic.PageData](x.who, "/api/v1/pages/overview?range=7d")
		require.Equal(t, x.sql, page.Data.Cards[0].SQL != "")
		held := get[dashboard.QuarantineData](x.who, "/api/v1/quarantine")
		require.Equal(t, x.sql, held.Data.Rows[0].Row != nil)
		require.Equal(t, x.sql, held.Data.Rows[0].Reasons[0].Value != nil)
	}
	ben.problem("/api/v1/quarantine?format=csv", http.StatusForbidden)
	status, _, _ = ben.raw("/api/v1/tables/core.claims/rows?format=csv&status=rejected")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, audit.String(), "what=export")
	require.Contains(t, audit.String(), "user=ben")
	require.Contains(t, audit.String(), "what=sql")
	require.NotContains(t, audit.String(), "battery")
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	c := duck(t, func(o *dashboard.Options) { o.Auth = dashboard.Auth{Mode: dashboard.AuthBasic, File: users(t)} })
	var seen []int
	for i := range 12 {
		status, _, _ := c.as("ada", fmt.Sprint("guess", i)).raw("/api/v1/meta")
		seen = append(seen, status)
	}
	require.Contains(t, seen, http.StatusTooManyRequests)
}

func TestAProxyIsBelievedOnlyWithItsSecret(t *testing.T) {
	t.Parallel()
	auth := dashboard.Auth{Mode: dashboard.AuthProxy, Secret: "a secret of the proxy's", Groups: "X-Groups"}
	c := duck(t, func(o *dashboard.Options) { o.Auth = auth })
	asked := func(h http.Header) int {
		other := *c
		other.header = h
		status, _, _ := other.raw("/api/v1/meta")
		return status
	}
	require.Equal(t, http.StatusUnauthorized, asked(http.Header{}))
	require.Equal(t, http.StatusUnauthorized, asked(http.Header{"X-Forwarded-User": {"ada"}}))
	require.Equal(t, http.StatusUnauthorized, asked(http.Header{"X-Forwarded-User": {"ada"}, "X-Lifeline-Proxy-Secret": {"guess"}}))
	require.Equal(t, http.StatusUnauthorized,
		asked(http.Header{"X-Forwarded-User": {"ada", "root"}, "X-Lifeline-Proxy-Secret": {auth.Secret}}))
	require.Equal(t, http.StatusUnauthorized, asked(http.Header{"X-Lifeline-Proxy-Secret": {auth.Secret}}))
	require.Equal(t, http.StatusOK, asked(http.Header{"X-Forwarded-User": {"ada"}, "X-Lifeline-Proxy-Secret": {auth.Secret}}))
	other := *c
	other.header = http.Header{"X-Forwarded-User": {"ada"}, "X-Lifeline-Proxy-Secret": {auth.Secret}, "X-Groups": {"staff, data"}}
	require.Equal(t, []string{"viewer", "data"}, get[dashboard.MetaData](&other, "/api/v1/meta").Data.User.Roles)
	far := duck(t, func(o *dashboard.Options) { o.Auth = auth; o.Auth.Proxies = []string{"10.0.0.0/8"} })
	far.header = other.header
	far.problem("/api/v1/meta", http.StatusUnauthorized)
}

func TestTheDocumentOfTheAPIHasNotDrifted(t *testing.T) {
	t.Parallel()
	c := duck(t)
	_, _, now := c.raw("/api/v1/openapi.json")
	now = bytes.ReplaceAll(now, []byte(`"x-build": "test"`), []byte(`"x-build": "dev"`))
	file := filepath.Join("..", "docs", "openapi.json")
	if os.Getenv("LIFELINE_UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, now, 0o644))
	}
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, bytes.Equal(kept, now), "docs/openapi.json is another: LIFELINE_UPDATE=1 go test ./dashboard -run Document writes it anew")

	// Every route answers what the document says: the types' fields are all there, and no others (the client refuses unknown ones).
	var doc struct {
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	require.NoError(t, json.Unmarshal(now, &doc))
	require.Contains(t, doc.Paths, "/api/v1/pages/{page}")
	for _, name := range []string{"Card", "RowsData", "RunData", "Problem", "LiveEvent", "MetaData"} {
		require.Contains(t, doc.Components.Schemas, name)
	}
	text := string(now)
	for _, ref := range strings.Split(text, `"$ref": "#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(ref, `"`)
		require.Contains(t, doc.Components.Schemas, name)
	}
}

func TestEveryAnswerReadsBackIntoItsType(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		meta := get[dashboard.MetaData](c, "/api/v1/meta").Data
		require.Equal(t, "ready", meta.State)
		require.Equal(t, "2019-11-25", meta.DataThrough)
		require.Equal(t, "KES", meta.Currency)
		require.Equal(t, "fresh", meta.Freshness.Status)
		tables := get[[]dashboard.TableInfo](c, "/api/v1/tables").Data
		require.Greater(t, len(tables), 15)
		for i, x := range tables {
			if i%c.oneIn(2) != 0 {
				continue
			}
			data := get[dashboard.TableData](c, "/api/v1/tables/"+x.Name).Data
			require.Equal(t, x.Columns, len(data.Profile), x.Name)
			rows := get[semantic.RowsData](c, "/api/v1/tables/"+x.Name+"/rows?limit=3&histogram=1")
			require.Equal(t, x.Rows, rows.Page.Total, x.Name)
			for _, col := range data.Profile {
				require.LessOrEqual(t, col.Distinct+min(col.Nulls, 0), x.Rows)
			}
			lineage := get[dashboard.LineageData](c, "/api/v1/lineage?up=2&down=2&table="+x.Name).Data
			require.True(t, slices.ContainsFunc(lineage.Nodes, func(n dashboard.LineageNode) bool { return n.Focus && n.Name == x.Name }))
			for _, a := range lineage.Nodes {
				for _, b := range lineage.Nodes {
					require.False(t, a.Name != b.Name && a.X == b.X && a.Y == b.Y, "two nodes stand on one place")
				}
			}
		}
		runs := get[dashboard.RunsData](c, "/api/v1/runs").Data
		require.NotEmpty(t, runs.Runs)
		require.Len(t, runs.Tables, 4)
		one := get[dashboard.RunData](c, fmt.Sprintf("/api/v1/runs/%d", runs.Runs[0].ID)).Data
		require.NotEmpty(t, one.Books)
		require.NotEmpty(t, one.Models)
		checks := get[dashboard.ChecksData](c, "/api/v1/checks").Data
		require.Equal(t, len(checks.Checks), checks.Counts.Passed+checks.Counts.Warned+checks.Counts.Failed+countOf(checks.Checks,
			"not_applicable"))
		requireChecksShown(t, c, checks)
		get[dashboard.SearchData](c, "/api/v1/search?q=claim")
		held := get[dashboard.QuarantineData](c, "/api/v1/quarantine?limit=5")
		seen, after := held.Data.Rows, held.Page.Next
		for after != "" {
			next := get[dashboard.QuarantineData](c, "/api/v1/quarantine?limit=5&after="+after)
			seen, after = append(seen, next.Data.Rows...), next.Page.Next
		}
		require.EqualValues(t, held.Page.Total, len(seen))
		claim := slices.IndexFunc(seen, func(r dashboard.QuarantineRow) bool { return r.Table == "claim" })
		ids := get[dashboard.SQLData](c, ask("select dim_claim_id from analytics.dim_claims_lifecycle where amount > 0 and invoices_total > 0 "+
			"limit 1"))
		record := get[semantic.RecordData](c, "/api/v1/records/claims/"+text(ids.Data.Rows[0][0])).Data
		require.NotEmpty(t, record.Timeline)
		require.NotNil(t, record.Sum)
		require.Contains(t, c.problem("/api/v1/records/claims/"+seen[claim].Key, http.StatusNotFound).Detail, "quarantine")
		c.problem("/api/v1/records/claims/nonsense", http.StatusNotFound)
		c.problem("/api/v1/runs/999", http.StatusNotFound)
		c.problem("/api/v1/checks/nothing", http.StatusNotFound)
	})
}

// requireChecksShown looks at the page of some checks: it shows failing rows, or says why there are none.
func requireChecksShown(t *testing.T, c *client, checks dashboard.ChecksData) {
	t.Helper()
	shown, looked, kinds := 0, 0, map[string]bool{}
	for i, x := range checks.Checks {
		if i%c.oneIn(5) != 0 && (kinds[x.Kind] || c.postgres && !long) {
			continue
		}
		looked, kinds[x.Kind] = looked+1, true
		d := get[dashboard.CheckData](c, "/api/v1/checks/"+x.Name).Data
		require.NotEmpty(t, d.Text)
		passed := strings.HasPrefix(d.RowsNote, "No row fails")
		if passed && looked%8 == 0 {
			status, header, body := c.raw("/api/v1/checks/" + x.Name + "?format=ndjson")
			require.Equal(t, http.StatusOK, status, x.Name)
			require.Equal(t, header.Get("X-Row-Count"), fmt.Sprint(strings.Count(string(body), "\n")), x.Name)
			require.True(t, len(body) == 0 || x.Kind == "volume", "%s: %s", x.Name, body)
		}
		if len(d.Columns) > 0 || passed {
			shown++
		}
		require.True(t, len(d.Columns) > 0 || d.RowsNote != "", "%s shows neither rows nor why", x.Name)
	}
	require.Greater(t, shown, looked/2)
}

func countOf(checks []dashboard.CheckInfo, status string) int {
	n := 0
	for _, c := range checks {
		if c.Status == status {
			n++
		}
	}
	return n
}

func TestAProgramWithoutPagesSaysSo(t *testing.T) {
	t.Parallel()
	status, h, body := duck(t).raw("/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, h.Get("Content-Type"), "text/html")
	require.Contains(t, string(body), "built without the front end")
	pages := fstest.MapFS{
		"index.html":             {Data: []byte("<!doctype html><title>x</title>")},
		"assets/app-abcdef12.js": {Data: []byte(strings.Repeat("let a = 1;\n", 200))},
	}
	c := duck(t, func(o *dashboard.Options) { o.Pages = pages })
	for _, path := range []string{"/", "/claims", "/tables/core.claims", "/runs/1"} {
		_, _, body := c.raw(path)
		require.Contains(t, string(body), "<title>x", path)
	}
	status, h, _ = c.raw("/assets/app-abcdef12.js")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, h.Get("Cache-Control"), "immutable")
	status, _, _ = c.raw("/assets/none.js")
	require.Equal(t, http.StatusNotFound, status)
}

func TestSpreadsheetsComputeNothingOfAnExport(t *testing.T) {
	t.Parallel()
	c := duck(t)
	_, _, body := c.raw(ask(`select '=1+1' as "=a", '@x' as b, '-2' as c, -2 as d, 'plain' as e,
		null as f, '' as g, 'a,"b"' as h, '+44' as i`) + "&format=csv")
	lines, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"'=a", "b", "c", "d", "e", "f", "g", "h", "i"}, lines[0])
	require.Equal(t, []string{"'=1+1", "'@x", "'-2", "-2", "plain", "", "", `a,"b"`, "'+44"}, lines[1])
}

func TestMetricsCountRequests(t *testing.T) {
	t.Parallel()
	c := open(t, duckDSN(t))
	get[semantic.PageData](c, "/api/v1/pages/overview?range=7d")
	_, _, body := c.raw("/metrics")
	require.Contains(t, string(body), `lifeline_http_requests_total{route="/api/v1/pages/{page}",status="200"} 1`)
	require.Contains(t, string(body), "lifeline_published_version 1")
	require.Regexp(t, `lifeline_last_run_seconds\{status="published"\} 1\.\d+e\+09`, string(body))
	require.Regexp(t, `lifeline_checks\{status="pass"\} [1-9]`, string(body))
	require.Regexp(t, `lifeline_quarantine_rows\{state="quarantined"\} [1-9]`, string(body))
	status, _, text := c.raw("/readyz")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, string(text), "v1")
}
