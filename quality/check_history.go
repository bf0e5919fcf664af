package quality

import (
	"context"
	"fmt"
	"math/big"
	"slices"
)

// Change says how a finding stands to the run before.
type Change string

// A check that finds nothing and found nothing before has no change.
const (
	New        Change = "new"        // It found nothing in the run before.
	Persisting Change = "persisting" // It found something then too.
	Resolved   Change = "resolved"   // It found something then, and does no more.
)

// leastRuns is how many earlier runs make a usual share, and mostRuns how many of the newest are looked at.
const (
	leastRuns = 5
	mostRuns  = 60
)

// burst is how many times the usual share makes a run an incident, which is not part of what is usual: so a repeated incident is
// caught again.
var burst = big.NewRat(3, 1)

// LoadHistory gives results what earlier runs know: whether a finding is new and since which run it stands, and for those whose threshold
// looks at it, the usual share. db must see ops. Call it before Judge.
func LoadHistory(ctx context.Context, db querier, runID int64, results []Result) error {
	if err := recallFindings(ctx, db, runID, results); err != nil {
		return fmt.Errorf("look at earlier findings: %w", err)
	}
	asks := slices.ContainsFunc(results, func(r Result) bool { return r.WarnIf.againstUsual() || r.ErrorIf.againstUsual() })
	if !asks {
		return nil
	}
	if err := recallShares(ctx, db, runID, results); err != nil {
		return fmt.Errorf("look at earlier shares: %w", err)
	}
	return nil
}

// recallFindings looks at each check's last result, and at the run since which it finds something without a break.
func recallFindings(ctx context.Context, db querier, runID int64, results []Result) error {
	rows, err := db.QueryContext(ctx, `
with past as (
	select node, check_name, run_id, case when status in ('warn', 'fail', 'error') then 1 else 0 end as found
	from ops.check_results
	where run_id < $1
),
last as (
	select node, check_name, max(run_id) as run_id, coalesce(max(case when found = 0 then run_id end), 0) as quiet
	from past
	group by node, check_name
)
select l.node, l.check_name, max(case when p.run_id = l.run_id then p.found end),
	coalesce(min(case when p.found = 1 and p.run_id > l.quiet then p.run_id end), 0)
from last as l
inner join past as p on p.node = l.node and p.check_name = l.check_name
group by l.node, l.check_name`, runID)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	type key struct{ node, name string }
	before := map[key]struct{ found, since int64 }{}
	for rows.Next() {
		var k key
		var found, since int64
		if err := rows.Scan(&k.node, &k.name, &found, &since); err != nil {
			return err
		}
		before[k] = struct{ found, since int64 }{found, since}
	}
	for i := range results {
		r := &results[i]
		b, known := before[key{r.Node, r.Name}]
		r.known, r.foundBefore, r.since = known, b.found == 1, b.since
	}
	return rows.Err()
}

// recallShares works out what each check usually finds, from published runs only.
func recallShares(ctx context.Context, db querier, runID int64, results []Result) error {
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`
select node, check_name, failing, tested
from (
	select c.node, c.check_name, c.failing, c.tested, c.run_id,
		row_number() over (partition by c.node, c.check_name order by c.run_id desc) as age
	from ops.check_results as c
	inner join ops.runs as r on r.run_id = c.run_id
	where c.run_id < $1 and r.status = 'published' and c.status not in ('error', 'not_applicable')
) as past
where age <= %d
order by node, check_name, run_id`, mostRuns), runID)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	past := map[[2]string][]*big.Rat{}
	for rows.Next() {
		var key [2]string
		var failing, tested int64
		if err := rows.Scan(&key[0], &key[1], &failing, &tested); err != nil {
			return err
		}
		past[key] = append(past[key], shareOf(failing, tested))
	}
	for i := range results {
		r := &results[i]
		r.usual = usualOf(past[[2]string{r.Node, r.Name}])
	}
	return rows.Err()
}

// usualOf is the median of the shares that are not incidents, in the order of their runs; nil where they are too few.
func usualOf(past []*big.Rat) *Usual {
	var calm []*big.Rat
	for _, share := range past {
		if len(calm) >= leastRuns && share.Cmp(new(big.Rat).Mul(burst, median(calm))) > 0 {
			continue
		}
		calm = append(calm, share)
	}
	if len(calm) < leastRuns {
		return nil
	}
	return &Usual{share: median(calm)}
}

func median(values []*big.Rat) *big.Rat {
	sorted := slices.Clone(values)
	slices.SortFunc(sorted, func(a, b *big.Rat) int { return a.Cmp(b) })
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	sum := new(big.Rat).Add(sorted[middle-1], sorted[middle])
	return sum.Quo(sum, big.NewRat(2, 1))
}
