package dashboard

import "time"

// Answer is the envelope of every JSON answer. All of one answer comes from one published version.
type Answer[T any] struct {
	Data T     `json:"data"`
	Meta Meta  `json:"meta"`
	Page *Page `json:"page,omitempty"` // Only of answers that go on.
}

// Meta says of which version an answer is and how the question was understood.
type Meta struct {
	Snapshot    string    `json:"snapshot"`     // Such as "v12"; the same on everything in one answer.
	Version     int64     `json:"version"`      // 0 before the first publication.
	AsOf        time.Time `json:"as_of"`        // The instant at which the data's windows end, UTC.
	PublishedAt time.Time `json:"published_at"` // UTC.
	Filters     *Filters  `json:"filters,omitempty"`
	Notices     []string  `json:"notices"` // Parameters that were not understood or cannot be applied here, in words.
	MS          float64   `json:"ms"`      // Time on the server, in milliseconds.
}

// Page says where a list goes on. The key-set cursor stays valid for a version.
type Page struct {
	Next  string `json:"next"`  // Value of the parameter after; empty on the last page.
	Total int64  `json:"total"` // Of all matches, exact.
}

// Filters are the filters of a question in their canonical form.
type Filters struct {
	Query      string      `json:"query"`       // The shortest query string that means the same; empty for the defaults.
	Exact      string      `json:"exact"`       // The same with its dates written out and the currency named, to share or to keep.
	Basis      string      `json:"basis"`       // Name of the date basis, such as "submitted"; empty where the table has none.
	BasisLabel string      `json:"basis_label"` // Such as "Submitted".
	Range      string      `json:"range"`       // Such as "90d", "all", or "custom" for from and to.
	From       string      `json:"from"`        // First business day, YYYY-MM-DD; empty without a lower bound.
	To         string      `json:"to"`          // Last business day, inclusive.
	Versus     string      `json:"versus"`      // "prev", "year" or "none".
	VersusFrom string      `json:"versus_from"` // First day of the period compared with; empty for none.
	VersusTo   string      `json:"versus_to"`   // Last day of it, inclusive.
	Undated    string      `json:"undated"`     // "exclude", "include" or "only".
	Currency   string      `json:"currency"`    // The one currency of money, or empty.
	Conditions []Condition `json:"conditions"`
	Ignored    []string    `json:"ignored"` // Filters that the page's rows cannot be asked for, by name.
	Text       string      `json:"text"`    // All of it in words, for print and exports.
}

// Condition is one filter on a column: name, operator and values, as in program!=15.
type Condition struct {
	Name   string   `json:"name"`
	Label  string   `json:"label"`
	Op     string   `json:"op"`     // "=", "!=", ">=", "<=" or "~=" (contains).
	Values []string `json:"values"` // "is:null" stands for no value.
}

// Problem is an RFC 9457 answer to what cannot be done.
type Problem struct {
	Type      string   `json:"type"`
	Title     string   `json:"title"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail"`
	Hint      string   `json:"hint,omitempty"`    // What to try.
	Values    []string `json:"values,omitempty"`  // What could have been said instead: currencies of a 422, names of a 404.
	Request   string   `json:"request_id"`        // Also in the server's log.
	Role      string   `json:"role,omitempty"`    // The role that is missing, of a 403.
	Contact   string   `json:"contact,omitempty"` // Whom to ask for it.
	Instance  string   `json:"instance"`
	Retryable bool     `json:"retryable,omitempty"`
}

// MetaData is what a front end needs before it draws anything: GET /api/v1/meta.
type MetaData struct {
	Project     string       `json:"project"`
	Build       string       `json:"build"`  // Of the program.
	Engine      string       `json:"engine"` // "duckdb" or "postgres".
	State       string       `json:"state"`  // "ready", or "empty" before the first publication.
	FirstSteps  []Step       `json:"first_steps,omitempty"`
	TimeZone    string       `json:"time_zone"`    // In which business days begin.
	DataFrom    string       `json:"data_from"`    // Oldest business day of the default basis, YYYY-MM-DD.
	DataThrough string       `json:"data_through"` // Newest business day of the default basis.
	Freshness   Freshness    `json:"freshness"`
	User        User         `json:"user"`
	Pages       []PageInfo   `json:"pages"`
	Records     []RecordInfo `json:"records"`
	Filters     []FilterInfo `json:"filters"`
	Bases       []BasisInfo  `json:"bases"`
	Ranges      []RangeInfo  `json:"ranges"`
	Currencies  []Option     `json:"currencies"`
	Currency    string       `json:"currency"` // The default one.
	States      []StateInfo  `json:"states"`   // Words for canonical states, with their tone.
	Badges      []Badge      `json:"badges"`
	Examples    []Example    `json:"examples"` // Questions to begin with on the SQL page.
	Limits      Limits       `json:"limits"`
	Live        bool         `json:"live"` // Runs are made here and tell of themselves on /api/v1/events.
}

// Example is a select of the project, to be changed to one's own.
type Example struct {
	Title string `json:"title"`
	SQL   string `json:"sql"` // A :name in it is asked for.
}

// Step is one thing to do on a first visit.
type Step struct {
	Title   string `json:"title"`
	Command string `json:"command"`
	Done    bool   `json:"done"`
}

// Freshness says how old the data is and why.
type Freshness struct {
	Status      string     `json:"status"` // "fresh", "stale", "failing" or "empty".
	Text        string     `json:"text"`   // One sentence, cause included.
	LastRun     int64      `json:"last_run"`
	LastStatus  string     `json:"last_status"`
	PublishedAt *time.Time `json:"published_at,omitempty"`
	LoadedAt    *time.Time `json:"loaded_at,omitempty"` // End of the last run that published or found nothing changed, UTC.
	Link        string     `json:"link"`
}

// User is who asks.
type User struct {
	Name  string   `json:"name"`  // Empty without authentication.
	Roles []string `json:"roles"` // Of "viewer" and "data".
}

// PageInfo is an entry of the navigation that comes from dashboards/*.yml.
type PageInfo struct {
	Name    string   `json:"name"` // As in /api/v1/pages/{name}.
	Path    string   `json:"path"` // Of the front end, such as "/providers".
	Title   string   `json:"title"`
	Section string   `json:"section"`
	Icon    string   `json:"icon,omitempty"`
	Filters []string `json:"filters"`          // Filter names that apply on it.
	Entity  string   `json:"entity,omitempty"` // Filter name that makes the page one of a single thing: /providers/{id}.
}

// RecordInfo is a kind of record that has a page of its own.
type RecordInfo struct {
	Name     string `json:"name"` // As in /api/v1/records/{name}/{key}; the front end's list is /{name}.
	Title    string `json:"title"`
	Singular string `json:"singular"`
	Table    string `json:"table"`
	Key      string `json:"key"` // Column.
	// Columns to show in a list, in order; the others are chosen by hand.
	Columns []string `json:"columns"`
	Facets  []string `json:"facets"` // Filter names for the list's rail.
	Sort    string   `json:"sort"`   // Default, such as "-date_submitted".
}

// FilterInfo is one declared filter.
type FilterInfo struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Prefix   string `json:"prefix,omitempty"` // Put before an id to name it on screen, such as "Program ".
	Path     string `json:"path,omitempty"`   // Of the page about one value, such as "/providers/{value}".
	Kind     string `json:"kind"`             // "id", "text", "state", "currency" or "band".
	Multiple bool   `json:"multiple"`         // Several values may be given.
	Options  bool   `json:"options"`          // /api/v1/dimensions/{name} lists its values.
	Hint     string `json:"hint,omitempty"`
}

// BasisInfo is one date that a period may be meant by.
type BasisInfo struct {
	Name    string `json:"name"`
	Label   string `json:"label"`
	Hint    string `json:"hint,omitempty"` // Such as that it is a stand-in.
	Default bool   `json:"default"`
}

// RangeInfo is one period that ends at the newest data.
type RangeInfo struct {
	Name    string `json:"name"` // Such as "30d".
	Label   string `json:"label"`
	Default bool   `json:"default"`
	From    string `json:"from"`
	To      string `json:"to"`
}

// Option is one value of a filter with its rows under the other filters.
type Option struct {
	Value    string `json:"value"` // "is:null" for rows without one.
	Label    string `json:"label"`
	Rows     int64  `json:"rows"`
	Selected bool   `json:"selected"`
}

// StateInfo is how a canonical state is shown.
type StateInfo struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Tone  string `json:"tone"` // "good", "bad", "wait", "idle" or "unknown".
}

// Badge is the one number to act on beside an entry of the navigation.
type Badge struct {
	Path  string `json:"path"`
	Count int64  `json:"count"`
	Text  string `json:"text"`
	Tone  string `json:"tone"` // "warn" or "bad".
}

// Limits are those of the SQL page and of lists.
type Limits struct {
	SQLRows    int `json:"sql_rows"`
	SQLSeconds int `json:"sql_seconds"`
	RowsPage   int `json:"rows_page"`
}

// PageData is one page with all its cards, from one version: GET /api/v1/pages/{page}.
type PageData struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Rows        int64  `json:"rows"`      // Of the page's main table under the filters.
	RowsLink    string `json:"rows_link"` // To the list of them.
	Noun        string `json:"noun"`      // Such as "claims".
	Trust       *Trust `json:"trust,omitempty"`
	Empty       *Empty `json:"empty,omitempty"` // Set where no row matches: why, and the way out.
	Cards       []Card `json:"cards"`
}

// Empty says why nothing is there and where something is.
type Empty struct {
	Text  string `json:"text"`
	Label string `json:"label"` // Of the link.
	Link  string `json:"link"`
}

// Trust is the account of every row that was read: read = counted + quarantined + superseded + every excluded, in rows and in money.
type Trust struct {
	Text        string      `json:"text"`
	Table       string      `json:"table"` // Of the source.
	Read        Amounts     `json:"read"`
	Counted     Amounts     `json:"counted"`
	Quarantined Amounts     `json:"quarantined"`
	Superseded  Amounts     `json:"superseded"` // Exact duplicates beyond the first.
	Excluded    []Exclusion `json:"excluded"`
	Balances    bool        `json:"balances"`
	Checks      CheckCounts `json:"checks"`
	Links       TrustLinks  `json:"links"`
}

// TrustLinks lead from the trust strip to what it counts.
type TrustLinks struct {
	Counted     string `json:"counted"`
	Quarantined string `json:"quarantined"`
	Checks      string `json:"checks"`
	Run         string `json:"run"`
}

// Amounts are rows and their money by currency, as decimals in text. Currencies are cleaned; "" is the money of rows without one.
type Amounts struct {
	Rows  int64             `json:"rows"`
	Money map[string]string `json:"money"`
}

// Exclusion is a part of what was read that a page does not count.
type Exclusion struct {
	Reason string  `json:"reason"` // "filtered", "currency", "undated" or "period".
	Label  string  `json:"label"`
	Counts Amounts `json:"counts"`
	Link   string  `json:"link"` // To the rows; empty where one filter set cannot say them.
}

// CheckCounts are the checks of the version's run.
type CheckCounts struct {
	Passed int `json:"passed"`
	Warned int `json:"warned"`
	Failed int `json:"failed"`
}

// Card is one question with its answer, chart, table twin, definition and link to its rows.
type Card struct {
	ID         string   `json:"id"`
	Question   string   `json:"question"`
	Answer     string   `json:"answer"` // One sentence; also the chart's text alternative.
	Mark       string   `json:"mark"`   // "number", "bars", "columns", "line", "area", "waterfall", "tinted", "table", "scatter", "dots" or "histogram".
	Width      string   `json:"width"`  // "third", "half", "wide" or "full".
	Basis      string   `json:"basis"`  // Date basis that the numbers stand on, in words.
	Definition string   `json:"definition"`
	Columns    []Column `json:"columns"` // Of the table twin, in order.
	Rows       [][]any  `json:"rows"`    // Decimals as text, counts as numbers, days as YYYY-MM-DD, null for none.
	Encoding   Encoding `json:"encoding"`
	Tile       *Tile    `json:"tile,omitempty"` // Of mark "number".
	// RowsLink leads to all rows behind the card; the answer there counts what the card counts.
	RowsLink  string       `json:"rows_link"`
	Total     int64        `json:"total"`             // Rows of the result before the card's limit.
	Truncated bool         `json:"truncated"`         // Rows holds the first of Total.
	SQL       string       `json:"sql,omitempty"`     // With the filters put in; only for the role data.
	Notes     []string     `json:"notes"`             // Such as filters that the card cannot apply.
	Problem   *Problem     `json:"problem,omitempty"` // Of a card that could not be computed; the others stand.
	Lines     []Reference  `json:"lines,omitempty"`   // Promise and target lines.
	Exports   []ExportLink `json:"exports"`
	MS        float64      `json:"ms"`
}

// ExportLink is one file form of a card or a list.
type ExportLink struct {
	Format string `json:"format"` // "csv", "parquet" or "ndjson".
	Link   string `json:"link"`
}

// Column is one column of a table twin or of rows.
type Column struct {
	Name   string `json:"name"`
	Label  string `json:"label"`
	Format string `json:"format"` // "text", "id", "count", "money", "percent", "days", "day", "time", "state", "number", "bool" or "json".
	Type   string `json:"type"`   // The engine's, such as "decimal(19,4)".
	// Link is a template of the rows behind a cell: {column} is the row's value, URL-encoded, is:null for null; {+column} a piece of
	// query put in as it is. Empty where a cell leads nowhere.
	Link   string `json:"link,omitempty"`
	Hidden bool   `json:"hidden,omitempty"` // Needed for links and marks only.
	Low    bool   `json:"low,omitempty"`    // May go on a narrow screen.
	Unit   string `json:"unit,omitempty"`   // Such as "KES".
	Color  string `json:"color,omitempty"`  // A named tone of the series: "accent", "good", "bad", "wait", "idle".
	Help   string `json:"help,omitempty"`
}

// Encoding names the columns that a mark draws.
type Encoding struct {
	X      string   `json:"x,omitempty"`
	Y      []string `json:"y,omitempty"` // Series.
	Label  string   `json:"label,omitempty"`
	Size   string   `json:"size,omitempty"`
	Color  string   `json:"color,omitempty"` // Column with the tone of a mark.
	Kind   string   `json:"kind,omitempty"`  // Of a waterfall: column that is "total", "loss" or "part".
	Low    string   `json:"low,omitempty"`   // Of dots: lower end of the span.
	High   string   `json:"high,omitempty"`
	Split  string   `json:"split,omitempty"`  // Column by which small multiples, or the rows of a tinted table, are made.
	Grain  string   `json:"grain,omitempty"`  // Of a time axis: "day", "week" or "month".
	Panels bool     `json:"panels,omitempty"` // Each series in a panel of its own over one x axis.
	Below  string   `json:"below,omitempty"`  // Column drawn as an area in a panel below the series, over the same x axis.
	Log    bool     `json:"log,omitempty"`
	XMid   string   `json:"x_mid,omitempty"` // Of a scatter: median to draw, as a number in text.
	YMid   string   `json:"y_mid,omitempty"`
}

// Reference is a line that a chart is read against.
type Reference struct {
	Axis  string `json:"axis"` // "x" or "y".
	Value string `json:"value"`
	Label string `json:"label"`
}

// Tile is a headline number.
type Tile struct {
	Label     string  `json:"label"`
	Value     any     `json:"value"` // Decimal as text, count as number, null for none.
	Format    string  `json:"format"`
	Unit      string  `json:"unit,omitempty"`
	Before    any     `json:"before"`           // The same over the period compared with; null without one.
	Change    *string `json:"change"`           // Relative, such as "-0.123", or in points for percent; null where it cannot be said.
	Direction string  `json:"direction"`        // "up" where more is better, "down" where less is, "none".
	Second    string  `json:"second,omitempty"` // A second figure in words, such as "p90 21 days".
	Spark     []any   `json:"spark"`            // Seven-day mean, a value a day; null for none.
	Link      string  `json:"link"`
}

// TableInfo is one table in the list of tables: GET /api/v1/tables.
type TableInfo struct {
	Name        string      `json:"name"` // schema.table.
	Schema      string      `json:"schema"`
	Kind        string      `json:"kind"` // "table" or "view".
	Description string      `json:"description"`
	Rows        int64       `json:"rows"`
	Columns     int         `json:"columns"`
	Key         string      `json:"key"`              // Column, where the project declares one.
	Newest      string      `json:"newest,omitempty"` // Newest value of its first date, UTC.
	Tags        []string    `json:"tags"`
	Checks      CheckCounts `json:"checks"`
	Link        string      `json:"link"`
}

// TableData is one table in full: GET /api/v1/tables/{schema.table}.
type TableData struct {
	TableInfo
	Profile    []ColumnProfile `json:"profile"`
	Upstream   []string        `json:"upstream"`
	Downstream []string        `json:"downstream"`
	Tests      []CheckInfo     `json:"tests"`
	SQL        string          `json:"sql,omitempty"`    // The model's; only for the role data.
	Record     string          `json:"record,omitempty"` // Kind of record that a row leads to.
	Usage      []string        `json:"usage"`            // Cards that read it, as page/card.
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

// RecordData is one record in full: GET /api/v1/records/{kind}/{key}.
type RecordData struct {
	Kind       string        `json:"kind"`
	Key        string        `json:"key"`
	Title      string        `json:"title"`
	State      string        `json:"state"`
	Answer     string        `json:"answer"`
	Amount     string        `json:"amount,omitempty"`
	Currency   string        `json:"currency,omitempty"`
	Facts      []Fact        `json:"facts"`
	Timeline   []Event       `json:"timeline"`
	Undated    []string      `json:"undated"` // Steps without a date.
	Sum        *SumCheck     `json:"sum,omitempty"`
	Related    []Related     `json:"related"`
	Checks     []RecordCheck `json:"checks"`
	Provenance Provenance    `json:"provenance"`
	Row        []Fact        `json:"row"` // Every column of the row.
}

// Fact is one named value.
type Fact struct {
	Label  string `json:"label"`
	Value  any    `json:"value"`
	Format string `json:"format"`
	Basis  string `json:"basis,omitempty"` // How a repaired value came to be.
	Link   string `json:"link,omitempty"`
	Help   string `json:"help,omitempty"`
}

// Event is one time on a record's line.
type Event struct {
	Label string    `json:"label"`
	At    time.Time `json:"at"` // UTC.
	Day   string    `json:"day"`
	Basis string    `json:"basis"`    // "column", "proxy" or "imputed".
	Gap   *float64  `json:"gap_days"` // Days since the event before; null for the first.
	Help  string    `json:"help,omitempty"`
}

// SumCheck sets a record's amount beside the sum of its lines.
type SumCheck struct {
	Text       string `json:"text"`
	Amount     string `json:"amount"`
	Lines      string `json:"lines"`
	Difference string `json:"difference"`
	Currency   string `json:"currency"`
	Equal      bool   `json:"equal"`
}

// Related are rows that belong to a record.
type Related struct {
	Title   string   `json:"title"`
	Table   string   `json:"table"`
	Columns []Column `json:"columns"`
	Rows    [][]any  `json:"rows"`
	Total   int64    `json:"total"`
	Link    string   `json:"link"`
	Parent  string   `json:"parent,omitempty"` // Column that names the row of the list above it, to draw a tree.
}

// RecordCheck is a check over the record's tables.
type RecordCheck struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Table  string `json:"table"`
	Column string `json:"column"`
	Text   string `json:"text"`
	Link   string `json:"link"`
}

// Provenance says where a record came from and what cleaning did to it.
type Provenance struct {
	Source  string   `json:"source"` // Table of the source.
	Key     string   `json:"key"`
	Run     int64    `json:"run"` // That published the version.
	Version int64    `json:"version"`
	RunLink string   `json:"run_link"`
	Changed []Change `json:"changed"`
}

// Change is one value that cleaning set.
type Change struct {
	Column string `json:"column"`
	Before any    `json:"before"` // The source's word, where it is kept.
	After  any    `json:"after"`
	Basis  string `json:"basis"`
}
