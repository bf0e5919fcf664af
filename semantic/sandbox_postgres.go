package semantic

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"lifeline/warehouse"
)

// postgresReader is one session of the readers' role, and an engine that only parses.
type postgresReader struct {
	db     *sql.DB
	parser *duckReader
}

// postgresSession is how a session of people's SQL is set. None of it is the wall: the role is. A statement that sets it otherwise has
// begun under it all the same, and is the last of its session.
var postgresSession = map[string]string{
	"application_name": "lifeline export", "default_transaction_read_only": "on", "statement_timeout": "5s", "lock_timeout": "2s",
	"idle_in_transaction_session_timeout": "10s", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "postgres", "bytea_output": "hex",
	"extra_float_digits": "1", "standard_conforming_strings": "on", "jit": "off", "work_mem": "32MB", "max_parallel_workers_per_gather": "0",
	"search_path":         "",
	"client_min_messages": "error",
}

func openPostgresReader(ctx context.Context, c *workerConfig) (*postgresReader, error) {
	config, err := pgx.ParseConfig(c.DSN)
	if err != nil {
		return nil, noDatabase(err)
	}
	config.ConnectTimeout = 10 * time.Second
	// The extended protocol takes one statement, whatever its text.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	for name, value := range postgresSession {
		config.RuntimeParams[name] = value
	}
	r := &postgresReader{db: stdlib.OpenDB(*config)}
	r.db.SetMaxOpenConns(1)
	if err := r.db.PingContext(ctx); err != nil {
		return nil, errors.Join(noDatabase(err), r.db.Close())
	}
	if r.parser, err = openParser(ctx); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// noDatabase says that PostgreSQL cannot be asked, without its address.
func noDatabase(err error) error {
	return &SandboxError{
		Kind: SandboxUnavailable, Title: "The database cannot be asked now", Detail: "PostgreSQL does not take the session that SQL runs in",
		Hint: "ask again in a moment; the server's log says more", Cause: err.Error(),
	}
}

func openParser(ctx context.Context) (*duckReader, error) {
	connector, err := duckdb.NewConnector(":memory:?threads=1&memory_limit=64MiB", nil)
	if err != nil {
		return nil, unavailable(err)
	}
	r := &duckReader{db: sql.OpenDB(connector)}
	r.db.SetMaxOpenConns(1)
	if r.conn, err = r.db.Conn(ctx); err != nil {
		return nil, unavailable(errors.Join(err, r.db.Close()))
	}
	return r, r.lock(ctx, &workerConfig{})
}

func (r *postgresReader) close() error { return errors.Join(r.parser.close(), r.db.Close()) }

func (r *postgresReader) answer(ctx context.Context, q *question) (*outcome, error) {
	if err := checkStatement(ctx, r.parser.conn, "postgres", q.Text, q.Tables); err != nil {
		return nil, err
	}
	return r.run(ctx, q)
}

// run reads the answer in one transaction that is rolled back.
func (r *postgresReader) run(ctx context.Context, q *question) (*outcome, error) {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, postgresError(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("set local statement_timeout = %d", timeLeft(ctx).Milliseconds())); err != nil {
		return nil, postgresError(err)
	}
	text, err := warehouse.FirstRowsOn(ctx, tx, q.Run, q.Rows+1)
	if err != nil {
		return nil, postgresError(err)
	}
	rows, err := warehouse.Lossless(ctx, tx, text)
	if err != nil {
		return nil, postgresError(err)
	}
	defer func() { _ = rows.Close() }()
	o := &outcome{}
	if q.Format == "parquet" {
		return o, r.parquet(ctx, q, rows, o)
	}
	out, err := createAnswer(q)
	if err != nil {
		return nil, err
	}
	if err := o.write(rows, out, q); err != nil {
		return nil, postgresError(err)
	}
	err = out.close()
	o.Bytes = out.bytes
	return o, err
}

// postgresError is what the server says of a statement; a lost server's address stays unsaid.
func postgresError(err error) error {
	var known *SandboxError
	if errors.As(err, &known) {
		return err
	}
	if text := err.Error(); strings.Contains(text, "SQLSTATE 57P0") || !strings.Contains(text, "SQLSTATE") &&
		!strings.Contains(text, "context") && !strings.Contains(text, "field") {
		return noDatabase(err)
	}
	return err
}

// parquet lets DuckDB write rows that pass through it as texts, each cast to its own type: a decimal of any width comes through exactly.
func (r *postgresReader) parquet(ctx context.Context, q *question, rows *warehouse.Rows, o *outcome) error {
	connector, err := duckdb.NewConnector(filepath.Join(filepath.Dir(q.File), "rows.duckdb")+"?threads=1&memory_limit=128MiB", nil)
	if err != nil {
		return err
	}
	defer func() { _ = connector.Close() }()
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	w := &parquetWriter{connector: connector, db: db}
	if err := w.pass(ctx, rows, o, q); err != nil {
		return postgresError(err)
	}
	return w.copyTo(ctx, q, o)
}
