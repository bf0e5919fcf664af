package preflight

import (
	"context"
	"fmt"
	"strings"
)

// binlog looks whether changes could be followed from the binary log. A snapshot does without, so nothing here fails.
func binlog(ctx context.Context, t *Target) Result {
	row, trouble := t.ask(ctx, "select @@log_bin as log_bin, @@binlog_format as format, @@binlog_row_image as image")
	if trouble != nil {
		return *trouble
	}
	on := row["log_bin"] == "1" || strings.EqualFold(row["log_bin"], "on")
	switch {
	case !on:
		return Result{
			Status: Warn, What: "there is no binary log: every run reads the tables, and changes between two runs are not seen",
			Try: "log_bin, binlog_format = ROW and binlog_row_image = FULL in the server's configuration, if changes are to be followed",
		}
	case !strings.EqualFold(row["format"], "row"):
		return Result{
			Status: Warn, What: fmt.Sprintf("the binary log's format is %s: it has statements, not rows", row["format"]),
			Try: "set global binlog_format = ROW",
		}
	case row["image"] != "" && !strings.EqualFold(row["image"], "full"):
		return Result{
			Status: Warn, What: fmt.Sprintf("the binary log's row image is %s: it leaves values out", row["image"]),
			Try: "set global binlog_row_image = FULL",
		}
	}
	return Result{Status: OK, What: "the binary log has whole rows"}
}
