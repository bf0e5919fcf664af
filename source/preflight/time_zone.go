package preflight

import (
	"context"
	"fmt"
	"time"

	"lifeline/change"
)

// timeZone makes sure that the project says what zone DATETIME values are in. A TIMESTAMP is always read as UTC.
func timeZone(ctx context.Context, t *Target) Result {
	if t.TimeZone == "" {
		return Result{
			Status: Warn, What: "the project does not say what zone the source's DATETIME values are in; UTC is taken",
			Try: "source.time_zone in lifeline.yml",
		}
	}
	if _, err := time.LoadLocation(t.TimeZone); err != nil {
		return Result{
			Status: Fail, What: fmt.Sprintf("%q is not a time zone", t.TimeZone), Class: change.ClassUsage,
			Try: "a name such as UTC or Africa/Nairobi in source.time_zone",
		}
	}
	if t.Query == nil {
		return Result{Status: OK, What: "dates are in " + t.TimeZone}
	}
	row, trouble := t.ask(ctx, "select @@global.time_zone as zone, @@system_time_zone as machine")
	if trouble != nil {
		return *trouble
	}
	zone := row["zone"]
	if zone == "SYSTEM" {
		zone = row["machine"]
	}
	return Result{Status: OK, What: fmt.Sprintf("DATETIME values are in %s by the project; the server's own zone is %s", t.TimeZone, zone)}
}
