package preflight

import "context"

// binlog looks whether changes can be followed from the binary log. A snapshot does without, so nothing here fails.
func binlog(ctx context.Context, t *Target) Result {
	if t.Log == nil {
		return Result{Status: Skipped, What: "the source has no binary log"}
	}
	why, try, err := t.Log(ctx)
	switch {
	case err != nil:
		return Result{Status: Skipped, What: "the source did not answer: " + err.Error()}
	case why != "":
		return Result{Status: Warn, What: why + ": every run reads the tables, and changes between two runs are not seen", Try: try}
	}
	return Result{Status: OK, What: "the binary log has whole rows"}
}
