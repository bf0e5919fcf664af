package project_test

import (
	"fmt"

	"lifeline/project"
)

// A name that means nothing is answered with the one that comes near.
func ExampleNearest() {
	fmt.Println(project.Nearest("core.claim", []string{"core.claims", "core.invoices"}))
	// Output: core.claims
}
