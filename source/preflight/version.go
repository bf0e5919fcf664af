package preflight

import (
	"context"
	"fmt"
)

// version tells a server that is older than what Lifeline is written for.
func version(_ context.Context, t *Target) Result {
	name, oldest := "MySQL", 50600
	if t.MariaDB {
		name, oldest = "MariaDB", 100300
	}
	if t.Number < oldest {
		return Result{
			Status: Warn, What: fmt.Sprintf("%s %s is older than any that Lifeline is written for", name, t.Version),
			Try: fmt.Sprintf("%s %d.%d or newer", name, oldest/10000, oldest/100%100),
		}
	}
	return Result{Status: OK, What: name + " " + t.Version}
}
