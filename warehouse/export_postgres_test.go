package warehouse

import "time"

// SetPatience sets how long a publication waits for readers.
func SetPatience(w Warehouse, d time.Duration) { w.(*postgres).patience = d }

// SetModelPatience sets how long a model waits for a lock, from here on.
func SetModelPatience(d string) { modelPatience = d }
