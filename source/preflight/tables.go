package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifeline/change"
)

// tables makes sure that every wanted table is there, can be read consistently, and has a key.
func tables(_ context.Context, t *Target) Result {
	if t.Trouble != nil {
		r := Result{
			Status: Fail, What: t.Trouble.Error(), Try: "the rights on the database, or the column's type: the message names it",
			Class: change.ClassError,
		}
		var p *change.Problem
		if errors.As(t.Trouble, &p) && p.Try != "" {
			r.Try, r.Class = p.Try, p.Class
		}
		return r
	}
	if len(t.Tables) == 0 {
		return Result{
			Status: Fail, What: "there is no table to read", Class: change.ClassBlocked,
			Try: "the database's name, and the right to select from it",
		}
	}
	var keyless []string
	for _, table := range t.Tables {
		switch {
		case table.Trouble != nil:
			return *table.Trouble
		case !table.Found:
			return Result{
				Status: Fail, What: fmt.Sprintf("table %s is not in %s", table.Name, t.Address),
				Try: "the table's identifier in sources.yml, and the right to select from it", Class: change.ClassBlocked,
			}
		case table.Engine != "" && !table.Consistent && !t.Weak:
			return Result{
				Status: Fail, What: fmt.Sprintf("table %s is of engine %s, which has no consistent view", table.Name, table.Engine),
				Try:   fmt.Sprintf("alter table `%s` engine = InnoDB, or lifeline run --allow-weaker to read it as it is", table.Name),
				Class: change.ClassBlocked,
			}
		case len(table.Key) == 0:
			keyless = append(keyless, table.Name)
		}
		for _, k := range table.Key {
			if !slices.ContainsFunc(table.Columns, func(c Column) bool { return change.StagingName(c.Name) == change.StagingName(k) }) {
				return Result{
					Status: Fail, What: fmt.Sprintf("key column %s of %s is not there", k, table.Name),
					Try: "meta.lifeline.key of the table in sources.yml", Class: change.ClassBlocked,
				}
			}
		}
	}
	if len(keyless) > 0 {
		return Result{
			Status: Warn, What: "no key: " + strings.Join(keyless, ", ") + "; rows of such a table can only be replaced all at once",
			Try: "a primary key in the source, or meta.lifeline.key in sources.yml",
		}
	}
	return Result{Status: OK, What: fmt.Sprintf("%d tables are there, with their keys", len(t.Tables))}
}
