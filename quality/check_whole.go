package quality

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// The tests of a whole source table or model that dbt's packages lack.
var _ = register(map[string]func(*testInput) (testSQL, error){
	"column_went_empty": columnWentEmpty,
	"column_shift":      columnShift,
	"quarantine_rate":   quarantineRate,
	"mass_delete":       massDelete,
	"night_share":       nightShare,
})

// columnWentEmpty fails by the columns that are null in every row, of those named. It stops a run only where one had values in the
// version that is published: what was always empty is told. A table of fewer rows than at_least, 100 where that is not given, is too
// small to say.
func columnWentEmpty(s *testInput) (testSQL, error) {
	if err := s.args.only("columns", "at_least"); err != nil {
		return testSQL{}, err
	}
	names, err := s.args.list("columns")
	if err != nil {
		return testSQL{}, err
	}
	least := int64(100)
	if err := s.args.number("at_least", &least); err != nil {
		return testSQL{}, err
	}
	counts := join(names, ",\n\t\t       ", func(v any) string { return bind(`count({c})`, "c", column(scalar(v))) })
	b := testSQL{measure: bind(`
		select count(*),
		       {counts}
		from {target}`, "counts", counts, "target", s.target())}
	b.probe = func(ctx context.Context, db *sql.DB, r *Result) error {
		filled, err := countsOf(ctx, db, b.measure, len(names)+1)
		if err != nil || filled[0] < least {
			return err
		}
		r.Tested = int64(len(names))
		var empty []string
		for i, v := range names {
			if filled[i+1] == 0 {
				empty = append(empty, scalar(v))
				r.seen = append(r.seen, seen{key: scalar(v), value: fmt.Sprintf("null in all of %d rows", filled[0])})
			}
		}
		if r.Failing = int64(len(empty)); r.Failing == 0 {
			return nil
		}
		r.Detail = fmt.Sprintf("null in all of %d rows: %s; look for a column shift in the source", filled[0], strings.Join(empty, ", "))
		lost, err := s.lostSince(ctx, db, empty)
		if !lost {
			c := *r.Check
			c.Severity = Flag
			r.Check = &c
		}
		return err
	}
	return b, nil
}

func countsOf(ctx context.Context, db *sql.DB, query string, n int) ([]int64, error) {
	numbers, into := make([]int64, n), make([]any, n)
	for i := range numbers {
		into[i] = &numbers[i]
	}
	return numbers, db.QueryRowContext(ctx, query).Scan(into...)
}

// gone are the rows of a source table's history whose values were part of the published version and are no more.
const gone = `history.{table} as h
		where h._valid_to > (
		        select max(p.taken_at)
		        from ops.positions as p
		        where p.run_id = (select max(r.run_id) from ops.runs as r where r.status = 'published')
		    )`

// table is the tested table's name without its schema.
func (s *testInput) table() string {
	name := s.relation
	if i := strings.LastIndex(name, `."`); strings.HasSuffix(name, `"`) && i >= 0 {
		return name[i+1:] // A dot in quotes is part of the name.
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}

// hasHistory tells whether earlier rows of the tested table were ever kept.
func (s *testInput) hasHistory(ctx context.Context, db *sql.DB) (there bool, err error) {
	err = db.QueryRowContext(ctx, bind(`
		select count(*) > 0
		from information_schema.tables
		where table_schema = 'history'
		    and table_name = {table}`, "table", text(bare(s.table())))).Scan(&there)
	return there, err
}

// lostSince tells whether one of the columns had a value in the version that is published.
func (s *testInput) lostSince(ctx context.Context, db *sql.DB, columns []string) (lost bool, err error) {
	if there, err := s.hasHistory(ctx, db); err != nil || !there {
		return false, err
	}
	err = db.QueryRowContext(ctx, bind(`
		select count(*) > 0
		from `+gone+`
		    and ({filled})`, "table", s.table(), "filled", join(columns, " or ", func(c string) string {
		return "h." + ident(bare(c)) + " is not null"
	}))).Scan(&lost)
	return lost, err
}

// columnShift looks for values that belong to the column beside. Of a text column, texts that begin like a date are bad; with among,
// all of a column's distinct values are, when at least half of them, and at least ten, are also values of the other column.
func columnShift(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("among")); err != nil {
		return testSQL{}, err
	}
	other, ok := s.args.text("among")
	if !ok {
		return oneRow(s, bind(`{c} like '____-__-__ %' or {c} like '____-__-__'`, "c", s.column)), nil
	}
	return testSQL{measure: bind(`
		select case when count(o.v) >= 10 and 2 * count(o.v) >= count(*) then count(o.v) else 0 end, count(*)
		from (select distinct {c} as v from {target} where {c} <> 0) as v
		left join (select distinct {other} as v from {target} where {other} <> 0) as o on o.v = v.v`,
		"c", s.column, "other", column(other), "target", s.target())}, nil
}

// quarantineRate fails by the rows of the source table of that are not in the model: set aside, held, or the same row once more.
func quarantineRate(s *testInput) (testSQL, error) {
	if err := s.args.only("of"); err != nil {
		return testSQL{}, err
	}
	name, err := s.args.mustText("of")
	if err != nil {
		return testSQL{}, err
	}
	relation, _, err := s.ref(name)
	if err != nil {
		return testSQL{}, err
	}
	return testSQL{measure: bind(`
		select greatest(a.n - b.n, 0), a.n
		from (select count(*) as n from {source}) as a
		cross join (select count(*) as n from {target}) as b`, "source", relation, "target", s.target())}, nil
}

// massDelete fails by the rows of a source table that are gone since the version that is published was read. They are counted anew
// until a version is published, so that a run that was stopped for them does not let the next one through.
func massDelete(s *testInput) (testSQL, error) {
	if err := s.args.only(); err != nil {
		return testSQL{}, err
	}
	b := testSQL{measure: bind(`
		select count(*)
		from `+gone+`
		    and h._op = 'delete'`, "table", s.table())}
	b.probe = func(ctx context.Context, db *sql.DB, r *Result) error {
		there, err := s.hasHistory(ctx, db)
		if err != nil {
			return err
		}
		if err := db.QueryRowContext(ctx, "select count(*) from "+s.relation).Scan(&r.Tested); err != nil || !there {
			return err
		}
		if err := db.QueryRowContext(ctx, b.measure).Scan(&r.Failing); err != nil {
			return err
		}
		r.Tested += r.Failing
		return nil
	}
	return b, nil
}

// nightShare fails by the times that fall into the hours of the night, from from until until, by a clock that is offset hours before
// UTC. Much work at night means that the source's zone is another than was said. A time of 00:00:00 is a day without a time and not
// looked at.
func nightShare(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("offset", "from", "until")); err != nil {
		return testSQL{}, err
	}
	offset, from, until := 0, 22, 5
	if err := errors.Join(s.args.number("offset", &offset), s.args.number("from", &from), s.args.number("until", &until)); err != nil {
		return testSQL{}, err
	}
	return testSQL{measure: bind(`
		select count(case when hour >= {from} or hour < {until} then 1 end), count(hour)
		from (
		    select extract(hour from {c} + interval '{offset} hours') as hour
		    from {target}
		    where {c} <> date_trunc('day', {c})
		) as h`, "c", s.column, "offset", fmt.Sprint(offset), "from", fmt.Sprint(from), "until", fmt.Sprint(until), "target", s.target())}, nil
}
