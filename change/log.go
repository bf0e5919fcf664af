package change

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// LogPosition is what a Position holds for a MySQL source, as JSON. A server without a binary log, or a user who may not ask for it,
// leaves File and GTID empty.
type LogPosition struct {
	Flavor string `json:"flavor"`           // mysql or mariadb.
	Server string `json:"server"`           // server_uuid; MariaDB has none, there it is server_id.
	File   string `json:"file,omitempty"`   // The binary log's file,
	Pos    uint64 `json:"pos,omitempty"`    // and the place in it.
	GTID   string `json:"gtid,omitempty"`   // gtid_executed, or MariaDB's gtid_binlog_pos.
	Born   uint32 `json:"born,omitempty"`   // When the file was begun, by its own first event: another file may get the same name.
	Until  string `json:"until,omitempty"`  // "file:pos": before it, the log may tell of rows once more that the snapshot has already.
	Serial string `json:"serial,omitempty"` // Without a log: the time of the snapshot, so that no two are taken for equal.
}

// Encode writes the position down.
func (p LogPosition) Encode() (Position, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("write the position: %w", err)
	}
	return Position(text), nil
}

// ParseLogPosition reads a position of a MySQL source; ok is false for one of another kind of source.
func ParseLogPosition(text Position) (p LogPosition, ok bool) {
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return LogPosition{}, false
	}
	return p, p.Flavor != ""
}

// Replays tells whether rows that the log tells of next may have landed already, by a snapshot.
func (p LogPosition) Replays() bool {
	file, pos, ok := p.until()
	return ok && CompareLogPlaces(p.File, p.Pos, file, pos) < 0
}

// Settled is the position without its Until where that has been passed.
func (p LogPosition) Settled() LogPosition {
	if !p.Replays() {
		p.Until = ""
	}
	return p
}

// Upper is the place behind all that a snapshot at this position has seen.
func (p LogPosition) Upper() LogPosition {
	if file, pos, ok := p.until(); ok {
		p.File, p.Pos = file, pos
	}
	p.Until = ""
	return p
}

func (p LogPosition) until() (file string, pos uint64, ok bool) {
	i := strings.LastIndexByte(p.Until, ':')
	if i < 0 {
		return "", 0, false
	}
	pos, err := strconv.ParseUint(p.Until[i+1:], 10, 64)
	return p.Until[:i], pos, err == nil
}

// CompareLogPlaces tells which of two places of one server's log comes first: -1, 0 or 1. Files are numbered, and their numbers grow.
func CompareLogPlaces(file string, pos uint64, otherFile string, otherPos uint64) int {
	switch {
	case len(file) != len(otherFile):
		return sign(len(file), len(otherFile))
	case file != otherFile:
		return strings.Compare(file, otherFile)
	case pos < otherPos:
		return -1
	case pos > otherPos:
		return 1
	}
	return 0
}

func sign(a, b int) int {
	if a < b {
		return -1
	}
	return 1
}

// LoggedColumn is a column as the server keeps it in the rows of its binary log.
type LoggedColumn struct {
	Name      string // As the source writes it.
	Type      string // As the source declares it.
	Charset   string // Of a text.
	Nullable  bool
	Digits    int // After the seconds' point.
	LandsAs   int // Its place in Table.Columns; -1 where it does not land.
	Generated bool
}

// LoggedTable is a table with what its reading from the binary log needs.
type LoggedTable struct {
	*Table

	Schema   string         // Its database.
	Physical []LoggedColumn // All columns, in the source's order.
	Unique   []string       // Staging names of the columns that tell its rows apart; empty where none do, or where they are masked.
	Trouble  string         // Why its rows cannot be read from the log; empty where they can.
	Cascades []Cascade      // Foreign keys by which the source changes this table's rows without a word in its log.
}

// Cascade is a foreign key whose action changes rows of the child. InnoDB writes no events for them.
type Cascade struct {
	Schema, Parent string   // The table whose rows it points at.
	Columns        []string // Of the parent, as the source writes them.
	OnDelete       bool
	OnUpdate       bool
}

// Shape tells apart two states of a table: equal shapes land equal rows.
func (t *LoggedTable) Shape() string {
	var out strings.Builder
	for _, c := range t.Physical {
		fmt.Fprintf(&out, "%s %s %s %t %d %t", c.Name, c.Type, c.Charset, c.Nullable, c.LandsAs, c.Generated)
		if c.LandsAs >= 0 {
			landed := t.Columns[c.LandsAs]
			fmt.Fprintf(&out, " %s %s", landed.Name, landed.Type)
			if landed.Mask != nil {
				fmt.Fprintf(&out, " %s %s", landed.Mask.Method, landed.Mask.Keep)
			}
		}
		out.WriteByte('\n')
	}
	fmt.Fprintf(&out, "unique %s key %s", strings.Join(t.Unique, ","), strings.Join(t.Key, ","))
	return out.String()
}

// The columns that a change has beside those of its table. Each change of a row lands as one or two images: what it was, what it is.
const (
	ImageSequence = "lifeline__seq"      // The order in the log.
	ImageSign     = "lifeline__sign"     // -1 for what the row was, 1 for what it is.
	ImageUpdate   = "lifeline__update"   // 1 where the row goes on under the same key.
	ImageTime     = "lifeline__at"       // The commit's time, UTC.
	ImageTx       = "lifeline__tx"       // The transaction, numbered within a load.
	ImagePosition = "lifeline__position" // Where the log says so; as texts they are in the log's order.
)

// imageColumns are how many columns an image has beside its table's.
const imageColumns = 6

// Images is the table that changes of t land as: its columns, and then those of the change.
func Images(t *Table) *Table {
	out := *t
	out.Columns = make([]Column, len(t.Columns), len(t.Columns)+imageColumns)
	copy(out.Columns, t.Columns)
	for _, c := range []struct {
		name string
		kind Kind
	}{
		{ImageSequence, Int64}, {ImageSign, Int16}, {ImageUpdate, Int16}, {ImageTime, Timestamp}, {ImageTx, Int64}, {ImagePosition, Text},
	} {
		out.Columns = append(out.Columns, Column{Name: c.name, SourceName: c.name, Type: Type{Kind: c.kind}})
	}
	return &out
}

// LogBatch is what is landed at once from a log, beside the images themselves.
type LogBatch struct {
	Position  Position
	At        time.Time           // The source's clock at the position, UTC.
	Times     map[int64]time.Time // Commit times of transactions whose images were written before they were known.
	Dropped   []int64             // Transactions whose images were written and that were not committed.
	Truncated []Truncation        // Tables that were emptied before any of the images.
	Replays   bool                // Some changes may be in staging already: the snapshot saw them.
}

// Truncation is a table that was emptied at once.
type Truncation struct {
	Table    string // In staging.
	At       time.Time
	Position string
}
