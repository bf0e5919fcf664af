package semantic

// Page says where a list goes on. The key-set cursor stays valid for a version.
type Page struct {
	Next  string `json:"next"`  // Value of the parameter after; empty on the last page.
	Total int64  `json:"total"` // Of all matches, exact.
}

// RowsData is one page of a table's rows: GET /api/v1/tables/{schema.table}/rows.
type RowsData struct {
	Table     string       `json:"table"`
	Title     string       `json:"title"`
	Columns   []Column     `json:"columns"`
	Rows      [][]any      `json:"rows"`
	Totals    []RowTotals  `json:"totals"`  // Over all matches, a line per currency; one line where the table has no money.
	Undated   int64        `json:"undated"` // Rows that match but for having no date on the basis.
	Record    *RecordInfo  `json:"record,omitempty"`
	Sort      string       `json:"sort"`
	Exports   []ExportLink `json:"exports"`
	Link      string       `json:"link"`                // The page of the front end with this list.
	Histogram *Histogram   `json:"histogram,omitempty"` // With histogram=1.
}

// RowTotals sums all matches of one currency.
type RowTotals struct {
	Currency string            `json:"currency"`
	Rows     int64             `json:"rows"`
	Sums     map[string]string `json:"sums"` // By money column.
}

// Histogram counts matches over the date basis.
type Histogram struct {
	Grain string `json:"grain"` // "day", "week" or "month".
	Bins  []Bin  `json:"bins"`
}

// Bin is one bar of a histogram.
type Bin struct {
	From string `json:"from"` // First day.
	To   string `json:"to"`   // Last day, inclusive.
	Rows int64  `json:"rows"`
	Link string `json:"link"`
}

// ColumnProfile is one column as its values are.
type ColumnProfile struct {
	Column
	Description string   `json:"description"`
	Nulls       int64    `json:"nulls"`
	Distinct    int64    `json:"distinct"` // Approximate for more than a million rows on DuckDB.
	Min         any      `json:"min"`
	Max         any      `json:"max"`
	Top         []Option `json:"top"` // Most frequent values, of columns with few.
}

// CheckGroup counts a check's failing rows by the values of one filter.
type CheckGroup struct {
	Filter  string   `json:"filter"`
	Label   string   `json:"label"`
	Options []Option `json:"options"` // The eight with most rows.
	Total   int64    `json:"total"`   // Values in all.
}

// Hit is one thing found.
type Hit struct {
	Kind string `json:"kind"` // "page", "record", "table", "check", "column" or a filter's name.
	Text string `json:"text"`
	Note string `json:"note"`
	Link string `json:"link"`
}
