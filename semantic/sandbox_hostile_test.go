package semantic_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"lifeline/semantic"
)

// hostile is a statement that should get nowhere, with what it comes to.
type hostile struct {
	sandbox string // Its kind of refusal.
	role    string // PostgreSQL: what the role alone makes of it: denied, fails, or runs, which then shows nothing that is hidden.
	text    string
}

func readHostile(t *testing.T, engine string) []hostile {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "hostile_"+engine+".txt"))
	require.NoError(t, err)
	var out []hostile
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "\t")
		h := hostile{sandbox: parts[0], text: parts[len(parts)-1]}
		if engine == "postgres" {
			h.role = parts[1]
		}
		out = append(out, h)
	}
	require.GreaterOrEqual(t, len(out), 200)
	return out
}

// writeHostile keeps what the statements came to, to be looked at by a person: LIFELINE_UPDATE=1.
func writeHostile(t *testing.T, engine string, list []hostile) {
	t.Helper()
	if os.Getenv("LIFELINE_UPDATE") == "" {
		return
	}
	name := filepath.Join("testdata", "hostile_"+engine+".txt")
	old, err := os.ReadFile(name)
	require.NoError(t, err)
	first, _, _ := bytes.Cut(old, []byte("\n"))
	var b bytes.Buffer
	b.Write(append(first, '\n'))
	for _, h := range list {
		if engine == "postgres" {
			fmt.Fprintf(&b, "%s\t%s\t%s\n", h.sandbox, h.role, h.text)
		} else {
			fmt.Fprintf(&b, "%s\t%s\n", h.sandbox, h.text)
		}
	}
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o644))
}

func soak() bool { return os.Getenv("LIFELINE_SOAK") != "" }

// A2, A4, A9: none of the statements answers, each is refused in the way that is written beside it, and nothing hidden is ever shown.
func TestHostileStatementsGetNowhere(t *testing.T) {
	onBoth(t, patient, func(t *testing.T, p *place) {
		hurried := map[string]func(testing.TB, semantic.Limits) *place{"duckdb": duckPlace, "postgres": postgresPlace}[p.engine](t, quick)
		list := readHostile(t, p.engine)
		heavy := 0
		for i, h := range list {
			if h.sandbox == "too_much" {
				if heavy++; heavy > 3 && !soak() {
					continue // Each takes its time; the soak has all of them.
				}
			}
			at := p
			if h.sandbox == "too_much" {
				at = hurried
			}
			kind, answer, err := at.ask(t.Context(), "mallory", h.text, "json")
			require.NoError(t, err, h.text)
			require.NotContains(t, answer, hidden, h.text)
			require.NotContains(t, answer, "root:", h.text)
			if os.Getenv("LIFELINE_UPDATE") != "" {
				list[i].sandbox = kind
				continue
			}
			require.Equal(t, h.sandbox, kind, "%s: %.500s", h.text, answer)
		}
		writeHostile(t, p.engine, list)
	})
}

// A2: the role alone is a wall. Each statement is run as the readers' role without any look at its text, as the sandbox's own session
// would: one statement by the extended protocol, in a transaction that is rolled back.
func TestTheReadersRoleAloneIsAWall(t *testing.T) {
	p := postgresPlace(t, quick)
	before := p.state(t)
	role := p.roleSession(t)
	list := readHostile(t, "postgres")
	for i, h := range list {
		if h.sandbox == "too_much" {
			continue // A role bounds no memory; time is bounded by the session.
		}
		got, answer := p.alone(t, role, h.text)
		require.NotContains(t, answer, hidden, h.text)
		require.NotContains(t, answer, "root:", h.text)
		if os.Getenv("LIFELINE_UPDATE") != "" {
			list[i].role = got
			continue
		}
		if got != "denied" && h.role != "denied" {
			continue // What shows nothing hidden and changes nothing may run or fail: a busy machine cuts more, and statistics come and go.
		}
		require.Equal(t, h.role, got, "%s: %.500s", h.text, answer)
	}
	require.Equal(t, before, p.state(t), "a reader changed something")
	require.Eventually(t, func() bool { return p.locks(t) == 0 }, time.Minute, 20*time.Millisecond, "a reader's lock outlives its session")
	writeHostile(t, "postgres", list)
	// What the role is for it can.
	got, answer := p.alone(t, role, "select max(id) from core.claims")
	require.Equal(t, "runs", got, answer)
	require.Contains(t, answer, "99")
}

func (p *place) roleSession(t *testing.T) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(p.reader)
	require.NoError(t, err)
	require.Contains(t, config.User, "lifeline_reader_")
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.RuntimeParams["statement_timeout"] = "1s"
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "5s"
	return config
}

// alone runs one statement as the role and tells what came of it.
func (p *place) alone(t *testing.T, config *pgx.ConnConfig, text string) (got, answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // The server stops it after one second.
	defer cancel()
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	rows, err := tx.QueryContext(ctx, text)
	var b strings.Builder
	if err == nil {
		err = printRows(&b, rows)
	}
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return "runs", b.String()
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &pg) && pg.Code == "57014":
		return "late", b.String()
	case errors.As(err, &pg) && pg.Code == "42501":
		return "denied", b.String() + err.Error()
	}
	return "fails", b.String() + err.Error()
}

func printRows(b *strings.Builder, rows *sql.Rows) error {
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]any, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for _, v := range values {
			if raw, is := v.([]byte); is {
				v = string(raw)
			}
			fmt.Fprintln(b, v)
		}
	}
	return rows.Err()
}

// state is what a reader must not be able to change.
func (p *place) state(t *testing.T) string {
	t.Helper()
	var out string
	err := p.owner.QueryRowContext(t.Context(), `
select concat_ws('|',
	(select count(*) from pg_class where oid >= 16384), (select count(*) from pg_proc), (select count(*) from pg_namespace where nspname !~
	    '^pg_'),
	(select count(*) from pg_largeobject_metadata), (select count(*) from pg_roles where rolname !~ '^lifeline_reader_'),
	    (select count(*) from pg_replication_slots),
	(select count(*) from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())),
	    (select md5(string_agg(id || name, ',' order by id)) from core.claims),
	(select md5(string_agg(id || secret, ',')) from staging.claim))`).Scan(&out)
	require.NoError(t, err)
	return out
}

// locks counts the advisory locks of this database.
func (p *place) locks(t *testing.T) (n int) {
	t.Helper()
	err := p.owner.QueryRowContext(t.Context(), `
select count(*)
from pg_locks
where locktype = 'advisory'
	and database = (select oid from pg_database where datname = current_database())`).Scan(&n)
	require.NoError(t, err)
	return n
}

// A version that is gone is told without the place where it was.
func TestAVersionThatIsGoneIsToldWithoutItsPlace(t *testing.T) {
	o := semantic.SandboxOptions{Engine: "duckdb", Files: []string{"/srv/secret-place/w.duckdb"}, Version: 7}
	s, err := semantic.NewSandbox(o, semantic.SandboxQueue(quick))
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(t.Context(), semantic.Statement{User: "ada", Text: "select 1", Format: "json"})
	var known *semantic.SandboxError
	require.ErrorAs(t, err, &known)
	require.Equal(t, semantic.SandboxUnavailable, known.Kind)
	require.NotContains(t, known.Title+known.Detail+known.Hint, "secret-place")
	require.Contains(t, known.Cause, "secret-place", "the log says where")
}
