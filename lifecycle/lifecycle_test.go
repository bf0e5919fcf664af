package lifecycle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/project"
)

const claim = `lifecycle: claim
from: ref('claims')
key: id
state: status
states: [draft, approved, rejected]
parents: {treatment: {from: ref('treatments'), on: treatment_id, key: id}}
related: {treatment: treatment_id, provider: treatment.provider_id}
measures: {amount: amount, currency: currency}
activities:
  created: {at: date_created}
  decided: {at: date_modified, state: [approved, rejected], basis: proxy}
legs: {claim_to_decision: [created, decided]}
tables: {activity: fct_claims_activity}
`

func load(t *testing.T, text string) (*project.Project, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"lifeline.yml": "name: small\n", "dbt_project.yml": "name: small\n", "models/claims.sql": "select 1 as id", "models/treatments.sql": "select 1 as id", "lifecycles/claim.yml": text,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	p, err := project.Load(dir, project.Options{})
	if err != nil {
		return nil, err
	}
	return p, lifecycle.Add(p)
}

func TestALifecycleBecomesTwoModelsWithTheirTests(t *testing.T) {
	t.Parallel()
	p, err := load(t, claim)
	require.NoError(t, err)
	fact, flat := p.Model("fct_claims_activity"), p.Model("dim_claim_lifecycle")
	require.NotNil(t, fact)
	require.NotNil(t, flat)
	require.Contains(t, fact.SQL, "{{ ref('claims') }}")
	require.Contains(t, fact.SQL, "case when r.status in ('approved', 'rejected') then r.date_modified end as at_decided")
	require.Contains(t, flat.SQL, "as claim_to_decision_seconds")
	require.Len(t, p.Tests, 4)
	require.ErrorContains(t, lifecycle.Add(p), "the project has one of that name")
}

func TestABadLifecycleIsRefusedWithItsPlaceAndAHint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, what, where, try string }{
		"unknown state":  {replaced("state: [approved", "state: [aproved"), `leads to the state "aproved"`, "lifecycles/claim.yml:11:", "approved"},
		"unknown step":   {replaced("[created, decided]", "[created, decidd]"), `"decidd", which is no activity`, "lifecycles/claim.yml:12:", "decided"},
		"unknown model":  {replaced("ref('claims')", "ref('claim')"), `"claim", which is no model`, "lifecycles/claim.yml:2:7", "claims"},
		"unknown parent": {replaced("treatment.provider_id", "tretment.provider_id"), `the parent "tretment"`, "lifecycles/claim.yml:7:", "treatment"},
		"unknown key":    {replaced("legs:", "lags:"), `unknown key "lags"`, "lifecycles/claim.yml:12:1", "legs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.text)
			var problem *change.Problem
			require.ErrorAs(t, err, &problem)
			require.ErrorContains(t, problem.Err, c.what)
			require.Contains(t, problem.Where, c.where)
			require.Contains(t, problem.Try, c.try)
		})
	}
}

func replaced(old, by string) string { return strings.Replace(claim, old, by, 1) }
