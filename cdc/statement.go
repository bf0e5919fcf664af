package cdc

import (
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"

	"lifeline/change"
)

// query takes a statement that the log has as text: the ends of transactions, changes of tables, and what a session wrote in place of rows.
func (s *Stream) query(h *replication.EventHeader, e *replication.QueryEvent) error {
	words := tokens(string(e.Query))
	if len(words) == 0 {
		return s.finishStatement(h)
	}
	switch first := words[0].upper(); first {
	case "BEGIN":
		s.begin(h, timeOf(h))
		return nil
	case "COMMIT":
		return s.commit(h)
	case "ROLLBACK":
		if len(words) > 1 && words[1].upper() == "TO" {
			s.stop("", "a transaction was rolled back to a savepoint after a table without transactions was changed in it")
			return nil
		}
		return s.rollback(h)
	case "SAVEPOINT", "RELEASE":
		return nil
	case "XA":
		return s.xa(h, words)
	}
	st := statement{schema: string(e.Schema), words: words}
	if effect := st.effect(); effect.kind != nothing {
		if stop := s.affects(h, st, effect); stop {
			return nil
		}
	}
	return s.finishStatement(h)
}

// finishStatement ends a statement that is a transaction of its own.
func (s *Stream) finishStatement(h *replication.EventHeader) error {
	if s.tx.open && s.tx.written > 0 {
		return nil // Inside a transaction, such as a temporary table's.
	}
	return s.finishAlone(h)
}

// xa takes a statement of an XA transaction.
func (s *Stream) xa(h *replication.EventHeader, words []token) error {
	if len(words) < 2 {
		return nil
	}
	switch words[1].upper() {
	case "START", "BEGIN":
		s.begin(h, timeOf(h))
	case "COMMIT", "ROLLBACK":
		var xid strings.Builder
		for _, w := range words[2:] {
			if w.upper() == "ONE" {
				break
			}
			xid.WriteString(w.text)
		}
		return s.decide(h, canonicalXID(xid.String()), words[1].upper() == "COMMIT")
	}
	return nil
}

// canonicalXID writes X'6162',X”,1 as the events of prepared transactions have it.
func canonicalXID(text string) string {
	parts := strings.Split(text, ",")
	for i, p := range parts {
		if strings.HasPrefix(p, "x'") || strings.HasPrefix(p, "X'") || strings.HasPrefix(p, "0x") {
			p = "X'" + strings.ToLower(strings.Trim(p[2:], "'")) + "'"
		}
		parts[i] = p
	}
	for len(parts) < 2 {
		parts = append(parts, "X''")
	}
	if len(parts) < 3 {
		parts = append(parts, "1")
	}
	return strings.Join(parts, ",")
}

// affects decides what a statement means for the tables that are followed; true where the reading stops.
func (s *Stream) affects(h *replication.EventHeader, st statement, e effect) bool {
	if e.kind == wholeDatabase {
		for name, f := range s.tables {
			if strings.HasPrefix(name, e.tables[0].schema+"\x00") {
				s.stop(f.table.Name, fmt.Sprintf("the database %s was dropped or changed", e.tables[0].schema))
				return true
			}
		}
		return false
	}
	if e.kind == rowsByStatement && len(e.tables) == 0 {
		if st.mentions(s.tables) {
			s.stop("", fmt.Sprintf("a session wrote a statement to the log in place of rows (binlog_format), which begins with %s",
				st.words[0].upper()))
			return true
		}
		return false
	}
	var hit []*follower
	for _, t := range e.tables {
		schema := t.schema
		if schema == "" {
			schema = st.schema
		}
		for name, f := range s.tables {
			if strings.EqualFold(name, tableName(schema, t.name)) {
				hit = append(hit, f)
			}
		}
	}
	if len(hit) == 0 {
		return false
	}
	first := hit[0]
	if e.kind == truncates {
		return s.truncate(h, first)
	}
	var also []string
	for _, f := range hit[1:] {
		also = append(also, f.table.Name)
	}
	s.stop(first.table.Name, fmt.Sprintf("%s was changed in the source by %s", first.table.SourceName, st.verb()), also...)
	return true
}

// truncate takes a table that was emptied. It begins what is landed at once: what was read before it is landed first, and the next Read
// takes it up.
func (s *Stream) truncate(h *replication.EventHeader, f *follower) bool {
	switch {
	case s.here.Replays():
		s.stop(f.table.Name, f.table.SourceName+" was emptied in the source by truncate while a snapshot was taken")
		return true
	case s.out.open == nil || s.out.result.Images > 0 || len(s.out.writers) > 0:
		s.cut, s.waiting = true, s.current
		return true
	}
	s.begin(h, timeOf(h))
	s.out.result.Truncated = append(s.out.result.Truncated, change.Truncation{Table: f.table.Name, At: s.tx.at, Position: s.imagePlace()})
	s.out.result.Images++
	if s.out.result.Oldest.IsZero() {
		s.out.result.Oldest = s.tx.at
	}
	s.out.started()
	return false
}

// effectKind is what a statement does to tables, as far as reading the log is concerned.
type effectKind int

const (
	nothing effectKind = iota
	altersTable
	truncates
	wholeDatabase
	rowsByStatement
)

type effect struct {
	kind   effectKind
	tables []tableRef
}

type tableRef struct{ schema, name string }

// statement is one that the log has as text.
type statement struct {
	schema string // The session's database.
	words  []token
}

// verb names what the statement does, in two words.
func (st statement) verb() string {
	out := strings.ToLower(st.words[0].text)
	if len(st.words) > 1 && !st.words[1].quoted {
		out += " " + strings.ToLower(st.words[1].text)
	}
	return out
}

// mentions tells whether a statement may change one of the tables: its session stands in their database, or it names that. A table of the
// same name in another database does not count.
func (st statement) mentions(tables map[string]*follower) bool {
	for name := range tables {
		schema, _, _ := strings.Cut(name, "\x00")
		if strings.EqualFold(schema, st.schema) {
			return true
		}
		for _, w := range st.words {
			if strings.EqualFold(w.text, schema) {
				return true
			}
		}
	}
	return false
}

// effect tells what a statement does.
func (st statement) effect() effect {
	w := st.words
	switch w[0].upper() {
	case "ALTER":
		return st.alter()
	case "RENAME":
		if word(w, 1) == "TABLE" || word(w, 1) == "TABLES" {
			return effect{altersTable, refs(w[2:], "TO")}
		}
	case "DROP":
		return st.drop()
	case "CREATE":
		return st.create()
	case "TRUNCATE":
		rest := w[1:]
		if word(rest, 0) == "TABLE" {
			rest = rest[1:]
		}
		return effect{truncates, firstRef(rest)}
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "CALL", "WITH", "DO", "SELECT":
		return effect{kind: rowsByStatement}
	}
	return effect{}
}

// word is the i-th word in capitals; empty where there is none.
func word(w []token, i int) string {
	if i < 0 || i >= len(w) || w[i].quoted {
		return ""
	}
	return w[i].upper()
}

// skip leaves words out that may stand before a name.
func skip(w []token, words ...string) []token {
	for len(w) > 0 {
		found := false
		for _, x := range words {
			if word(w, 0) == x {
				w, found = w[1:], true
				break
			}
		}
		if !found {
			break
		}
	}
	return w
}

func (st statement) alter() effect {
	w := skip(st.words[1:], "ONLINE", "OFFLINE", "IGNORE")
	if word(w, 0) == "DATABASE" || word(w, 0) == "SCHEMA" {
		return effect{}
	}
	if word(w, 0) != "TABLE" {
		return effect{}
	}
	w = skip(w[1:], "IF", "EXISTS")
	at := firstRef(w)
	if len(at) == 0 || onlyIndexes(w) {
		return effect{}
	}
	return effect{altersTable, append(at, renamedTo(w)...)}
}

// harmlessClauses are those of alter table that change no row and no column.
var harmlessClauses = map[string]bool{
	"ADD INDEX": true, "ADD KEY": true, "ADD UNIQUE": true, "ADD FULLTEXT": true, "ADD SPATIAL": true, "ADD CONSTRAINT": true,
	"ADD CHECK":  true,
	"DROP INDEX": true, "DROP KEY": true, "DROP FOREIGN": true, "DROP CONSTRAINT": true, "DROP CHECK": true, "RENAME INDEX": true,
	"RENAME KEY": true, "ALTER INDEX": true, "ALTER CONSTRAINT": true, "ALTER CHECK": true,
}

// harmlessWords begin such clauses by themselves.
var harmlessWords = map[string]bool{
	"COMMENT": true, "AUTO_INCREMENT": true, "ENGINE": true, "ROW_FORMAT": true, "ALGORITHM": true, "LOCK": true, "FORCE": true,
	"ENABLE":  true,
	"DISABLE": true, "ORDER": true, "STATS_PERSISTENT": true, "STATS_AUTO_RECALC": true, "STATS_SAMPLE_PAGES": true, "KEY_BLOCK_SIZE": true,
	"NOWAIT": true, "WAIT": true, "MAX_ROWS": true, "MIN_ROWS": true, "AVG_ROW_LENGTH": true, "CHECKSUM": true, "DELAY_KEY_WRITE": true,
	"ANALYZE": true, "OPTIMIZE": true, "REPAIR": true, "CHECK": true,
}

// onlyIndexes tells whether all clauses of an alter table change no row and no column. A foreign key that is added may cascade.
func onlyIndexes(w []token) bool {
	w = afterRef(w)
	for _, clause := range clauses(w) {
		if len(clause) == 0 {
			return false
		}
		two := word(clause, 0) + " " + word(clause, 1)
		if !harmlessWords[word(clause, 0)] && !harmlessClauses[two] {
			return false
		}
		for i := range clause {
			if word(clause, i) == "FOREIGN" && word(clause, 0) == "ADD" || word(clause, i) == "PRIMARY" {
				return false
			}
		}
	}
	return true
}

// clauses cuts at commas outside of brackets.
func clauses(w []token) [][]token {
	out := [][]token{nil}
	depth := 0
	for _, t := range w {
		switch {
		case t.quoted:
		case t.text == "(":
			depth++
		case t.text == ")":
			depth--
		case t.text == "," && depth == 0:
			out = append(out, nil)
			continue
		}
		out[len(out)-1] = append(out[len(out)-1], t)
	}
	return out
}

// renamedTo is the table that an alter table renames to.
func renamedTo(w []token) []tableRef {
	for i := range w {
		if word(w, i) == "RENAME" && word(w, i+1) != "COLUMN" && word(w, i+1) != "INDEX" && word(w, i+1) != "KEY" {
			return firstRef(skip(w[i+1:], "TO", "AS", "="))
		}
	}
	return nil
}

func (st statement) drop() effect {
	w := skip(st.words[1:], "TEMPORARY")
	if len(w) < len(st.words)-1 {
		return effect{} // A temporary table is not the source's.
	}
	switch word(w, 0) {
	case "DATABASE", "SCHEMA":
		w = skip(w[1:], "IF", "EXISTS")
		if len(w) > 0 {
			return effect{wholeDatabase, []tableRef{{schema: w[0].text}}}
		}
	case "TABLE", "TABLES":
		return effect{altersTable, refs(skip(w[1:], "IF", "EXISTS"), "")}
	}
	return effect{}
}

func (st statement) create() effect {
	w := st.words[1:]
	if word(w, 0) == "OR" && word(w, 1) == "REPLACE" {
		w = w[2:]
	}
	if word(w, 0) == "TABLE" {
		return effect{altersTable, firstRef(skip(w[1:], "IF", "NOT", "EXISTS"))}
	}
	return effect{}
}

// firstRef reads a table's name at the beginning.
func firstRef(w []token) []tableRef {
	if len(w) == 0 {
		return nil
	}
	if len(w) > 2 && w[1].text == "." && !w[1].quoted {
		return []tableRef{{w[0].text, w[2].text}}
	}
	return []tableRef{{"", w[0].text}}
}

// afterRef is what follows a table's name.
func afterRef(w []token) []token {
	if len(w) > 2 && w[1].text == "." && !w[1].quoted {
		return w[3:]
	}
	return w[min(1, len(w)):]
}

// refs reads a list of tables' names between commas and the given word.
func refs(w []token, between string) []tableRef {
	var out []tableRef
	for len(w) > 0 {
		out = append(out, firstRef(w)...)
		w = afterRef(w)
		for len(w) > 0 && (w[0].text != "," || w[0].quoted) && (between == "" || word(w, 0) != between) {
			w = w[1:]
		}
		w = w[min(1, len(w)):]
	}
	return out
}
