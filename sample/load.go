package sample

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"

	"lifeline/change"
)

var loads atomic.Int64

// Load creates the database that dsn names, where it is missing, and makes the project's tables anew as the brief's loader does:
// LOAD DATA LOCAL with sql_mode=”, so that a missing datetime becomes a zero date and a missing number 0.
func Load(ctx context.Context, o Options, dsn string) (s Summary, err error) {
	w, err := newWorld(o)
	if err != nil {
		return s, err
	}
	name, settings, err := address(dsn)
	if err != nil {
		return s, err
	}
	connector, err := mysql.NewConnector(settings)
	if err != nil {
		return s, fmt.Errorf("connect to %s: %w", settings.Addr, err)
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return s, unreachable(settings.Addr, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	quoted := "`" + strings.ReplaceAll(name, "`", "``") + "`"
	for _, q := range []string{"set sql_mode = ''", "create database if not exists " + quoted, "use " + quoted} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return s, fmt.Errorf("prepare the database %s: %w", name, err)
		}
	}
	for _, t := range tables(o) {
		n, err := w.loadTable(ctx, conn, t)
		if err != nil {
			return s, err
		}
		s.Tables = append(s.Tables, TableSummary{Name: t.name, File: t.file, Rows: n})
	}
	return s, nil
}

// address reads mysql://user:password@host:port/database. Its errors never hold the password (promise 10).
func address(dsn string) (string, *mysql.Config, error) {
	u, err := url.Parse(dsn)
	fail := func(what string) (string, *mysql.Config, error) {
		return "", nil, &change.Problem{
			Err: errors.New(what), Class: change.ClassUsage,
			Try: "--into mysql://user:password@127.0.0.1:3306/carepay",
		}
	}
	if err != nil || u.Scheme != "mysql" && u.Scheme != "mariadb" || u.Host == "" {
		return fail("the address to load into is not mysql://user:password@host:port/database")
	}
	name := strings.Trim(u.Path, "/")
	if name == "" {
		return fail("the address to load into names no database")
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User = "tcp", u.Host, u.User.Username()
	c.Logger = &mysql.NopLogger{} // What goes wrong is in the errors.
	if u.Port() == "" {
		c.Addr += ":3306"
	}
	c.Passwd, _ = u.User.Password()
	if err := c.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return "", nil, fmt.Errorf("set the character set: %w", err)
	}
	return name, c, nil
}

func unreachable(addr string, err error) error {
	var refused *mysql.MySQLError
	try := "is the server running, and is the address right?"
	if errors.As(err, &refused) {
		try = "look at user and password"
	}
	return &change.Problem{Err: fmt.Errorf("connect to %s: %w", addr, err), Class: change.ClassError, Try: try}
}

func (w *world) loadTable(ctx context.Context, conn *sql.Conn, t table) (int64, error) {
	for _, q := range []string{
		"drop table if exists `" + t.name + "`",
		"create table `" + t.name + "` (" + t.ddl + ") default charset utf8mb4",
	} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return 0, fmt.Errorf("create %s: %w", t.name, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer := io.Pipe()
	made := make(chan struct{})
	go func() {
		defer close(made)
		_, err := w.write(ctx, t, writer)
		writer.CloseWithError(err)
	}()
	handler := fmt.Sprintf("lifeline-sample-%d", loads.Add(1))
	mysql.RegisterReaderHandler(handler, func() io.Reader { return reader })
	defer mysql.DeregisterReaderHandler(handler)
	result, err := conn.ExecContext(ctx, "load data local infile 'Reader::"+handler+"' into table `"+t.name+
		"` character set utf8mb4 fields terminated by ',' lines terminated by '\\n' ignore 1 lines")
	_ = reader.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	<-made
	if err == nil {
		// Of rows with one key the server keeps the first, so it knows better how many there are.
		return result.RowsAffected()
	}
	var refused *mysql.MySQLError
	if errors.As(err, &refused) && (refused.Number == 1148 || refused.Number == 3948 || refused.Number == 4166) {
		return 0, &change.Problem{
			Err: fmt.Errorf("load %s: %w", t.name, err), Class: change.ClassError, Try: "set global local_infile = 1 on the server",
		}
	}
	return 0, fmt.Errorf("load %s: %w", t.name, err)
}
