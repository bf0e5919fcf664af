package change

import "context"

// Writer takes the batches of one table from one worker. The reader owns a batch and reuses it once Write returns; a writer must copy what
// it keeps. Close makes what was written part of the load.
type Writer interface {
	Write(ctx context.Context, b *Batch) error
	Close(ctx context.Context) error
}
