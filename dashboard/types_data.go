package dashboard

import "time"

// RunInfo is one run in the list: GET /api/v1/runs.
type RunInfo struct {
	ID          int64       `json:"id"`
	Command     string      `json:"command"`
	Status      string      `json:"status"` // "running", "published", "unchanged", "blocked" or "failed".
	Mode        string      `json:"mode"`
	StartedAt   time.Time   `json:"started_at"`
	EndedAt     *time.Time  `json:"ended_at"`
	Seconds     float64     `json:"seconds"`
	Version     int64       `json:"version"`
	AsOf        *time.Time  `json:"as_of"`
	Error       string      `json:"error,omitempty"`
	Read        int64       `json:"read"`
	Changed     int64       `json:"changed"` // Inserted, updated and deleted rows.
	Quarantined int64       `json:"quarantined"`
	Steps       []RunStep   `json:"steps"` // The walk's, without single models.
	Checks      CheckCounts `json:"checks"`
	Link        string      `json:"link"`
}

// RunsData are the newest runs, with what the page says of them.
type RunsData struct {
	Answer string           `json:"answer"`
	P95    float64          `json:"p95_seconds"` // Of the runs that published.
	Steps  []string         `json:"steps"`       // Names of steps, in their order.
	Runs   []RunInfo        `json:"runs"`        // Newest first.
	Tables []TableFreshness `json:"tables"`
}

// TableFreshness says how new a source's table is.
type TableFreshness struct {
	Table    string     `json:"table"`
	LoadedAt *time.Time `json:"loaded_at"`
	Rows     int64      `json:"rows"`
	Changed  *time.Time `json:"changed_at"` // End of the last run that brought other rows.
	Status   string     `json:"status"`     // "fresh", "unchanged" or "late".
	Cause    string     `json:"cause"`
}

// RunStep is one step of a run, or one model of its build.
type RunStep struct {
	Step    string   `json:"step"`
	Name    string   `json:"name,omitempty"`
	Status  string   `json:"status"`
	Start   float64  `json:"start"` // Seconds after the run began.
	Seconds float64  `json:"seconds"`
	Rows    int64    `json:"rows"`
	Detail  string   `json:"detail,omitempty"`
	Before  *float64 `json:"before_seconds,omitempty"` // In the last good run.
}

// RunData is one run in full: GET /api/v1/runs/{id}.
type RunData struct {
	RunInfo
	Answer         string      `json:"answer"`
	Host           string      `json:"host"`
	PID            int64       `json:"pid"`
	Build          string      `json:"build"`
	Position       string      `json:"position"`
	PositionBefore string      `json:"position_before"`
	Consistency    string      `json:"consistency"`
	LockMS         float64     `json:"lock_ms"`
	ProjectHash    string      `json:"project_hash"`
	Loads          []RunLoad   `json:"loads"`
	Models         []RunStep   `json:"models"`
	Books          []Book      `json:"books"`
	Results        []CheckInfo `json:"results"` // Checks that did not pass.
	Repairs        []Repair    `json:"repairs"`
	Good           int64       `json:"good"` // The last published run before it, which it is compared with.
	Previous       int64       `json:"previous"`
	Next           int64       `json:"next"`
}

// RunLoad is what a run did to one table of the source, in rows.
type RunLoad struct {
	Table    string  `json:"table"`
	Read     int64   `json:"read"`
	Inserted int64   `json:"inserted"`
	Updated  int64   `json:"updated"`
	Deleted  int64   `json:"deleted"`
	Rows     int64   `json:"rows"`
	Seconds  float64 `json:"seconds"`
}

// Book is one equation of the books.
type Book struct {
	Table    string `json:"table"`
	Equation string `json:"equation"`
	Item     string `json:"item"`
	Left     string `json:"left"`
	Right    string `json:"right"`
	Balances bool   `json:"balances"`
	Detail   string `json:"detail,omitempty"`
}

// Repair counts cells by how they came to be.
type Repair struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Basis  string `json:"basis"`
	Rows   int64  `json:"rows"`
}

// CheckInfo is one check as it came out in the newest run that made checks.
type CheckInfo struct {
	Name      string  `json:"name"`
	Text      string  `json:"text"` // The check as a sentence.
	Kind      string  `json:"kind"`
	Dimension string  `json:"dimension"` // "completeness", "conformance", "uniqueness", "plausibility", "consistency" or "timeliness".
	Table     string  `json:"table"`
	Column    string  `json:"column"`
	Severity  string  `json:"severity"` // What a failure does: "block", "flag", "info" or "quarantine".
	Status    string  `json:"status"`   // "pass", "warn", "fail", "error" or "not_applicable".
	Failing   int64   `json:"failing"`
	Tested    int64   `json:"tested"`
	Share     string  `json:"share"` // Failing of tested, a decimal from 0 to 1.
	Threshold string  `json:"threshold"`
	Delta     string  `json:"delta"`      // Against the run before: "new", "persisting", "resolved" or "".
	FirstSeen int64   `json:"first_seen"` // Run in which the present failure began; 0 for none.
	Trend     []int64 `json:"trend"`      // Failing rows of the last 30 runs with checks, oldest first.
	Link      string  `json:"link"`
}

// ChecksData are all checks: GET /api/v1/checks.
type ChecksData struct {
	Answer     string      `json:"answer"`
	Run        int64       `json:"run"`
	Before     int64       `json:"before"` // The run compared with; 0 for none.
	Counts     CheckCounts `json:"counts"`
	New        []string    `json:"new"` // Names.
	Resolved   []string    `json:"resolved"`
	Persisting []string    `json:"persisting"`
	Dimensions []string    `json:"dimensions"`
	Matrix     []MatrixRow `json:"matrix"`
	Checks     []CheckInfo `json:"checks"`
}

// MatrixRow is one table's checks by dimension.
type MatrixRow struct {
	Table string       `json:"table"`
	Cells []MatrixCell `json:"cells"` // In the order of Dimensions.
}

// MatrixCell counts the checks of one table and dimension.
type MatrixCell struct {
	Passed int    `json:"passed"`
	Total  int    `json:"total"`
	Worst  string `json:"worst"` // Status.
	Link   string `json:"link"`
}

// CheckData is one check in full: GET /api/v1/checks/{name}.
type CheckData struct {
	CheckInfo
	Answer   string        `json:"answer"`
	SQL      string        `json:"sql,omitempty"` // Only for the role data.
	History  []CheckResult `json:"history"`       // Newest first.
	Columns  []Column      `json:"columns"`
	Rows     [][]any       `json:"rows"` // Failing rows: the first hundred.
	Total    int64         `json:"total"`
	RowsNote string        `json:"rows_note"` // Where the rows cannot be shown: why.
	RowsLink string        `json:"rows_link"`
	Whose    []CheckGroup  `json:"whose"` // The failing rows by each filter whose column they have.
	Pages    []string      `json:"pages"` // Cards that read the table, as page/card.
	Exports  []ExportLink  `json:"exports"`
}

// CheckGroup counts a check's failing rows by the values of one filter.
type CheckGroup struct {
	Filter  string   `json:"filter"`
	Label   string   `json:"label"`
	Options []Option `json:"options"` // The eight with most rows.
	Total   int64    `json:"total"`   // Values in all.
}

// CheckResult is one check in one run.
type CheckResult struct {
	Run       int64     `json:"run"`
	At        time.Time `json:"at"`
	Status    string    `json:"status"`
	Failing   int64     `json:"failing"`
	Tested    int64     `json:"tested"`
	Threshold string    `json:"threshold"`
}

// QuarantineData is what is held back: GET /api/v1/quarantine.
type QuarantineData struct {
	Answer  string             `json:"answer"`
	Held    int64              `json:"held"`
	Reasons []QuarantineReason `json:"reasons"`
	States  []Option           `json:"states"`
	Tables  []Option           `json:"tables"`
	Rows    []QuarantineRow    `json:"rows"`
	Command string             `json:"command"` // To judge the rows anew.
	Exports []ExportLink       `json:"exports"`
}

// QuarantineReason is one reason in one table.
type QuarantineReason struct {
	Table  string            `json:"table"`
	Reason string            `json:"reason"`
	Text   string            `json:"text"`
	Check  string            `json:"check"`
	Column string            `json:"column"`
	Rows   int64             `json:"rows"`
	Money  map[string]string `json:"money"` // By the source's currency word.
	Oldest *time.Time        `json:"oldest"`
	Link   string            `json:"link"`
}

// QuarantineRow is one row that was set aside, whole.
type QuarantineRow struct {
	Table      string             `json:"table"`
	Key        string             `json:"key"`
	Occurrence int64              `json:"occurrence"`
	State      string             `json:"state"` // "quarantined", "superseded", "released" or "fixed_at_source".
	FirstRun   int64              `json:"first_run"`
	LastRun    int64              `json:"last_run"`
	FirstSeen  time.Time          `json:"first_seen"`
	LastSeen   time.Time          `json:"last_seen"`
	Reasons    []QuarantineCause  `json:"reasons"`
	Row        map[string]*string `json:"row"` // Raw values; only for the role data.
}

// QuarantineCause is why a row was set aside.
type QuarantineCause struct {
	Reason string  `json:"reason"`
	Text   string  `json:"text"`
	Check  string  `json:"check"`
	Column string  `json:"column"` // The offending cell.
	Value  *string `json:"value"`  // Only for the role data.
}

// LineageData is a table's neighbourhood, laid out: GET /api/v1/lineage.
type LineageData struct {
	Table      string        `json:"table"`
	Width      int           `json:"width"`
	Height     int           `json:"height"`
	Nodes      []LineageNode `json:"nodes"`
	Edges      []LineageEdge `json:"edges"`
	Upstream   []string      `json:"upstream"` // All, not only the shown.
	Downstream []string      `json:"downstream"`
	Tables     []string      `json:"tables"` // Everything one can ask for.
	Columns    []ColumnPath  `json:"columns"`
}

// LineageNode is one table, view, seed or source with its place.
type LineageNode struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"` // "source", "seed", "table", "view" or "page".
	Rows    int64    `json:"rows"`
	Layer   int      `json:"layer"`
	X       int      `json:"x"`
	Y       int      `json:"y"`
	Width   int      `json:"width"`
	Height  int      `json:"height"`
	Status  string   `json:"status"` // The worst of its checks.
	Focus   bool     `json:"focus"`
	More    int      `json:"more"` // Neighbours that are not shown.
	Link    string   `json:"link"`
	Columns []string `json:"columns"`
}

// LineageEdge leads from what is read to what reads it.
type LineageEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
	Path string `json:"path"` // SVG path.
}

// ColumnPath follows one column through tables that carry it by the same name.
type ColumnPath struct {
	Column string   `json:"column"`
	Nodes  []string `json:"nodes"`
}

// SQLRequest is the body of POST /api/v1/sql; GET takes the same as parameters q, p.NAME and format.
type SQLRequest struct {
	Query  string            `json:"q"`
	Values map[string]string `json:"values,omitempty"` // Of the statement's :names, as text.
}

// SQLData is the result of one select: GET or POST /api/v1/sql.
type SQLData struct {
	Columns   []Column     `json:"columns"`
	Rows      [][]any      `json:"rows"`
	Truncated bool         `json:"truncated"` // There are more rows than the limit.
	Limit     int          `json:"limit"`
	Seconds   float64      `json:"seconds"`
	Exports   []ExportLink `json:"exports"`
}

// DimensionData are the values of one filter: GET /api/v1/dimensions/{name}.
type DimensionData struct {
	Name    string   `json:"name"`
	Label   string   `json:"label"`
	Options []Option `json:"options"` // The selected first, then by rows.
	Total   int64    `json:"total"`   // Values in all.
}

// SearchData is what a few letters may mean: GET /api/v1/search.
type SearchData struct {
	Hits []Hit `json:"hits"`
}

// Hit is one thing found.
type Hit struct {
	Kind string `json:"kind"` // "page", "record", "table", "check", "column" or a filter's name.
	Text string `json:"text"`
	Note string `json:"note"`
	Link string `json:"link"`
}

// LiveEvent is one server-sent event of /api/v1/events. Its name is "snapshot" (a new version is served), "run" (a run made by this
// server began, moved or ended) or "hello".
type LiveEvent struct {
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Snapshot string    `json:"snapshot,omitempty"`
	Step     string    `json:"step,omitempty"`
	State    string    `json:"state,omitempty"` // Of a run: "begin", "advance", "end" or "finished".
	Done     int64     `json:"done,omitempty"`
	Total    int64     `json:"total,omitempty"`
	Text     string    `json:"text,omitempty"`
	Run      int64     `json:"run,omitempty"`
	Status   string    `json:"status,omitempty"`
}
