package semantic_test

import (
	"errors"
	"fmt"
	"net/url"

	"lifeline/semantic"
)

// Filters are read from an address; a value that cannot be understood says what it wants.
func ExampleParseFilters() {
	_, err := semantic.ParseFilters(url.Values{"range": {"90 days"}})
	var wrong *semantic.FilterError
	if errors.As(err, &wrong) {
		fmt.Println(wrong.Name, wrong.Wants)
	}
	// Output: range is a number of days such as 30d, or all
}

// A value is put in as a quoted text, whatever it holds.
func ExampleBindParameters() {
	text, missing, err := semantic.BindParameters("select * from core.claims where status = :status and program_id = :program",
		map[string]string{
			"status": "it's open",
		})
	fmt.Println(text, missing, err)
	// Output: select * from core.claims where status = 'it''s open' and program_id = :program [program] <nil>
}

// Amounts are exact, and never added over two currencies.
func ExampleSums() {
	sums := semantic.Sums{}
	sums.Add("KES", "0.1")
	sums.Add("KES", "0.2")
	sums.Add("USD", "5")
	fmt.Println(sums.Texts()["KES"], sums.Texts()["USD"])
	// Output: 0.3000 5.0000
}

// A text that a spreadsheet would compute stays text.
func ExampleGuardFormula() {
	fmt.Println(semantic.GuardFormula("=1+1"), semantic.GuardFormula("one"))
	// Output: '=1+1 one
}
