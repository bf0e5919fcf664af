package locality_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/model/locality"
)

// columns of the relations that the cases read; r has none that are known.
var columns = map[string][]string{
	"a": {"id", "k", "v", "b_id"}, "b": {"id", "k", "v"}, "c": {"id", "k", "p"}, "seed": {"word", "meaning"},
}

func parse(t *testing.T, sql string) *locality.Statement {
	t.Helper()
	relations := map[string]*locality.Relation{}
	s, err := locality.Parse(sql, func(name []string) *locality.Relation {
		last := name[len(name)-1]
		if last == "nobody" {
			return nil
		}
		if relations[last] == nil {
			relations[last] = &locality.Relation{Name: last, Columns: columns[last], Static: len(name) == 2 && name[0] == "ops"}
		}
		return relations[last]
	})
	require.NoError(t, err, sql)
	return s
}

// said is how a select is local by a column, in one line, or why it is not.
func said(t *testing.T, sql, column string) string {
	p, why := parse(t, sql).By(column)
	if why != nil {
		return "no: " + why.Why
	}
	var out []string
	for _, u := range p.Uses {
		line := u.Leaf.Relation.Name
		if len(u.Keys) > 0 {
			line += " by " + strings.ReplaceAll(strings.Join(u.Keys, " and "), "x.", "")
		}
		for _, path := range u.Paths {
			line += " from " + path.Own
			for _, s := range path.Steps {
				line += fmt.Sprintf(" to %s of %s with %s", s.Select, s.Leaf.Relation.Name, s.Where)
			}
			line = strings.ReplaceAll(line, "x.", "")
		}
		if u.Whole {
			line += " whole"
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

// A select may be local by several columns at once, each of which a part of a union may have as a constant.
func TestASelectIsLocalBySeveralColumns(t *testing.T) {
	t.Parallel()
	const both = "a by lifeline_key(x.k::lifeline_type_0_, x.v::lifeline_type_1_)"
	for sql, want := range map[string]string{
		"select k, v, count(*) from a group by k, v":                                         both,
		"select k, v, count(*) from a group by k":                                            "no: groups by k",
		"select a.k, b.v, count(*) from a join b on b.k = a.k group by a.k, b.v":             "no: the key is made of several relations",
		"select k, v from (select k, v, row_number() over (partition by v, k) from a) as u":  both,
		"select k, v from (select k, v, row_number() over (partition by v, id) from a) as u": "no: window without the key",
		"select k, v from (select k, v, count(*) from a group by k, v union all " +
			"select k, null, count(*) from b group by k) as u": "" +
			"a by lifeline_key(x.k::lifeline_type_0_, x.v::lifeline_type_1_); b by lifeline_key(x.k::lifeline_type_0_, NULL::lifeline_type_1_)",
		"select k, v from (select k, v, count(*) from a group by k, v union all " +
			"select k, null, count(*) from b group by v, id) as u": "no: groups by v, id",
	} {
		p, why := parse(t, sql).ByAll([]string{"k", "v"})
		if why != nil {
			require.Equal(t, want, "no: "+why.Why, sql)
			continue
		}
		var got []string
		for _, u := range p.Uses {
			require.Empty(t, u.Paths, sql)
			got = append(got, u.Leaf.Relation.Name+" by "+strings.Join(u.Keys, " and "))
		}
		require.Equal(t, want, strings.Join(got, "; "), sql)
	}
}

// cases are selects with a column, and how they are local by it: each can be checked by hand.
var cases = []struct{ sql, column, want string }{
	{`select k, v from a`, "k", "a by k"},
	{`select cast(k as bigint) as k from a`, "k", "a by k::bigint"},
	{`select nullif(cast(a.k as bigint), 0) as k from a`, "k", "a by NULLIF(k::bigint, 0)"},
	{`select md5(k || '|' || v) as id from a`, "id", "a by md5((k || '|') || v)"},
	{`select * from a`, "k", "a by k"},
	{`select * from r`, "k", "r by k"},
	{`select r.*, 1 as x from r`, "k", "r by k"},
	{`select r.*, 1 as k from r`, "k", "no: the column k is not certain"},

	// Groups by what the key is cast from; a text may be written in two ways for equal numbers.
	{`select cast(f.d as date) as k, f.n from (select v as d, count(*) as n from a group by v) as f`, "k", "a by v::date"},
	{`select cast(f.d as varchar) as k, f.n from (select v as d, count(*) as n from a group by v) as f`, "k", "no: groups by v"},
	{`select cast(v as date) as k, row_number() over (partition by v order by id) as n from a`, "k", "a by v::date"},
	{`select cast(v as date) as k, row_number() over (partition by id order by v) as n from a`, "k", "no: window without the key"},
	{`select v + 1 as k, count(*) from a group by v`, "k", "no: groups by v"},

	// Joins.
	{`select a.k, b.v from a join b on b.k = a.k`, "k", "a by k; b by k"},
	{`select b.k, a.v from a join b on b.k = a.k`, "k", "a by k; b by k"},
	{`select a.k, b.v from a, b where b.k = a.k`, "k", "a by k; b by k"},
	{`select k, b.v from a join b using (k)`, "k", "a by k; b by k"},
	{`select a.k, b.v from a left join b on b.k = a.k and b.v > 1`, "k", "a by k; b by k"},
	{`select a.k, c.p from a left join b on b.k = a.k left join c on c.k = b.k`, "k", "a by k; b by k; c by k"},
	{`select b.k from a left join b on b.k = a.k`, "k", "no: its key comes from the side of an outer join that may be missing"},
	{`select b.k from a left join b on b.k = a.k where b.k is not null`, "k", "a by k; b by k"},
	{`select b.k from a left join b on b.k = a.k where b.v > 3`, "k", "a by k; b by k"},
	{
		`select coalesce(b.k, 0) as k from a left join b on b.k = a.k`, "k",
		"no: its key comes from the side of an outer join that may be missing",
	},
	{`select a.k from a right join b on b.k = a.k`, "k", "no: its key comes from the side of an outer join that may be missing"},
	{`select b.k from a right join b on b.k = a.k`, "k", "a by k; b by k"},
	{`select a.k from a full join b on b.k = a.k`, "k", "no: its key comes from the side of an outer join that may be missing"},
	{`select coalesce(a.k, b.k) as k from a full join b on b.k = a.k`, "k", "no: the key is made of several relations"},
	{`select a.k from a join b on b.k is not distinct from a.k`, "k", "a by k; b whole"},
	{`select a.k from a join b on b.k > a.k`, "k", "a by k; b whole"},
	{`select a.k from a join b on b.k = a.k or b.v = a.v`, "k", "a by k; b whole"},
	{`select a.k from a cross join b`, "k", "a by k; b whole"},
	{`select a.k from a natural join b`, "k", "no: joins naturally"},
	{`select a.k, b.v from a join b on b.id = a.b_id`, "k", "a by k; b from id to k of a with b_id"},
	{
		`select a.k, c.p from a join b on b.id = a.b_id join c on c.id = b.v`, "k",
		"a by k; b from id to k of a with b_id; c from id to id of b with v to k of a with b_id",
	},
	{`select a.id from a join b on b.id = a.b_id`, "id", "a by id; b from id to id of a with b_id"},
	{`select x.k from a as x join a as y on y.k = x.k`, "k", "a by k; a by k"},
	{`select a.k from a left join (select k, max(v) as v from b group by k) as m on m.k = a.k`, "k", "a by k; b by k"},
	{`select a.k from a left join (select v, max(k) as k from b group by v) as m on m.k = a.k`, "k", "a by k; b whole"},
	{`select a.k from a left join (select v, count(*) as n from b group by v) as m on m.v = a.v`, "k", "a by k; b from v to k of a with v"},
	{
		`select a.k, s.meaning from a left join seed as s on upper(s.word) = upper(a.v)`, "k",
		"a by k; seed from upper(word) to k of a with upper(v)",
	},
	// The condition of an outer join says nothing of the side that stays.
	{`select c.k from a left join b on b.id = a.id join c on c.k = b.k`, "k", "a from id to k of b with id; b by k; c by k"},
	{
		`select b.k, x.v from b left join (a as x left join c on c.p = x.v) on x.k = b.k`, "k",
		"b by k; a by k; c from p to k of a with v",
	},

	// Aggregates, windows, distinct, limits.
	{`select k, count(*) as n from a group by k`, "k", "a by k"},
	{`select k, v, count(*) as n from a group by 1, 2`, "k", "a by k"},
	{`select k, v, count(*) as n from a group by k, v`, "v", "a by v"},
	{`select v, count(*) as n from a group by v`, "n", "no: the key is an aggregate"},
	{`select max(k) as k, v from a group by v`, "k", "no: the key is an aggregate"},
	{`select count(*) as n from a`, "n", "no: the key is an aggregate"},
	{`select 1 as k, count(*) from a`, "k", "no: its key is a constant"},
	{`select a.k from a group by a.v, a.k`, "k", "a by k"},
	{`select a.k, b.v from a join b on b.k = a.k group by b.k, a.k, b.v`, "k", "a by k; b by k"},
	{`select a.v from a left join b on b.k = a.k group by b.k, a.v, a.k`, "v", "a by v; b from k to v of a with k"},
	{`select l.k from (select a.k, b.k as bk from a left join b on b.k = a.k) as l group by l.bk, l.k`, "k", "a by k; b by k"},
	{`select k, row_number() over (partition by k order by v) as n from a`, "k", "a by k"},
	{`select k, row_number() over (partition by v order by k) as n from a`, "k", "no: window without the key"},
	{`select k, sum(v) over (order by id) as n from a`, "k", "no: window without the key"},
	{`select k, lag(v) over w as n from a window w as (partition by k order by id)`, "k", "a by k"},
	{`select k, lag(v) over w as n from a window w as (order by id)`, "k", "no: window without the key"},
	{`select k, lag(v) over (w order by id) as n from a window w as (partition by k)`, "k", "a by k"},
	{`select k, sum(count(*)) over () as n from a group by k`, "k", "no: window without the key"},
	{`select distinct k, v from a`, "k", "a by k"},
	{`select distinct on (k) k, v from a order by k, v`, "k", "a by k"},
	{`select distinct on (v) k, v from a order by v, k`, "k", "no: takes one row for each v"},
	{`select k from a order by v limit 3`, "k", "no: is limited in rows"},
	{`select k from a offset 3`, "k", "no: is limited in rows"},
	{`select l.k from (select k from a order by v limit 3) as l`, "k", "no: is limited in rows"},
	{`select k, count(*) from a group by rollup (k)`, "k", "no: groups by several sets"},
	{`select k, string_agg(v, ',') as t from a group by k`, "k", "no: string_agg() without an order"},
	{`select k, string_agg(v, ',' order by v) as t from a group by k`, "k", "a by k"},
	{`select k, count(*) from a group by k having count(*) > (select count(*) from b)`, "k", "a by k; b whole"},

	// Sets.
	{`select k from a union all select k from b`, "k", "a by k; b by k"},
	{`select k, v from a union select id, v from b`, "k", "a by k; b by id"},
	{`select * from a union all select id, k, v, 0 from b`, "k", "a by k; b by k"},
	{`select * from r union all select * from a`, "k", "no: unites selects of * whose columns are not known"},
	{`select k from a except select k from b`, "k", "a by k; b by k"},
	{`select k from a union all select 0 from b`, "k", "no: its key is a constant"},
	{`select k from a union all select 7`, "k", "a by k"},
	{`(select k from a limit 1) union all select k from b`, "k", "no: is limited in rows"},
	{`select u.k, count(*) from (select k from a union all select k from b) as u group by u.k`, "k", "a by k; b by k"},

	// Subqueries.
	{`select k from a where exists (select 1 from b where b.k = a.k)`, "k", "a by k; b by k"},
	{`select k from a where not exists (select 1 from b where b.k = a.k)`, "k", "a by k; b by k"},
	{`select k from a where exists (select 1 from b where b.v = a.v)`, "k", "a by k; b from v to k of a with v"},
	{`select k from a where exists (select 1 from b where b.v > a.v)`, "k", "a by k; b whole"},
	{`select k from a where k in (select k from b)`, "k", "a by k; b by k"},
	{`select k from a where k not in (select k from b)`, "k", "a by k; b whole"},
	{`select k from a where k in (select k from b) or v = 1`, "k", "a by k; b whole"},
	{`select k from a where k = any (select k from b)`, "k", "a by k; b by k"},
	{`select k from a where k > any (select k from b)`, "k", "a by k; b whole"},
	{`select k, (select max(v) from b where b.k = a.k) as m from a`, "k", "b by k; a by k"},
	{`select k, (select max(v) from b) as m from a`, "k", "b whole; a by k"},
	{`select k, (select v from b where b.k = a.k order by id limit 1) as m from a`, "k", "b by k; a by k"},
	{`select k, (select c.p from b join c on c.k = b.k where b.k = a.k) as m from a`, "k", "b by k; c by k; a by k"},
	{`select a.k, l.v from a cross join lateral (select max(b.v) as v from b where b.k = a.k) as l`, "k", "a by k; b by k"},
	{`select a.k, l.v from a left join lateral (select b.v from b where b.v = a.v) as l on true`, "k", "a by k; b from v to k of a with v"},
	{`select k, n from a cross join generate_series(1, 3) as g (n)`, "k", "a by k"},
	{`select k from a where v > (select avg(v) from a as o)`, "k", "a by k; a whole"},

	// Common table expressions.
	{`with x as (select k, v from a) select k from x`, "k", "a by k"},
	{`with x as (select k, v from a) select x.k from x join x as y on y.k = x.k`, "k", "a by k"},
	{`with x as (select k, v from a) select x.k from x join x as y on y.v = x.v`, "k", "a by k from v to k of a with v"},
	{`with x as (select k, v from a), m as (select max(v) as v from x) select x.k from x cross join m`, "k", "a by k whole"},
	{`with x (q, w) as (select k, v from a) select q from x`, "q", "a by k"},
	{`with recursive x as (select k from a union all select k from x) select k from x`, "k", "no: x reads itself"},
	{`with a as (select id as k from b) select k from a`, "k", "b by id"},
	{`select s.q from (select k, v from a) as s (q, w)`, "q", "a by k"},

	// What moves by itself, and what nobody knows.
	{`select k, now() as at from a`, "k", "no: calls now(), which may depend on more than its arguments"},
	{`select k, random() as at from a`, "k", "no: calls random(), which may depend on more than its arguments"},
	{`select k, current_date as at from a`, "k", "no: reads the clock or the session"},
	{`select k, cast('now' as timestamp) as at from a`, "k", "no: reads the clock"},
	{`select k, my_function(v) as at from a`, "k", "no: calls my_function(), which may depend on more than its arguments"},
	{`select k from a tablesample system (10)`, "k", "no: reads a sample"},
	{`select nobody.k from nobody`, "k", "no: reads nobody, of which nothing is known"},
	{`select a.k from a cross join nobody`, "k", "no: reads nobody, of which nothing is known"},
	{`select a.k from a left join ops.positions as p on p.run_id = a.v`, "k", "a by k"},
	// A bare name that may be the outer row's or the inner relation's.
	{`select k from a where exists (select 1 from r where q = a.k)`, "k", "a by k; r whole"},
	{`select k from a join b on a.k = b.k`, "k", "no: the key is not one column of one relation"},
}

func TestASelectIsLocalByTheKeyThatItKeepsTogether(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		require.Equal(t, c.want, said(t, c.sql, c.column), "%s by %s", c.sql, c.column)
	}
}

// A relation is replaced where it stands, and nowhere else: not in a text, a comment or a column's name.
func TestALeafIsRestrictedWhereItStands(t *testing.T) {
	t.Parallel()
	s := parse(t, `select a.k, 'v.core.a' as t -- v.core.a
from v.core.a
join "V"."odd.name" as b on b.k = a.k`)
	require.Equal(t, `select a.k, 'v.core.a' as t -- v.core.a
from (1) as a
join (2) as b on b.k = a.k`, s.Restrict(func(l *locality.Leaf) string {
		if l.Relation.Name == "a" {
			return "(1)"
		}
		return "(2)"
	}))
}
