package lifecycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/model"
	"lifeline/project"
)

// Whatever an activity is called and whatever it declares, the fact and the flattened table count the same changes: a change that only one
// of them took for the activity would stop every later run.
func TestEveryChangeIsTheSameActivityInTheFactAndOnTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ activities, sql string }{
		"by the state's own name":  {"  back: {at: changed_at}", "c.kind = 'transition' and c.to_state = 'back'"},
		"by its own name, a proxy": {"  back: {at: changed_at, basis: proxy}", "c.kind = 'transition' and c.to_state = 'back'"},
		"two of one state": {
			"  settled: {state: [sent, cancelled], at: changed_at, basis: proxy}",
			"c.kind = 'transition' and c.to_state in ('sent', 'cancelled')",
		},
		"named as what vanishes":   {"  deleted: {at: changed_at}", "c.kind = 'deleted'"},
		"named as the first sight": {"  observed_in_state: {at: changed_at}", "c.kind = 'observed_in_state'"},
		"a child's with a state": {
			"  loaded: {each: scan, at: scanned_at, when: {kind: lost}, to: sent}",
			"c.kind = 'transition' and c.to_state = 'sent'",
		},
		"a child's, named as one": {"  back: {each: scan, at: scanned_at, when: {kind: lost}}", "c.kind = 'transition' and c.to_state = 'back'"},
		"on the line only":        {"  back: {at: changed_at, fact: false}", ""},
		"in the fact only":        {"  back: {at: changed_at, flattened: false}", "c.kind = 'transition' and c.to_state = 'back'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := load(t, files("UTC", strings.Replace(shop, "legs:", c.activities+"\nlegs:", 1)))
			require.NoError(t, err)
			activity, _, _ := strings.Cut(strings.TrimSpace(c.activities), ":")
			engines(t, func(t *testing.T, e engine) {
				for seed := range uint64(times(2, 20)) {
					w := newWorld(seed, 150, "UTC")
					w.fill(t, e, seed)
					g := e.build(t, p, w.asOf.Format("2006-01-02 15:04:05"))
					for _, check := range []string{"flattened_order_equals_events", "one_present_state_per_order"} {
						require.Empty(t, e.failing(t, p, g, check), "seed %d", seed)
					}
					if c.sql == "" {
						continue
					}
					seen := e.rows(t, "select count(*) from analytics.order_changes as c inner join raw.orders as o on o.id = c.record_key where "+
						"c.activity_date is not null and "+c.sql)
					require.Equal(t, seen, e.rows(t, fmt.Sprintf(
						"select count(*) from analytics.fct_order_activity "+
							"where activity_status = '%s' and known_at is not null", activity)), "seed %d", seed)
				}
			})
		})
	}
}

// failing are the rows that a check of the project finds.
func (e engine) failing(t testing.TB, p *project.Project, g *model.Graph, name string) []string {
	t.Helper()
	text, err := g.CompileTest(checkOf(t, p, name), model.Env{Relation: relation})
	require.NoError(t, err)
	return e.rows(t, text)
}

func checkOf(t testing.TB, p *project.Project, name string) *project.Test {
	t.Helper()
	i := slices.IndexFunc(p.Tests, func(check *project.Test) bool { return check.Name == name })
	require.GreaterOrEqual(t, i, 0, "there is no check %s", name)
	return p.Tests[i]
}
