package semantic

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/project"
)

// sandbox runs other people's selects: an engine of its own that can open no file, no address and no setting, with little memory and
// time. The statement is parsed first, and only relations and functions that read rows are let through.
type sandbox struct {
	db     *sql.DB // DuckDB: a restricted engine on the same file. PostgreSQL: the reader's.
	parser *sql.DB
}

func (s *sandbox) close() error {
	if s == nil {
		return nil
	}
	var err error
	for _, db := range []*sql.DB{s.db, s.parser} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

func (s *sandbox) open(ctx context.Context, snap *Version, dsn, memory string) error {
	var err error
	if s.parser, err = restricted(ctx, "", "64MB"); err != nil {
		return err
	}
	path, is := strings.CutPrefix(dsn, "duckdb:")
	if !is {
		return nil
	}
	// The path may by now be a later version's; the kept file is this one's own.
	kept := fmt.Sprintf("%s.lifeline/versions/v%d.duckdb", path, snap.Number)
	for _, file := range []string{kept, path} {
		if s.db, err = restricted(ctx, file, memory); err != nil {
			continue
		}
		var version int64
		if err = s.db.QueryRowContext(ctx, "select version from lifeline.version").Scan(&version); err == nil && version == snap.Number {
			return nil
		}
		_ = s.db.Close()
		s.db = nil
	}
	return fmt.Errorf("open version %d for SQL: %w", snap.Number, errors.Join(err, ErrNotYet))
}

// restricted is an engine without a way out; with a file it reads that file only.
func restricted(ctx context.Context, file, memory string) (*sql.DB, error) {
	statements := []string{}
	if file != "" {
		statements = append(statements, "attach if not exists "+QuoteText(file)+" as warehouse (read_only)", "use warehouse")
	}
	var once sync.Mutex
	locked := false
	connector, err := duckdb.NewConnector(":memory:?integer_division=true&default_null_order=postgres&threads=1&memory_limit="+memory, func(e driver.ExecerContext) error {
		once.Lock()
		defer once.Unlock()
		list := statements
		if locked && len(list) > 0 {
			list = list[1:] // The file is there, and no other may be attached any more.
		}
		for _, text := range list {
			if _, err := e.ExecContext(context.WithoutCancel(ctx), text, nil); err != nil {
				return err
			}
		}
		if locked {
			return nil
		}
		for _, text := range []string{
			"set temp_directory = ''", "set allow_community_extensions = false", "set autoinstall_known_extensions = false",
			"set autoload_known_extensions = false", "set enable_external_access = false", "set lock_configuration = true",
		} {
			if _, err := e.ExecContext(context.WithoutCancel(ctx), text, nil); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		locked = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(4)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the engine: %w", err), db.Close())
	}
	return db, nil
}

// refused says why a statement is not run.
func refused(why string) *Problem {
	return &Problem{Title: "This statement is not allowed here", Status: 400, Detail: why, Hint: "one select over the tables of /tables"}
}

// unsafe functions read files, addresses, settings or other sessions; they are refused by name, beside what the engine itself forbids.
var unsafeFunction = regexp.MustCompile(`^(read_|write_|copy|glob$|getenv$|current_setting$|set_config|duckdb_|pragma_|pg_|lo_|dblink|query$|query_table$|` +
	`parquet_|sniff_csv|csv_|sql_auto|st_read|postgres_|mysql_|sqlite_|iceberg_|delta_|http|load|install|seq_scan|json_execute|json_serialize_plan|nextval|setval|currval|` +
	`which_secret|txid|xpath|query_to_xml|table_to_xml|schema_to_xml|database_to_xml|cursor_to_xml|getvariable|has_|inet_|version$|current_query$|in_search_path|checkpoint|force_checkpoint|test_|sleep|repeat_row|enable_|disable_|add_|arrow_|from_substrait|vacuum|ts_stat)`)

// tableFunctions are the only functions that may stand in a from clause.
var tableFunctions = []string{"unnest", "generate_series", "range", "json_each", "json_tree"}

// check parses a text and lets one harmless select through.
func (s *sandbox) check(ctx context.Context, snap *Version, text string) error {
	if len(text) > 100000 {
		return refused("the text is longer than 100,000 characters")
	}
	if strings.TrimSpace(text) == "" {
		return refused("there is no statement")
	}
	if strings.ContainsRune(text, 0) {
		return refused("the text holds a zero byte")
	}
	// These are read by other rules on the two engines, so what was checked might not be what runs.
	if snap.engine == "postgres" {
		if strings.ContainsAny(text, `\$`) || strings.Contains(text, "--") || strings.Contains(text, "/*") || strings.Contains(strings.ToLower(text), `u&`) {
			return refused(`comments, backslashes, dollar quotes and U& texts are not taken on PostgreSQL`)
		}
	}
	var tree string
	if err := s.parser.QueryRowContext(ctx, "select cast(json_serialize_sql("+QuoteText(text)+") as varchar)").Scan(&tree); err != nil {
		return refused("it cannot be parsed: " + FirstLine(err.Error()))
	}
	var root struct {
		Error      bool   `json:"error"`
		Message    string `json:"error_message"`
		Statements []any  `json:"statements"`
	}
	d := json.NewDecoder(strings.NewReader(tree))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		return refused("it cannot be parsed")
	}
	if root.Error {
		return refused(FirstLine(root.Message))
	}
	if len(root.Statements) != 1 {
		return refused(fmt.Sprintf("there are %d statements", len(root.Statements)))
	}
	w := &walker{snap: snap, ctes: map[string]bool{}}
	w.collect(root.Statements[0])
	return w.walk(root.Statements[0])
}

type walker struct {
	snap *Version
	ctes map[string]bool
}

// collect gathers the names of common table expressions, which may stand where tables do.
func (w *walker) collect(node any) {
	switch n := node.(type) {
	case []any:
		for _, c := range n {
			w.collect(c)
		}
	case map[string]any:
		if m, is := n["cte_map"].(map[string]any); is {
			if list, is := m["map"].([]any); is {
				for _, item := range list {
					if e, is := item.(map[string]any); is {
						w.ctes[strings.ToLower(TextOf(e["key"]))] = true
					}
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(n)) {
			w.collect(n[key])
		}
	}
}

func (w *walker) walk(node any) error {
	switch n := node.(type) {
	case []any:
		for _, c := range n {
			if err := w.walk(c); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := w.one(n); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(n)) {
			if err := w.walk(n[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) one(n map[string]any) error {
	kind, _ := n["type"].(string)
	switch kind {
	case "BASE_TABLE":
		return w.relation(n)
	case "TABLE_FUNCTION":
		f, _ := n["function"].(map[string]any)
		if name := strings.ToLower(TextOf(f["function_name"])); !slices.Contains(tableFunctions, name) {
			return refused(fmt.Sprintf("the function %s may not stand in a from clause", name))
		}
	case "SHOW_REF", "PIVOT", "COLUMN_DATA", "DELIM_GET":
		if kind != "PIVOT" {
			return refused("only tables can be read")
		}
	case "PARAMETER", "VALUE_PARAMETER":
		return refused("parameters are not taken")
	}
	if name, is := n["function_name"].(string); is && unsafeFunction.MatchString(strings.ToLower(name)) {
		return refused(fmt.Sprintf("the function %s is not allowed", strings.ToLower(name)))
	}
	return nil
}

// relation allows tables of the version and the catalog's own lists of them.
func (w *walker) relation(n map[string]any) error {
	catalog, schema, name := strings.ToLower(TextOf(n["catalog_name"])), strings.ToLower(TextOf(n["schema_name"])), strings.ToLower(TextOf(n["table_name"]))
	full := schema + "." + name
	switch {
	case catalog != "" && catalog != "warehouse":
		return refused("only the published version can be read")
	case schema == "" && w.ctes[name]:
		return nil
	case schema == "information_schema" && slices.Contains([]string{"tables", "columns", "schemata"}, name):
		return nil
	case w.snap.Tables[full] != nil && !strings.HasPrefix(full, "dashboard."):
		return nil
	}
	p := refused(fmt.Sprintf("there is no table %s", strings.TrimPrefix(full, ".")))
	if near := project.Nearest(full, w.snap.Names); near != "" {
		p.Hint = near
	}
	return p
}

// query runs a checked text under the limits and hands its rows to use.
func (s *sandbox) query(ctx context.Context, snap *Version, text string, limit int, use func(querier, string) error) error {
	wrapped := wrap(text)
	if limit > 0 {
		wrapped += " limit " + strconv.Itoa(limit)
	}
	if s.db != nil {
		return use(s.db, wrapped)
	}
	// The views may point at a later version by now; this answer must be of the one that it names.
	wrapped = snap.rename(wrapped)
	tx, err := snap.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	deadline, _ := ctx.Deadline()
	for _, set := range []string{
		fmt.Sprintf("set local statement_timeout = %d", max(1, time.Until(deadline).Milliseconds())),
		"set local work_mem = '32MB'", "set local max_parallel_workers_per_gather = 0",
	} {
		if _, err := tx.ExecContext(ctx, set); err != nil {
			return fmt.Errorf("%s: %w", set, err)
		}
	}
	return use(tx, wrapped)
}

// wrap makes a statement a relation, so that nothing can follow it.
func wrap(text string) string {
	return fmt.Sprintf("select * from (%s\n) as answer", strings.TrimRight(strings.TrimSpace(text), "; \n\t"))
}

// CheckSQL lets one harmless select through; the error says why another is refused.
func (s *Version) CheckSQL(ctx context.Context, text string) error {
	return s.sandbox.check(ctx, s, text)
}

// SQL answers a checked select with at most limit rows.
func (s *Version) SQL(ctx context.Context, text string, limit int) (*Result, error) {
	var got *Result
	err := s.sandbox.query(ctx, s, text, limit, func(q querier, wrapped string) (err error) {
		got, err = Fetch(ctx, q, wrapped, 0)
		return err
	})
	if err == nil {
		got.finish()
	}
	return got, err
}

// CountSQL counts the rows of a checked select, no further than limit.
func (s *Version) CountSQL(ctx context.Context, text string, limit int) (int64, error) {
	var n int64
	err := s.sandbox.query(ctx, s, text, limit, func(q querier, wrapped string) error {
		got, err := Fetch(ctx, q, "select count(*) from ("+wrapped+") as c", 0)
		if err == nil {
			n = CountOf(got.Rows[0][0])
		}
		return err
	})
	return n, err
}

// SQLExport is a checked select of so many rows as a file.
func (s *Version) SQLExport(text, format string, rows int64) *Export {
	x := &Export{db: s.sandbox.db, engine: s.engine, sql: wrap(text), Rows: rows, Name: "sql-" + s.ID}
	switch {
	case x.db == nil:
		x.db, x.sql = s.db, s.rename(x.sql)
	case format == "parquet":
		x.db = s.db // The sandbox itself may write no file; rows that it let through are those of the reader too.
	}
	return x
}
