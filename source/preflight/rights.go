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
		if r := readable(ctx, t, &table); r != nil {
			return *r
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

// readable tries whether a table may be read; nil if it may.
func readable(ctx context.Context, t *Target, table *Table) *Result {
	columns := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		columns[i] = quoted(c.Name)
	}
	if len(columns) == 0 { // A view that cannot be read has none, and the server says why.
		columns = []string{"*"}
	}
	_, err := t.Query(ctx, "select "+strings.Join(columns, ", ")+" from "+quoted(table.Name)+" limit 0")
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), lockTimeout):
		return &Result{
			Status: Fail, What: fmt.Sprintf("table %s is locked by another session", table.Name), Class: change.ClassError,
			Try: "again once the lock is gone: show full processlist names the session",
		}
	case table.Engine == "" && !strings.Contains(err.Error(), tableDenied):
		return &Result{
			Status: Fail, What: fmt.Sprintf("the view %s cannot be read: %v", table.Name, err), Class: change.ClassBlocked,
			Try: "show create view " + quoted(table.Name) + ": what it selects must be there, and its definer must exist and may read it",
		}
	}
	return &Result{
		Status: Fail, What: fmt.Sprintf("%s may not read %s: %v", t.User, table.Name, err),
		Try: fmt.Sprintf("grant select on `%s`.* to '%s'@'%%'", t.Database, t.User), Class: change.ClassUsage,
	}
}

// columns looks for columns that the user has no right to: the server does not even list them, so they would be left out without a word.
// A contract says which columns there are, and is checked by itself.
func columns(ctx context.Context, t *Target) Result {
	var parts []string
	for _, table := range t.Tables {
		if !table.Found || len(table.Contract) > 0 || len(table.Columns) == 0 {
			continue
		}
		_, err := t.Query(ctx, "select * from "+quoted(table.Name)+" limit 0")
		if err == nil || !strings.Contains(err.Error(), tableDenied) && !strings.Contains(err.Error(), columnDenied) {
			continue
		}
		names := make([]string, len(table.Columns))
		for i, c := range table.Columns {
			names[i] = c.Name
		}
		parts = append(parts, table.Name+" ("+strings.Join(names, ", ")+")")
	}
	if len(parts) == 0 {
		return Result{Status: OK, What: "no column is hidden from the user"}
	}
	return Result{
		Status: Warn, What: fmt.Sprintf("%s may read some columns only, and no other lands: %s", t.User, strings.Join(parts, "; ")),
		Try: "name these columns in sources.yml if that is meant; else grant select on the whole tables",
	}
}

func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

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

// How MySQL and MariaDB begin to say that another session kept a lock for too long, and that a right is missing.
const (
	lockTimeout  = "ERROR 1205"
	tableDenied  = "ERROR 1142"
	columnDenied = "ERROR 1143"
)
