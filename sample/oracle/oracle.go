// Package oracle computes what the warehouse of the carepay project must hold, by plain loops over the four source CSVs. It is a
// second way to the same figures: it knows the definitions (the descriptions in the project's YAML), not the SQL, and imports
// nothing of the product. Only tests use it.
package oracle

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Table is the content of one table as text: a null is empty, times are UTC as "2006-01-02 15:04:05", money has four decimals.
type Table struct {
	Columns []string // The first is the key.
	Rows    [][]string
}

func newTable(columns string) *Table { return &Table{Columns: strings.Fields(columns)} }

// add appends a row; it panics where a row is not as wide as the table, which is a slip in this package.
func (t *Table) add(values ...any) {
	if len(values) != len(t.Columns) {
		panic(fmt.Sprintf("a row of %d values for %d columns: %v", len(values), len(t.Columns), t.Columns))
	}
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = show(v)
	}
	t.Rows = append(t.Rows, row)
}

// show is a value's text.
func show(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case int:
		return strconv.Itoa(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case time.Time:
		return stamp(x)
	case number:
		if x.known {
			return strconv.FormatInt(x.n, 10)
		}
	case word:
		if x.known {
			return x.s
		}
	case moment:
		if x.known {
			return stamp(x.t)
		}
	case money:
		if x.known {
			return x.String()
		}
	default:
		panic(fmt.Sprintf("no text for %T", v))
	}
	return ""
}

// Compute gives every table of core and analytics by its full name. asOf is the exclusive end of the windows, UTC. Dates from
// takenAt on are not believed; a zero takenAt means asOf.
func Compute(dir string, asOf, takenAt time.Time) (map[string]*Table, error) {
	c := &core{before: takenAt.UTC()}
	if takenAt.IsZero() {
		c.before = asOf.UTC()
	}
	if err := c.read(dir); err != nil {
		return nil, err
	}
	a := newAnalytics(c, asOf.UTC())
	return map[string]*Table{
		"core.treatments":                      c.treatmentTable(),
		"core.claims":                          c.claimTable(),
		"core.invoices":                        c.invoiceTable(),
		"core.invoice_items":                   c.itemTable(),
		"analytics.dim_treatments":             a.treatments(),
		"analytics.dim_claims":                 a.claims(),
		"analytics.dim_invoices":               a.invoices(),
		"analytics.dim_invoice_items":          a.items(),
		"analytics.dim_programs":               a.programs(),
		"analytics.dim_providers":              a.providers(),
		"analytics.fct_treatments_activity":    a.treatmentActivity(),
		"analytics.fct_claims_activity":        a.claimActivity(),
		"analytics.fct_invoices_activity":      a.invoiceActivity(),
		"analytics.fct_invoice_items_activity": a.itemActivity(),
		"analytics.dim_claims_lifecycle":       a.lifecycle(),
	}, nil
}

// AsOf is the end of the business day (UTC+3, no daylight saving) of the newest time in any date column that is not after takenAt;
// takenAt itself where there is none. In UTC.
func AsOf(dir string, takenAt time.Time) (time.Time, error) {
	var newest time.Time
	for _, file := range []string{"treatments.csv", "claims.csv", "invoices.csv", "invoice_items.csv"} {
		s, err := readSheet(dir, file)
		if err != nil {
			return newest, err
		}
		for name := range s.column {
			if !strings.HasPrefix(name, "date_") {
				continue
			}
			for _, row := range s.rows {
				if t := parseTime(s.get(row, name)); t.known && !t.t.After(takenAt) && t.t.After(newest) {
					newest = t.t
				}
			}
		}
	}
	if newest.IsZero() {
		return takenAt.UTC(), nil
	}
	nairobi := time.FixedZone("UTC+3", 3*3600)
	y, m, d := newest.In(nairobi).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, nairobi).UTC(), nil
}
