package semantic

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

// Error makes a Problem an error.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }
