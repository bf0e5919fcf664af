package semantic

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

// Card is one question with its answer, chart, table twin, definition and link to its rows.
type Card struct {
	ID       string `json:"id"`
	Question string `json:"question"`
	Answer   string `json:"answer"` // One sentence; also the chart's text alternative.
	// "number", "bars", "columns", "line", "area", "waterfall", "tinted", "table", "scatter", "dots" or "histogram".
	Mark       string   `json:"mark"`
	Width      string   `json:"width"` // "third", "half", "wide" or "full".
	Basis      string   `json:"basis"` // Date basis that the numbers stand on, in words.
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

// Example is a select of the project, to be changed to one's own.
type Example struct {
	Title string `json:"title"`
	SQL   string `json:"sql"` // A :name in it is asked for.
}
