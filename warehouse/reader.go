package warehouse

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Querier is a pool, a connection or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Engine names the engine, to show it.
func (r *Reader) Engine() string {
	if r.duck {
		return "duckdb"
	}
	return "postgres"
}

// Over is a select of columns over a query's rows, in the query's order.
func (r *Reader) Over(query string, columns ...string) string {
	return over(query, r.cluster, columns...)
}

// FirstRows is a select of the first rows of a query, in its order, with expressions over all of its rows beside them.
func (r *Reader) FirstRows(query string, limit int, beside ...string) string {
	return fmt.Sprintf("%s limit %d", over(query, r.cluster, append([]string{"*"}, beside...)...), limit)
}

// FirstRowsOn is FirstRows for a session with PostgreSQL that no Reader opened.
func FirstRowsOn(ctx context.Context, db Querier, query string, limit int) (string, error) {
	rows, err := db.QueryContext(ctx, "select count(*) from pg_catalog.pg_extension where extname = 'citus'")
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	var clusters int
	for rows.Next() {
		if err := rows.Scan(&clusters); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s limit %d", over(query, clusters > 0, "*"), limit), rows.Err()
}

// over keeps the order of the query. A cluster gives the rows of a subquery as its nodes send them, so that a limit takes any; what is
// materialised first keeps its order.
func over(query string, cluster bool, columns ...string) string {
	query = strings.TrimRight(strings.TrimSpace(query), "; \n\t\r")
	if cluster {
		return fmt.Sprintf("with answer as materialized (%s\n) select %s from answer", query, strings.Join(columns, ", "))
	}
	return fmt.Sprintf("select %s from (%s\n) as answer", strings.Join(columns, ", "), query)
}

// PublishedTable is a table or view of a published version.
type PublishedTable struct {
	Schema  string // As the project names it.
	Name    string
	View    bool
	SQL     string // How a statement calls it: on PostgreSQL by the version's own schema, for the views may point at a later one by now.
	Columns []PublishedColumn
}

// PublishedColumn is a column; precision and scale are those of a decimal, 0 where there are none.
type PublishedColumn struct {
	Name             string
	Type             string
	Precision, Scale int64
}

const listTables = `
select c.table_schema, c.table_name, t.table_type = 'VIEW', c.column_name, c.data_type,
    coalesce(c.numeric_precision, 0), coalesce(c.numeric_scale, 0)
from information_schema.columns as c
inner join information_schema.tables as t
    on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_catalog = c.table_catalog
where c.table_catalog = %s
order by c.table_schema, c.table_name, c.ordinal_position`

// Tables are the tables and views of the version, by schema and name.
func (r *Reader) Tables(ctx context.Context) ([]PublishedTable, error) {
	catalog := "current_catalog"
	if r.duck {
		catalog = "current_catalog()"
	}
	rows, err := r.DB.QueryContext(ctx, fmt.Sprintf(listTables, catalog))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []PublishedTable
	for rows.Next() {
		var schema, name string
		var view bool
		var c PublishedColumn
		if err := rows.Scan(&schema, &name, &view, &c.Name, &c.Type, &c.Precision, &c.Scale); err != nil {
			return nil, err
		}
		own, is := r.ownSchema(schema)
		if !is {
			continue
		}
		if n := len(out); n == 0 || out[n-1].Schema != own || out[n-1].Name != name {
			out = append(out, PublishedTable{Schema: own, Name: name, View: view, SQL: Quote(schema) + "." + Quote(name)})
		}
		last := &out[len(out)-1]
		last.Columns = append(last.Columns, c)
	}
	return out, rows.Err()
}

// buildSchema has the working tables of a build.
const buildSchema = "build"

// innerSchema has what a version keeps for the program alone: who it is, and parts of models for the next build.
const innerSchema = "lifeline"

// ownSchema is the project's name of a schema of this version.
func (r *Reader) ownSchema(schema string) (name string, is bool) {
	if !r.duck {
		schema, is = strings.CutSuffix(schema, versionSchema("", r.Version))
		return schema, is && schema != buildSchema && schema != innerSchema
	}
	return schema, !slices.Contains([]string{innerSchema, buildSchema, "information_schema", "pg_catalog"}, schema)
}

// Published says which run published the version, when, and as of when; sql.ErrNoRows where nothing is known of it yet.
func (r *Reader) Published(ctx context.Context) (Version, error) {
	query := `
select run_id, published_at, as_of
from ops.versions
where version = $1`
	if r.duck {
		query = `
select run_id, published_at, as_of
from lifeline.version
where version = $1`
	}
	return readVersion(ctx, r.DB, query, r.Version)
}

// PublishedVersion says what ops keeps of a version; sql.ErrNoRows where it keeps nothing yet.
func PublishedVersion(ctx context.Context, ops *sql.DB, version int64) (Version, error) {
	return readVersion(ctx, ops, `
select run_id, published_at, as_of
from ops.versions
where version = $1`, version)
}

func readVersion(ctx context.Context, db *sql.DB, query string, version int64) (Version, error) {
	v := Version{ID: version}
	var published, asOf sql.NullTime
	if err := db.QueryRowContext(ctx, query, version).Scan(&v.Run, &published, &asOf); err != nil {
		return v, fmt.Errorf("read which version %d is: %w", version, err)
	}
	v.PublishedAt, v.AsOf = published.Time.UTC(), asOf.Time.UTC()
	if v.AsOf.IsZero() {
		v.AsOf = v.PublishedAt
	}
	return v, nil
}

// AnswerMany settles the engine for many small queries at once.
func (r *Reader) AnswerMany(ctx context.Context, connections int) error {
	r.DB.SetMaxOpenConns(connections)
	r.DB.SetMaxIdleConns(connections)
	if !r.duck {
		return nil
	}
	// Each runs best on the thread that asks, instead of sharing out crumbs. Up to 2^18 groups, such as all products, are told apart by
	// their place and not by hashing, which halves the time of such a query.
	if _, err := r.DB.ExecContext(ctx, "set threads = 1; set perfect_ht_threshold = 18"); err != nil {
		return fmt.Errorf("set how the engine answers: %w", err)
	}
	return nil
}

// Memory makes room for copies that are read all the time and returns the name of that database; empty where a reader writes nothing,
// as on PostgreSQL, which has its own cache and indexes. Compressed, copies have a fifth of the size and are read no slower.
func (r *Reader) Memory(ctx context.Context) (string, error) {
	if !r.duck {
		return "", nil
	}
	if _, err := r.DB.ExecContext(ctx, "attach if not exists ':memory:' as "+memoryName+" (compress)"); err != nil {
		return "", fmt.Errorf("make room in memory: %w", err)
	}
	return memoryName, nil
}

const memoryName = "copies"

// Compress makes the copies in memory small; call it after some were made.
func (r *Reader) Compress(ctx context.Context) error {
	if !r.duck {
		return nil
	}
	if _, err := r.DB.ExecContext(ctx, "checkpoint "+memoryName); err != nil {
		return fmt.Errorf("compress the copies in memory: %w", err)
	}
	return nil
}

// RowID is an expression for the physical row of a table, which is stable within a version, and its type.
func (r *Reader) RowID() (expression, kind string) {
	if r.duck {
		return "rowid", "bigint"
	}
	return "ctid", "tid"
}

// manyRows is from how many rows on the exact count of a column's values takes too long for a page.
const manyRows = 1_000_000

// CountDistinct is an expression for how many values a column of so many rows has; not exact for many rows on DuckDB.
func (r *Reader) CountDistinct(column string, rows int64) string {
	if r.duck && rows > manyRows {
		return "approx_count_distinct(" + column + ")"
	}
	return "count(distinct " + column + ")"
}

// OverVersion turns a statement that a run made over the version under construction into one over this reader's version.
func (r *Reader) OverVersion(statement string) string {
	if r.duck {
		return duckBuildName.ReplaceAllString(statement, "$1")
	}
	return postgresBuildName.ReplaceAllString(statement, fmt.Sprintf("__v%d", r.Version))
}

// How builds call their relations: on DuckDB by the database under construction, on PostgreSQL by the version's own schemas.
var (
	duckBuildName     = regexp.MustCompile(`"?\bv"?\.("?[a-z_]+"?\.)`)
	postgresBuildName = regexp.MustCompile(`__v\d+\b`)
)
