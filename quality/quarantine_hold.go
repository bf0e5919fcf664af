package quality

import (
	"context"
	"fmt"
	"time"
)

// at is the time that holds are counted from.
func (a *RowVerdicts) at() time.Time {
	if a.Now.IsZero() {
		return time.Now().UTC()
	}
	return a.Now.UTC()
}

// instant is a time as an SQL literal.
func instant(t time.Time) string {
	return bind("cast({t} as timestamp)", "t", text(t.UTC().Format("2006-01-02 15:04:05.999999")))
}

// hold marks the rows that lack nothing but a late parent, for as long as the project waits for it, and the rows that follow such
// a row. A row that was set aside before is waited for from when it was first seen.
func (a *RowVerdicts) hold(ctx context.Context, e *entity, results []Result) error {
	if e.failing == "" {
		return nil
	}
	waits := `f.lifeline__reason = 'parent_held'`
	seconds := ""
	for i := range results {
		if d := e.Hold[results[i].Name]; d > 0 {
			waits += fmt.Sprintf(` or f.lifeline__reason = 'no_parent' and f.lifeline__check = %d`, i)
			seconds += fmt.Sprintf(` when f.lifeline__reason = 'no_parent' and f.lifeline__check = %d then %d`, i, int64(d.Seconds()))
		}
	}
	var late int64
	if err := a.build.DB().QueryRowContext(ctx, bind(`
		select count(*)
		from {failing} as f
		where {waits}`, "failing", e.failing, "waits", waits)).Scan(&late); err != nil {
		return fmt.Errorf("look for late parents of %s: %w", e.Node, err)
	}
	if late == 0 {
		return nil
	}
	wait := "cast(null as bigint)"
	if seconds != "" {
		wait = "min(case" + seconds + " end)"
	}
	held := a.build.Relation("build", e.source.Name+"_held")
	if err := a.exec(ctx, "hold the rows of "+e.Node+" whose parent is late", bind(`
		create table {held} as
		select w.lifeline__key, w.lifeline__until
		from (
		    select h.lifeline__key,
		           case when h.lifeline__seconds is null then null
		                else coalesce(q.held_until,
		                              case when q.state = 'quarantined' then q.first_seen else {now} end
		                              + h.lifeline__seconds * interval '1 second') end as lifeline__until
		    from (
		        select f.lifeline__key, {wait} as lifeline__seconds
		        from {failing} as f
		        group by f.lifeline__key
		        having count(*) = count(case when {waits} then 1 end)
		    ) as h
		    left join quarantine.rows as q
		        on q.table_name = {table} and q.key = h.lifeline__key and q.occurrence = 1 and q.state in ('held', 'quarantined')
		) as w
		where w.lifeline__until is null or w.lifeline__until > {now}`,
		"held", held, "now", instant(a.at()), "wait", wait, "failing", e.failing, "waits", waits, "table", text(e.source.Name)), bind(`
		update {aside}
		set lifeline__state = 'held'
		where lifeline__state = 'quarantined'
		  and lifeline__occurrence = 1
		  and lifeline__key in (select h.lifeline__key from {held} as h)`, "aside", e.aside, "held", held)); err != nil {
		return err
	}
	e.held = held
	return a.discount(ctx, e, results)
}

// discount takes the rows that are held out of what the checks for a parent found: a late parent is no fault yet.
func (a *RowVerdicts) discount(ctx context.Context, e *entity, results []Result) error {
	for i := range results {
		r := &results[i]
		if r.parent == "" || r.Failing == 0 {
			continue
		}
		if err := a.build.DB().QueryRowContext(ctx, bind(`
			select count(*)
			from {failing} as f
			where f.lifeline__check = {number}
			  and f.lifeline__key not in (select h.lifeline__key from {held} as h)`,
			"failing", e.failing, "number", fmt.Sprint(i), "held", e.held)).Scan(&r.Failing); err != nil {
			return r.wrap(err)
		}
		r.evaluate()
	}
	return nil
}

// pin gives, where one rule is replayed, the rows in quarantine that another rule put there: they stay, whatever is found now.
func (a *RowVerdicts) pin(ctx context.Context, e *entity) (string, error) {
	if a.Only == "" {
		return "", nil
	}
	e.pinned = a.build.Relation("build", e.source.Name+"_pinned")
	if err := a.exec(ctx, "keep the rows of "+e.Node+" that other rules set aside", bind(`
		create table {pinned} as
		select r.key as lifeline__key, r.reason as lifeline__reason, r.check_name as lifeline__name, r.column_name as lifeline__column, r.value as
		    lifeline__value
		from quarantine.reasons as r
		join quarantine.rows as q on q.table_name = r.table_name and q.key = r.key and q.occurrence = r.occurrence
		where r.table_name = {table}
		  and r.occurrence = 1
		  and q.state in ('held', 'quarantined')
		  and exists (select 1 from quarantine.reasons as o
		              where o.table_name = r.table_name and o.key = r.key and o.occurrence = r.occurrence
		                and o.check_name <> {only}
		                and o.reason not in ('parent_quarantined', 'parent_held'))`,
		"pinned", e.pinned, "table", text(e.source.Name), "only", text(a.Only))); err != nil {
		return "", err
	}
	key, err := a.coreKeyText(ctx, e, "t")
	if err != nil {
		return "", err
	}
	return bind(`
		select {keys}, {text} as lifeline__key, cast(-1 as bigint) as lifeline__check, p.lifeline__reason, p.lifeline__value
		from {core} as t
		join {pinned} as p on p.lifeline__key = {text}`,
		"keys", e.numberedKeys(), "text", key, "core", e.Relation, "pinned", e.pinned), nil
}

const pinnedReasons = `
	insert into quarantine.reasons (table_name, key, occurrence, reason, check_name, column_name, value, run_id)
	select {table}, p.lifeline__key, 1, p.lifeline__reason, p.lifeline__name, p.lifeline__column, p.lifeline__value, {run}
	from {pinned} as p
	where p.lifeline__key in (select f.lifeline__key from {failing} as f where f.lifeline__check = -1)
	  and not exists (select 1 from quarantine.reasons as r
	                  where r.table_name = {table} and r.key = p.lifeline__key and r.occurrence = 1 and r.check_name = p.lifeline__name)`

// Release counts rows of one table that leave quarantine by what had put them there. A row with two reasons counts for both.
type Release struct {
	Table  string
	Rule   string // The check's name; "identity" for rows without a key of their own.
	Reason string
	State  string // "released", "fixed_at_source" or "expired".
	Rows   int64
}

// Delta is what this build would do to the quarantine, in rows; superseded copies do not count.
type Delta struct {
	Left     int64 // Held or quarantined before, and not any more.
	Came     int64 // Not held or quarantined before.
	Turned   int64 // From held to quarantined, or back.
	Releases []Release
}

// Nothing tells that the quarantine stays as it is.
func (m Delta) Nothing() bool { return m.Left+m.Came+m.Turned == 0 }

// Delta compares what this build set aside with what stands in quarantine.
func (a *RowVerdicts) Delta(ctx context.Context) (Delta, error) {
	var m Delta
	for _, e := range a.entities.all() {
		if e.verdict == nil {
			continue
		}
		if err := a.depart(ctx, e); err != nil {
			return m, err
		}
		if err := a.move(ctx, e, &m); err != nil {
			return m, fmt.Errorf("compare %s with its quarantine: %w", e.source.Name, err)
		}
	}
	return m, nil
}

func (a *RowVerdicts) move(ctx context.Context, e *entity, m *Delta) error {
	db := a.build.DB()
	if e.aside != "" {
		var came, turned int64
		if err := db.QueryRowContext(ctx, bind(`
			select count(case when q.key is null then 1 end), count(case when q.state <> a.lifeline__state then 1 end)
			from {aside} as a
			left join quarantine.rows as q
			    on q.table_name = {table} and q.key = a.lifeline__key and q.occurrence = a.lifeline__occurrence and q.state in ('held',
			        'quarantined')
			where a.lifeline__state <> 'superseded'`, "aside", e.aside, "table", text(e.source.Name))).Scan(&came, &turned); err != nil {
			return err
		}
		m.Came, m.Turned = m.Came+came, m.Turned+turned
	}
	if e.leaving == "" {
		return nil
	}
	var left int64
	if err := db.QueryRowContext(ctx, bind(`
		select count(*)
		from {leaving}
		where lifeline__was <> 'superseded'`, "leaving", e.leaving)).Scan(&left); err != nil {
		return err
	}
	m.Left += left
	rows, err := db.QueryContext(ctx, bind(`
		select r.check_name, r.reason, l.lifeline__state, count(*)
		from {leaving} as l
		join quarantine.reasons as r on r.table_name = {table} and r.key = l.lifeline__key and r.occurrence = l.lifeline__occurrence
		where l.lifeline__was <> 'superseded'
		group by 1, 2, 3
		order by 4 desc, 1, 2, 3`, "leaving", e.leaving, "table", text(e.source.Name)))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r := Release{Table: e.source.Name}
		if err := rows.Scan(&r.Rule, &r.Reason, &r.State, &r.Rows); err != nil {
			return err
		}
		m.Releases = append(m.Releases, r)
	}
	return rows.Err()
}

// depart lists the rows of quarantine that this build did not set aside, with what becomes of them: released where the source's
// row is the same and now arrives, fixed_at_source where it is another or a second copy went, expired where the key is gone.
// Only the first copy of a key has a row of its own that can arrive.
func (a *RowVerdicts) depart(ctx context.Context, e *entity) error {
	if e.leaving != "" || e.departed {
		return nil
	}
	db := a.build.DB()
	open := `(q.state in ('held', 'quarantined', 'superseded')
		       or q.state in ('released', 'fixed_at_source', 'expired')
		          and not exists (select 1 from ops.runs as r where r.run_id = q.last_run and r.status = 'published'))`
	var n int64
	if err := db.QueryRowContext(ctx, bind(`
		select count(*)
		from quarantine.rows as q
		where q.table_name = {table}
		  and {open}`, "table", text(e.source.Name), "open", open)).Scan(&n); err != nil {
		return fmt.Errorf("read the quarantine of %s: %w", e.source.Name, err)
	}
	if e.departed = true; n == 0 {
		return nil
	}
	columns, err := e.source.columns(ctx, db)
	if err != nil {
		return err
	}
	stays := ""
	if e.aside != "" {
		stays = `
		  and not exists (select 1 from {aside} as a where a.lifeline__key = q.key and a.lifeline__occurrence = q.occurrence)`
	}
	went := a.build.Relation("build", e.source.Name+"_went")
	now := a.build.Relation("build", e.source.Name+"_now")
	leaving := a.build.Relation("build", e.source.Name+"_leaving")
	pairs := []string{
		"table", text(e.source.Name), "went", went, "now", now, "leaving", leaving, "aside", e.aside, "staging", e.source.Relation(),
		"key", e.source.keyText("s", columns), "json", rowJSON("s", columns), "open", open,
	}
	if err := a.exec(ctx, "find the rows that leave the quarantine of "+e.source.Name,
		bind(`
		create table {went} as
		select q.key as lifeline__key, q.occurrence as lifeline__occurrence, q."row" as lifeline__row, q.state as lifeline__was
		from quarantine.rows as q
		where q.table_name = {table}
		  and {open}`+stays, pairs...),
		bind(`
		create table {now} as
		select distinct {key} as lifeline__key, {json} as lifeline__row
		from {staging} as s
		where {key} in (select w.lifeline__key from {went} as w)`, pairs...),
		bind(`
		create table {leaving} as
		select w.lifeline__key, w.lifeline__occurrence, w.lifeline__was,
		       case when not exists (select 1 from {now} as n where n.lifeline__key = w.lifeline__key) then 'expired'
		            when w.lifeline__occurrence = 1
		             and exists (select 1 from {now} as n where n.lifeline__key = w.lifeline__key and n.lifeline__row = w.lifeline__row) then
		                 'released'
		            else 'fixed_at_source' end as lifeline__state
		from {went} as w`, pairs...)); err != nil {
		return err
	}
	e.leaving = leaving
	return nil
}
