package discover

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lifeline/source"
)

// asker puts a select to a server.
type asker interface {
	Ask(ctx context.Context, text string) ([]map[string]string, error)
	Database() string
	Version() string
	Limit(ctx context.Context, d time.Duration) error
	Close() error
}

// server reads a MySQL or MariaDB database.
type server struct {
	asker
	limit time.Duration
}

// OpenServer opens a MySQL or MariaDB database. No statement runs longer than limit.
func OpenServer(ctx context.Context, dsn string, limit time.Duration) (Reader, error) {
	a, err := source.OpenAsker(ctx, dsn, limit)
	if err != nil {
		return nil, err
	}
	return &server{a, limit}, nil
}

func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func textOf(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// Catalog reads information_schema in four statements, whatever the number of tables.
func (s *server) Catalog(ctx context.Context) (*Catalog, error) {
	// The catalogue of many tables takes a server its time, and locks nothing.
	if err := s.Limit(ctx, time.Minute); err != nil {
		return nil, err
	}
	c := &Catalog{Name: s.Database(), Server: s.Version(), byName: map[string]*Table{}}
	in := textOf(s.Database())
	rows, err := s.Ask(ctx, `select table_name as name, table_type as kind, engine as engine, table_rows as n, table_comment as comment
		from information_schema.tables where table_schema = `+in+` order by table_name`)
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", c.Name, err)
	}
	for _, r := range rows {
		if strings.Contains(r["kind"], "SEQUENCE") {
			continue
		}
		t := &Table{
			Name: r["name"], Engine: r["engine"], Comment: r["comment"], Indexed: map[string]bool{},
			View: strings.Contains(r["kind"], "VIEW"),
		}
		t.Rows, _ = strconv.ParseInt(r["n"], 10, 64) // A view has none.
		if t.View {
			t.Comment = ""
		}
		c.Tables = append(c.Tables, t)
		c.byName[t.Name] = t
	}
	for _, read := range []func(context.Context, *Catalog, string) error{s.columns, s.indexes, s.foreign} {
		if err := read(ctx, c, in); err != nil {
			return nil, err
		}
	}
	c.finish()
	return c, s.Limit(ctx, s.limit)
}

func (s *server) columns(ctx context.Context, c *Catalog, in string) error {
	rows, err := s.Ask(ctx, `select table_name as tab, column_name as name, column_type as type, data_type as base, is_nullable as nullable,
		column_default as preset, column_comment as comment, extra as extra
		from information_schema.columns where table_schema = `+in+` order by table_name, ordinal_position`)
	if err != nil {
		return fmt.Errorf("list the columns of %s: %w", c.Name, err)
	}
	for _, r := range rows {
		t := c.byName[r["tab"]]
		if t == nil {
			continue
		}
		column := &Column{
			Name: r["name"], Type: r["type"], Base: strings.ToLower(r["base"]), Nullable: r["nullable"] == "YES",
			Comment: r["comment"], Auto: strings.Contains(r["extra"], "auto_increment"),
		}
		if d, ok := r["preset"]; ok && d != "NULL" {
			column.Default = &d
		}
		t.Columns = append(t.Columns, column)
	}
	return nil
}

func (s *server) indexes(ctx context.Context, c *Catalog, in string) error {
	rows, err := s.Ask(ctx, `select table_name as tab, index_name as name, column_name as col, non_unique as loose, nullable as `+
		`nullable, sub_part as part
		from information_schema.statistics where table_schema = `+in+` order by table_name, index_name, seq_in_index`)
	if err != nil {
		return fmt.Errorf("list the indexes of %s: %w", c.Name, err)
	}
	for i := 0; i < len(rows); {
		tab, name := rows[i]["tab"], rows[i]["name"]
		var columns []string
		whole := true
		for ; i < len(rows) && rows[i]["tab"] == tab && rows[i]["name"] == name; i++ {
			_, part := rows[i]["part"]
			whole = whole && rows[i]["nullable"] != "YES" && !part && rows[i]["col"] != "" && rows[i]["loose"] == "0"
			columns = append(columns, rows[i]["col"])
		}
		t := c.byName[tab]
		if t == nil {
			continue
		}
		if len(columns) > 0 {
			t.Indexed[columns[0]] = true
		}
		switch {
		case name == "PRIMARY":
			t.Primary = columns
		case whole:
			t.Unique = append(t.Unique, columns)
		}
	}
	return nil
}

func (s *server) foreign(ctx context.Context, c *Catalog, in string) error {
	rows, err := s.Ask(ctx, `select table_name as tab, constraint_name as name, column_name as col, referenced_table_name as parent,
		referenced_column_name as pcol from information_schema.key_column_usage
		where table_schema = `+in+` and referenced_table_schema = `+in+` and referenced_table_name is not null
		order by table_name, constraint_name, ordinal_position`)
	if err != nil {
		return fmt.Errorf("list the foreign keys of %s: %w", c.Name, err)
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[r["tab"]+"\x00"+r["name"]]++
	}
	for _, r := range rows {
		// A key of several columns is kept by its parts only where there is one part.
		if t := c.byName[r["tab"]]; t != nil && counts[r["tab"]+"\x00"+r["name"]] == 1 {
			t.Foreign = append(t.Foreign, Declared{Column: r["col"], Parent: r["parent"], Key: r["pcol"]})
		}
	}
	return nil
}
