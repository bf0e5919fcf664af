package dashboard

import (
	"time"

	"lifeline/semantic"
)

// Answer is the envelope of every JSON answer. All of one answer comes from one published version.
type Answer[T any] struct {
	Data T              `json:"data"`
	Meta Meta           `json:"meta"`
	Page *semantic.Page `json:"page,omitempty"` // Only of answers that go on.
}

// Meta says of which version an answer is and how the question was understood.
type Meta struct {
	Snapshot    string                   `json:"snapshot"`     // Such as "v12"; the same on everything in one answer.
	Version     int64                    `json:"version"`      // 0 before the first publication.
	AsOf        time.Time                `json:"as_of"`        // The instant at which the data's windows end, UTC.
	PublishedAt time.Time                `json:"published_at"` // UTC.
	Filters     *semantic.AppliedFilters `json:"filters,omitempty"`
	Notices     []string                 `json:"notices"` // Parameters that were not understood or cannot be applied here, in words.
	MS          float64                  `json:"ms"`      // Time on the server, in milliseconds.
}

// MetaData is what a front end needs before it draws anything: GET /api/v1/meta.
type MetaData struct {
	Project     string                `json:"project"`
	Build       string                `json:"build"`  // Of the program.
	Engine      string                `json:"engine"` // "duckdb" or "postgres".
	State       string                `json:"state"`  // "ready", or "empty" before the first publication.
	FirstSteps  []Step                `json:"first_steps,omitempty"`
	TimeZone    string                `json:"time_zone"`    // In which business days begin.
	DataFrom    string                `json:"data_from"`    // Oldest business day of the default basis, YYYY-MM-DD.
	DataThrough string                `json:"data_through"` // Newest business day of the default basis.
	Freshness   Freshness             `json:"freshness"`
	User        User                  `json:"user"`
	Pages       []semantic.PageInfo   `json:"pages"`
	Records     []semantic.RecordInfo `json:"records"`
	Filters     []semantic.FilterInfo `json:"filters"`
	Bases       []semantic.BasisInfo  `json:"bases"`
	Ranges      []semantic.RangeInfo  `json:"ranges"`
	Currencies  []semantic.Option     `json:"currencies"`
	Currency    string                `json:"currency"` // The default one.
	States      []semantic.StateInfo  `json:"states"`   // Words for canonical states, with their tone.
	Badges      []Badge               `json:"badges"`
	Examples    []semantic.Example    `json:"examples"` // Questions to begin with on the SQL page.
	Limits      Limits                `json:"limits"`
	Behind      *float64              `json:"behind_seconds,omitempty"` // Of the source, where this server follows it.
	Live        bool                  `json:"live"`                     // Runs are made here and tell of themselves on /api/v1/events.
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

// SearchData is what a few letters may mean: GET /api/v1/search.
type SearchData struct {
	Hits []semantic.Hit `json:"hits"`
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
	Text     string    `json:"text,omitempty"` // Of "lag": how many seconds behind the source its follower is.
	Run      int64     `json:"run,omitempty"`
	Status   string    `json:"status,omitempty"`
}
