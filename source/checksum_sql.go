package source

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"lifeline/change"
)

// sumVersion is counted up when rows are summed in another way; sums that are kept are then not compared with.
const sumVersion = "4"

// rowSum is what the server adds up of each row: a CRC of the digits of the CRC of its values, written as change.RowSummer writes them.
// That costs the server half as much again as sending the rows would; a digest of values behind their lengths cost two and a half times as
// much. Sums of the inner CRC alone would miss two rows that exchange values of one length, now and then: it is linear.
func (t *serverTable) rowSum() string {
	if sum := t.sumOf(func(c *change.Column) bool { return c.Mask == nil }); sum != "" {
		return sum
	}
	return "sum(0)"
}

// hiddenSum is the same of the masked columns; "" where there are none.
func (t *serverTable) hiddenSum() string {
	return t.sumOf(func(c *change.Column) bool { return c.Mask != nil })
}

// sumOf adds up the wanted columns; "" where there are none. Nulls are left out of the texts, and named by bits behind them: a null that is
// replaced by a text costs the server more.
func (t *serverTable) sumOf(wanted func(*change.Column) bool) string {
	var texts, nulls []string
	n := 0
	flush := func() {
		texts = append(texts, strings.Join(append(nulls, "0"), " | "))
		nulls = nil
	}
	for i := range t.Columns {
		c := t.Columns[i]
		if !wanted(&c) {
			continue
		}
		c.Mask = nil
		if c.Nullable || t.isView {
			nulls = append(nulls, fmt.Sprintf("(%s is null) << %d", ident(c.SourceName), n%change.SumNulls))
		}
		texts = append(texts, t.valueText(&c))
		if n++; n%change.SumNulls == 0 {
			flush()
		}
	}
	if n == 0 {
		return ""
	}
	if n%change.SumNulls > 0 {
		flush()
	}
	return "sum(crc32(crc32(concat_ws(x'" + hex.EncodeToString([]byte{change.SumSeparator}) + "', " + strings.Join(texts, ", ") + "))))"
}

// digest is the function that gives a text's digest in hexadecimal digits.
func (t *serverTable) digest(text string) string {
	if t.SHA256 {
		return "sha2(" + text + ", 256)"
	}
	return "sha1(" + text + ")"
}

// valueText is a column's text in the form that its checksum wants.
func (t *serverTable) valueText(c *change.Column) string {
	name := ident(c.SourceName)
	switch c.SumForm() {
	case change.SumNumber:
		return name + " + 0"
	case change.SumFloat:
		number := name + " * 1e0 + 0e0" // Of both zeros the same.
		if t.cutsDoubles {
			return "trim(trailing '.0' from cast(cast(" + number + " as json) as char))"
		}
		return number
	case change.SumText:
		length, text := t.utf8(c) // The separator is binary, so that its bytes are taken.
		return fmt.Sprintf("length(%s), %s", length, text)
	case change.SumBinary:
		return fmt.Sprintf("concat(length(%s), ':', cast(%s as binary))", name, name)
	case change.SumDigest:
		length, text := t.utf8(c)
		return fmt.Sprintf("concat(length(%s), ':', %s)", length, t.digest(text))
	default:
		return name
	}
}

// utf8 gives a text's bytes in UTF-8, and what has as many bytes.
func (t *serverTable) utf8(c *change.Column) (length, text string) {
	name := ident(c.SourceName)
	if c.Type.Kind == change.Bytes {
		return name, name
	}
	switch t.charsets[c.SourceName] {
	case "utf8", "utf8mb3", "utf8mb4", "ascii":
		return name, "cast(" + name + " as binary)"
	}
	converted := "convert(" + name + " using utf8mb4)"
	return converted, "cast(" + converted + " as binary)"
}

// layout names what the sums of a table are made of. Sums are of contents, so the same contents on another server give the same.
func (t *serverTable) layout() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %q %q %q %q", sumVersion, t.SourceName, t.index, t.Key, t.Money)
	for _, k := range t.keys {
		fmt.Fprintf(h, "\nkey %q %d %v", k.selects, k.form, k.falling)
	}
	if t.SHA256 {
		fmt.Fprint(h, "\nsha256")
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		fmt.Fprintf(h, "\n%q %q %q %s %s", c.Name, c.SourceName, c.SourceType, c.Type, t.charsets[c.SourceName])
		writeMask(h, c.Mask)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeMask adds a mask without giving its key away.
func writeMask(h interface{ Write(p []byte) (int, error) }, m *change.Mask) {
	if m == nil {
		return
	}
	keyed := hmac.New(sha256.New, m.Key)
	keyed.Write([]byte("layout"))
	fmt.Fprintf(h, " masked %s %s %x", m.Method, m.Keep, keyed.Sum(nil))
}

// hide keys a sum of masked values, so that what is kept gives nobody a way to try values out.
func (t *serverTable) hide(sum uint64) uint64 {
	var key []byte
	for i := range t.Columns {
		if m := t.Columns[i].Mask; m != nil && len(m.Key) > 0 {
			key = m.Key
		}
	}
	return keyedSum(key, sum)
}

// sumsQuery has the server add up a chunk, by its slices where it has some.
func (n *serverSnapshot) sumsQuery(t *serverTable, c *change.Chunk) string {
	what := "count(*) as n, " + t.rowSum() + " as s"
	if hidden := t.hiddenSum(); hidden != "" {
		what += ", " + hidden + " as h"
	}
	from := " from " + n.server.from(t) + t.force() + t.where(c.Low, c.High)
	if c.Width == 0 {
		return "select " + what + from
	}
	key, count := t.keys[0].name, int64(len(c.Slices))
	return fmt.Sprintf("select case when %[1]s < %[2]d then 0 when %[1]s >= %[3]d then %[4]d else (%[1]s - %[2]d) div %[5]d end "+
		"as lifeline__slice, %[6]s%[7]s group by lifeline__slice order by null",
		key, c.Base, c.Base+(count-1)*c.Width, count-1, c.Width, what, from)
}
