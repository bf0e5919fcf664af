package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lifeline/change"
	"lifeline/source/preflight"
)

// keyColumn is a column of the index that a table is read along.
type keyColumn struct {
	name    string // Quoted.
	selects string // What is selected for the value that a literal is made of: the column, or a number that it sorts by.
	at      int    // Which of the selected values that is.
	form    keyForm
	whole   bool   // Whole numbers of any value, which can be halved.
	batched bool   // A whole number that lands as it is: the batch has the value.
	falling bool   // The index has it in descending order.
	charset string // Of charsetForm.
}

// keyForm is how a key's value is written in SQL.
type keyForm uint8

const (
	textForm    keyForm = iota // In quotes.
	numberForm                 // As it is.
	realForm                   // With an exponent, so that it is compared as a floating-point number.
	bytesForm                  // In hexadecimal digits.
	charsetForm                // The same, named as text of its character set: what has no letter in Unicode is told apart, too.
)

// formOf tells how values of a type are written so that they compare as the column's index is sorted. ok is false for a type that
// cannot be walked along.
func formOf(declared, name string) (form keyForm, selects string, whole, ok bool) {
	base, _, _ := strings.Cut(strings.ToLower(change.PlainType(declared)), "(")
	base, _, _ = strings.Cut(strings.TrimSpace(base), " ")
	switch base {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return numberForm, name, true, true
	case "decimal", "year":
		return numberForm, name, false, true
	case "bit", "enum", "set":
		return numberForm, "cast(" + name + " as unsigned)", false, true // They sort by number.
	case "float":
		return realForm, name + " * 1e0", false, true
	case "double":
		return realForm, name, false, true
	case "char", "varchar", "datetime", "date", "timestamp", "time", "uuid", "inet4", "inet6":
		return textForm, name, false, true
	case "binary", "varbinary":
		return bytesForm, name, false, true
	}
	return 0, "", false, false
}

// wholeCharsets have a letter of Unicode for each of theirs: a text comes back as it was.
var wholeCharsets = map[string]bool{"utf8": true, "utf8mb3": true, "utf8mb4": true, "latin1": true}

// index is a unique index as the server describes it.
type index struct {
	name    string
	columns []string
	falling []bool
	usable  bool // No column may be null, be a part of a text or an expression, and the optimizer may use it.
}

// lookAtKeys chooses the index to read along: the primary key, else the first unique one without nulls. All its columns are walked: after
// a prefix of them alone, rows that share the prefix with a chunk's last row would be passed over.
func (t *serverTable) lookAtKeys(rows []map[string]string) {
	for _, ix := range indexes(rows) {
		if ix.name == "PRIMARY" {
			for _, column := range ix.columns {
				t.primary = append(t.primary, change.StagingName(column))
			}
		}
		if ix.usable && t.keys == nil {
			t.walkAlong(ix)
		}
	}
	t.selectList()
}

func indexes(rows []map[string]string) []*index {
	var found []*index
	for _, r := range rows {
		if len(found) == 0 || found[len(found)-1].name != r["name"] {
			found = append(found, &index{name: r["name"], usable: true})
		}
		last := found[len(found)-1]
		_, part := r["part"]
		last.usable = last.usable && r["nullable"] != "YES" && !part && r["type"] == "BTREE" && r["col"] != "" && r["visible"] == "YES" &&
			(r["sorted"] == "A" || r["sorted"] == "D")
		last.columns = append(last.columns, strings.ToLower(r["col"]))
		last.falling = append(last.falling, r["sorted"] == "D")
	}
	return found
}

// walkAlong takes an index if all its columns can be walked along.
func (t *serverTable) walkAlong(ix *index) {
	keys := make([]keyColumn, len(ix.columns))
	for i, column := range ix.columns {
		at := slices.IndexFunc(t.shape.physical, func(c preflight.Column) bool { return strings.EqualFold(c.Name, column) })
		if at < 0 {
			return
		}
		k := keyColumn{name: ident(t.shape.physical[at].Name), falling: ix.falling[i]}
		var ok bool
		if k.form, k.selects, k.whole, ok = formOf(t.shape.physical[at].Type, k.name); !ok {
			return
		}
		if set := t.charsets[t.shape.physical[at].Name]; k.form == textForm && set != "" && !wholeCharsets[set] {
			k.form, k.charset, k.selects = charsetForm, set, "cast("+k.name+" as binary)"
		}
		keys[i] = k
	}
	t.keys, t.index = keys, ix.name
}

// selectList lists the columns that land, and after them what else is needed of the key.
func (t *serverTable) selectList() {
	selects := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		selects[i] = ident(c.SourceName)
		if base, _, _ := strings.Cut(strings.ToLower(c.SourceType), "("); strings.HasPrefix(base, "float") {
			selects[i] += " * 1e0" // Alone it would be printed with six digits.
		}
		if t.charsets[c.SourceName] == "ascii" {
			selects[i] = "cast(" + selects[i] + " as binary)" // Else the server puts a question mark for a byte that is not ASCII, and says nothing.
		}
	}
	for i := range t.keys {
		k := &t.keys[i]
		if k.at = slices.Index(selects, k.selects); k.at < 0 {
			k.at = len(selects)
			selects = append(selects, k.selects)
		}
		if k.at < len(t.Columns) {
			c := &t.Columns[k.at]
			k.batched = k.whole && c.Mask == nil && (c.Type.Kind >= change.Int16 && c.Type.Kind <= change.Int64 || c.Type.Kind == change.Decimal)
		}
	}
	t.selects = strings.Join(selects, ", ")
}

// literals are the SQL texts of a key.
func (t *serverTable) literals(key [][]byte) []string {
	out := make([]string, len(key))
	for i, k := range t.keys {
		switch text := string(key[i]); k.form {
		case numberForm:
			out[i] = text
		case realForm:
			out[i] = text
			if !strings.ContainsAny(text, "eE") {
				out[i] += "e0"
			}
		case bytesForm:
			out[i] = fmt.Sprintf("x'%x'", key[i])
		case charsetForm:
			out[i] = fmt.Sprintf("_%s x'%x'", k.charset, key[i])
		case textForm:
			out[i] = literal(text)
		}
	}
	return out
}

// keyList is what a key's literals are made of.
func (t *serverTable) keyList() string {
	parts := make([]string, len(t.keys))
	for i, k := range t.keys {
		parts[i] = k.selects
	}
	return strings.Join(parts, ", ")
}

func (t *serverTable) order() string {
	names := make([]string, len(t.keys))
	for i, k := range t.keys {
		names[i] = k.name
		if k.falling {
			names[i] += " desc"
		}
	}
	return strings.Join(names, ", ")
}

// where selects the keys after low up to and including high, in the index's order; nil means unbounded. A comparison of rows is spelt out,
// since the servers do not walk an index by (a, b) > (1, 2); the bound on the leading column alone keeps even old ones on it.
func (t *serverTable) where(low, high []string) string {
	var parts []string
	if low != nil {
		parts = append(parts, t.bound(low, pastKey))
	}
	if high != nil {
		parts = append(parts, t.bound(high, upToKey))
	}
	if len(parts) == 0 {
		return ""
	}
	return " where " + strings.Join(parts, " and ")
}

// side is on which side of a key rows lie, in the index's order.
type side int

const (
	pastKey side = iota // Without the key itself.
	upToKey             // With the key itself.
)

// bound selects what lies on one side of a key.
func (t *serverTable) bound(key []string, where side) string {
	sign := func(k keyColumn) string {
		if (where == pastKey) != k.falling {
			return ">"
		}
		return "<"
	}
	last := len(t.keys) - 1
	final := sign(t.keys[last])
	if where == upToKey {
		final += "="
	}
	out := t.keys[last].name + " " + final + " " + key[last]
	for i := last - 1; i >= 0; i-- {
		k := t.keys[i]
		out = fmt.Sprintf("(%s %s %s or (%s = %s and %s))", k.name, sign(k), key[i], k.name, key[i], out)
	}
	if last > 0 {
		out = fmt.Sprintf("%s %s= %s and %s", t.keys[0].name, sign(t.keys[0]), key[0], out)
	}
	return out
}

// appendReal writes a floating-point number so that the server reads the same one.
func appendReal(out []byte, x float64) []byte { return strconv.AppendFloat(out, x, 'e', -1, 64) }
