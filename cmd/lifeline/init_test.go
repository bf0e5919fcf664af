package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// helpdesk is a database that nobody described: no foreign keys, a list of states with flags, a log, names that engines keep for
// themselves, zeros and blanks where nothing is known, and what tells of people.
const helpdesk = `
create table desk_agents (id int unsigned not null auto_increment primary key, full_name varchar(80),
	email varchar(120), pass_hash varchar(60));
create table desk_groups (id int unsigned not null auto_increment primary key, name varchar(60) not null);
create table desk_request_states (id tinyint unsigned not null primary key, name varchar(30) not null,
	is_closed tinyint(1) not null default 0);
create table desk_requests (
	id int unsigned not null auto_increment primary key, subject varchar(200),
	group_id int unsigned not null default 0, agent_id int unsigned not null default 0, state_id tinyint unsigned not null,
	fee decimal(10,2) not null default 0, fee_currency char(3), ` + "`order`" + ` int,
	opened_at datetime not null, due_on date, closed_at datetime null,
	deleted tinyint(1) not null default 0, key (group_id), key (state_id)) comment 'What customers ask for';
create table desk_request_history (id int unsigned not null auto_increment primary key, request_id int unsigned not null, state_id tinyint
    unsigned not null, agent_id int unsigned, changed_at datetime not null, key (request_id));
create table desk_request_notes (rowid int unsigned not null auto_increment primary key, request_id int unsigned not null, body text,
    created_at datetime, sent_on int);
create table desk_sessions (id varchar(40) not null primary key, data blob);
create table desk_empty_things (id int not null primary key, name varchar(10));
create view desk_open as select * from desk_requests where closed_at is null;
insert into desk_agents values (1, 'Ada Example', 'ada@example.org', 'x'), (2, 'Bo Example', 'bo@example.org', 'y');
insert into desk_groups values (1, 'Billing'), (2, 'Network');
insert into desk_request_states values (1, 'New', 0), (2, 'With us', 0), (3, 'Finished', 1), (4, 'Cancelled', 1);
insert into desk_requests (id, subject, group_id, agent_id, state_id, fee, fee_currency, opened_at, due_on, closed_at)
	select seq, concat('Request ', seq), 1 + seq % 2, seq % 3, 1 + seq % 4, seq / 2, if(seq = 60, 'UGX', 'KES'), '2024-03-01 08:00:00' +
	    interval seq hour, '2024-04-01' + interval seq day, if(seq % 4 in (2, 3), '2024-03-02 09:00:00' + interval seq hour, null)
	from seq_1_to_60;
insert into desk_request_history (request_id, state_id, agent_id, changed_at)
	select id, 1, 1, opened_at from desk_requests union all select id, state_id, 2, coalesce(closed_at, opened_at + interval 1 hour) from
	    desk_requests where state_id > 1 union all select id, 2, 2, opened_at + interval 30 minute from desk_requests where state_id = 3;
insert into desk_request_notes (request_id, body, created_at, sent_on) select id, 'text', opened_at, if(id = 1, 0, 1709280000 + id)
    from desk_requests;
insert into desk_sessions values ('a', 'b')`

// fill makes the database of dsn and runs statements in it.
func fillDatabase(t *testing.T, dsn, statements string) {
	t.Helper()
	db := mysqlAdmin(t)
	name := dsn[strings.LastIndexByte(dsn, '/')+1:]
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for _, s := range append([]string{"create database " + name, "use " + name}, strings.Split(statements, ";\n")...) {
		if strings.TrimSpace(s) == "" {
			continue
		}
		_, err := conn.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
}

func initResultOf(t *testing.T, args ...string) initResult {
	t.Helper()
	o := lifeline(t, append(append([]string{"init"}, args...), "--json")...)
	require.Zero(t, o.code, "%s\n%s", o.out, o.errors)
	var r initResult
	require.NoError(t, json.Unmarshal([]byte(o.out), &r), o.out)
	return r
}

func TestAStrangersDatabaseBecomesAWarehouse(t *testing.T) {
	t.Parallel()
	dsn := mysqlDatabase(t)
	fillDatabase(t, dsn, helpdesk)
	dir := filepath.Join(t.TempDir(), "desk")

	dry := initResultOf(t, dir, "--source", dsn, "--dry-run")
	require.NoDirExists(t, dir, "a dry run writes nothing")
	require.Len(t, dry.Records, 1)

	r := initResultOf(t, dir, "--source", dsn, "--yes")
	require.Equal(t, dry.Written, r.Written)
	require.Len(t, r.Records, 1)
	record := r.Records[0]
	require.Equal(t, []string{"request", "desk_requests", "state_id", "desk_request_history"},
		[]string{record.Name, record.Table, record.State, record.Log})
	require.ElementsMatch(t, []string{"desk_open", "desk_sessions"}, r.LeftOut)

	text := readFile(t, dir, "seeds/status_map.csv")
	for _, line := range []string{"request,1,new,open,New", "request,3,finished,decided,Finished", "request,4,cancelled,void,Cancelled"} {
		require.Contains(t, text, line)
	}
	require.Contains(t, readFile(t, dir, "models/sources.yml"), `money: {"fee": "fee_currency"}`)
	require.Contains(t, readFile(t, dir, "lifeline.yml"), "# masking:")
	require.NotContains(t, readFile(t, dir, "dashboards/model.yml"), "money:",
		"pages that add up money show one currency, and so not all requests")
	all := ""
	for _, f := range r.Written {
		if f != ".source" {
			all += readFile(t, dir, f)
		}
	}
	for _, secret := range []string{"ada@example.org", "Ada Example", "Bo Example", dsn} {
		require.NotContains(t, all, secret, "no personal value and no password is written")
	}
	life := readFile(t, dir, "lifecycles/request.yml")
	require.Contains(t, life, "log: {from: ref('request_steps'), key: record_key, id: id, at: happened_at, state: state}")
	require.Contains(t, life, "new: {open: true, initial: true, next: [cancelled, with_us]}", "what the log tells may follow")
	require.Contains(t, life, "by: [agent, group]")
	require.Contains(t, readFile(t, dir, "init.md"),
		"Which state may follow which (medium): the 60 changes that desk_request_history tells of.")
	require.Contains(t, readFile(t, dir, "models/core/desk_requests.sql"), "{{ clean('t.agent_id', 'key') }},")
	require.NoFileExists(t, filepath.Join(dir, "macros", "clean.sql"), "the usual cleaning comes with the program")
	info, err := os.Stat(filepath.Join(dir, ".source"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	run := report(t, 0, "run", "--project", dir)
	require.Equal(t, "published", string(run.Status))
	for _, c := range run.Checks {
		require.Zero(t, c.Failing, "%s holds on the data as it was found", c.Name)
	}
	at := []string{"--project", dir}
	rows := query(t, at, "select state, count(*) as n, count(date_finished) as finished from analytics.dim_request_lifecycle group by 1 "+
		"order by 1")
	require.Equal(t, []map[string]any{
		{"state": "cancelled", "n": 15.0, "finished": 0.0},
		{"state": "finished", "n": 15.0, "finished": 15.0},
		{"state": "new", "n": 15.0, "finished": 0.0},
		{"state": "with_us", "n": 15.0, "finished": 0.0},
	}, rows)
	rows = query(t, at, "select from_state, to_state, basis, count(*) as n from analytics.fct_request_activity where activity <> 'created' "+
		"and activity <> 'closed' group by 1, 2, 3 order by 1, 2")
	require.Equal(t, []map[string]any{
		{"from_state": "new", "to_state": "cancelled", "basis": "column", "n": 15.0},
		{"from_state": "new", "to_state": "with_us", "basis": "column", "n": 30.0},
		{"from_state": "with_us", "to_state": "finished", "basis": "column", "n": 15.0},
		{"from_state": nil, "to_state": "new", "basis": "column", "n": 60.0},
	}, rows, "each change has the log's own time")
	rows = query(t, at, "select min(rowid_) as low, max(rowid_) as high, count(*) as n, "+
		"cast(min(sent_on) as varchar) as sent from core.desk_request_notes")
	require.Equal(t, []map[string]any{{"low": 1.0, "high": 60.0, "n": 60.0, "sent": "2024-03-01 08:00:02"}}, rows,
		"rowid is DuckDB's own name for a row, and seconds since 1970 are a time")
	rows = query(t, at, "select sum(requests_total) as came, sum(requests_left_total) as gone from analytics.cnt_request_by_group")
	require.Equal(t, []map[string]any{{"came": 60.0, "gone": 30.0}}, rows)
	rows = query(t, at, "select group_name, count(*) as n, sum(case when agent_id is null then 1 else 0 end) as nobody from "+
		"core.desk_requests group by 1 order by 1")
	require.Len(t, rows, 2)
	require.Equal(t, "Billing", rows[0]["group_name"])
}

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(text)
}

func TestInitOverwritesNothingAndUpdateAddsWhatIsNew(t *testing.T) {
	t.Parallel()
	dsn := mysqlDatabase(t)
	fillDatabase(t, dsn, helpdesk)
	dir := filepath.Join(t.TempDir(), "desk")
	initResultOf(t, dir, "--source", dsn, "--yes")
	o := lifeline(t, "init", dir, "--source", dsn, "--yes")
	require.Equal(t, 2, o.code)
	require.Contains(t, o.errors, "not empty")

	core := filepath.Join(dir, "models", "core", "desk_groups.sql")
	require.NoError(t, os.WriteFile(core, []byte("-- mine\nselect id, name from {{ source('desk', 'desk_groups') }}\n"), 0o644))
	name := dsn[strings.LastIndexByte(dsn, '/')+1:]
	_, err := mysqlAdmin(t).Exec("insert into " + name + ".desk_empty_things values (1, 'a')")
	require.NoError(t, err)
	o = lifeline(t, "init", dir, "--source", dsn, "--yes", "--update")
	require.Zero(t, o.code, o.errors)
	require.Contains(t, o.out, "--- models/core/desk_groups.sql")
	require.Contains(t, o.out, "- -- mine")
	require.Contains(t, readFile(t, dir, "models/core/desk_groups.sql"), "-- mine", "what a person wrote stays")
	require.FileExists(t, filepath.Join(dir, "models", "core", "desk_empty_things.sql"))
	require.Contains(t, o.out, "--update --take", "what differs must be taken over before a run")

	_, err = mysqlAdmin(t).Exec("create table " + name + ".desk_new_things (id int primary key, name varchar(20)); ")
	require.NoError(t, err)
	_, err = mysqlAdmin(t).Exec("insert into " + name + ".desk_new_things values (1, 'b')")
	require.NoError(t, err)
	_, err = mysqlAdmin(t).Exec("drop table " + name + ".desk_empty_things")
	require.NoError(t, err)
	o = lifeline(t, "init", dir, "--source", dsn, "--yes", "--update", "--take")
	require.Zero(t, o.code, o.errors)
	require.Contains(t, readFile(t, dir, "models/core/desk_groups.sql"), "-- mine", "what a person wrote stays")
	require.Contains(t, readFile(t, dir, "models/sources.yml"), "desk_new_things")
	require.NoFileExists(t, filepath.Join(dir, "models", "core", "desk_empty_things.sql"))
	require.Contains(t, o.out, "models/core/desk_empty_things.sql", "what is removed is told")
	require.Equal(t, "published", string(report(t, 0, "run", "--project", dir).Status))
}

func TestADatabaseWithoutALifeGetsTablesAndIsToldSo(t *testing.T) {
	t.Parallel()
	dsn := mysqlDatabase(t)
	fillDatabase(t, dsn, `
create table countries (code char(2) not null primary key, name varchar(60), status tinyint(1) not null default 1);
create table cities (id int not null auto_increment primary key, name varchar(60), country_code char(2) not null, state varchar(40), zip
    varchar(10), founded date);
insert into countries values ('KE', 'Kenya', 1), ('NG', 'Nigeria', 0);
insert into cities (name, country_code, state, zip, founded) values ('Nairobi', 'KE', 'Nairobi', '00100', '1899-05-30'),
	('Lagos', 'NG', 'Lagos', null, null)`)
	dir := filepath.Join(t.TempDir(), "world")
	o := lifeline(t, "init", dir, "--source", dsn, "--yes")
	require.Zero(t, o.code, o.errors)
	require.Contains(t, o.out, "No table has rows with a life")
	require.NoDirExists(t, filepath.Join(dir, "lifecycles"))
	require.Equal(t, "published", string(report(t, 0, "run", "--project", dir).Status))
	require.Contains(t, readFile(t, dir, "models/core/core.yml"), "relationships")
}

func TestAFolderOfFilesIsUnderstoodToo(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(files, name), []byte(text), 0o644))
	}
	write("customers.csv", "customer_id,city\n1,Nairobi\n2,Lagos\n3,Kisumu\n")
	var b strings.Builder
	b.WriteString("\ufefforder_id,customer_id,status,ordered_at,closed_at,amount\r\n")
	for i := range 40 {
		id := string(rune('0'+i/10)) + string(rune('0'+i%10))
		status, closed := "open", ""
		if i%2 == 0 {
			status, closed = "shipped", "2024-02-"+string(rune('1'+i%2))+"0 08:00:00"
		}
		b.WriteString("1" + id + "," + string(rune('1'+i%3)) + "," + status + ",2024-01-0" + string(rune('1'+i%9)) + " 10:00:00," + closed +
			",12.50\r\n")
	}
	write("orders.csv", b.String())
	dir := filepath.Join(t.TempDir(), "shop")
	r := initResultOf(t, dir, "--source", "csv:"+files, "--yes")
	require.Len(t, r.Records, 1)
	require.Equal(t, "status", r.Records[0].State)
	require.Equal(t, "published", string(report(t, 0, "run", "--project", dir).Status))
	rows := query(t, []string{"--project", dir}, "select state, count(*) as n from core.orders group by 1 order by 1")
	require.Equal(t, []map[string]any{{"state": "open", "n": 20.0}, {"state": "shipped", "n": 20.0}}, rows)
}
