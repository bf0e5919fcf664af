package semantic

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
	// WithoutMoney are the counted rows whose amount is unknown: every sum leaves them out.
	WithoutMoney int64       `json:"without_money"`
	Checks       CheckCounts `json:"checks"`
	Links        TrustLinks  `json:"links"`
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

	unknown int64 // Rows without an amount, where the table has one.
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
