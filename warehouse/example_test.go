package warehouse_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lifeline/warehouse"
)

// A warehouse is there before anything is published in it; a run is its one writer.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "lifeline-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	wh, err := warehouse.Open(ctx, warehouse.Options{DSN: "duckdb:" + filepath.Join(dir, "clinic.duckdb")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = wh.Close() }()
	_, err = wh.Published(ctx)
	fmt.Println(errors.Is(err, warehouse.ErrNothingPublished))
	run, err := wh.Begin(ctx, warehouse.Holder{Command: "example", PID: os.Getpid()}, time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("run", run.ID(), run.Close(ctx))
	// Output:
	// true
	// run 1 <nil>
}

// Names are bare where every engine takes that for the same name.
func ExampleName() {
	fmt.Println(warehouse.Name("claims"), warehouse.Name("order"), warehouse.Name("Müller"), warehouse.Literal("it's"))
	// Output: claims "order" "Müller" 'it''s'
}
