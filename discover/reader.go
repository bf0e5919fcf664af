package discover

import "context"

// Reader answers what has to be known of a database. Every answer rests on a bounded number of rows.
type Reader interface {
	Catalog(ctx context.Context) (*Catalog, error)
	// Stats looks at up to limit rows of a table.
	Stats(ctx context.Context, t *Table, limit int) (*TableStats, error)
	// Words counts the values of a column by its commonest ones; whole says that all rows were counted.
	Words(ctx context.Context, t *Table, column string, limit int) (words []Word, whole bool, err error)
	// Orphans takes up to limit different values of a column, without nulls, zeros and blanks, and counts those that the parent's key lacks.
	Orphans(ctx context.Context, child *Table, column string, parent *Table, key string, limit int) (tried, missing int, err error)
	// Rows reads some columns of up to limit rows, for small tables of words such as a list of states.
	Rows(ctx context.Context, t *Table, columns []string, limit int) ([]map[string]string, error)
	Close() error
}

// Word is a value and how often it stands in a column.
type Word struct {
	Text string
	Null bool
	Rows int64
}

// TableStats is what a bounded look at a table's rows says.
type TableStats struct {
	Rows    int  // Looked at.
	Whole   bool // These were all.
	Columns map[string]*ColumnStats
}

// ColumnStats never holds a value of a text: only numbers and days have their bounds.
type ColumnStats struct {
	Filled   int // Neither null nor blank.
	Nulls    int
	Blank    int // Empty texts.
	Zero     int // 0, or 0000-00-00.
	Distinct int // Among the rows looked at; -1 where it was not counted.
	Min, Max string
	Low      string // The least number but 0, of columns that may count seconds since 1970.
	Longest  int    // Characters.
	Mails    int    // Texts that look like an address of mail.
	Days     int    // Texts that begin as a date does.
	Far      int    // Dates of year 9999 or 2999, or beyond 2100.
	Times    int    // Dates whose clock is not at midnight.
	Future   int    // Dates after now.
}

// Profile is what was seen of all tables.
type Profile struct {
	Tables map[string]*TableStats
	Notes  []string // What was not looked at, and why.
}

// stats returns what was seen of a column, empty where nothing was.
func (p *Profile) stats(t *Table, column string) *ColumnStats {
	if p != nil {
		if s := p.Tables[t.Name]; s != nil {
			if c := s.Columns[column]; c != nil {
				return c
			}
		}
	}
	return &ColumnStats{Distinct: -1}
}

// rows is how many rows of a table were looked at.
func (p *Profile) rows(t *Table) int {
	if p == nil || p.Tables[t.Name] == nil {
		return 0
	}
	return p.Tables[t.Name].Rows
}
