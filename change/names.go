package change

import (
	"slices"
	"strings"
)

// engineColumns are columns that DuckDB or PostgreSQL has in every table; one of the source's under such a name would hide it.
var engineColumns = []string{"rowid", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}

// StagingName is how a source's column is called in staging: its name in lower case, and rowid_ for one whose name an engine has in
// every table. It is the same on every engine, so that a project's SQL is.
func StagingName(source string) string {
	name := strings.ToLower(source)
	if slices.Contains(engineColumns, name) {
		return name + "_"
	}
	return name
}
