package warehouse

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// The role of readers is the wall of SQL that people type: it owns nothing and may read the published schemas alone. It has a login of its
// own, because a session that only took a role on could put it off again from inside a statement. Its password is made here and kept in
// ops.reader, which the role cannot read: who reads ops may read all that the role may.

// readerSettings are what sessions of the role begin with. They bound what a session asks for by mistake; they are no wall.
var readerSettings = map[string]string{
	"default_transaction_read_only": "on", "statement_timeout": "60s", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "10s",
	"client_connection_check_interval": "1s", "work_mem": "32MB", "max_parallel_workers_per_gather": "0", "search_path": "pg_catalog",
}

// readerConnections is how many sessions the role may have at once.
const readerConnections = 8

// readerRole names the role of this database's readers; roles are the whole server's.
func readerRole(database string) string {
	name := "lifeline_reader_" + database
	if len(name) > 63 {
		name = name[:63]
	}
	return name
}

// allowReaders makes the role where it is missing and lets it read a version. A run whose own role may not do so goes on without: the SQL
// page then says what is missing.
func (w *postgres) allowReaders(ctx context.Context, conn *pgx.Conn, version int64) {
	role, err := w.makeReader(ctx, conn)
	if err == nil && role != "" {
		err = w.grantReader(ctx, conn, role, version)
	}
	if err != nil {
		w.log.WarnContext(ctx, "the role of readers cannot be made, so the SQL page stays closed", "error", err)
	}
}

// grantReader lets the role read the version's schemas and the views over them.
func (w *postgres) grantReader(ctx context.Context, conn *pgx.Conn, role string, version int64) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var schemas []string
		err := tx.QueryRow(ctx, `
select coalesce(array_agg(name), '{}')
from (
	select s.schema_name as name
	from ops.schemas s
	where s.version = $1
	union
	select left(s.schema_name, -length('__v' || $1::text))
	from ops.schemas s
	where s.version = $1
) as published
where exists (select from pg_namespace n where n.nspname = published.name)
	and published.name <> $2 || '__v' || $1::text`, version, innerSchema).Scan(&schemas)
		if err != nil {
			return err
		}
		for _, schema := range schemas {
			name := Quote(schema)
			if _, err := tx.Exec(ctx, "grant usage on schema "+name+" to "+Quote(role)); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "grant select on all tables in schema "+name+" to "+Quote(role)); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeReader returns the role's name, or "" where there is none and none can be made.
func (w *postgres) makeReader(ctx context.Context, conn *pgx.Conn) (string, error) {
	var database string
	var there, able bool
	err := conn.QueryRow(ctx, `
select current_database(), r.rolsuper or r.rolcreaterole
from pg_roles r
where r.rolname = current_user`).Scan(&database, &able)
	if err != nil {
		return "", err
	}
	role := readerRole(database)
	if err := conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, role).Scan(&there); err != nil {
		return "", err
	}
	if !able {
		if there {
			return role, nil
		}
		w.log.InfoContext(ctx, "no role for readers' SQL: the SQL page stays closed", "try", "alter role … createrole, then lifeline build")
		return "", nil
	}
	password, err := w.readerPassword(ctx, conn, role)
	if err != nil {
		return "", err
	}
	verb := "alter"
	if !there {
		verb = "create"
	}
	statement := fmt.Sprintf(`%s role %s login nocreatedb nocreaterole noinherit connection limit %d password %s`,
		verb, Quote(role), readerConnections, Literal(password))
	if _, err := conn.Exec(ctx, statement); err != nil {
		return "", hidePassword(err)
	}
	for name, value := range readerSettings {
		if _, err := conn.Exec(ctx, fmt.Sprintf("alter role %s in database %s set %s = %s", Quote(role), Quote(database), Quote(name),
			Literal(value))); err != nil && sqlState(err) != "42704" {
			return "", err
		}
	}
	// So that a session of the role that is in a run's way can be ended.
	_, err = conn.Exec(ctx, "grant "+Quote(role)+" to current_user")
	return role, err
}

// hidePassword keeps a statement with a password out of an error.
func hidePassword(err error) error {
	if state := sqlState(err); state != "" {
		return fmt.Errorf("make the role of readers (SQLSTATE %s)", state)
	}
	return errors.New("make the role of readers: the session was lost")
}

// readerPassword reads the role's password, or makes one.
func (w *postgres) readerPassword(ctx context.Context, conn *pgx.Conn, role string) (password string, err error) {
	_, err = conn.Exec(ctx, `
create table if not exists ops.reader (role text not null, password text not null);
revoke all on ops.reader from public`)
	if err != nil {
		return "", err
	}
	err = conn.QueryRow(ctx, `select password from ops.reader where role = $1`, role).Scan(&password)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return password, err
	}
	random := make([]byte, 24)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("make a password: %w", err)
	}
	password = hex.EncodeToString(random)
	_, err = conn.Exec(ctx, `insert into ops.reader (role, password) values ($1, $2)`, role, password)
	return password, err
}

// ErrNoReader says that there is no role that people's SQL may run as; the error that wraps it says why, and what to do.
var ErrNoReader = errors.New("there is no role for readers' SQL")

func noReader(why, try string) error {
	return &change.Problem{Err: fmt.Errorf("%w: %s", ErrNoReader, why), Try: try, Class: change.ClassError}
}

// ReaderAddress is the address under which people's SQL may be run, once the role behind it has been looked at: on PostgreSQL it must be
// able to read the published version and nothing else. DuckDB needs none and gives "".
func ReaderAddress(ctx context.Context, wh Warehouse, dsn string) (string, error) {
	w, is := wh.(*postgres)
	if !is {
		return "", nil
	}
	conn, err := w.connect(ctx, "lifeline reader", readSession)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	const try = "let the run's role make it: alter role … createrole, then lifeline build"
	var role, password string
	err = conn.QueryRow(ctx, `select role, password from ops.reader where role = $1`, readerRole(w.config.ConnConfig.Database)).Scan(&role,
		&password)
	switch {
	case errors.Is(err, pgx.ErrNoRows), sqlState(err) == undefinedTable:
		return "", noReader("the run that published could not make it", try)
	case sqlState(err) == "42501":
		return "", noReader("this role may not read ops.reader", "grant select on ops.reader to the role of lifeline serve")
	case err != nil:
		return "", w.problem("read ops.reader", err)
	}
	config := w.config.ConnConfig.Copy()
	config.User, config.Password = role, password
	config.RuntimeParams["application_name"] = ExportSession
	reader, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		if sqlState(err) == "" {
			return "", w.problem("connect as the role of readers", err)
		}
		return "", noReader(fmt.Sprintf("the server does not let %s in (SQLSTATE %s)", role, sqlState(err)),
			"an entry for the role in pg_hba.conf that takes its password, then lifeline build")
	}
	defer func() { _ = reader.Close(ctx) }()
	if err := checkReader(ctx, reader); err != nil {
		return "", err
	}
	return withUser(dsn, role, password)
}

// withUser puts a role and its password into an address.
func withUser(dsn, role, password string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", badAddress()
	}
	u.User = url.UserPassword(role, password)
	query := u.Query()
	for _, name := range []string{"user", "password", "passfile", "servicefile", "service"} {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// readerFaults lists what the role of a session can do beyond reading the published version, as it sees it itself. What every role of
// every database may do, such as read the names in pg_catalog, is not among it.
const readerFaults = `
with published as (
	select n.oid
	from pg_namespace n
	where n.nspname ~ '__v[0-9]+$' and n.nspname !~ '^(build|staging|history|quarantine|ops)__v'
		or exists (select from pg_namespace v where v.nspname ~ ('^' || regexp_replace(n.nspname, '([^a-zA-Z0-9_])', '\\\1',
		    'g') || '__v[0-9]+$'))
), mine as (
	select n.oid, n.nspname
	from pg_namespace n
	where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
		and n.nspname !~ '^pg_(temp|toast_temp)_'
		and has_schema_privilege(n.oid, 'usage')
), extensions as (
	select d.objid, d.classid, e.extname, coalesce(v.trusted, false) as trusted
	from pg_depend d
	join pg_extension e on e.oid = d.refobjid
	left join pg_available_extension_versions v on v.name = e.extname and v.version = e.extversion
	where d.deptype = 'e'
)
select 'the role is ' || a.attribute as what, 'alter role ' || quote_ident(current_user) || ' no' || a.attribute as try
from pg_roles r
cross join lateral (values ('superuser', r.rolsuper), ('createdb', r.rolcreatedb), ('createrole', r.rolcreaterole), ('replication',
    r.rolreplication),
	('bypassrls', r.rolbypassrls)) as a (attribute, given)
where r.rolname = current_user
	and a.given
union all
select 'the role is a member of ' || r.rolname, 'revoke ' || quote_ident(r.rolname) || ' from ' || quote_ident(current_user)
from pg_roles r
where r.rolname <> current_user
	and pg_has_role(r.oid, 'member')
	and not exists (select from pg_roles me where me.rolname = current_user and me.rolsuper) -- Who is a member of every role.
union all
select 'the role may create in schema ' || m.nspname, 'revoke create on schema ' || quote_ident(m.nspname) || ' from public,
    ' || quote_ident(current_user)
from mine m
where has_schema_privilege(m.oid, 'create')
union all
select 'the role may create schemas', 'revoke create on database ' || quote_ident(current_database()) || ' from public,
    ' || quote_ident(current_user)
where has_database_privilege(current_database(), 'create')
union all
select 'the role may use ' || m.nspname || '.' || c.relname, 'revoke all on ' || c.oid::regclass || ' from public,
    ' || quote_ident(current_user)
from mine m
join pg_class c on c.relnamespace = m.oid
where c.relkind in ('r', 'v', 'm', 'p', 'f', 'S')
	and not exists (select from extensions x where x.objid = c.oid and x.classid = 'pg_class'::regclass)
	and case
		when c.relkind = 'S' then has_sequence_privilege(c.oid, 'usage, select, update')
		when m.oid in (select oid from published) then has_table_privilege(c.oid, 'insert, update, delete, truncate, references, trigger')
		else has_table_privilege(c.oid, 'select, insert, update, delete, truncate, references, trigger') or has_any_column_privilege(c.oid,
		    'select, insert, update, references')
	end
union all
select 'the role may call ' || p.oid::regprocedure || ',
    which ' || case when p.prosecdef then 'has the rights of its owner' else 'is written in ' || l.lanname end,
	'revoke execute on function ' || p.oid::regprocedure || ' from public, ' || quote_ident(current_user)
from mine m
join pg_proc p on p.pronamespace = m.oid
join pg_language l on l.oid = p.prolang
left join extensions x on x.objid = p.oid and x.classid = 'pg_proc'::regclass
where has_function_privilege(p.oid, 'execute')
	and (p.prosecdef or not l.lanpltrusted and l.lanname <> 'sql' and not (coalesce(x.trusted, false) or x.extname in ('citus',
	    'citus_columnar', 'pg_stat_statements')))
union all
select 'the server lets every role read large objects', 'set lo_compat_privileges = off'
where current_setting('lo_compat_privileges') = 'on'
order by 1
limit 20`

// checkReader refuses a role that can do more than read the published version.
func checkReader(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, readerFaults)
	if err != nil {
		return fmt.Errorf("look at the rights of the role of readers: %w", err)
	}
	var whats, tries []string
	var what, try string
	_, err = pgx.ForEachRow(rows, []any{&what, &try}, func() error {
		whats, tries = append(whats, what), append(tries, try)
		return nil
	})
	if err != nil {
		return fmt.Errorf("look at the rights of the role of readers: %w", err)
	}
	if len(whats) == 0 {
		return nil
	}
	return noReader(strings.Join(whats, "; "), strings.Join(tries, "; "))
}

// endUsurper ends a session that has the warehouse's lock although its role can make no run: everybody may take any advisory lock, and a
// statement of a reader must not stop runs. It fails where this role may not end that session.
func (w *postgres) endUsurper(ctx context.Context, conn *pgx.Conn) error {
	var pid int
	var role string
	var ended *bool
	err := conn.QueryRow(ctx, `
select a.pid, a.usename
from pg_locks k
join pg_stat_activity a on a.pid = k.pid
join pg_roles r on r.oid = a.usesysid
where k.locktype = 'advisory'
	and k.granted
	and k.database = (select oid from pg_database where datname = current_database())
	and k.classid = $1::bigint::oid
	and k.objid = $2::bigint::oid
	and k.objsubid = 2
	and not r.rolsuper
	and a.usename <> current_user
	and (to_regclass('ops.lock') is null or not has_table_privilege(a.usesysid, 'ops.lock', 'insert'))`, lockClass, lockObject).Scan(&pid,
		&role)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return w.problem("see who holds the warehouse's lock", err)
	}
	if err := conn.QueryRow(ctx, `select pg_terminate_backend($1)`, pid).Scan(&ended); err != nil {
		return &change.Problem{
			Err:   fmt.Errorf("the session %d of the role %s holds the warehouse's lock, and that role makes no runs", pid, role),
			Class: change.ClassError,
			Try:   fmt.Sprintf("select pg_terminate_backend(%d) as a superuser", pid),
		}
	}
	w.log.WarnContext(ctx, "a session that makes no run held the warehouse's lock and was ended", "pid", pid, "role", role)
	return nil
}
