package preflight

import (
	"context"
	"fmt"
	"strings"

	"lifeline/change"
)

// rights tries whether each table may be read, and looks which ways to a consistent view the grants allow.
func rights(ctx context.Context, t *Target) Result {
	for _, table := range t.Tables {
		if !table.Found {
			continue
		}
		name := "`" + strings.ReplaceAll(table.Name, "`", "``") + "`"
		columns := make([]string, len(table.Columns))
		for i, c := range table.Columns {
			columns[i] = "`" + strings.ReplaceAll(c.Name, "`", "``") + "`"
		}
		if _, err := t.Query(ctx, "select "+strings.Join(columns, ", ")+" from "+name+" limit 0"); err != nil {
			return Result{
				Status: Fail, What: fmt.Sprintf("%s may not read %s: %v", t.User, table.Name, err),
				Try: fmt.Sprintf("grant select on `%s`.* to '%s'@'%%'", t.Database, t.User), Class: change.ClassUsage,
			}
		}
	}
	rows, err := t.Query(ctx, "show grants")
	if err != nil {
		return Result{Status: Skipped, What: "the source did not answer: " + err.Error()}
	}
	global, local := "", ""
	for _, r := range rows {
		for _, grant := range r {
			grant = strings.ToUpper(grant)
			if strings.Contains(grant, " ON *.* TO") {
				global += grant
			} else {
				local += grant
			}
		}
	}
	all := strings.Contains(global, "ALL PRIVILEGES")
	missing := ""
	switch {
	case all || strings.Contains(global, "RELOAD"):
	case strings.Contains(global+local, "LOCK TABLES") || strings.Contains(local, "ALL PRIVILEGES"):
		missing = "without RELOAD the tables are locked one by one for a consistent view"
	default:
		missing = "without RELOAD and LOCK TABLES everything is read over one connection"
	}
	try := fmt.Sprintf("grant reload on *.* to '%s'@'%%'", t.User)
	position := all || strings.Contains(global, "REPLICATION CLIENT") || strings.Contains(global, "BINLOG MONITOR") || strings.Contains(global, "SUPER")
	switch {
	case missing != "":
		return Result{Status: Warn, What: missing, Try: try}
	case !position:
		return Result{
			Status: Warn, What: "without REPLICATION CLIENT the snapshot's place in the binary log is not known",
			Try: fmt.Sprintf("grant replication client on *.* to '%s'@'%%'", t.User),
		}
	}
	return Result{Status: OK, What: "all tables may be read, under a global read lock of a moment"}
}
