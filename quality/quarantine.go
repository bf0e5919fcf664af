package quality

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Reasons for which a row is set aside, beside the kinds of the tests.
const (
	NoKey             = "no_key"             // A part of the declared key is null.
	DuplicateKey      = "duplicate_key"      // Several rows of one key with different content: nothing says which is right.
	NoParent          = "no_parent"          // The row it belongs to does not exist.
	ParentQuarantined = "parent_quarantined" // The row it belongs to is in quarantine itself.
	ParentHeld        = "parent_held"        // The row it belongs to waits for its own parent.
	Superseded        = "superseded"         // The same row once more.
)

// RowVerdicts collects one build's verdicts on rows. Identity and Evaluate work in the build alone; only Write touches quarantine,
// so that a killed run leaves it as it was. Methods for different entities may be called at the same time.
type RowVerdicts struct {
	Now  time.Time // What holds are counted from, UTC; zero means the present.
	Only string    // Where not empty, only rows that this check set aside are judged anew, and those that follow them; others stay.

	build    Build
	entities *entities
}

// NewRowVerdicts begins the verdicts of one build.
func NewRowVerdicts(b Build) *RowVerdicts { return &RowVerdicts{build: b, entities: &entities{}} }

// Keyed is the identity verdict on a staging table: which rows may become an entity at all.
type Keyed struct {
	Relation     string // What the entity's model reads as its source: exactly one row per key.
	Rows         int64  // In staging.
	NoKey        int64
	DuplicateKey int64
	Superseded   int64 // Equal rows of a key beyond the first.
}

// Clean tells that every row of staging has a key of its own.
func (k *Keyed) Clean() bool { return k.NoKey+k.DuplicateKey+k.Superseded == 0 }

// Identity finds the rows of a staging table that have no identity. One select tells that all is well, and then the model
// reads staging itself; otherwise it reads a view without the rows in doubt, which are kept in a working table.
//
// A key is what staging says: an integer key that the source's loader made 0 out of a missing value is the key 0. (Several of
// them have different content and so are set aside together as duplicate_key.)
func (a *RowVerdicts) Identity(ctx context.Context, s StagingTable) (*Keyed, error) {
	e := a.entities.of(s)
	if e.keyed != nil {
		return e.keyed, nil
	}
	k := &Keyed{Relation: s.Relation()}
	e.keyed = k
	if len(s.Key) == 0 {
		return k, nil
	}
	doubtful, err := a.doubtful(ctx, s, k)
	if err != nil {
		e.keyed = nil
		return nil, fmt.Errorf("look for rows without identity in staging.%s: %w", s.Name, err)
	}
	if doubtful == 0 {
		return k, nil
	}
	return k, a.separate(ctx, s, e)
}

// doubtful counts the rows of staging, and those beyond one for each key.
func (a *RowVerdicts) doubtful(ctx context.Context, s StagingTable, k *Keyed) (n int64, err error) {
	// PostgreSQL sorts for count(distinct), which is half the work of grouping by a column that is different in each row.
	look := `
		select count(*), count(*) - count(distinct s.{column})
		from {staging} as s`
	if len(s.Key) > 1 {
		look = `
		select coalesce(sum(g.n), 0), coalesce(sum(case when g.n > 1 or g.nokey then g.n else 0 end), 0)
		from (
		    select count(*) as n, {null} as nokey
		    from {staging} as s
		    group by {key}
		) as g`
	}
	err = a.build.DB().QueryRowContext(ctx, bind(look, "staging", s.Relation(), "column", ident(s.Key[0]),
		"null", nullKey("s", s.Key), "key", qualified("s", s.Key))).Scan(&k.Rows, &n)
	return n, err
}

// separate makes the working table of the rows in doubt and the view without them.
func (a *RowVerdicts) separate(ctx context.Context, s StagingTable, e *entity) error {
	columns, err := s.columns(ctx, a.build.DB())
	if err != nil {
		return err
	}
	e.suspects = a.build.Relation("build", s.Name+"_suspects")
	view := a.build.Relation("build", s.Name+"_keyed")
	here, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	names := list(columns, func(c stagingColumn) string { return ident(c.name) })
	pairs := []string{
		"suspects", e.suspects, "view", view, "staging", here + "." + s.Relation(), "columns", names,
		"key", qualified("s", s.Key), "null", nullKey("s", s.Key), "same", equal("d", "s", s.Key),
		"json", rowJSON("s", columns), "text", s.keyText("s", columns), "equal", doubted("p.%[2]s = s.%[1]s", " and ", s.Key),
		"doubted", doubted("p.%[1]s as %[2]s", ", ", s.Key),
	}
	if err := a.exec(ctx, "separate the rows without identity of staging."+s.Name, bind(`
		create table {suspects} as
		with doubtful as (
		    select s.*, {json} as lifeline__content, case when {null} then 1 else 0 end as lifeline__nokey
		    from {staging} as s
		    where {null}
		       or exists (select 1 from (select {key} from {staging} as s group by {key} having count(*) > 1) as d
		                  where {same})
		),
		named as (
		    select s.*, case when s.lifeline__nokey = 1 then '#' || md5(s.lifeline__content) else {text} end as lifeline__key
		    from doubtful as s
		),
		numbered as (
		    select n.*,
		           row_number() over (partition by n.lifeline__key, n.lifeline__content order by n._run) as lifeline__copy,
		           min(n.lifeline__content) over (partition by n.lifeline__key) <> max(n.lifeline__content) over (partition by n.lifeline__key) as
		               lifeline__conflict
		    from named as n
		)
		select n.*,
		       row_number() over (partition by n.lifeline__key order by n.lifeline__content, n.lifeline__copy) as lifeline__occurrence,
		       case when n.lifeline__nokey = 1 then 'no_key'
		            when n.lifeline__copy > 1 then 'superseded'
		            when n.lifeline__conflict then 'duplicate_key'
		            else 'kept' end as lifeline__verdict
		from numbered as n`, pairs...), bind(`
		create view {view} as
		select {columns}
		from {staging} as s
		left join (select {doubted} from {suspects} as p) as p on {equal}
		where not ({null})
		  and p.lifeline__k1 is null
		union all
		select {columns}
		from {suspects}
		where lifeline__verdict = 'kept'`, pairs...)); err != nil {
		return err
	}
	e.keyed.Relation = view
	return a.countSuspects(ctx, e)
}

func (a *RowVerdicts) countSuspects(ctx context.Context, e *entity) error {
	k := e.keyed
	err := a.build.DB().QueryRowContext(ctx, bind(`
		select count(case when lifeline__verdict = 'no_key' then 1 end),
		       count(case when lifeline__verdict = 'duplicate_key' then 1 end),
		       count(case when lifeline__verdict = 'superseded' then 1 end)
		from {suspects}`, "suspects", e.suspects)).Scan(&k.NoKey, &k.DuplicateKey, &k.Superseded)
	if err != nil {
		return fmt.Errorf("count the rows without identity of staging.%s: %w", e.source.Name, err)
	}
	return nil
}

// catalog is the name of the database that staging is in, which a view in another attached one must say.
func (a *RowVerdicts) catalog(ctx context.Context) (string, error) {
	var name string
	if err := a.build.DB().QueryRowContext(ctx, `select current_database()`).Scan(&name); err != nil {
		return "", fmt.Errorf("name of the database: %w", err)
	}
	return ident(name), nil
}

func (a *RowVerdicts) exec(ctx context.Context, what string, statements ...string) error {
	for _, s := range statements {
		if _, err := a.build.DB().ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func qualified(alias string, columns []string) string {
	return strings.Join(aliased(alias, columns), ", ")
}

// doubted writes something for each key column and the name under which the rows in doubt have it.
func doubted(form, between string, key []string) string {
	parts := make([]string, len(key))
	for i, c := range key {
		parts[i] = fmt.Sprintf(form, ident(c), fmt.Sprintf("lifeline__k%d", i+1))
	}
	return strings.Join(parts, between)
}

func nullKey(alias string, key []string) string {
	return join(key, " or ", func(c string) string { return alias + "." + ident(c) + " is null" })
}

func equal(a, b string, columns []string) string {
	return join(columns, " and ", func(c string) string {
		return bind("{a}.{c} = {b}.{c}", "a", a, "b", b, "c", ident(c))
	})
}

// Failing is the working table of the keys, lifeline__k1 and so on, that a check has found in the entity of a source table; empty where
// none has.
func (a *RowVerdicts) Failing(table string) string {
	for _, e := range a.entities.all() {
		if e.source.Name == table && e.verdict != nil {
			return e.failing
		}
	}
	return ""
}
