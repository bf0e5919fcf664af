package change_test

import (
	"errors"
	"fmt"

	"lifeline/change"
)

// A problem says what, where and what to try; its class is the exit code of the program.
func ExampleProblem() {
	err := fmt.Errorf("read the project: %w", &change.Problem{
		Err: errors.New("the key range is unknown"), Where: "lifeline.yml:3:1", Try: "range: 90d", Class: change.ClassUsage,
	})
	var p *change.Problem
	if errors.As(err, &p) {
		fmt.Println(err)
		fmt.Println(p.Where, "Try:", p.Try, "exit", int(p.Class))
	}
	// Output:
	// read the project: the key range is unknown
	// lifeline.yml:3:1 Try: range: 90d exit 2
}

// A type of MySQL is named as its information_schema names it.
func ExampleTypeOf() {
	typ, err := change.TypeOf("decimal(19,4)")
	fmt.Println(typ, err)
	// Output: decimal(19,4) <nil>
}
