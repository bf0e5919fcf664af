package dashboard

import (
	"time"

	"lifeline/semantic"
)

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
	Answer     string               `json:"answer"`
	Run        int64                `json:"run"`
	Before     int64                `json:"before"` // The run compared with; 0 for none.
	Counts     semantic.CheckCounts `json:"counts"`
	New        []string             `json:"new"` // Names.
	Resolved   []string             `json:"resolved"`
	Persisting []string             `json:"persisting"`
	Dimensions []string             `json:"dimensions"`
	Matrix     []MatrixRow          `json:"matrix"`
	Checks     []CheckInfo          `json:"checks"`
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
	Answer   string                `json:"answer"`
	SQL      string                `json:"sql,omitempty"` // Only for the role data.
	History  []CheckResult         `json:"history"`       // Newest first.
	Columns  []semantic.Column     `json:"columns"`
	Rows     [][]any               `json:"rows"` // Failing rows: the first hundred.
	Total    int64                 `json:"total"`
	RowsNote string                `json:"rows_note"` // Where the rows cannot be shown: why.
	RowsLink string                `json:"rows_link"`
	Whose    []semantic.CheckGroup `json:"whose"` // The failing rows by each filter whose column they have.
	Pages    []string              `json:"pages"` // Cards that read the table, as page/card.
	Exports  []semantic.ExportLink `json:"exports"`
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
