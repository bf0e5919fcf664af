package run_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes models at random. All have the columns k, j, id and v, whole numbers, so that each may read the others.
type generator struct {
	random *rand.Rand
	pool   []string // What may be read, as it stands in a FROM.
	small  int      // So many of the pool have few rows of one id.
}

// generatedModels are models by their files: joins, windows, unions, semi-joins, differences, and groups by what moves from key to key.
func generatedModels(seed uint64, count int) map[string]string {
	g := &generator{random: rand.New(rand.NewPCG(seed, 11)), pool: []string{
		"(select r.id as k, r.grp as j, r.id, cast(r.v as bigint) as v from {{ ref('roots') }} as r)",
		"(select c.root_id as k, cast(c.v / 10 as bigint) as j, c.id, cast(c.v as bigint) as v from {{ ref('children') }} as c)",
		"(select i.root_id as k, i.child_id as j, i.id, cast(floor(i.amount) as bigint) as v from {{ ref('items') }} as i)",
	}}
	g.small = len(g.pool)
	out := map[string]string{}
	for n := range count {
		name := fmt.Sprintf("gen_%02d", n)
		out["models/analytics/"+name+".sql"] = g.model()
		g.pool = append(g.pool, "{{ ref('"+name+"') }}")
	}
	return out
}

func (g *generator) any() string   { return g.pool[g.random.IntN(len(g.pool))] }
func (g *generator) base() string  { return g.pool[g.random.IntN(g.small)] }
func (g *generator) key() string   { return []string{"k", "j", "id"}[g.random.IntN(3)] }
func (g *generator) limit() string { return fmt.Sprint(g.random.IntN(90)) }

func (g *generator) one(of ...string) string { return of[g.random.IntN(len(of))] }

// model is one of the shapes, with its places filled.
func (g *generator) model() string {
	shape := g.one(
		`select a.{p} as k, a.{q} as j, min(a.id) as id, cast(sum(a.v) as bigint) as v from {A} as a group by a.{p}, a.{q}`,
		`select a.{p} as k, max(a.{q}) as j, min(a.id) as id, count(*) as v from {A} as a where a.v > {n} group by a.{p} having count(*) > 1`,
		`select cast(f.k as bigint) as k, cast(f.j as bigint) as j, f.id, f.v
from (select a.{p} as k, a.v / 20 as j, max(a.id) as id, count(*) as v from {A} as a group by a.{p}, a.v / 20) as f`,
		`select a.k, a.j, a.id, row_number() over (partition by a.{p} order by a.v, a.id, a.k, a.j) as v from {A} as a`,
		`select a.k, a.j, a.id, cast(sum(a.v) over (partition by a.{p}, a.{q} order by a.id, a.v, a.k, a.j
    rows between 1 preceding and current row) as bigint) as v from {A} as a`,
		`select * from (select a.k, a.j, a.id, a.v from {A} as a where a.v > {n}
union all select b.{p}, b.{q}, b.id, b.v + 1 from {B} as b) as u`,
		`select a.k, a.j, a.id, a.v from {A} as a where a.{p} in (select b.{q} from {B} as b where b.v > {n})`,
		`select a.k, a.j, a.id, a.v from {A} as a where {not} exists (select 1 from {B} as b where b.{q} = a.{p} and b.v > a.v)`,
		`select a.k, b.j, a.id, coalesce(b.v, 0) + a.v as v from {A} as a {join} join {base} as b on b.id = a.{p}`,
		`select b.k, a.j, a.id, a.v from {base} as b join {base} as a on a.{p} = b.k and b.v > {n}`,
		`select a.k, a.j, a.id, coalesce(m.n, 0) as v from {A} as a
left join (select b.{q} as q, count(*) as n from {B} as b where b.v > {n} group by b.{q}) as m on m.q = a.{p}`,
		`select distinct on (a.{p}) a.k, a.j, a.id, a.v from {A} as a order by a.{p}, a.v, a.id, a.k, a.j`,
		`select a.k, a.j, a.id, (select max(b.v) from {B} as b where b.{q} = a.{p}) as v from {A} as a`,
		`select a.k, a.j, a.id, a.v from {A} as a {but} select b.{p}, b.{q}, b.id, b.v from {B} as b`,
		`with w as (select b.{q} as q, sum(b.v) as s from {B} as b group by b.{q}), x as (select w.q, max(w.s) over () as most, w.s from w)
select a.k, a.j, a.id, cast(case when x.s = x.most then 1 else 0 end as bigint) as v from {A} as a left join x on x.q = a.{p}`,
		`select a.k, a.j, a.id, cast(a.v - avg(a.v) over (partition by a.j) as bigint) as v from {A} as a where a.j is not null`,
	)
	return strings.NewReplacer("{A}", g.any(), "{B}", g.any(), "{base}", g.base(), "{p}", g.key(), "{q}", g.key(), "{n}", g.limit(),
		"{not}", g.one("", "not"), "{join}", g.one("left", "inner"), "{but}", g.one("except", "intersect", "union")).Replace(shape)
}
