package preflight

import (
	"context"
	"fmt"
	"slices"
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
		_, err := t.Query(ctx, "select "+strings.Join(columns, ", ")+" from "+name+" limit 0")
		if err != nil && strings.Contains(err.Error(), lockTimeout) {
			return Result{
				Status: Fail, What: fmt.Sprintf("table %s is locked by another session", table.Name), Class: change.ClassError,
				Try: "again once the lock is gone: show full processlist names the session",
			}
		}
		if err != nil {
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
	var all []string
	for _, r := range rows {
		for _, grant := range r {
			all = append(all, strings.ToUpper(grant))
		}
	}
	return consistency(t, all)
}

// consistency tells which way to one point in time over several connections the grants allow.
func consistency(t *Target, grants []string) Result {
	global, any := "", strings.Join(grants, "\n")
	for _, grant := range grants {
		if strings.Contains(grant, " ON *.* TO") {
			global += grant + "\n"
		}
	}
	has := func(where string, rights ...string) bool {
		return strings.Contains(where, "ALL PRIVILEGES") ||
			slices.ContainsFunc(rights, func(r string) bool { return strings.Contains(where, r) })
	}
	position := has(global, "REPLICATION CLIENT", "BINLOG MONITOR", "SUPER")
	process := has(global, "PROCESS")
	tables := has(any, "LOCK TABLES") && (t.MariaDB || t.Number >= 50700)
	grant := fmt.Sprintf("grant process, replication client on *.* to '%s'@'%%'", t.User)
	switch {
	case process && position:
		return Result{Status: OK, What: "all tables may be read, at one point in time over several connections, without a lock"}
	case process:
		return Result{Status: Warn, What: "without REPLICATION CLIENT the snapshot's place in the binary log is not known", Try: grant}
	case t.MariaDB && position:
		return Result{
			Status: OK, What: "all tables may be read, at one point in time over several connections, without a lock if there is a binary log",
		}
	case tables:
		return Result{
			Status: Warn, Try: grant,
			What: "without PROCESS the tables are locked against writing for a moment to read one point in time over several connections",
		}
	}
	return Result{Status: Warn, What: "without PROCESS everything is read over one connection", Try: grant}
}

// lockTimeout is how MySQL and MariaDB begin to say that another session kept a lock for too long.
const lockTimeout = "ERROR 1205"
