package warehouse

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"lifeline/change"
)

// postgresBuild makes one version in schemas of its own, such as core__v12, which no reader looks into before Publish.
type postgresBuild struct {
	run      *postgresRun
	version  int64
	previous int64 // The published version, 0 before the first.
	keys     spreadKeys

	mu      sync.Mutex
	guarded *pgx.Conn // Holds what models and tests may not write.
	checks  *pgxpool.Pool
	checkDB *sql.DB             // Of checks.
	schemas []string            // Base names, such as "core", whose schemas of this version are there.
	before  map[string][]string // Of the published version; nil before they are asked for.
	carried map[string]bool     // Relations that are views of an older version's tables.
	done    bool
}

// working is the schema of tables that a version is made with and that go when it is published.
const working = "build"

func versionSchema(schema string, version int64) string {
	return fmt.Sprintf("%s__v%d", schema, version)
}

func (r *postgresRun) Build(ctx context.Context) (Build, error) {
	b := &postgresBuild{run: r, carried: map[string]bool{}}
	err := r.pool.QueryRow(ctx, `
select greatest(
		(select coalesce(max(version), 0) from ops.versions),
		(select coalesce(max(version), 0) from ops.schemas)
	) + 1,
	(select coalesce(max(version), 0) from ops.versions where state = 'published')`).Scan(&b.version, &b.previous)
	if err != nil {
		return nil, r.w.problem("number the version", err)
	}
	if err := r.prepareStaging(ctx); err != nil {
		return nil, r.w.problem("prepare staging", err)
	}
	for _, schema := range []string{working, "core", "analytics"} {
		if err := b.ensureSchema(ctx, schema); err != nil {
			return nil, err
		}
	}
	if err := b.guard(ctx); err != nil {
		_ = b.unguard(ctx)
		return nil, r.w.problem("guard staging", err)
	}
	return b, nil
}

// prepareStaging gives the tables that a load changed their statistics and an index on their declared key, for those who look
// single rows up. That is done here, once the rows are committed. The index is not unique: the source's rows are kept as they are.
func (r *postgresRun) prepareStaging(ctx context.Context) error {
	rows, err := r.pool.Query(ctx, `
select s.table_name, s.key_columns, coalesce(cardinality(s.key_columns), 0) = 0 or exists (
	select
	from pg_index i
	where i.indrelid = c.oid
		and i.indisvalid
		and i.indkey::smallint[] @> (
			select array_agg(a.attnum)
			from pg_attribute a
			where a.attrelid = c.oid
				and a.attname = any (s.key_columns)
		)
)
from ops.staged s
join pg_class c on c.oid = to_regclass('staging.' || quote_ident(s.table_name))
where not s.prepared
order by s.table_name`)
	if err != nil {
		return err
	}
	var table string
	var key []string
	var indexed bool
	var tables, statements []string
	_, err = pgx.ForEachRow(rows, []any{&table, &key, &indexed}, func() error {
		columns := make([]string, len(key))
		for i, k := range key {
			columns[i] = Quote(k)
		}
		s := "analyze " + quoted("staging", table)
		if !indexed {
			s += fmt.Sprintf(";\ncreate index on %s (%s)", quoted("staging", table), strings.Join(columns, ", "))
		}
		tables, statements = append(tables, table), append(statements, s)
		return nil
	})
	if err != nil {
		return err
	}
	for i, s := range statements {
		if _, err := r.pool.Exec(ctx, s); err != nil {
			return err
		}
		if _, err := r.pool.Exec(ctx, `update ops.staged set prepared = true where table_name = $1`, tables[i]); err != nil {
			return err
		}
	}
	return nil
}

// ensureSchema makes this version's schema of that base name. It is noted down as ours first, so that a kill in between leaves
// nothing that the next run would not clear.
func (b *postgresBuild) ensureSchema(ctx context.Context, schema string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.Contains(b.schemas, schema) {
		return nil
	}
	name := versionSchema(schema, b.version)
	if len(name) > 63 {
		return &change.Problem{
			Err: fmt.Errorf("the schema name %q is too long: with its version it passes 63 bytes", schema), Class: change.ClassUsage,
			Try: "a shorter +schema in dbt_project.yml",
		}
	}
	pool := b.run.pool
	if err := b.releaseSchemas(ctx); err != nil {
		return b.run.w.problem("note down the schema "+name, err)
	}
	if _, err := pool.Exec(ctx, `insert into ops.schemas (schema_name, version) values ($1, $2)`, name, b.version); err != nil {
		return b.run.w.problem("note down the schema "+name, err)
	}
	if _, err := pool.Exec(ctx, `create schema `+Quote(name)); err != nil {
		// What is there already is not ours: it must never be dropped as if it were.
		_, undo := pool.Exec(ctx, `delete from ops.schemas where schema_name = $1`, name)
		return b.run.w.problem("create the schema "+name, errors.Join(err, undo))
	}
	b.schemas = append(b.schemas, schema)
	return b.run.w.problem("guard ops.schemas", b.guardSchemas(ctx))
}

func (b *postgresBuild) Version() int64 { return b.version }

func (b *postgresBuild) DB() *sql.DB { return b.run.db }

func (b *postgresBuild) CheckDB() *sql.DB { return b.checkDB }

func (b *postgresBuild) Parallel() int { return 2 }

func (b *postgresBuild) Relation(schema, name string) string {
	if schema == working && len(name) > postgresNames.longest {
		// The server would cut the name, and two that begin alike would be one.
		sum := md5.Sum([]byte(name))
		name = name[:postgresNames.longest-40] + "_" + hex.EncodeToString(sum[:])
		name = strings.ToValidUTF8(name, "_")
	}
	return Relation(versionSchema(schema, b.version), name)
}

func (b *postgresBuild) Previous(ctx context.Context, schema, name string) (string, bool, error) {
	relation := Name(versionSchema(schema, b.previous)) + "." + Name(name)
	if b.previous == 0 {
		return relation, false, nil
	}
	published, err := b.published(ctx)
	if err != nil {
		return relation, false, err
	}
	_, there := published[quoted(versionSchema(schema, b.previous), name)]
	return relation, there, nil
}

// published are the relations of the published version, asked for once: each with the tables that it reads, where it is a view.
func (b *postgresBuild) published(ctx context.Context) (map[string][]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.before != nil {
		return b.before, nil
	}
	rows, err := b.run.pool.Query(ctx, `
select n.nspname, c.relname, array(
	select distinct d.refobjid::regclass::text
	from pg_rewrite r
	join pg_depend d on d.objid = r.oid and d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
	where r.ev_class = c.oid
		and d.refobjid <> c.oid
		and c.relkind = 'v'
)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join ops.schemas s on s.schema_name = n.nspname
where s.version = $1
	and c.relkind in ('r', 'v', 'm', 'f', 'p')`, b.previous)
	if err != nil {
		return nil, b.run.w.problem("look into the published version", err)
	}
	before := map[string][]string{}
	var schema, name string
	var reads []string
	if _, err := pgx.ForEachRow(rows, []any{&schema, &name, &reads}, func() error {
		before[quoted(schema, name)] = slices.Clone(reads)
		return nil
	}); err != nil {
		return nil, b.run.w.problem("look into the published version", err)
	}
	b.before = before
	return before, nil
}

// Create is tried again when the server gave it up for another session's sake: it leaves nothing behind before it ends.
func (b *postgresBuild) Create(ctx context.Context, m Model) (rows int64, err error) {
	if err := b.ensureSchema(ctx, m.Schema); err != nil {
		return 0, err
	}
	for attempt := range 3 {
		// The version's schemas are new, so that nothing is there before the first try.
		if attempt > 0 || b.run.w.cluster != nil {
			if err = b.drop(ctx, b.Relation(m.Schema, m.Name)); err != nil {
				break
			}
		}
		rows, err = b.create(ctx, m)
		if err == nil || !isAgain(err) && sqlState(err) != duplicateTable {
			break
		}
	}
	return rows, b.explain(m, err)
}

func (b *postgresBuild) create(ctx context.Context, m Model) (rows int64, err error) {
	relation := b.Relation(m.Schema, m.Name)
	if m.View {
		m.View = b.isViewable(ctx, m)
	}
	if m.View {
		statement := fmt.Sprintf("create view %s as\n%s", relation, strings.TrimRight(m.SQL, " \t\r\n;"))
		_, err := b.one(ctx, statement)
		return 0, withLine(statement, err)
	}
	query := selected(m.SQL)
	if m.Carry {
		previous, there, err := b.Previous(ctx, m.Schema, m.Name)
		if err != nil {
			return 0, err
		}
		switch {
		case there && m.SQL == "" && (m.Candidate || b.run.w.cluster != nil):
			query = "select *\nfrom " + previous
		case there && m.SQL == "":
			return b.carryTable(ctx, m, relation, previous)
		case there && m.Replaces != "":
			query = fmt.Sprintf("select * from %s as p where (%s) is not true union all %s", previous, m.Replaces, query)
		case there:
			if query, err = b.merged(ctx, m, previous); err != nil {
				return 0, err
			}
		case m.SQL == "":
			return 0, fmt.Errorf("carry %s.%s over: the published version has no such table", m.Schema, m.Name)
		}
	}
	if b.run.w.cluster != nil {
		return b.createSpread(ctx, m, relation, query)
	}
	// A version is written once and counted here, so that autovacuum has nothing to do for it.
	statement := fmt.Sprintf("create table %s with (autovacuum_enabled = false) as %s", relation, query)
	tag, err := b.one(ctx, statement)
	if err != nil {
		return 0, withLine(statement, err)
	}
	return tag.RowsAffected(), b.analyze(ctx, relation, tag.RowsAffected())
}

// plainRows is up to how many rows a table is planned with as well without statistics: the server sees by its size that it is small.
const plainRows = 1000

// analyze gives a table its statistics, which cost more than the table where it is small.
func (b *postgresBuild) analyze(ctx context.Context, relation string, rows int64) error {
	if rows <= plainRows {
		return nil
	}
	_, err := b.run.pool.Exec(ctx, "analyze "+relation)
	return err
}

// drop removes what an earlier try left, of either kind.
func (b *postgresBuild) drop(ctx context.Context, relation string) error {
	var kind string
	err := b.run.pool.QueryRow(ctx, `select coalesce((select relkind::text from pg_class where oid = to_regclass($1::text)), '')`,
		relation).Scan(&kind)
	if err != nil || kind == "" {
		return err
	}
	what := "table"
	if kind == "v" {
		what = "view"
	}
	_, err = b.run.pool.Exec(ctx, fmt.Sprintf(`drop %s %s cascade`, what, relation))
	return err
}

// merged builds the new rows of an incremental model aside and gives the select of old and new together. The columns are those of
// the new rows: one that the old rows lack is null there, one of another type is cast.
func (b *postgresBuild) merged(ctx context.Context, m Model, previous string) (string, error) {
	fresh := b.Relation(working, m.Schema+"_"+m.Name+"_new")
	if err := b.drop(ctx, fresh); err != nil {
		return "", err
	}
	statement := fmt.Sprintf("create table %s with (autovacuum_enabled = false) as %s", fresh, selected(m.SQL))
	tag, err := b.one(ctx, statement)
	if err != nil {
		return "", withLine(statement, err)
	}
	if err := b.analyze(ctx, fresh, tag.RowsAffected()); err != nil {
		return "", err
	}
	columns, err := relationColumns(ctx, b.run.pool, fresh)
	if err != nil {
		return "", err
	}
	old, err := relationColumns(ctx, b.run.pool, previous)
	if err != nil {
		return "", err
	}
	var carried, equal, same, null []string
	for _, c := range columns {
		i := slices.IndexFunc(old, func(o tableColumn) bool { return o.name == c.name })
		switch {
		case i < 0:
			carried = append(carried, fmt.Sprintf("cast(null as %s) as %s", c.typ, Quote(c.name)))
		case old[i].typ != c.typ:
			carried = append(carried, fmt.Sprintf("cast(p.%[1]s as %[2]s) as %[1]s", Quote(c.name), c.typ))
		default:
			carried = append(carried, "p."+Quote(c.name))
		}
	}
	for _, k := range m.UniqueKey {
		equal = append(equal, fmt.Sprintf("n.%[1]s = p.%[1]s", Quote(k)))
		same = append(same, fmt.Sprintf("n.%[1]s is not distinct from p.%[1]s", Quote(k)))
		null = append(null, fmt.Sprintf("n.%[1]s is null", Quote(k)))
	}
	query := fmt.Sprintf("select %s\nfrom %s p", strings.Join(carried, ", "), previous)
	if len(equal) > 0 {
		// Two conditions, because the server can hash the first only; the second is about the few new rows with a null.
		query += fmt.Sprintf(`
where not exists (select from %[1]s n where %[2]s)
	and not exists (select from %[1]s n where (%[3]s) and %[4]s)`,
			fresh, strings.Join(equal, " and "), strings.Join(null, " or "), strings.Join(same, " and "))
	}
	return fmt.Sprintf("%s\nunion all\nselect *\nfrom %s", query, fresh), nil
}

// queryer is a pool or a session.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func relationColumns(ctx context.Context, q queryer, relation string) ([]tableColumn, error) {
	rows, err := q.Query(ctx, `
select attname, format_type(atttypid, atttypmod)
from pg_attribute
where attrelid = to_regclass($1::text)
	and attnum > 0
	and not attisdropped
order by attnum`, relation)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c tableColumn, err error) {
		return c, row.Scan(&c.name, &c.typ)
	})
}

// Seed lets the server read the texts as values of the declared types.
func (b *postgresBuild) Seed(ctx context.Context, schema, name string, columns []SeedColumn, rows [][]*string) error {
	if err := b.ensureSchema(ctx, schema); err != nil {
		return err
	}
	doing := fmt.Sprintf("seed %s.%s", schema, name)
	relation := b.Relation(schema, name)
	declared := make([]string, len(columns))
	for i, c := range columns {
		declared[i] = Quote(c.Name) + " " + c.Type
	}
	err := b.run.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		_, err := conn.Exec(ctx, fmt.Sprintf(`create table %s (%s) with (autovacuum_enabled = false)`, relation, strings.Join(declared, ", ")))
		if err != nil {
			return err
		}
		text := strings.NewReader(copyText(rows))
		if _, err := conn.Conn().PgConn().CopyFrom(ctx, text, fmt.Sprintf(`copy %s from stdin`, relation)); err != nil {
			return err
		}
		if len(rows) > plainRows {
			_, err = conn.Exec(ctx, `analyze `+relation)
		}
		return err
	})
	if err == nil && b.run.w.cluster != nil {
		err = b.spread(ctx, Model{Schema: schema, Name: name}, relation, int64(len(rows)))
	}
	return b.run.w.problem(doing, err)
}

var copyEscapes = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// copyText writes rows in COPY's text format.
func copyText(rows [][]*string) string {
	var s strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				s.WriteByte('\t')
			}
			if cell == nil {
				s.WriteString(`\N`)
			} else {
				s.WriteString(copyEscapes.Replace(*cell))
			}
		}
		s.WriteByte('\n')
	}
	return s.String()
}

func (b *postgresBuild) Index(ctx context.Context, m Model) error {
	if m.View {
		return nil
	}
	if b.run.w.cluster != nil && m.Candidate {
		if err := b.settleCandidate(ctx, m); err != nil {
			return b.run.w.problem(fmt.Sprintf("spread %s.%s over the nodes", m.Schema, m.Name), err)
		}
	}
	if len(m.Indexes) == 0 {
		return nil
	}
	b.mu.Lock()
	carried := b.carried[b.Relation(m.Schema, m.Name)]
	b.mu.Unlock()
	if carried {
		return nil
	}
	if b.run.w.cluster != nil {
		return b.indexSpread(ctx, m)
	}
	statements := make([]string, len(m.Indexes))
	for j, i := range m.Indexes {
		statements[j], _ = b.indexStatement(m, i)
	}
	// All at once, each in its turn.
	err := b.run.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		_, err := conn.Conn().PgConn().Exec(ctx, strings.Join(statements, ";\n")).ReadAll()
		return err
	})
	if err != nil {
		return b.indexProblem(m, err)
	}
	return nil
}

// indexStatement makes one index, and gives its columns as the statement names them.
func (b *postgresBuild) indexStatement(m Model, i Index) (statement, columns string) {
	names := make([]string, len(i.Columns))
	for j, c := range i.Columns {
		names[j] = Quote(c)
	}
	columns = strings.Join(names, ", ")
	unique := ""
	if i.Unique {
		unique = "unique "
	}
	return fmt.Sprintf("create %sindex on %s (%s)", unique, b.Relation(m.Schema, m.Name), columns), columns
}

// indexProblem tells what stopped an index. A key that is there twice is a fault of the data, like that which a check finds.
func (b *postgresBuild) indexProblem(m Model, err error) error {
	doing := fmt.Sprintf("index %s.%s", m.Schema, m.Name)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != uniqueViolation {
		return b.run.w.problem(doing, err)
	}
	return &change.Problem{
		Err: fmt.Errorf("%s: %w: %s", doing, err, pg.Detail), Where: m.Schema + "." + m.Name, Class: change.ClassBlocked,
		Try: "lifeline query \"select … group by 1 having count(*) > 1\" over what the model reads",
	}
}

func (b *postgresBuild) Discard(ctx context.Context) error {
	if b.done {
		return nil
	}
	b.done = true
	_ = b.unguard(ctx) // Nothing of this version is published.
	return b.run.withLock(func(conn *pgx.Conn) error {
		return b.run.w.problem("drop the version that was not published", b.run.w.dropVersion(ctx, conn, b.version))
	})
}
