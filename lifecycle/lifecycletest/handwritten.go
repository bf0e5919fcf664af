// Package lifecycletest gives tests and measurements the tables of carepay as they were written by hand, before lifecycles made them.
package lifecycletest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"lifeline/lifecycle"
	"lifeline/project"
)

// Tables are the tables of carepay that stand in testdata as SQL written by hand, each after those that it reads.
var Tables = []string{
	"fct_treatments_activity", "fct_claims_activity", "fct_invoices_activity", "fct_invoice_items_activity", "dim_claims_lifecycle",
	"dim_invoices", "dim_treatments", "dim_programs", "dim_providers",
}

// Handwritten is the carepay project in dir with those tables as they were written by hand.
func Handwritten(dir string) (*project.Project, error) {
	p, err := lifecycle.Load(dir, project.Options{})
	if err != nil {
		return nil, err
	}
	_, here, _, _ := runtime.Caller(0)
	texts := filepath.Join(filepath.Dir(here), "..", "testdata", "carepay")
	for _, name := range Tables {
		text, err := os.ReadFile(filepath.Join(texts, name+".sql"))
		if err != nil {
			return nil, fmt.Errorf("read the table as it was written by hand: %w", err)
		}
		p.Model(name).SQL = string(text)
	}
	for _, m := range p.Macros {
		name := strings.TrimSuffix(filepath.Base(m.Path), ".sql")
		if name != "activity" && name != "counters" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(texts, name+"_macros.sql"))
		if err != nil {
			return nil, fmt.Errorf("read the macros of the tables written by hand: %w", err)
		}
		m.SQL = string(text)
	}
	return p, nil
}
