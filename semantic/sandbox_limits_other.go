//go:build !linux

package semantic

import (
	"errors"
	"time"
)

func lowerPriority() {}

// limitMemory fails where the system has no limit that holds; statements of people are then refused.
func limitMemory(int64) error {
	return errors.New("this system cannot bound a process's memory; run lifeline serve on Linux for the SQL page")
}

func limitWork(time.Duration, int64) {}

func watchMemory(int64, func()) {}
