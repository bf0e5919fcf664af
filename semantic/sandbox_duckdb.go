package semantic

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/warehouse"
)

// duckReader is an engine in memory with the version's file attached to read. It can open nothing else.
type duckReader struct {
	db     *sql.DB
	conn   *sql.Conn
	memory int64
}

func openDuckReader(ctx context.Context, c *workerConfig) (*duckReader, error) {
	const settings = ":memory:?integer_division=true&default_null_order=postgres&threads=1&memory_limit=%dKiB"
	connector, err := duckdb.NewConnector(fmt.Sprintf(settings, c.Memory>>10), nil)
	if err != nil {
		return nil, unavailable(err)
	}
	r := &duckReader{db: sql.OpenDB(connector), memory: c.Memory}
	r.db.SetMaxOpenConns(1)
	if r.conn, err = r.db.Conn(ctx); err != nil {
		return nil, unavailable(errors.Join(err, r.db.Close()))
	}
	for _, text := range []string{
		"set temp_directory = ''", "set allow_community_extensions = false", "set autoinstall_known_extensions = false",
		"set autoload_known_extensions = false",
	} {
		if _, err := r.conn.ExecContext(ctx, text); err != nil {
			return nil, unavailable(errors.Join(err, r.close()))
		}
	}
	if err := errors.Join(r.attach(ctx, c), r.lock(ctx, c)); err != nil {
		return nil, unavailable(errors.Join(err, r.close()))
	}
	return r, nil
}

// attach opens the version's file. The published path may by now be a later version's.
func (r *duckReader) attach(ctx context.Context, c *workerConfig) error {
	var tried error
	for _, file := range c.Files {
		if _, err := r.conn.ExecContext(ctx, "attach "+QuoteText(file)+" as warehouse (read_only)"); err != nil {
			tried = errors.Join(tried, err)
			continue
		}
		var version int64
		err := r.conn.QueryRowContext(ctx, "select version from warehouse.lifeline.version").Scan(&version)
		if err == nil && version == c.Version {
			_, err = r.conn.ExecContext(ctx, "use warehouse")
			return err
		}
		tried = errors.Join(tried, err)
		if _, err := r.conn.ExecContext(ctx, "detach warehouse"); err != nil {
			return errors.Join(tried, err)
		}
	}
	return errors.Join(fmt.Errorf("version %d is not there any more", c.Version), tried)
}

func unavailable(err error) error {
	return &SandboxError{
		Kind: SandboxUnavailable, Title: "The version cannot be opened for SQL",
		Detail: "its file is not there, or cannot be read", Hint: "ask again in a moment; the server's log says more", Cause: err.Error(),
	}
}

func (r *duckReader) close() error {
	var err error
	if r.conn != nil {
		err = r.conn.Close()
	}
	return errors.Join(err, r.db.Close())
}

// lock closes every way out. Rows may wait in the process's own folder, and a file is written there.
func (r *duckReader) lock(ctx context.Context, c *workerConfig) error {
	statements := []string{}
	if c.Dir != "" {
		statements = append(statements, "set temp_directory = "+QuoteText(filepath.Join(c.Dir, "spill")),
			fmt.Sprintf("set max_temp_directory_size = '%dKiB'", c.Spill>>10), "set allowed_directories = ["+QuoteText(c.Dir)+"]")
	}
	for _, text := range append(statements, "set enable_external_access = false", "set lock_configuration = true") {
		if _, err := r.conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

func (r *duckReader) answer(ctx context.Context, q *question) (*outcome, error) {
	if err := checkStatement(ctx, r.conn, "duckdb", q.Text, q.Tables); err != nil {
		return nil, err
	}
	if q.Whole {
		return r.file(ctx, q)
	}
	out, err := createAnswer(q)
	if err != nil {
		return nil, err
	}
	rows, err := warehouse.Lossless(ctx, r.conn, wrapped(q.Run, q.Rows+1))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	o := &outcome{}
	if err := o.write(rows, out, q); err != nil {
		return nil, err
	}
	err = out.close()
	o.Bytes = out.bytes
	return o, err
}

// sandboxPart is how many rows of a file are in the driver's memory at once: it holds the whole of an answer.
const sandboxPart = 20_000

// file puts the rows aside, which may spill into the statement's own folder, and writes them from there.
func (r *duckReader) file(ctx context.Context, q *question) (*outcome, error) {
	if _, err := r.conn.ExecContext(ctx, "create temp table answer_rows as "+wrapped(q.Run, q.Rows+1)); err != nil {
		return nil, err
	}
	o := &outcome{}
	if err := r.conn.QueryRowContext(ctx, "select count(*) from answer_rows").Scan(&o.Rows); err != nil {
		return nil, err
	}
	if o.Rows > int64(q.Rows) {
		return nil, tooManyRows(q.Rows)
	}
	if q.Format == "parquet" {
		return o, r.parquet(ctx, q, o)
	}
	out, err := createAnswer(q)
	if err != nil {
		return nil, err
	}
	all := o.Rows
	o.Rows = 0
	for from := int64(0); from == 0 || from < all; from += sandboxPart {
		err := r.part(ctx, fmt.Sprintf("select * from answer_rows where rowid >= %d and rowid < %d order by rowid", from, from+sandboxPart), o,
			out, q)
		if err != nil {
			return nil, err
		}
	}
	if err := out.close(); err != nil {
		return nil, err
	}
	o.Bytes = out.bytes
	if o.Rows != all {
		return nil, fmt.Errorf("wrote %d rows of %d", o.Rows, all)
	}
	return o, nil
}

func (r *duckReader) part(ctx context.Context, query string, o *outcome, out *answerWriter, q *question) error {
	rows, err := warehouse.Lossless(ctx, r.conn, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	return o.write(rows, out, q)
}

func (r *duckReader) parquet(ctx context.Context, q *question, o *outcome) error {
	names, err := r.exactColumns(ctx, o)
	if err != nil {
		return err
	}
	_, err = r.conn.ExecContext(ctx, "copy (select "+names+" from answer_rows order by rowid) to "+QuoteText(q.File)+
		" (format parquet, compression zstd)")
	if err != nil {
		return err
	}
	info, err := os.Stat(q.File)
	if err != nil {
		return err
	}
	if o.Bytes = info.Size(); o.Bytes > q.Bytes {
		return tooMuch("Too large an answer", fmt.Sprintf("the answer is larger than %d MB", q.Bytes>>20), "fewer rows, or fewer columns")
	}
	return nil
}

// exactColumns are the columns as a Parquet file holds them exactly: it knows no whole numbers of 128 bits.
func (r *duckReader) exactColumns(ctx context.Context, o *outcome) (string, error) {
	rows, err := r.conn.QueryContext(ctx, "select * from answer_rows limit 0")
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	if o.Columns, err = sandboxColumns(rows); err != nil {
		return "", err
	}
	var names []string
	for _, c := range o.Columns {
		name := quoteName(c.Name)
		if strings.Contains(c.Kind, "HUGEINT") {
			name = "cast(" + name + " as decimal(38, 0)) as " + name
		}
		names = append(names, name)
	}
	return strings.Join(names, ", "), rows.Err()
}
