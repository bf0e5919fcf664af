package cdc

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"lifeline/change"
)

// follower reads the rows of one table.
type follower struct {
	table     *change.LoggedTable
	images    *change.Table
	columns   []column // As the server has them.
	at        []int    // Where each landing column stands among them.
	landing   []int    // The same, for comparing.
	unique    []int
	documents int // JSON columns: a partial update has a bit for each.

	before, after rowImage
	text          []byte
	seen          tableMap // The last description that was found right.
	differed      string
}

// tableMap is how an event describes a table.
type tableMap struct {
	types string
	metas []uint16
	nulls string
}

// column is a column with what its values need.
type column struct {
	name     string
	base     string // Its type's name.
	kind     byte   // As events have it.
	meta     uint16
	unsigned bool
	digits   int
	scale    int
	words    []string // Of an ENUM or SET.
	binary   bool     // Bytes, not text.
	width    int      // Of a BINARY: it is filled up to that.
	convert  converter
	trouble  string
}

var typeParts = regexp.MustCompile(`(?is)^\s*([a-z0-9_ ]+?)\s*(\((.*)\))?\s*(unsigned|zerofill|signed|\s)*$`)

// newFollower makes ready to read a table.
func newFollower(t *change.LoggedTable, texts *converters) (*follower, error) {
	f := &follower{table: t, images: change.Images(t.Table)}
	if t.Trouble != "" {
		return f, nil
	}
	f.at = make([]int, len(t.Columns))
	for i := range f.at {
		f.at[i] = -1
	}
	for i, p := range t.Physical {
		c, err := newColumn(p, texts)
		if err != nil {
			return nil, err
		}
		if p.LandsAs >= 0 {
			f.at[p.LandsAs] = i
			f.landing = append(f.landing, i)
			if c.trouble != "" && t.Trouble == "" {
				t.Trouble = fmt.Sprintf("column %s of %s: %s", p.Name, t.SourceName, c.trouble)
			}
		}
		if c.base == "json" && !texts.maria {
			f.documents++
		}
		f.columns = append(f.columns, c)
	}
	if i := slices.Index(f.at, -1); i >= 0 {
		return nil, fmt.Errorf("column %s of %s is not among those of the source", t.Columns[i].Name, t.SourceName)
	}
	for _, k := range t.Unique {
		f.unique = append(f.unique, f.at[t.Index(k)])
	}
	f.before.values, f.after.values = make([]value, len(f.columns)), make([]value, len(f.columns))
	return f, nil
}

// newColumn takes a declaration apart.
func newColumn(p change.LoggedColumn, texts *converters) (column, error) {
	declared := change.PlainType(p.Type)
	c := column{name: p.Name, digits: p.Digits}
	parts := typeParts.FindStringSubmatch(declared)
	if parts == nil {
		c.trouble = "its type " + p.Type + " cannot be read from the log"
		return c, nil
	}
	c.base = strings.ToLower(strings.TrimSpace(parts[1]))
	lower := strings.ToLower(declared)
	c.unsigned = (strings.Contains(lower, " unsigned") || strings.Contains(lower, " zerofill")) && c.base != "enum" && c.base != "set"
	switch c.base {
	case "enum", "set":
		var err error
		if c.words, err = wordsOf(parts[3]); err != nil {
			return c, fmt.Errorf("column %s: %w", p.Name, err)
		}
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit", "geometry", "point", "linestring", "polygon",
		"multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection", "vector":
		c.binary = true
		if c.base == "binary" {
			c.width, _ = strconv.Atoi(cmp.Or(parts[3], "1")) // Always a number.
		}
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		var trouble string
		if c.convert, trouble = texts.of(p.Charset); trouble != "" {
			c.trouble = trouble
		}
	case "decimal":
		_, scale, _ := strings.Cut(parts[3], ",")
		c.scale, _ = strconv.Atoi(strings.TrimSpace(scale)) // None is none.
	}
	return c, nil
}

// wordsOf reads 'a','b”c' as a, b'c.
func wordsOf(list string) ([]string, error) {
	var out []string
	for rest := list; rest != ""; {
		if rest[0] != '\'' {
			return nil, fmt.Errorf("the words %s cannot be read", list)
		}
		var word strings.Builder
		i := 1
		for ; i < len(rest); i++ {
			if rest[i] == '\'' {
				if i+1 < len(rest) && rest[i+1] == '\'' {
					i++
				} else {
					break
				}
			}
			word.WriteByte(rest[i])
		}
		if i >= len(rest) {
			return nil, fmt.Errorf("the words %s cannot be read", list)
		}
		out = append(out, word.String())
		rest = strings.TrimPrefix(rest[i+1:], ",")
	}
	return out, nil
}

// differs says how the event's description of the table is another than the source's; "" where they agree. What it finds right is kept
// as the columns' form.
func (f *follower) differs(e *replication.TableMapEvent) string {
	is := tableMap{string(e.ColumnType), e.ColumnMeta, string(e.NullBitmap)}
	if is.types == f.seen.types && is.nulls == f.seen.nulls && slices.Equal(is.metas, f.seen.metas) {
		return f.differed
	}
	f.seen = tableMap{strings.Clone(is.types), slices.Clone(is.metas), strings.Clone(is.nulls)}
	f.differed = f.compare(e)
	return f.differed
}

func (f *follower) compare(e *replication.TableMapEvent) string {
	name := f.table.SourceName
	if int(e.ColumnCount) != len(f.columns) {
		return fmt.Sprintf("a row of %s has %d columns in the log, and %s has %d now", name, e.ColumnCount, name, len(f.columns))
	}
	unsigned := e.UnsignedMap()
	for i := range f.columns {
		c := &f.columns[i]
		c.kind, c.meta = realKind(e.ColumnType[i], e.ColumnMeta[i])
		nullable := e.NullBitmap[i/8]&(1<<(i%8)) != 0
		if why := c.fits(); why != "" {
			return fmt.Sprintf("column %s of %s is %s now, and %s in the log", c.name, name, f.table.Physical[i].Type, why)
		}
		if nullable != f.table.Physical[i].Nullable {
			return fmt.Sprintf("column %s of %s could be null in one of log and source, and cannot in the other", c.name, name)
		}
		if u, said := unsigned[i]; said && len(e.SignednessBitmap) > 0 && u != c.unsigned && numeric[c.base] {
			return fmt.Sprintf("column %s of %s is unsigned in one of log and source", c.name, name)
		}
	}
	if names := e.ColumnNameString(); len(names) == len(f.columns) {
		for i, n := range names {
			if !strings.EqualFold(n, f.columns[i].name) {
				return fmt.Sprintf("column %d of %s is %s now, and was %s in the log", i+1, name, f.columns[i].name, n)
			}
		}
	}
	return ""
}

var numeric = map[string]bool{
	"tinyint": true, "smallint": true, "mediumint": true, "int": true, "bigint": true, "decimal": true, "float": true, "double": true,
}

// realKind finds what an event's type stands for: ENUM and SET come as strings.
func realKind(kind byte, meta uint16) (byte, uint16) {
	if kind != mysql.MYSQL_TYPE_STRING || meta < 256 {
		return kind, meta
	}
	high, low := byte(meta>>8), meta&0xff
	if high&0x30 != 0x30 { // A long CHAR keeps two bits of its length there.
		return high | 0x30, low | uint16((high&0x30)^0x30)<<4
	}
	return high, low
}
