package preflight

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// retentionAtLeast is how long the binary log should be kept, so that a weekend without a run loses nothing.
const retentionAtLeast = 3 * 24 * time.Hour

// retention looks how long the binary log is kept.
func retention(ctx context.Context, t *Target) Result {
	rows, err := t.Query(ctx, "show global variables where variable_name in ('log_bin', 'binlog_expire_logs_seconds', 'expire_logs_days')")
	if err != nil {
		return Result{Status: Skipped, What: "the source did not answer: " + err.Error()}
	}
	values := map[string]string{}
	for _, r := range rows {
		values[r["variable_name"]] = r["value"]
	}
	if values["log_bin"] != "ON" {
		return Result{Status: Skipped, What: "there is no binary log to keep"}
	}
	seconds, _ := strconv.ParseFloat(values["binlog_expire_logs_seconds"], 64) // Absent in old versions, which have days only.
	days, _ := strconv.ParseFloat(values["expire_logs_days"], 64)
	kept := time.Duration(max(seconds, days*24*60*60)) * time.Second
	switch {
	case kept == 0:
		return Result{Status: OK, What: "the binary log is kept until somebody purges it"}
	case kept < retentionAtLeast:
		return Result{
			Status: Warn, What: fmt.Sprintf("the binary log is kept for %v: a longer pause needs a new snapshot", kept),
			Try: fmt.Sprintf("set global binlog_expire_logs_seconds = %d", int(7*24*time.Hour/time.Second)),
		}
	}
	return Result{Status: OK, What: fmt.Sprintf("the binary log is kept for %v", kept)}
}
