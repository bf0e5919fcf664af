package warehousetest

import (
	"flag"
	"os"
	"strconv"
)

// Draws sets how often each property test draws: quick times in every run of the tests, full times with LIFELINE_SOAK. A number on the
// command line (-rapid.checks) is obeyed. It is for TestMain of a package that uses rapid.
func Draws(quick, full int) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if asked {
		return
	}
	if os.Getenv("LIFELINE_SOAK") != "" {
		quick = full
	}
	if err := flag.Set("rapid.checks", strconv.Itoa(quick)); err != nil {
		panic(err) // The package does not use rapid.
	}
}
