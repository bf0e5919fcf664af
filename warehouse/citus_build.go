package warehouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"lifeline/change"
)

// Where the rows of a version go on a cluster. Tables with the root's key are spread by it, all in one co-location group, so that joins on
// it stay inside a worker; small tables without it, such as dimensions and seeds, are copied to every node; what is left stays on the
// coordinator. A select that each worker can answer for its own rows is run there; one that only needs its rows at other places sends
// them from worker to worker; anything else the coordinator does.

// Up to fewRows any table that the coordinator made is copied to every node, up to copiedRows one without a key.
const fewRows, copiedRows = 1000, 100_000

// placement says where the planner runs a select.
type placement int

const (
	atCoordinator placement = iota // It needs a step of the coordinator's own, or reads nothing spread.
	inShards                       // Each shard answers for itself.
	refused                        // No plan over the shards.
)

func (p placement) String() string { return [...]string{"coordinator", "shards", "refused"}[p] }

// spreadKeys are the columns by which tables of a version are spread, in the order in which they came.
type spreadKeys struct {
	mu    sync.Mutex
	names []string
}

func (k *spreadKeys) add(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.names, name) {
		k.names = append(k.names, name)
	}
}

// among gives those columns of a table that it may be spread by, the declared one first.
func (k *spreadKeys) among(declared string, columns []tableColumn) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for _, name := range append([]string{declared}, k.names...) {
		i := slices.IndexFunc(columns, func(c tableColumn) bool { return c.name == name })
		if i >= 0 && spreadable(columns[i].typ) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// spreadable tells whether rows can be spread by a column of the type.
func spreadable(typ string) bool {
	return slices.Contains([]string{"smallint", "integer", "bigint", "text", "uuid"}, typ) || strings.HasPrefix(typ, "character varying")
}

// createSpread makes a model's table where the cluster answers its select best.
func (b *postgresBuild) createSpread(ctx context.Context, m Model, relation, query string) (rows int64, err error) {
	if m.Candidate { // Its rows are spread once the verdicts are in.
		return b.createHere(ctx, relation, query)
	}
	where := b.planned(ctx, query)
	if where != inShards {
		// A CTE that is read twice is otherwise gathered from all shards and sent back to them.
		if inlined := inlineCTEs(query); inlined != query {
			if b.planned(ctx, inlined) == inShards {
				query, where = inlined, inShards
			}
		}
	}
	b.run.w.log.DebugContext(ctx, "planned", "model", m.Schema+"."+m.Name, "where", where.String(), "key", m.Key)
	if where == inShards {
		rows, done, err := b.createInShards(ctx, m, relation, query)
		if err != nil || done {
			return rows, err
		}
	}
	if where == refused {
		b.run.w.log.InfoContext(ctx, "the coordinator builds a model that no worker can", "model", m.Schema+"."+m.Name)
	}
	if rows, err = b.createHere(ctx, relation, query); err != nil {
		return 0, err
	}
	return rows, b.spread(ctx, m, relation, rows)
}

// isViewable tells whether a view can be read. One that no worker can answer becomes a table on a cluster, whose rows are the same.
func (b *postgresBuild) isViewable(ctx context.Context, m Model) bool {
	return b.run.w.cluster == nil || b.planned(ctx, selected(m.SQL)) != refused
}

// createHere makes the table on the coordinator; what the workers cannot answer is pulled there.
func (b *postgresBuild) createHere(ctx context.Context, relation, query string) (int64, error) {
	statement := fmt.Sprintf("create table %s with (autovacuum_enabled = false) as %s", relation, query)
	tag, err := b.one(ctx, statement)
	if isForCoordinator(err) {
		again, pulls, bad := gatherOver(ctx, b.run.pool, statement)
		if bad == nil && pulls {
			tag, err = b.one(ctx, again)
		}
	}
	return tag.RowsAffected(), withLine(statement, err)
}

// planned asks the planner where a select runs. What is wrong with one that has no plan is told when its table is made.
func (b *postgresBuild) planned(ctx context.Context, query string) placement {
	lines, err := b.explained(ctx, query)
	if isForCoordinator(err) {
		return refused
	}
	if err == nil && len(lines) > 0 && strings.HasPrefix(lines[0], "Custom Scan (Citus Adaptive)") && !inLines(lines, "Distributed Subplan") {
		return inShards
	}
	return atCoordinator
}

func (b *postgresBuild) explained(ctx context.Context, statement string) ([]string, error) {
	result, err := b.ask(ctx, "explain (costs off) "+statement)
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(result.Rows))
	for i, row := range result.Rows {
		lines[i] = string(row[0])
	}
	return lines, nil
}

func inLines(lines []string, text string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, text) })
}

// createInShards makes an empty table, spreads it and lets the workers fill it. It is not done where no key keeps the rows from passing
// through the coordinator, or where a row has none.
func (b *postgresBuild) createInShards(ctx context.Context, m Model, relation, query string) (rows int64, done bool, err error) {
	empty := fmt.Sprintf("create table %s with (autovacuum_enabled = false) as %s\nwith no data", relation, query)
	if _, err := b.one(ctx, empty); err != nil {
		return 0, false, withLine(empty, err)
	}
	columns, err := relationColumns(ctx, b.run.pool, relation)
	if err != nil {
		return 0, false, err
	}
	insert := fmt.Sprintf("insert into %s %s", relation, query)
	for _, key := range b.keys.among(m.Key, columns) {
		if _, err := b.run.pool.Exec(ctx, `select create_distributed_table($1::text::regclass, $2)`, relation, key); err != nil {
			return 0, false, err
		}
		lines, err := b.explained(ctx, insert)
		if err == nil && !inLines(lines, "pull to coordinator") && !inLines(lines, "Distributed Subplan") {
			tag, err := b.one(ctx, insert)
			if err == nil {
				b.keys.add(key)
				_, err = b.run.pool.Exec(ctx, `analyze `+relation)
				return tag.RowsAffected(), true, err
			}
			if !isKeyless(err) {
				return 0, false, withLine(insert, err)
			}
		} else if err != nil && !isForCoordinator(err) {
			return 0, false, withLine(insert, err)
		}
		if _, err := b.run.pool.Exec(ctx, `drop table `+relation); err != nil {
			return 0, false, err
		}
		if _, err := b.one(ctx, empty); err != nil {
			return 0, false, err
		}
	}
	return 0, false, b.drop(ctx, relation)
}

// isKeyless tells whether a row without the key was refused.
func isKeyless(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return (pg.Code == "22004" || pg.Code == "23502" || pg.Code == notSupported) && strings.Contains(pg.Message, "partition column") ||
		strings.Contains(pg.Message, "cannot perform an INSERT with NULL")
}

// spread moves the rows of a table that the coordinator made to where they belong.
func (b *postgresBuild) spread(ctx context.Context, m Model, relation string, rows int64) error {
	pool := b.run.pool
	columns, err := relationColumns(ctx, pool, relation)
	if err != nil {
		return err
	}
	keys := b.keys.among(m.Key, columns)
	if rows <= fewRows && !m.Candidate || rows <= copiedRows && len(keys) == 0 {
		if _, err := pool.Exec(ctx, `select create_reference_table($1::text::regclass)`, relation); err != nil {
			return err
		}
		return b.freeCoordinator(ctx, relation)
	}
	for _, key := range keys {
		_, err := pool.Exec(ctx, `select create_distributed_table($1::text::regclass, $2)`, relation, key)
		if isKeyless(err) {
			continue
		}
		if err != nil {
			return err
		}
		b.keys.add(key)
		return b.freeCoordinator(ctx, relation)
	}
	b.run.w.log.InfoContext(ctx, "a table stays on the coordinator: it has no key to spread it by", "table", m.Schema+"."+m.Name, "rows", rows)
	_, err = pool.Exec(ctx, `analyze `+relation)
	return err
}

// freeCoordinator takes away the rows that were copied from the coordinator's own table, and counts the copies.
func (b *postgresBuild) freeCoordinator(ctx context.Context, relation string) error {
	_, err := b.run.pool.Exec(ctx, `select truncate_local_data_after_distributing_table($1::text::regclass)`, relation)
	if err != nil {
		return err
	}
	_, err = b.run.pool.Exec(ctx, `analyze `+relation)
	return err
}

// settleCandidate spreads an entity's rows once those that may not stay are gone.
func (b *postgresBuild) settleCandidate(ctx context.Context, m Model) error {
	relation := b.Relation(m.Schema, m.Name)
	var there bool
	var rows int64
	err := b.run.pool.QueryRow(ctx, `
select exists (select from pg_dist_partition where logicalrelid = $1::text::regclass)`, relation).Scan(&there)
	if err != nil || there {
		return err
	}
	if err := b.run.pool.QueryRow(ctx, `select count(*) from `+relation).Scan(&rows); err != nil {
		return err
	}
	return b.spread(ctx, m, relation, rows)
}

// uniqueInShards makes an index over all shards. Uniqueness that no shard can see is looked for once: a version's rows do not change.
func (b *postgresBuild) uniqueInShards(ctx context.Context, m Model, columns string) error {
	relation := b.Relation(m.Schema, m.Name)
	var twice int64
	err := b.run.db.QueryRowContext(ctx, fmt.Sprintf(`
select count(*)
from (
	select %[1]s
	from %[2]s
	where (%[1]s) is not null
	group by %[1]s
	having count(*) > 1
) as d`, columns, relation)).Scan(&twice)
	if err != nil {
		return err
	}
	if twice > 0 {
		return &change.Problem{
			Err:   fmt.Errorf("index %s.%s: %d values of (%s) are there more than once", m.Schema, m.Name, twice, columns),
			Where: m.Schema + "." + m.Name, Class: change.ClassBlocked,
			Try: "lifeline query \"select … group by 1 having count(*) > 1\" over what the model reads",
		}
	}
	_, err = b.run.pool.Exec(ctx, fmt.Sprintf(`create index on %s (%s)`, relation, columns))
	return err
}

// indexSpread makes the indexes of a table that is spread over the nodes, one after the other: a unique one may have to be so in
// each shard by itself.
func (b *postgresBuild) indexSpread(ctx context.Context, m Model) error {
	for _, i := range m.Indexes {
		statement, columns := b.indexStatement(m, i)
		_, err := b.run.pool.Exec(ctx, statement)
		if i.Unique && isForCoordinator(err) {
			err = b.uniqueInShards(ctx, m, columns)
		}
		if err != nil {
			return b.indexProblem(m, err)
		}
	}
	return nil
}
