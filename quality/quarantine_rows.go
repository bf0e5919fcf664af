package quality

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Entity is a core model that cleans a source table row for row, with the checks whose failing rows it may not hold.
type Entity struct {
	Source   StagingTable
	Node     string   // The model's name, as checks of its children name it.
	Relation string   // The candidate table, as SQL calls it.
	Key      []string // Its key columns, in the order of the source's.
	Checks   []Check  // Those of severity quarantine; others are ignored.
	// Hold says of checks for a parent, by name, how long a row that lacks it is held before it counts as quarantined.
	Hold map[string]time.Duration
}

// Verdict says what became of the rows of one source table, in rows.
type Verdict struct {
	Staging     int64
	Quarantined int64            // Without identity or failing a check.
	Held        int64            // Waiting for a late parent, or following a row that does.
	Superseded  int64            // The same row once more.
	ByReason    map[string]int64 // A row may have several reasons.
	Results     []Result         // How each quarantine check came out, on the candidate.
}

// entity is what is known of one source table's rows in this build.
type entity struct {
	Entity
	source   StagingTable
	keyed    *Keyed
	suspects string // Working table of the rows without identity; "" when there are none.
	failing  string // Working table of the keys that fail a check, one row per key and check; "" when there are none.
	pinned   string // Working table of the keys that a replay of another rule leaves where they are; "" when there are none.
	held     string // Working table of the keys that wait for their parent; "" when there are none.
	leaving  string // Working table of the rows of quarantine that this build let through; "" when there are none.
	aside    string // Working table of the rows set aside, with their staging row; "" when there are none.
	verdict  *Verdict
	departed bool     // Whether leaving is known.
	keyKinds []string // The types of the candidate's key; nil before they are asked for.
}

// entities holds what is known, by source table and by model.
type entities struct {
	sync.Mutex
	bySource []*entity
}

func (es *entities) of(s StagingTable) *entity {
	es.Lock()
	defer es.Unlock()
	for _, e := range es.bySource {
		if e.source.Name == s.Name {
			return e
		}
	}
	e := &entity{source: s}
	es.bySource = append(es.bySource, e)
	return e
}

func (es *entities) byNode(node string) *entity {
	es.Lock()
	defer es.Unlock()
	for _, e := range es.bySource {
		if node != "" && e.Node == node && e.verdict != nil {
			return e
		}
	}
	return nil
}

func (es *entities) all() []*entity {
	es.Lock()
	defer es.Unlock()
	out := slices.Clone(es.bySource)
	slices.SortFunc(out, func(a, b *entity) int { return strings.Compare(a.source.Name, b.source.Name) })
	return out
}

// Evaluate evaluates the quarantine checks on an entity's candidate table and deletes the rows that fail any from it. What a
// check finds is first written into a working table, and the deletion, the quarantine and the counts all read that, so a row
// is in exactly one place. Parents must have been through Evaluate before their children.
func (a *RowVerdicts) Evaluate(ctx context.Context, in Entity) (*Verdict, error) {
	e := a.entities.of(in.Source)
	if e.keyed == nil {
		if _, err := a.Identity(ctx, in.Source); err != nil {
			return nil, err
		}
	}
	e.Entity = in
	e.Key = slices.Clone(in.Key)
	for i := range e.Key {
		e.Key[i] = bare(e.Key[i])
	}
	v := &Verdict{Staging: e.keyed.Rows, Superseded: e.keyed.Superseded, ByReason: map[string]int64{}}
	if len(in.Source.Key) != len(in.Key) || len(in.Key) == 0 {
		return nil, fmt.Errorf("%s cleans %s row for row, so both need a key of as many columns", in.Node, in.Source.Name)
	}
	if err := a.evaluate(ctx, e, v); err != nil {
		return nil, err
	}
	if err := a.collect(ctx, e, v); err != nil {
		return nil, err
	}
	a.entities.Lock()
	defer a.entities.Unlock()
	e.verdict = v
	return v, nil
}

// evaluate runs the checks and leaves the failing keys in the working table.
func (a *RowVerdicts) evaluate(ctx context.Context, e *entity, v *Verdict) error {
	var err error
	if v.Results, err = e.quarantineChecks(); err != nil {
		return err
	}
	all := make([]*Result, len(v.Results))
	for i := range v.Results {
		all[i] = &v.Results[i]
	}
	if len(all) > 0 {
		if err := scan(ctx, a.build.DB(), all); err != nil {
			return err
		}
	}
	var parts []string
	for i, r := range all {
		part, err := a.writeDown(ctx, e, i, r)
		if err != nil {
			return err
		}
		if r.evaluate(); part != "" {
			parts = append(parts, "select * from "+part)
		}
	}
	pinned, err := a.pin(ctx, e)
	if err != nil {
		return err
	}
	if pinned != "" {
		parts = append(parts, pinned)
	}
	if len(parts) == 0 {
		return nil
	}
	e.failing = a.build.Relation("build", e.source.Name+"_failing")
	return a.exec(ctx, "set rows of "+e.Node+" aside",
		bind(`create table {failing} as {parts}`, "failing", e.failing, "parts", strings.Join(parts, " union all ")),
		bind(`
		delete from {core}
		where {fails}`, "core", e.Relation, "fails", e.fails(e.Relation, e.Key)))
}

// quarantineChecks are the entity's checks whose failing rows are set aside.
func (e *entity) quarantineChecks() ([]Result, error) {
	var results []Result
	for i := range e.Checks {
		c := &e.Checks[i]
		if c.Severity != Quarantine {
			continue
		}
		if c.cond == "" && c.repeated == nil {
			return nil, fmt.Errorf("%s: check %s has no failing rows to set aside: on_fail: quarantine is for tests of rows",
				c.Where(), c.Name)
		}
		results = append(results, Result{Check: c, kept: true})
	}
	return results, nil
}

// writeDown puts the failing keys of one check into a working table of their own and returns its name, "" when none fails.
// What is written is what the check found: the count and everything after it follow from it. (PostgreSQL works in parallel
// for a new table, not for an insert.)
func (a *RowVerdicts) writeDown(ctx context.Context, e *entity, number int, r *Result) (string, error) {
	began := time.Now()
	defer func() { r.Took += time.Since(began) }()
	switch {
	case r.Err != nil:
		return "", r.Err
	case r.alone && r.Failing == 0:
		return "", nil
	}
	if glance := r.glance(ctx, a.build.DB()); glance != "" {
		var n int64
		if err := a.build.DB().QueryRowContext(ctx, glance).Scan(&n); err != nil {
			return "", r.wrap(err)
		}
		if n == 0 {
			return "", nil
		}
	}
	kinds, err := kindsOf(ctx, a.build.DB(), r.shown.values, r.bad())
	if err != nil {
		return "", r.wrap(err)
	}
	key, err := a.coreKeyText(ctx, e, "t")
	if err != nil {
		return "", err
	}
	value := r.shown.sql(kinds)
	part := a.build.Relation("build", fmt.Sprintf("%s_failing_%d", e.source.Name, number+1))
	if _, err := a.build.DB().ExecContext(ctx, bind(`
		create table {part} as
		select {keys}, {text} as lifeline__key, cast({number} as bigint) as lifeline__check, {reason} as lifeline__reason, {value} as
		    lifeline__value
		from {bad}`,
		"part", part, "keys", e.numberedKeys(), "text", key, "number", fmt.Sprint(number),
		"reason", a.reason(r.Check, value), "value", value, "bad", r.bad())); err != nil {
		return "", r.wrap(err)
	}
	if err := a.build.DB().QueryRowContext(ctx, bind(`select count(*) from {part}`, "part", part)).Scan(&r.Failing); err != nil {
		return "", r.wrap(err)
	}
	if r.Failing == 0 {
		return "", nil
	}
	return part, nil
}

// reason names why a row fails a check. A row without a parent says whether that is in quarantine itself.
func (a *RowVerdicts) reason(c *Check, value string) string {
	if c.parent == "" {
		return bind("cast({r} as text)", "r", text(c.Kind))
	}
	p := a.entities.byNode(c.parent)
	if p == nil || p.aside == "" {
		return bind("cast({r} as text)", "r", text(NoParent))
	}
	return bind(`
		case when exists (select 1 from {aside} as p where p.lifeline__key = {value} and p.lifeline__state = 'quarantined')
		     then 'parent_quarantined'
		     when exists (select 1 from {aside} as p where p.lifeline__key = {value} and p.lifeline__state = 'held')
		     then 'parent_held' else 'no_parent' end`, "aside", p.aside, "value", value)
}

// collect joins everything that was set aside with its staging row, and counts it.
func (a *RowVerdicts) collect(ctx context.Context, e *entity, v *Verdict) error {
	if e.failing == "" && e.suspects == "" {
		return nil
	}
	columns, err := e.source.columns(ctx, a.build.DB())
	if err != nil {
		return err
	}
	var money string
	for _, c := range e.source.bookColumns() {
		money += bind(`, s.{c}`, "c", ident(c))
	}
	var parts []string
	if e.failing != "" {
		parts = append(parts, bind(`
			select {text} as lifeline__key, cast(1 as bigint) as lifeline__occurrence, {json} as lifeline__row, 'quarantined' as
			    lifeline__state{money}
			from {keyed} as s
			where {fails}`,
			"text", e.source.keyText("s", columns), "json", rowJSON("s", columns), "money", money, "keyed", e.keyed.Relation,
			"fails", e.fails("s", e.source.Key)))
	}
	if e.suspects != "" {
		parts = append(parts, bind(`
			select s.lifeline__key, s.lifeline__occurrence, s.lifeline__content as lifeline__row,
			       case when s.lifeline__verdict = 'superseded' then 'superseded' else 'quarantined' end as lifeline__state{money}
			from {suspects} as s
			where s.lifeline__verdict <> 'kept'`, "suspects", e.suspects, "money", money))
	}
	e.aside = a.build.Relation("build", e.source.Name+"_aside")
	if err := a.exec(ctx, "gather the rows set aside from staging."+e.source.Name,
		"create table "+e.aside+" as"+strings.Join(parts, "\nunion all")); err != nil {
		return err
	}
	if err := a.hold(ctx, e, v.Results); err != nil {
		return err
	}
	return a.tally(ctx, e, v)
}

// tally counts the rows set aside, and by reason.
func (a *RowVerdicts) tally(ctx context.Context, e *entity, v *Verdict) error {
	err := a.build.DB().QueryRowContext(ctx, bind(`
		select count(case when lifeline__state = 'quarantined' then 1 end), count(case when lifeline__state = 'held' then 1 end)
		from {aside}`, "aside", e.aside)).Scan(&v.Quarantined, &v.Held)
	if err != nil {
		return fmt.Errorf("count the rows set aside from staging.%s: %w", e.source.Name, err)
	}
	if e.failing != "" {
		rows, err := a.build.DB().QueryContext(ctx, bind(`
			select lifeline__reason, count(distinct lifeline__key)
			from {failing}
			group by lifeline__reason`, "failing", e.failing))
		if err != nil {
			return fmt.Errorf("count the reasons of %s: %w", e.Node, err)
		}
		defer rows.Close()
		for rows.Next() {
			var reason string
			var n int64
			if err := rows.Scan(&reason, &n); err != nil {
				return fmt.Errorf("count the reasons of %s: %w", e.Node, err)
			}
			v.ByReason[reason] = n
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("count the reasons of %s: %w", e.Node, err)
		}
	}
	for reason, n := range map[string]int64{
		NoKey: e.keyed.NoKey, DuplicateKey: e.keyed.DuplicateKey, Superseded: e.keyed.Superseded,
	} {
		if n > 0 {
			v.ByReason[reason] = n
		}
	}
	return nil
}

// numberedKeys are the candidate's key columns under the names that the working table gives them.
func (e *entity) numberedKeys() string {
	parts := make([]string, len(e.Key))
	for i, c := range e.Key {
		parts[i] = fmt.Sprintf("t.%s as lifeline__k%d", ident(c), i+1)
	}
	return strings.Join(parts, ", ")
}

// fails is true for a row whose key is in the working table. (DuckDB joins for `in`; for an `exists` whose sides are of two
// types it first gathers all rows.)
func (e *entity) fails(alias string, key []string) string {
	if len(key) == 1 {
		return bind(`{a}.{k} in (select f.lifeline__k1 from {failing} as f)`, "a", alias, "k", ident(key[0]), "failing", e.failing)
	}
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = fmt.Sprintf("f.lifeline__k%d = %s.%s", i+1, alias, ident(c))
	}
	return bind(`exists (select 1 from {failing} as f where {same})`, "failing", e.failing, "same", strings.Join(parts, " and "))
}
