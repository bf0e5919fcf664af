package quality

import (
	"fmt"
	"math/big"
	"strings"
)

// Portable tells whether the check is SQL alone, so that another program can run it: those that look at earlier runs are not.
func (c *Check) Portable() bool { return c.probe == nil }

// TestedSQL is a select of one number, the rows that the check looks at; "" for a singular test and for one of a whole table, which count
// them themselves.
func (c *Check) TestedSQL() string {
	if c.singular != "" || c.measure != "" {
		return ""
	}
	return bind(`select count(*) from {target}`, "target", target(c.relation, c.where))
}

// FailingSQL is a select of the failing rows' keys, by the names of the given columns, with what the check has to say of each: check_name,
// reason and value.
func (c *Check) FailingSQL(key []string) string {
	value := c.shown.sql(make([]string, len(c.shown.values))) // dbt says the types, and casts to text for itself.
	keys := list(key, func(column string) string { return "t." + ident(bare(column)) })
	return bind(`
select
    {keys},
    cast({name} as text) as check_name,
    cast({kind} as text) as reason,
    {value} as value
from {bad}`, "keys", keys, "name", text(c.Name), "kind", text(c.Kind), "value", value, "bad", c.bad())
}

// SQL is the bound as a condition over two expressions, the failing and the tested rows. A multiple of the usual share is never reached
// there, as in a first run: whole tells that none was left out so.
func (t Threshold) SQL(failing, tested string) (condition string, whole bool) {
	if t.IsDefault() {
		return failing + " <> 0", true
	}
	whole = true
	var alternatives []string
	for _, all := range t.anyOf {
		var terms []string
		reachable := true
		for _, b := range all {
			if b.unit == "x" {
				whole, reachable = false, false
				continue
			}
			terms = append(terms, b.sql(failing, tested))
		}
		if reachable {
			alternatives = append(alternatives, "("+strings.Join(terms, " and ")+")")
		}
	}
	if len(alternatives) == 0 {
		return "1 = 0", whole
	}
	return strings.Join(alternatives, " or "), whole
}

func (b bound) sql(failing, tested string) string {
	op := map[string]string{"==": "=", "!=": "<>"}[b.op]
	if op == "" {
		op = b.op
	}
	number := plainNumber(b.number)
	if b.unit != "%" {
		return fmt.Sprintf("%s %s %s", failing, op, number)
	}
	return fmt.Sprintf("%[2]s > 0 and %[1]s * 100 %[3]s %[4]s * %[2]s", failing, tested, op, number)
}

// plainNumber writes a number for SQL.
func plainNumber(r *big.Rat) string {
	if r.IsInt() {
		return r.RatString()
	}
	return strings.TrimRight(r.FloatString(9), "0")
}
