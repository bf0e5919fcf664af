package main

import (
	"context"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/run"
)

// TestInitAndRunOnlySelectAndLockNothing lists what a look at a database, and then a run, do to its server, from the server's own log of
// statements.
func TestInitAndRunOnlySelectAndLockNothing(t *testing.T) {
	// Not parallel: the log is the server's, and our sessions are told from others by the database that they begin with.
	dsn := mysqlDatabase(t)
	fillDatabase(t, dsn, helpdesk)
	name, dir := databaseOf(dsn), filepath.Join(t.TempDir(), "desk")
	looked := statementsOf(t, name, func() { initResultOf(t, dir, "--source", dsn, "--yes") })
	ran := statementsOf(t, name, func() { require.Equal(t, "published", string(report(t, 0, "run", "--project", dir).Status)) })

	allowed := map[string]*regexp.Regexp{
		"init": regexp.MustCompile(`(?is)^\(*\s*(select |set |start transaction|rollback|commit)`),
		"run":  regexp.MustCompile(`(?is)^\(*\s*(select |set |show |start transaction|savepoint |explain select |rollback|commit|begin)`),
	}
	locking := regexp.MustCompile(`(?i)for update|lock in share|for share|lock tables|flush|get_lock|set global|set persist|into ` +
		`outfile|backup stage`)
	bounded := regexp.MustCompile(`max_statement_time|max_execution_time`)
	for what, texts := range map[string][]string{"init": looked, "run": ran} {
		selects := 0
		for _, text := range texts {
			require.Regexp(t, allowed[what], text, what)
			require.NotRegexp(t, locking, text, what)
			if strings.HasPrefix(strings.ToLower(strings.TrimLeft(text, "( \n\t")), "select") {
				selects++
			}
		}
		require.Greater(t, selects, 10, "the statements of %s were found", what)
	}
	require.Regexp(t, bounded, strings.Join(looked, "\n"), "the server itself ends what takes longer than two seconds")
	var longest float64
	require.NoError(t, mysqlAdmin(t).QueryRow(`select coalesce(max(time_to_sec(query_time)), 0) from mysql.slow_log where db = ?`,
		name).Scan(&longest))
	require.LessOrEqual(t, longest, 2.0, "no statement takes longer than its budget")
}

// statementsOf are those that sessions which begin with a database send while something is done.
func statementsOf(t *testing.T, database string, do func()) []string {
	t.Helper()
	db := mysqlAdmin(t)
	exec := func(statement string) {
		_, err := db.Exec(statement)
		require.NoError(t, err, statement)
	}
	exec("set global log_output = 'TABLE'")
	exec("truncate table mysql.general_log")
	exec("set global general_log = 1")
	exec("set global slow_query_log = 1")
	defer exec("set global general_log = 0")
	do()
	exec("set global general_log = 0")
	rows, err := db.Query(`select g.argument from mysql.general_log g where g.command_type in ('Query', 'Execute', 'Prepare')
		and g.thread_id in (select c.thread_id from mysql.general_log c where c.command_type = 'Connect' and c.argument like ?)
		order by g.event_time`, "% on "+database+" %")
	require.NoError(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		out = append(out, text)
	}
	require.NoError(t, rows.Err())
	return out
}

// screenOf reads a screen until it shows a text.
type screenOf struct {
	t    *testing.T
	from io.Reader
	all  strings.Builder
}

func (s *screenOf) until(text string) string {
	s.t.Helper()
	buffer := make([]byte, 4096)
	for !strings.Contains(s.all.String(), text) {
		n, err := s.from.Read(buffer)
		s.all.Write(buffer[:n])
		require.NoError(s.t, err, "%s\nlacks %q", s.all.String(), text)
	}
	out := s.all.String()
	before, after, _ := strings.Cut(out, text)
	s.all.Reset()
	s.all.WriteString(after)
	return before + text
}

// TestInitAsksOnATerminal answers every question as a person does: the default, a wrong answer and then a right one.
func TestInitAsksOnATerminal(t *testing.T) {
	t.Parallel()
	dsn := mysqlDatabase(t)
	// Neither the word of state 2 nor the dates of its rows say what it means.
	fillDatabase(t, dsn, helpdesk+`;
update desk_request_states set name = 'Zwischenlager' where id = 2;
update desk_requests set closed_at = opened_at + interval 1 hour where state_id = 2 and id % 8 = 1`)
	dir := filepath.Join(t.TempDir(), "desk")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c, keys, from := onTerminal(t, ctx, "init", dir, "--source", dsn, "--serve", "--addr", "127.0.0.1:0")
	screen := &screenOf{t: t, from: from}
	say := func(line string) {
		_, err := io.WriteString(keys, line+"\n")
		require.NoError(t, err)
	}
	require.Contains(t, screen.until("[request] "), "Which of these are records with a life?")
	say("ticket")
	screen.until("is not one of request")
	screen.until("[request] ")
	say("")
	require.Contains(t, screen.until("[unknown] "), "2 (15 rows)", "the evidence stands beside the question")
	say("2=With a colleague:open")
	require.Contains(t, screen.until("[UTC] "), "Which zone")
	say("Nowhere/Town")
	screen.until("unknown time zone")
	screen.until("[UTC] ")
	say("Africa/Nairobi")
	require.Contains(t, screen.until("[no] "), "Mask what seems to tell of people")
	say("")
	require.NotContains(t, screen.until("files written in"), "[unknown]", "there are no more questions")
	screen.until("published version 1")
	require.Regexp(t, listening, screen.until("/\r\n"))
	_, err := keys.Write([]byte{3})
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, from)
	require.NoError(t, c.Wait(), "Ctrl-C is how it ends, and no error")
	require.Contains(t, readFile(t, dir, "seeds/status_map.csv"), "request,2,with_a_colleague,open,With a colleague")
	require.Contains(t, readFile(t, dir, "lifeline.yml"), "time_zone: Africa/Nairobi")
}

// Minus one in a key stands for nothing, and a row's place among others is no key, however few its values are: what init writes can be
// published.
func TestInitTakesMinusOneForNothingAndPlacesForNoKeys(t *testing.T) {
	t.Parallel()
	dsn := mysqlDatabase(t)
	fillDatabase(t, dsn, `
create table orders (id int auto_increment primary key, name varchar(20));
insert into orders (name) values ('a'), ('b'), ('c'), ('d');
create table addresses (id int auto_increment primary key, order_id int, sort_order int, street varchar(20));
insert into addresses (order_id, sort_order, street)
values (1, 1, 'x'), (2, -2, 'y'), (-1, -1, 'z'), (3, 2, 'x'), (0, 3, 'y'), (4, -2, 'z');`)
	dir := filepath.Join(t.TempDir(), "shop")
	initResultOf(t, dir, "--source", dsn, "--yes")
	schema := readFile(t, dir, "models/core/core.yml")
	require.Contains(t, schema, "to: ref('orders')")
	require.Equal(t, 1, strings.Count(schema, "relationships:"), schema)
	flags := []string{"--project", dir, "--source", dsn}
	require.Equal(t, run.Published, report(t, 0, append([]string{"run"}, flags...)...).Status)
	rows := query(t, []string{"--project", dir}, "select count(*) as n, count(order_id) as known, min(sort_order) as low from core.addresses")
	require.Equal(t, []map[string]any{{"n": 6.0, "known": 4.0, "low": -2.0}}, rows)
}
