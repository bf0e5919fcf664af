package lifecycle

import (
	"errors"

	"lifeline/change"
)

func usage(where, what, try string) error {
	return &change.Problem{Err: errors.New(what), Where: where, Try: try, Class: change.ClassUsage}
}

// firstError is the first error of several reads, so that one mistake is told at a time.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
