// Package discover looks at a database that nobody has described and proposes a project for it: keys, foreign keys, the records that
// have a life, their states and what these mean, the roles of dates, money, personal data, and what to leave out. Every guess says how
// sure it is and why. It reads with bounded selects only, keeps no personal value, and writes nothing to the database.
//
//	Catalog   what information_schema says, or the headers of a folder of CSV files
//	Profile   what bounded selects say of each column: how many values, which words, how far they fit a parent's key
//	Proposal  what both mean, guess by guess, with confidence and evidence
//	Files     the project that says so
package discover

// Confidence says how far a guess can be trusted.
type Confidence string

// High is declared, or rests on name, type and values; medium on name and type; low on one signal alone.
const (
	High   Confidence = "high"
	Medium Confidence = "medium"
	Low    Confidence = "low"
)

// Guess is one thing that was found, and why it is believed.
type Guess struct {
	What       string     `json:"what"`
	Confidence Confidence `json:"confidence"`
	Evidence   string     `json:"evidence"`
}
