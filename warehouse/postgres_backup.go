package warehouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

const dumpFile = "warehouse.dump"

// backup dumps our schemas by pg_dump, which reads one snapshot, while this session holds the warehouse.
func (w *postgres) backup(ctx context.Context, b *Backup, into string, wait time.Duration) error {
	conn, err := w.connect(ctx, "lifeline backup", w.lastingSettings())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := w.hold(ctx, conn, max(wait, leastWait)); err != nil {
		return err
	}
	schemas, err := w.ourSchemas(ctx, conn, b)
	if err != nil {
		return err
	}
	arguments := []string{"--format=custom", "--no-owner", "--exclude-table=ops.reader", "--file=" + filepath.Join(into, dumpFile)}
	for _, s := range schemas {
		arguments = append(arguments, `--schema="`+strings.ReplaceAll(s, `"`, `""`)+`"`)
	}
	if err := w.client(ctx, "pg_dump", arguments...); err != nil {
		return fmt.Errorf("dump the warehouse: %w", err)
	}
	if err := os.Chmod(filepath.Join(into, dumpFile), privateMode); err != nil {
		return err
	}
	described, err := describeFile(into, dumpFile)
	b.Files = append(b.Files, described)
	return err
}

// ourSchemas are the schemas that runs made, and what stands in ops of the schema's and the published version's number.
func (w *postgres) ourSchemas(ctx context.Context, conn *pgx.Conn, b *Backup) ([]string, error) {
	var there bool
	if err := conn.QueryRow(ctx, `select to_regclass('ops.schemas') is not null`).Scan(&there); err != nil {
		return nil, w.problem("look for the warehouse", err)
	}
	if !there {
		return nil, fmt.Errorf("%w: there is nothing to back up", ErrNothingPublished)
	}
	var schemas []string
	err := conn.QueryRow(ctx, `
select
	(select coalesce(max(version), 0) from ops.schema_migrations),
	coalesce((select max(version) from ops.versions where state = 'published'), 0),
	(
		select array_agg(n.nspname order by n.nspname)
		from pg_namespace n
		where n.nspname in ('ops', 'quarantine', 'staging', 'history')
			or n.nspname in (select s.schema_name from ops.schemas s)
			or n.nspname in (select left(s.schema_name, -length('__v' || s.version::text)) from ops.schemas s)
	)`).Scan(&b.Schema, &b.Published, &schemas)
	if err != nil {
		return nil, w.problem("list the schemas", err)
	}
	return schemas, nil
}

// restoreFrom restores a dump in one transaction, into a database that has none of our schemas.
func (w *postgres) restoreFrom(ctx context.Context, dir string, b Backup) error {
	conn, err := w.connect(ctx, "lifeline restore", w.lastingSettings())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := w.hold(ctx, conn, leastWait); err != nil {
		return err
	}
	var there *string
	err = conn.QueryRow(ctx, `
select min(nspname)
from pg_namespace
where nspname in ('ops', 'quarantine', 'staging', 'history')`).Scan(&there)
	if err != nil {
		return w.problem("look for a warehouse", err)
	}
	if there != nil {
		return usage("the database has a schema "+*there+" already", "an empty database: a warehouse is never written over")
	}
	file := filepath.Join(dir, dumpFile)
	err = w.client(ctx, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--dbname="+w.dumpAddress(), file)
	if missing := missingRole.FindStringSubmatch(fmt.Sprint(err)); err != nil && missing != nil {
		return &change.Problem{
			Err: fmt.Errorf("the role %s, which may read the back-up's tables, is not on this server", missing[1]), Class: change.ClassUsage,
			Try: "create role " + missing[1] + ", then restore again",
		}
	}
	if err != nil {
		return fmt.Errorf("restore the warehouse: %w", err)
	}
	if _, err := conn.Exec(ctx, "analyze"); err != nil {
		return w.problem("analyze", err)
	}
	if b.Published != 0 {
		w.allowReaders(ctx, conn, b.Published)
	}
	return nil
}

var missingRole = regexp.MustCompile(`role "((?:[^"]|"")+)" does not exist`)

// client runs one of PostgreSQL's own programs. The password goes by the environment, so that no list of processes shows it.
func (w *postgres) client(ctx context.Context, program string, arguments ...string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return &change.Problem{
			Err: fmt.Errorf("%s is not on this machine", program), Class: change.ClassUsage,
			Try: "apt-get install postgresql-client, at least of the server's version",
		}
	}
	if program == "pg_dump" {
		arguments = append(arguments, "--dbname="+w.dumpAddress())
	}
	c := exec.CommandContext(ctx, path, arguments...)
	c.Env = append(os.Environ(), "PGPASSWORD="+w.password())
	var said bytes.Buffer
	c.Stderr = &said
	err = c.Run()
	if text := strings.TrimSpace(said.String()); err != nil && text != "" {
		err = errors.New(hideAddress(text))
		if strings.Contains(text, "server version mismatch") {
			return &change.Problem{Err: err, Class: change.ClassUsage, Try: "apt-get install postgresql-client of the server's version or newer"}
		}
	}
	return err
}

// hideAddress keeps only the first line of what a program says of its failure, which names no secret.
func hideAddress(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// dumpAddress is the address without its password.
func (w *postgres) dumpAddress() string {
	u, err := url.Parse(w.config.ConnString())
	if err != nil { // checkAddress has read it.
		return ""
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	q.Del("password")
	q.Del("sslpassword")
	u.RawQuery = q.Encode()
	return u.String()
}

// password is what the address, the environment or the password file says.
func (w *postgres) password() string { return w.config.ConnConfig.Password }
