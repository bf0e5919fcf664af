package preflight

import "context"

// reachable makes sure that the source answers.
func reachable(ctx context.Context, t *Target) Result {
	if t.Query == nil {
		return Result{Status: OK, What: "the folder is " + t.Address}
	}
	if _, err := t.Query(ctx, "select 1"); err != nil {
		return Result{Status: Fail, What: t.Address + " does not answer: " + err.Error(), Try: "whether the server runs and the network is open"}
	}
	return Result{Status: OK, What: t.Address + " answers " + t.User}
}
