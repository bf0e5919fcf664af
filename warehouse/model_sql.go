package warehouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"lifeline/change"
)

// A model is one select. What it is put into holds that on both engines: as a subquery nothing of it may write, and the whole is sent as
// one statement, so that nothing may follow it.

// selected is a model's select as a subquery; its lines stay where they are, one after the first.
func selected(sql string) string {
	return "select * from (\n" + strings.TrimRight(sql, " \t\r\n;") + "\n) as lifeline__model"
}

func notOneSelect(what string) error {
	return &change.Problem{
		Err: fmt.Errorf("%s: a model is one select, and this is several statements", what), Class: change.ClassUsage,
		Try: "a model of its own for each select; nothing else can run in one",
	}
}

// modelPatience is how long a model waits for a lock; the run's own statements wait longer.
var modelPatience = "5s"

// one runs one statement; the extended protocol takes no more than one.
func (b *postgresBuild) one(ctx context.Context, statement string) (tag pgconn.CommandTag, err error) {
	result, err := b.ask(ctx, statement)
	if result != nil {
		tag = result.CommandTag
	}
	return tag, err
}

// ask is one for a statement whose few rows are wanted.
func (b *postgresBuild) ask(ctx context.Context, statement string) (result *pgconn.Result, err error) {
	if b.run.w.cluster == nil {
		return b.askAtOnce(ctx, statement)
	}
	err = b.run.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if _, err := conn.Exec(ctx, "set lock_timeout = "+Literal(modelPatience)); err != nil {
			return err
		}
		defer func() {
			_, _ = conn.Exec(context.WithoutCancel(ctx), "set lock_timeout = "+Literal(runSession["lock_timeout"]))
		}()
		result = conn.Conn().PgConn().ExecParams(ctx, statement, nil, nil, nil, nil).Read()
		return result.Err
	})
	return result, err
}

// askAtOnce sends a statement together with what sets its patience before it and puts the session back after it, as one transaction: when
// the statement fails, the setting is undone with it.
func (b *postgresBuild) askAtOnce(ctx context.Context, statement string) (result *pgconn.Result, err error) {
	err = b.run.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		batch := &pgconn.Batch{}
		batch.ExecParams("set lock_timeout = "+Literal(modelPatience), nil, nil, nil, nil)
		batch.ExecParams(statement, nil, nil, nil, nil)
		batch.ExecParams("set lock_timeout = "+Literal(runSession["lock_timeout"]), nil, nil, nil, nil)
		results, err := conn.Conn().PgConn().ExecBatch(ctx, batch).ReadAll()
		if err == nil && len(results) != 3 {
			err = fmt.Errorf("the server answered %d of 3 statements", len(results))
		}
		if len(results) > 1 {
			result = results[1]
		}
		return err
	})
	return result, err
}

// guard keeps our own tables and every version but this one as they are while models and tests run: a model that gets a function to write
// there waits for its lock in vain. Reading, and indexes, go on. Tests run in sessions that cannot write at all.
func (b *postgresBuild) guard(ctx context.Context) (err error) {
	settings := b.run.w.runSettings()
	settings["default_transaction_read_only"], settings["lock_timeout"] = "on", modelPatience
	if b.checks, err = b.run.w.pool(ctx, runName(b.run.id)+" checks", 4, settings, nil); err != nil {
		return err
	}
	b.checkDB = stdlib.OpenDBFromPool(b.checks)
	conn, err := b.run.w.connect(ctx, runName(b.run.id)+" guard", b.run.w.runSettings())
	if err != nil {
		return err
	}
	b.guarded = conn
	rows, err := conn.Query(ctx, `
select schemaname, tablename
from pg_tables
where schemaname in ('staging', 'history', 'quarantine')
	or schemaname = 'ops' and tablename <> 'schemas'
	or schemaname in (select schema_name from ops.schemas where version <> $1)
order by schemaname, tablename`, b.version)
	if err != nil {
		return err
	}
	type table struct{ Schema, Name string }
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
	if err != nil {
		return err
	}
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = quoted(t.Schema, t.Name)
	}
	if _, err = conn.Exec(ctx, "begin; lock table "+strings.Join(names, ", ")+" in share mode; savepoint schemas"); err != nil {
		return err
	}
	return b.guardSchemas(ctx)
}

// guardSchemas keeps the models from writing to ops.schemas.
func (b *postgresBuild) guardSchemas(ctx context.Context) error {
	return b.guardExec(ctx, "lock table ops.schemas in share mode")
}

// releaseSchemas lets the build write a schema of its own to ops.schemas.
func (b *postgresBuild) releaseSchemas(ctx context.Context) error {
	return b.guardExec(ctx, "rollback to savepoint schemas")
}

func (b *postgresBuild) guardExec(ctx context.Context, statement string) error {
	if b.guarded == nil {
		return nil
	}
	_, err := b.guarded.Exec(ctx, statement)
	return err
}

// Built ends the guard. One that was lost meanwhile guarded nothing.
func (b *postgresBuild) Built(ctx context.Context) error {
	return b.run.w.problem("keep ops and quarantine from the models", b.unguard(ctx))
}

func (b *postgresBuild) unguard(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if b.guarded != nil {
		_, err = b.guarded.Exec(ctx, "commit")
		_ = b.guarded.Close(context.WithoutCancel(ctx))
		b.guarded = nil
	}
	if b.checkDB != nil {
		err = errors.Join(err, closeDB(b.checkDB, b.checks))
		b.checkDB = nil
	}
	return err
}

// explain says of a model that waited for the guard what it did.
func (b *postgresBuild) explain(m Model, err error) error {
	doing := fmt.Sprintf("build %s.%s", m.Schema, m.Name)
	switch state := sqlState(err); {
	case state == lockNotAvailable && b.guarded != nil:
		return &change.Problem{
			Err:   fmt.Errorf("%s: %w: a model may not write into staging, history, quarantine, ops or what is published", doing, err),
			Class: change.ClassUsage,
			Try:   "take what writes there out of the model",
		}
	case state == syntaxError && strings.Contains(err.Error(), "multiple commands"):
		return notOneSelect(doing)
	case state == notSupported && strings.Contains(err.Error(), "data-modifying"):
		return &change.Problem{
			Err: fmt.Errorf("%s: %w", doing, err), Class: change.ClassUsage, Try: "a select: a model may not write",
		}
	}
	return b.run.w.problem(doing, err)
}

// one runs one statement of the engine that writes rows, and counts them. The driver only tells by the statement's own answer.
func (b *duckBuild) one(ctx context.Context, statement string) (rows int64, err error) {
	n, err := b.run.statements(statement)
	if err != nil {
		return 0, err
	}
	if n != 1 {
		return 0, notOneSelect("run")
	}
	return rows, b.run.db.QueryRowContext(ctx, statement).Scan(&rows)
}

// statements counts the statements of a text. A text that cannot be parsed is one: the engine says what is wrong with it when it runs.
func (r *duckRun) statements(text string) (int, error) {
	var conn mapping.Connection
	if mapping.Connect(r.raw, &conn) == mapping.StateError {
		return 0, errors.New("open a session")
	}
	defer mapping.Disconnect(&conn)
	var extracted mapping.ExtractedStatements
	defer mapping.DestroyExtracted(&extracted)
	return max(int(mapping.ExtractStatements(conn, text, &extracted)), 1), nil
}
