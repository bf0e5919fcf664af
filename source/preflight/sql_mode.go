package preflight

import (
	"context"
	"strings"
)

// sqlMode looks whether the server takes dates that are none; it explains nulls with a raw text in staging.
func sqlMode(ctx context.Context, t *Target) Result {
	row, trouble := t.ask(ctx, "select @@global.sql_mode as mode")
	if trouble != nil {
		return *trouble
	}
	mode := strings.ToUpper(row["mode"])
	strict := strings.Contains(mode, "STRICT_TRANS_TABLES") || strings.Contains(mode, "STRICT_ALL_TABLES")
	if strict && strings.Contains(mode, "NO_ZERO_DATE") && strings.Contains(mode, "NO_ZERO_IN_DATE") {
		return Result{Status: OK, What: "new rows have true dates"}
	}
	if !strict {
		return Result{
			Status: Warn, What: "the server's sql_mode is not strict: it stores zeros and cut texts in place of what does not fit",
			Try: "sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE' on the server; until then such dates land as null, with their " +
				"text in _raw",
		}
	}
	return Result{Status: OK, What: "the server stores zero dates; they land as null, with their text in _raw"}
}
