package semantic

// AppliedFilters are the filters of a question in their canonical form.
type AppliedFilters struct {
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

// Option is one value of a filter with its rows under the other filters.
type Option struct {
	Value    string `json:"value"` // "is:null" for rows without one.
	Label    string `json:"label"`
	Rows     int64  `json:"rows"`
	Selected bool   `json:"selected"`
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

// StateInfo is how a canonical state is shown.
type StateInfo struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Tone  string `json:"tone"` // "good", "bad", "wait", "idle" or "unknown".
}

// DimensionData are the values of one filter: GET /api/v1/dimensions/{name}.
type DimensionData struct {
	Name    string   `json:"name"`
	Label   string   `json:"label"`
	Options []Option `json:"options"` // The selected first, then by rows.
	Total   int64    `json:"total"`   // Values in all.
}
