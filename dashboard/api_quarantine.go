package dashboard

import (
	"time"

	"lifeline/semantic"
)

// QuarantineData is what is in quarantine: GET /api/v1/quarantine.
type QuarantineData struct {
	Answer  string                `json:"answer"`
	Open    int64                 `json:"open"` // Rows held or quarantined.
	Reasons []QuarantineReason    `json:"reasons"`
	States  []semantic.Option     `json:"states"`
	Tables  []semantic.Option     `json:"tables"`
	Rows    []QuarantineRow       `json:"rows"`
	Command string                `json:"command"` // To evaluate the rows anew.
	Exports []semantic.ExportLink `json:"exports"`
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

// QuarantineRow is one row that was quarantined, whole.
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

// QuarantineCause is why a row was quarantined.
type QuarantineCause struct {
	Reason string  `json:"reason"`
	Text   string  `json:"text"`
	Check  string  `json:"check"`
	Column string  `json:"column"` // The offending cell.
	Value  *string `json:"value"`  // Only for the role data.
}
