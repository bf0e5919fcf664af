package run_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/lifecycle"
	"lifeline/model"
	"lifeline/model/locality"
	"lifeline/project"
	"lifeline/run"
	"lifeline/source"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// history is a source with a random life: roots, their children, and the children's items.
type history struct {
	random *rand.Rand
	tables map[string][][]string
	next   int
}

var historyColumns = map[string]string{
	"root": "id,grp,v,at", "child": "id,root_id,v,word", "item": "id,child_id,amount,word", "place": "id,name",
}

func newHistory(seed uint64) *history {
	h := &history{random: rand.New(rand.NewPCG(seed, 7)), tables: map[string][][]string{}}
	for id := range 6 {
		h.tables["place"] = append(h.tables["place"], []string{strconv.Itoa(id), "place " + strconv.Itoa(id)})
	}
	for _, table := range []string{"root", "child", "item"} {
		for range map[string]int{"root": 40, "child": 80, "item": 160}[table] {
			h.insert(table)
		}
	}
	return h
}

// number is a number below a limit, now and then none.
func (h *history) number(limit int) string {
	if h.random.IntN(20) == 0 {
		return "NULL"
	}
	return strconv.Itoa(h.random.IntN(limit))
}

func (h *history) word() string {
	return []string{"red", "Red", "green", "blue", "NULL", "odd"}[h.random.IntN(6)]
}

func (h *history) key(table string) string {
	rows := h.tables[table]
	if len(rows) == 0 || h.random.IntN(25) == 0 {
		return []string{"NULL", "999999"}[h.random.IntN(2)] // Without a parent, or with one that is not there.
	}
	return rows[h.random.IntN(len(rows))][0]
}

func (h *history) row(table, id string) []string {
	switch table {
	case "root":
		return []string{id, h.number(6), h.number(100), fmt.Sprintf("2024-0%d-1%d 10:00:00", 1+h.random.IntN(9), h.random.IntN(9))}
	case "child":
		return []string{id, h.key("root"), strconv.Itoa(h.random.IntN(110) - 5), h.word()}
	case "place":
		return []string{id, "place " + h.number(50)}
	}
	return []string{id, h.key("child"), strconv.Itoa(h.random.IntN(1000)), h.word()}
}

func (h *history) insert(table string) {
	h.next++
	h.tables[table] = append(h.tables[table], h.row(table, strconv.Itoa(h.next)))
}

// live changes a few rows: new ones, other values, other parents, gone ones, and now and then a key twice.
func (h *history) live() {
	for range 1 + h.random.IntN(6) {
		table := []string{"root", "child", "child", "item", "item", "item", "place"}[h.random.IntN(7)]
		rows := h.tables[table]
		at := h.random.IntN(max(len(rows), 1))
		switch what := h.random.IntN(12); {
		case len(rows) < 3 || what < 3:
			h.insert(table)
		case what < 8:
			rows[at] = h.row(table, rows[at][0])
		case what < 9:
			h.tables[table] = append(rows, h.row(table, rows[at][0]))
		case what < 10:
			h.tables[table] = append(rows, slices.Clone(rows[at]))
		default:
			h.tables[table] = slices.Delete(rows, at, at+1)
		}
	}
}

func (h *history) files() map[string]string {
	out := map[string]string{}
	for table, columns := range historyColumns {
		lines := []string{columns}
		for _, row := range h.tables[table] {
			lines = append(lines, strings.Join(row, ","))
		}
		out["csv/"+table+".csv"] = strings.Join(lines, "\n") + "\n"
	}
	return out
}

// historyProject has each way in which a model may be local, and some that are not.
var historyProject = map[string]string{
	"models/sources.yml": `sources:
  - name: s
    schema: staging
    tables:
      - name: root
        meta: {lifeline: {file: root.csv, key: [id]}}
        columns: [{name: id, data_type: int}, {name: grp, data_type: int}, {name: v, data_type: int}, {name: at, data_type: datetime}]
      - name: child
        meta: {lifeline: {file: child.csv, key: [id]}}
        columns: [{name: id, data_type: int}, {name: root_id, data_type: int}, {name: v, data_type: int}, {name: word, data_type: varchar}]
      - name: item
        meta: {lifeline: {file: item.csv, key: [id], money: {amount: ''}}}
        columns:
          - {name: id, data_type: int}
          - {name: child_id, data_type: int}
          - {name: amount, data_type: 'decimal(12,2)'}
          - {name: word, data_type: varchar(10)}
      - name: place
        meta: {lifeline: {file: place.csv, key: [id]}}
        columns: [{name: id, data_type: int}, {name: name, data_type: varchar(20)}]
`,
	"dbt_project.yml": "name: tiny\nmodel-paths: [models]\nmodels: {tiny: {+materialized: table, core: {+schema: core}}}\n",
	"seeds/words.csv": "word,meaning\nred,warm\ngreen,calm\nblue,cold\n",
	"models/core/core.yml": `models:
  - name: roots
    meta: {lifeline: {entity_of: root}}
    columns:
      - name: v
        data_tests: [{dbt_utils.accepted_range: {arguments: {max_value: 95}, config: {meta: {lifeline: {on_fail: quarantine}}}}}]
  - name: children
    meta: {lifeline: {entity_of: child}}
    columns:
      - name: root_id
        data_tests: [{relationships: {arguments: {to: ref('roots'), field: id}, config: {meta: {lifeline: {on_fail: quarantine}}}}}]
      - name: v
        data_tests: [{dbt_utils.accepted_range: {arguments: {min_value: 0}, config: {meta: {lifeline: {on_fail: quarantine}}}}}]
  - name: items
    meta: {lifeline: {entity_of: item}}
    columns:
      - name: child_id
        data_tests: [{relationships: {arguments: {to: ref('children'), field: id}, config: {meta: {lifeline: {on_fail: quarantine}}}}}]
  - {name: places, meta: {lifeline: {entity_of: place}}}
`,
	// Checks of single rows, of keys, of other tables and of everything, which are carried or counted by what has changed.
	"models/analytics/analytics.yml": `models:
  - name: root_totals
    data_tests:
      - dbt_utils.expression_is_true: {arguments: {expression: 'children > 1'}, config: {severity: warn}}
    columns:
      - {name: id, data_tests: [not_null, unique, {relationships: {arguments: {to: ref('roots'), field: id}, config: {severity: warn}}}]}
      - name: total
        data_tests: [{dbt_utils.accepted_range: {arguments: {max_value: 90}, config: {severity: warn, where: 'grp is not null'}}}]
  - name: share
    columns:
      - {name: amount, data_tests: [{dbt_utils.accepted_range: {arguments: {max_value: 500}, config: {severity: warn}}}]}
  - name: figures
    columns: [{name: n, data_tests: [not_null]}]
  - name: siblings
    columns: [{name: best, data_tests: [{not_null: {config: {severity: warn}}}]}]
`,
	"tests/busy_roots.sql": `{{ config(severity='warn') }}
select b.id from {{ ref('busy') }} as b where b.v > 60`,
	"models/core/spelled.sql": `select distinct word as raw, lower(word) as word from {{ source('s', 'item') }} where word is not null`,
	"models/core/places.sql":  `select cast(id as bigint) as id, name from {{ source('s', 'place') }}`,
	"models/core/roots.sql": `select cast(r.id as bigint) as id, nullif(cast(r.grp as bigint), 0) as grp, r.v,
    case when r.at < timestamp '{{ var('snapshot_at', var('as_of')) }}' then r.at end as at, p.name as place
from {{ source('s', 'root') }} as r
left join {{ ref('places') }} as p on p.id = r.grp`,
	// The greatest value of all and the words are parts; nothing else of the model needs all of the source.
	"models/core/children.sql": `with
spelled as (select distinct word as raw, lower(word) as word from {{ source('s', 'child') }} where word is not null),
later as (
    select n.id, n.above
    from (
        select id, v, max(v) over (order by id desc rows between unbounded preceding and current row) as above
        from {{ source('s', 'child') }}
    ) as n
    where n.v > 80
)
select cast(c.id as bigint) as id, cast(c.root_id as bigint) as root_id, c.v, coalesce(w.meaning, 'none') as meaning, l.above
from {{ source('s', 'child') }} as c
left join later as l on l.id = c.id
left join spelled as s on s.raw = c.word
left join {{ ref('words') }} as w on w.word = s.word`,
	"models/core/items.sql": `select cast(i.id as bigint) as id, cast(i.child_id as bigint) as child_id, c.root_id, i.amount, w.word
from {{ source('s', 'item') }} as i
left join {{ ref('spelled') }} as w on w.raw = i.word
left join {{ ref('children') }} as c on c.id = i.child_id`,
	"models/analytics/root_totals.sql": `select r.id, r.grp, count(c.id) as children, sum(c.v) as total, max(c.meaning) as most
from {{ ref('roots') }} as r left join {{ ref('children') }} as c on c.root_id = r.id group by r.id, r.grp`,
	"models/analytics/busy.sql": `select r.id, r.v from {{ ref('roots') }} as r
where exists (select 1 from {{ ref('children') }} as c where c.root_id = r.id and c.v > 50)
    and r.id not in (select c.id from {{ ref('children') }} as c where c.v = 3)`,
	"models/analytics/steps.sql": `select u.*, row_number() over (partition by u.root_id order by u.at, u.kind, u.id) as n,
    lag(u.v) over (partition by u.root_id order by u.at, u.kind, u.id) as before
from (
    select r.id as root_id, r.id, 'root' as kind, r.v, r.at from {{ ref('roots') }} as r
    union all
    select c.root_id, c.id, 'child', c.v, r.at from {{ ref('children') }} as c join {{ ref('roots') }} as r on r.id = c.root_id
) as u`,
	"models/analytics/amounts.sql": `{{ config(materialized='view') }}
select i.root_id, sum(i.amount) as amount, count(*) as n from {{ ref('items') }} as i group by i.root_id`,
	"models/analytics/rich.sql": `select r.id, a.amount, coalesce(a.n, 0) as n from {{ ref('roots') }} as r
left join {{ ref('amounts') }} as a on a.root_id = r.id`,
	"models/analytics/by_group.sql": `select r.grp, count(*) as roots, sum(a.amount) as amount, '{{ var('as_of') }}' as as_of
from {{ ref('roots') }} as r
left join {{ ref('rich') }} as a on a.id = r.id group by r.grp`,
	"models/analytics/share.sql": `select i.id, i.root_id, i.amount, sum(i.amount) over () as everything from {{ ref('items') }} as i`,
	"models/analytics/siblings.sql": `select c.id, r.place,
    (select max(o.v) from {{ ref('children') }} as o where o.root_id = c.root_id and o.id <> c.id) as best
from {{ ref('children') }} as c left join {{ ref('roots') }} as r on r.id = c.root_id`,
	// Groups of two columns, one of which is constant in a part, each cast once more.
	"models/analytics/groups.sql": `select
    cast('G' as varchar(8)) as kind, cast(f.month as date) as month, cast(f.grp as bigint) as grp, f.n, f.total
from (
    select * from (
        select cast(date_trunc('month', r.at) as date) as month, r.grp, count(*) as n, sum(r.v) as total
        from {{ ref('roots') }} as r group by cast(date_trunc('month', r.at) as date), r.grp
        union all
        select null, r.grp, count(*), min(r.v) from {{ ref('roots') }} as r group by r.grp
    ) as u
) as f`,
	"models/analytics/figures.sql": `select c.meaning, count(*) as n from {{ ref('children') }} as c group by c.meaning`,
}

// twoWarehouses are one project with two warehouses: one that is rebuilt whole each time, and one that is not.
type twoWarehouses struct {
	inc, full *tiny
	whole     *run.Report // Of the last run of full.
}

func (x *twoWarehouses) walk(t *testing.T) *run.Report {
	t.Helper()
	today := time.Now().UTC().Format(time.DateOnly) // The same for both, also over midnight.
	of := func(w *tiny, full bool) *run.Report {
		p, err := lifecycle.Load(w.dir, project.Options{Env: os.Getenv})
		require.NoError(t, err)
		r, err := run.Do(t.Context(), run.Options{
			Project: p, Warehouse: w.wh, Command: "test", AsOf: today, Full: full, Source: w.source(p),
		})
		require.NoError(t, err)
		return r
	}
	x.whole = of(x.full, true)
	return of(x.inc, false)
}

// same compares every published relation and the quarantine of the two.
func (x *twoWarehouses) same(t *testing.T, r *run.Report, seed uint64, step int) {
	t.Helper()
	if r.Status == run.Unchanged {
		return
	}
	for _, m := range r.Models {
		name := "core." + m.Name
		if _, core := historyProject["models/core/"+m.Name+".sql"]; !core && m.Name != "words" {
			name = "analytics." + m.Name
		}
		if m.Name == "words" {
			continue
		}
		require.Equal(t, x.full.rows(t, "select * from "+name), x.inc.rows(t, "select * from "+name),
			"seed %d step %d: %s was built %s (%d keys) %s", seed, step, name, m.Built, m.Keys, m.Why)
	}
	built := func(r *run.Report) map[string]int64 {
		out := map[string]int64{}
		for _, m := range r.Models {
			out[m.Name] = m.Rows
		}
		return out
	}
	require.Equal(t, built(x.whole), built(r), "seed %d step %d: rows of the models", seed, step)
	const quarantined = `select q.table_name, q.key, q.occurrence, q.state, q."row", r.reason, r.check_name
from quarantine.rows as q
left join quarantine.reasons as r on r.table_name = q.table_name and r.key = q.key and r.occurrence = q.occurrence
where q.state in ('held', 'quarantined', 'superseded')`
	require.Equal(t, x.full.books(t, quarantined), x.inc.books(t, quarantined), "seed %d step %d: quarantine", seed, step)
	outcomes := func(r *run.Report) []string {
		var out []string
		for _, c := range r.Checks {
			out = append(out, fmt.Sprint(c.Name, " ", c.Status, " ", c.Failing, " of ", c.Tested))
		}
		return out
	}
	require.Equal(t, outcomes(x.whole), outcomes(r), "seed %d step %d: checks", seed, step)
	const failing = "select c.node, c.check_name, c.key, c.value from ops.check_rows as c where c.run_id = (select max(run_id) from ops.runs)"
	require.Equal(t, x.full.books(t, failing), x.inc.books(t, failing), "seed %d step %d: rows of checks", seed, step)
}

// rows are the rows of a query over the published version as texts, in order.
func (x *tiny) rows(t *testing.T, query string) []string {
	t.Helper()
	r, err := x.wh.Published(t.Context())
	require.NoError(t, err)
	return texts(t, r, query)
}

func (x *tiny) books(t *testing.T, query string) []string {
	t.Helper()
	r, err := x.wh.OpenOps(t.Context())
	require.NoError(t, err)
	return texts(t, r, query)
}

func texts(t *testing.T, r *warehouse.Reader, query string) []string {
	t.Helper()
	defer func() { require.NoError(t, r.Close()) }()
	rows, err := r.DB.Query(query)
	require.NoError(t, err, query)
	columns, err := rows.Columns()
	require.NoError(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		require.NoError(t, rows.Scan(places...))
		out = append(out, fmt.Sprint(values...))
	}
	require.NoError(t, rows.Err())
	slices.Sort(out)
	return out
}

// A version that is rebuilt for the keys that have changed is the version that a whole rebuild makes, whatever has happened to the source.
func TestARebuildOfWhatChangedIsAWholeRebuild(t *testing.T) {
	t.Parallel()
	histories, steps := 1, 4
	if os.Getenv("LIFELINE_SOAK") == "1" {
		histories, steps = 500, 4 // On each engine.
	}
	if n, err := strconv.Atoi(os.Getenv("LIFELINE_HISTORIES")); err == nil {
		histories = n
	}
	for n := range histories {
		seed := uint64(n + 1)
		t.Run(fmt.Sprint("history ", seed), func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, dsn string) { liveOn(t, dsn, seed, steps) })
		})
	}
}

func liveOn(t *testing.T, dsn string, seed uint64, steps int) {
	t.Helper()
	h := newHistory(seed)
	files := h.files()
	maps.Copy(files, historyProject)
	generated := 10
	if os.Getenv("LIFELINE_SOAK") != "" {
		generated = 20
	}
	maps.Copy(files, generatedModels(seed, generated))
	x := &twoWarehouses{inc: newTiny(t, dsn, files), full: newTiny(t, secondOf(t, dsn), files)}
	built, standing := map[string]int{}, 0
	for step := range steps + 1 {
		if step > 0 {
			h.live()
			x.inc.write(t, h.files())
			x.full.write(t, h.files())
		}
		r := x.walk(t)
		x.same(t, r, seed, step)
		for _, s := range r.Steps {
			if s.Name == warehouse.StepCheck && strings.Contains(s.Detail, "stand from the published version") {
				standing++
			}
		}
		for _, m := range r.Models {
			if step > 0 {
				built[m.Built]++
			}
		}
	}
	// Other SQL that gives the same rows reaches nobody who reads them.
	const name = "models/core/spelled.sql"
	other := map[string]string{name: historyProject[name] + " and word <> 'never'"}
	x.inc.write(t, other)
	x.full.write(t, other)
	r := x.walk(t)
	x.same(t, r, seed, steps+1)
	for _, m := range r.Models {
		switch m.Name {
		case "spelled":
			require.Equal(t, "whole", m.Built)
		case "items":
			require.NotEqual(t, "whole", m.Built, m.Why)
		}
	}
	require.Positive(t, built["keys"], "nothing was rebuilt for keys: %v", built)
	require.Positive(t, standing, "no result of a check was carried over")
}

// A model that is wrongly taken to be local, and a change that nobody has told of, are found where keys are computed again.
func TestAProofFindsWhatARebuildForKeysGotWrong(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		h := newHistory(3)
		files := h.files()
		for name, text := range historyProject {
			files[name] = text
		}
		inc := newTiny(t, dsn, files)
		prove := func(share float64, wh warehouse.Warehouse, plant func(string, *model.Locality)) error {
			p, err := lifecycle.Load(inc.dir, project.Options{Env: os.Getenv})
			require.NoError(t, err)
			o := run.Options{Project: p, Warehouse: wh, Command: "test", Source: inc.source(p), Prove: share}
			o.Plant(plant)
			_, err = run.Do(t.Context(), o)
			return err
		}
		require.NoError(t, prove(0, inc.wh, nil))
		h.insert("item")
		h.tables["item"][0][2] = "77"
		inc.write(t, h.files())
		window := func(name string, l *model.Locality) {
			if name == "share" {
				leaf := l.SQL.Leaves()[0]
				l.Plans = []*locality.Plan{{Column: "id", Uses: []*locality.Use{{Leaf: leaf, Keys: []string{"x.id"}}}}}
			}
		}
		require.ErrorContains(t, prove(0.3, inc.wh, window), "share: ")
		untold := &spoiler{Warehouse: inc.wh, landed: "update staging.child set v = v + 1000 where v between 10 and 60"}
		require.ErrorContains(t, prove(0.5, untold, nil), "children: ")
		require.NoError(t, prove(1, &spoiler{Warehouse: inc.wh, landed: "update staging.child set v = v - 1000 where v > 900"}, nil))

		// Without a proof the fault is published, and the comparison with a whole rebuild finds it.
		h.insert("item")
		inc.write(t, h.files())
		require.NoError(t, prove(0, inc.wh, window))
		full := newTiny(t, secondOf(t, dsn), files)
		full.write(t, h.files())
		_, err := full.walk(t, true)
		require.NoError(t, err)
		const query = "select id, root_id, amount, everything from analytics.share"
		require.NotEqual(t, full.rows(t, query), inc.rows(t, query))
	})
}

func (x *tiny) source(p *project.Project) run.OpenSource {
	return func(ctx context.Context) (source.Source, error) {
		return source.Open(ctx, source.Options{
			DSN: "csv:" + filepath.Join(x.dir, "csv"), TimeZone: p.Config.Source.TimeZone, Tables: run.Contracts(p),
		})
	}
}

// secondOf is another warehouse of the same engine.
func secondOf(t *testing.T, dsn string) string {
	t.Helper()
	if strings.HasPrefix(dsn, "duckdb:") {
		return "duckdb:" + filepath.Join(t.TempDir(), "second.duckdb")
	}
	return warehousetest.Postgres(t).DSN
}
