package warehouse

import "time"

// SetPatience sets how long a publication waits for readers.
func SetPatience(w Warehouse, d time.Duration) { w.(*postgres).patience = d }
