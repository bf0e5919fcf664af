package dashboard

import (
	"time"

	"lifeline/semantic"
)

// RunInfo is one run in the list: GET /api/v1/runs.
type RunInfo struct {
	ID          int64                `json:"id"`
	Command     string               `json:"command"`
	Status      string               `json:"status"` // "running", "published", "unchanged", "blocked" or "failed".
	Mode        string               `json:"mode"`
	StartedAt   time.Time            `json:"started_at"`
	EndedAt     *time.Time           `json:"ended_at"`
	Seconds     float64              `json:"seconds"`
	Version     int64                `json:"version"`
	AsOf        *time.Time           `json:"as_of"`
	Error       string               `json:"error,omitempty"`
	Read        int64                `json:"read"`
	Changed     int64                `json:"changed"` // Inserted, updated and deleted rows.
	Quarantined int64                `json:"quarantined"`
	Steps       []RunStep            `json:"steps"` // The walk's, without single models.
	Checks      semantic.CheckCounts `json:"checks"`
	Link        string               `json:"link"`
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
