package quality

// Test is a declared test.
type Test struct {
	Name, Kind, Node, Column string
	Args                     map[string]any
	SQL                      string
	Severity                 string
	WarnIf, ErrorIf, Where   string
	OnFail, File             string
	Line                     int
}
