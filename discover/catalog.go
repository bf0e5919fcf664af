package discover

import (
	"slices"
	"strings"
)

// Catalog is what a database says of itself, without a look at its rows.
type Catalog struct {
	Name   string // Of the database or folder.
	Server string // Its version, for the notes.
	Tables []*Table
	prefix string // That nearly every table's name begins with, such as "app_"; without it names are compared.
	byName map[string]*Table
}

// Table is a base table as the catalogue describes it.
type Table struct {
	Name    string
	Comment string
	Engine  string
	Rows    int64 // As the server estimates.
	View    bool
	File    string // Of a CSV folder.
	Columns []*Column
	Primary []string
	Unique  [][]string // Further unique indexes without nullable columns.
	Indexed map[string]bool
	Foreign []Declared

	words []string // The name's words in the singular, without the common prefix.
}

// Column is a column as the catalogue describes it.
type Column struct {
	Name     string
	Type     string // As declared, such as "int(10) unsigned".
	Base     string // Its first word, such as "int".
	Nullable bool
	Default  *string
	Comment  string
	Auto     bool // Its values are given by the server.
	Unix     Unit // What its whole numbers count since 1970, where they are times.

	words []string // The name's words in the singular.
}

// Declared is a foreign key that the database enforces.
type Declared struct {
	Column, Parent, Key string
}

// Table finds a table by its exact name.
func (c *Catalog) Table(name string) *Table { return c.byName[name] }

// Column finds a column by its exact name.
func (t *Table) Column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c *Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return t.Columns[i]
}

// Key is the table's single key column, or "" where the key has several columns or there is none.
func (t *Table) Key() string {
	if len(t.Primary) == 1 {
		return t.Primary[0]
	}
	return ""
}

// finish fills what is derived from names.
func (c *Catalog) finish() {
	c.byName = map[string]*Table{}
	names := make([]string, len(c.Tables))
	for i, t := range c.Tables {
		names[i] = strings.ToLower(t.Name)
		c.byName[t.Name] = t
	}
	c.prefix = commonPrefix(names)
	vocabulary := newVocabulary(c)
	for _, t := range c.Tables {
		t.words = vocabulary.words(t.Name[len(prefixOf(t.Name, c.prefix)):])
		for _, column := range t.Columns {
			column.words = vocabulary.words(column.Name)
		}
		dropColumnPrefix(t)
	}
}

// dropColumnPrefix takes words off that nearly all columns of a table begin with: the table's own name, as in ticket_status and
// ticket_created_at of tickets, or a first word of no meaning, as in c_name and c_phone.
func dropColumnPrefix(t *Table) {
	for n := len(t.words); n > 1; n-- {
		if dropFront(t, t.words[:n]) {
			return
		}
	}
	counts := map[string]int{}
	for _, c := range t.Columns {
		if len(c.words) > 1 {
			counts[c.words[0]]++
		}
	}
	for word := range counts {
		if !slices.Contains([]string{"date", "is", "id"}, word) && dropFront(t, []string{word}) {
			return
		}
	}
}

// dropFront takes words off the columns that begin with them, where four in five do. A column that would be left without a
// name keeps them: product_id refers to a product where it is not its own table's key.
func dropFront(t *Table, front []string) bool {
	n := 0
	for _, c := range t.Columns {
		if len(c.words) > len(front) && startsWith(c.words, front) {
			n++
		}
	}
	if len(t.Columns) < 4 || n*10 < len(t.Columns)*8 {
		return false
	}
	for _, c := range t.Columns {
		if len(c.words) <= len(front) || !startsWith(c.words, front) {
			continue
		}
		rest := c.words[len(front):]
		named := slices.ContainsFunc(rest, func(w string) bool { return len(w) > 1 && !slices.Contains(idWords, w) })
		if named || t.Key() == c.Name || slices.Equal(front, t.words) {
			c.words = rest
		}
	}
	return true
}

// prefixOf returns the prefix as it stands in name, or nothing.
func prefixOf(name, prefix string) string {
	if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		return name[:len(prefix)]
	}
	return ""
}

// commonPrefix finds what at least nine in ten names begin with, up to an underscore.
func commonPrefix(names []string) string {
	if len(names) < 4 {
		return ""
	}
	counts := map[string]int{}
	for _, n := range names {
		if i := strings.IndexByte(n, '_'); i > 0 && i < 12 {
			counts[n[:i+1]]++
		}
	}
	for prefix, n := range counts {
		if n*10 >= len(names)*9 {
			return prefix
		}
	}
	return ""
}

// kind sorts declared types by how their values are compared.
type kind int

const (
	other kind = iota
	integer
	decimal
	float
	text
	longText
	enum
	date
	datetime
	clock
	binary
	document
	geometry
)

// Kind sorts the column's declared type.
func (c *Column) kind() kind {
	switch c.Base {
	case "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "year", "bit", "boolean", "bool":
		return integer
	case "decimal", "numeric", "dec", "fixed":
		return decimal
	case "float", "double", "real":
		return float
	case "char", "varchar", "tinytext", "nchar", "nvarchar", "uuid", "inet6", "inet4":
		return text
	case "text", "mediumtext", "longtext":
		return longText
	case "enum", "set":
		return enum
	case "date":
		return date
	case "datetime", "timestamp":
		return datetime
	case "time":
		return clock
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return binary
	case "json":
		return document
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection":
		return geometry
	}
	return other
}

// isTime reports whether the column says a day or an instant.
func (c *Column) isTime() bool { return c.kind() == date || c.isInstant() }

// isInstant reports whether the column says a day and its time.
func (c *Column) isInstant() bool { return c.kind() == datetime || c.Unix != "" }

// isFlag reports whether the declared type is that of a yes or no.
func (c *Column) isFlag() bool {
	if c.kind() == enum {
		values := strings.ToLower(c.Type)
		for _, pair := range []string{
			"('y','n')", "('n','y')", "('0','1')", "('1','0')", "('yes','no')", "('no','yes')", "('true','false')",
			"('false','true')",
		} {
			if strings.HasSuffix(values, pair) {
				return true
			}
		}
	}
	return c.Base == "bit" || c.Base == "bool" || c.Base == "boolean" || strings.HasPrefix(c.Type, "tinyint(1)")
}
