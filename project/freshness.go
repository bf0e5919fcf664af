package project

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Freshness is how old the newest row of a source table may be; zero means no limit.
type Freshness struct {
	WarnAfter  time.Duration
	ErrorAfter time.Duration
	Filter     string // A condition on the rows that count.
}

// periods are the units that dbt has for an age.
var periods = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// settleFreshness reads dbt's form: warn_after and error_after with count and period, and filter.
func (t *SourceTable) settleFreshness() error {
	for _, k := range slices.Sorted(maps.Keys(t.freshness)) {
		if !contains([]string{"warn_after", "error_after", "filter"}, k) {
			return usage(t.Where, fmt.Sprintf("unknown key %q under freshness of %s", k, t.Name), "warn_after, error_after or filter")
		}
	}
	t.Freshness.Filter = textOf(t.freshness["filter"])
	for key, into := range map[string]*time.Duration{"warn_after": &t.Freshness.WarnAfter, "error_after": &t.Freshness.ErrorAfter} {
		m, ok := t.freshness[key].(map[string]any)
		if !ok || len(m) == 0 {
			continue
		}
		n, whole := m["count"].(int64)
		unit, known := periods[textOf(m["period"])]
		if !whole || n < 1 || !known {
			return usage(t.Where, fmt.Sprintf("freshness.%s of %s is not an age", key, t.Name), key+": {count: 24, period: hour}")
		}
		*into = time.Duration(n) * unit
	}
	return nil
}
