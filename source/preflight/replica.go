package preflight

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// lagAtMost is how far behind its primary a replica may be before it is said.
const lagAtMost = time.Minute

// replica looks whether the source is a copy of another server, and how far behind it is: a run reads what the copy has.
func replica(ctx context.Context, t *Target) Result {
	question := "show slave status"
	switch {
	case t.MariaDB:
		question = "show all slaves status"
	case t.Number >= 80022:
		question = "show replica status"
	}
	rows, err := t.Query(ctx, question)
	if err != nil {
		return Result{Status: Skipped, What: "whether the source is a replica is not known: " + err.Error()}
	}
	if len(rows) == 0 {
		return Result{Status: OK, What: "the source is not a replica"}
	}
	worst := time.Duration(0)
	for _, r := range rows {
		seconds, known := r["seconds_behind_master"]
		if !known {
			seconds, known = r["seconds_behind_source"]
		}
		behind, bad := strconv.ParseInt(seconds, 10, 64)
		if !known || bad != nil {
			return Result{
				Status: Warn, What: strings.TrimSuffix("the source is a replica that does not follow its primary: "+r["last_error"], ": "),
				Try: "start the replication; until then a run reads what the replica had",
			}
		}
		worst = max(worst, time.Duration(behind)*time.Second)
	}
	if worst > lagAtMost {
		return Result{
			Status: Warn, What: fmt.Sprintf("the source is a replica %v behind its primary", worst),
			Try: "again once it has caught up, or the primary's address",
		}
	}
	return Result{Status: OK, What: fmt.Sprintf("the source is a replica %v behind its primary", worst)}
}
