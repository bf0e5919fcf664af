package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// reasoned is one row of quarantine with one reason: what the injector says must be there, and what is.
type reasoned struct{ table, key, rule, reason string }

// kind is a fault that the injector makes in one row.
type kind struct {
	table  string
	field  int
	value  func(line []string) string
	rules  []string // Those that find it; "identity" for the three below.
	reason string
}

func always(s string) func([]string) string { return func([]string) string { return s } }

// faultKinds are what the injector knows. The fields are those of the files.
var faultKinds = map[string]kind{
	"treatment without key": {table: "treatment", field: 0, value: always("NULL"), reason: "no_key"},
	"treatment key twice":   {table: "treatment", field: 6, value: always("7"), reason: "duplicate_key"},
	"treatment twice":       {table: "treatment", reason: "superseded"},
	"treatment of unknown status": {
		table: "treatment", field: 1, value: always("WHATEVER"), rules: []string{"treatments_status"},
		reason: "expression_is_true",
	},
	"treatment without status": {
		table: "treatment", field: 1, value: always("NULL"), rules: []string{"treatments_status"},
		reason: "expression_is_true",
	},
	"treatment without care date": {
		table: "treatment", field: 5, value: always("NULL"), rules: []string{"treatments_care"},
		reason: "not_null",
	},
	"treatment on no day": {
		table: "treatment", field: 5, value: always("2019-03-00 00:00:00"), rules: []string{"treatments_care"},
		reason: "not_null",
	},
	"treatment dated by hand": {
		table: "treatment", field: 5, value: always("31/12/2018"),
		rules: []string{"treatments_care", "treatments_care_day"}, reason: "not_null",
	},
	"treatment in the future": {
		table: "treatment", field: 5, value: always("2091-03-07 09:00:00"), rules: []string{"treatments_care"},
		reason: "not_null",
	},
	"treatment before the beginning": {
		table: "treatment", field: 5, value: always("1945-12-21 00:00:00"), rules: []string{"treatments_care"},
		reason: "not_null",
	},
	"treatment without provider": {
		table: "treatment", field: 6, value: always("0"), rules: []string{"treatments_provider"},
		reason: "not_null",
	},
	"treatment of an unknown program": {
		table: "treatment", field: 7, value: always("999"), rules: []string{"treatments_program"},
		reason: "accepted_range",
	},
	"claim without key": {table: "claim", field: 0, value: always("NULL"), reason: "no_key"},
	"claim key twice":   {table: "claim", field: 6, value: always("7"), reason: "duplicate_key"},
	"claim twice":       {table: "claim", reason: "superseded"},
	"claim without its treatment": {
		table: "claim", field: 5, value: always("900000001"), rules: []string{"claims_parent"},
		reason: "no_parent",
	},
	"claim that names no treatment": {
		table: "claim", field: 5, value: always("NULL"), rules: []string{"claims_treatment"},
		reason: "not_null",
	},
	"claim below nothing": {
		table: "claim", field: 7, value: always("-5.0000"), rules: []string{"claims_amount"},
		reason: "accepted_range",
	},
	"claim over all measure": {
		table: "claim", field: 7, value: always("999999999.0000"), rules: []string{"claims_amount"},
		reason: "accepted_range",
	},
	"claim of no number": {
		table: "claim", field: 7, value: always("12x"),
		rules: []string{"claims_amount_text", "claims_no_amount"}, reason: "not_null",
	},
	"claim of nothing": {
		table: "claim", field: 7, value: always("0.0000"), rules: []string{"claims_no_amount"},
		reason: "not_null",
	},
	"claim in a strange currency": {
		table: "claim", field: 8, value: always("XTS"), rules: []string{"claims_currency"},
		reason: "accepted_values",
	},
	"claim of a strange type": {
		table: "claim", field: 2, value: always("Gift"), rules: []string{"claims_type"},
		reason: "accepted_values",
	},
	"invoice without its treatment": {
		table: "invoice", field: 3, value: always("900000001"), rules: []string{"invoices_parent"},
		reason: "no_parent",
	},
	"invoice that names none": {
		table: "invoice", field: 3, value: always("NULL"), rules: []string{"invoices_treatment"},
		reason: "not_null",
	},
	"invoice of unknown status": {
		table: "invoice", field: 1, value: always("WHATEVER"), rules: []string{"invoices_status"},
		reason: "expression_is_true",
	},
	"item without key": {table: "invoice_item", field: 0, value: always("NULL"), reason: "no_key"},
	"item twice":       {table: "invoice_item", reason: "superseded"},
	"item without its invoice": {
		table: "invoice_item", field: 3, value: always("900000001"), rules: []string{"items_parent"},
		reason: "no_parent",
	},
	"item that names none": {
		table: "invoice_item", field: 3, value: always("NULL"), rules: []string{"items_invoice"},
		reason: "not_null",
	},
	"item below nothing": {
		table: "invoice_item", field: 6, value: always("-1.0000"), rules: []string{"items_amount"},
		reason: "accepted_range",
	},
	"item in a strange currency": {
		table: "invoice_item", field: 5, value: always("XTS"), rules: []string{"items_currency"},
		reason: "accepted_values",
	},
}

// reasonOf is a rule's own reason; most kinds have one rule and name it.
var reasonOf = map[string]string{"treatments_care_day": "cast_failure", "claims_amount_text": "cast_failure"}

// mendable are the values that a seed or a setting of the project can make right.
const unknownStatus, strangeCurrency = "WHATEVER", "XTS"

// injected is a sample with faults in its files, and the injector's own list of them.
type injected struct {
	dir    string
	rows   map[string][][]string // By source table.
	direct map[string][]reasoned // By table and key: what was done to the row.
	kinds  map[string]int
	nokey  map[string]int
	twice  map[string]map[string]bool
	clash  map[string]map[string]bool
}

var sampleFiles = map[string]string{
	"treatment": "treatments.csv", "claim": "claims.csv", "invoice": "invoices.csv", "invoice_item": "invoice_items.csv",
}

// inject spoils n rows, each once, with all kinds in turn.
func inject(t *testing.T, from string, n int, seed uint64) *injected {
	t.Helper()
	in := &injected{
		dir: copyOf(t, from), rows: map[string][][]string{}, direct: map[string][]reasoned{}, kinds: map[string]int{},
		nokey: map[string]int{}, twice: map[string]map[string]bool{}, clash: map[string]map[string]bool{},
	}
	headers := map[string]string{}
	for table, file := range sampleFiles {
		text, err := os.ReadFile(filepath.Join(in.dir, file))
		require.NoError(t, err)
		lines := splitLines(string(text))
		headers[table] = lines[0]
		for _, l := range lines[1:] {
			in.rows[table] = append(in.rows[table], strings.Split(l, ","))
		}
		in.twice[table], in.clash[table] = map[string]bool{}, map[string]bool{}
	}
	r := rand.New(rand.NewPCG(seed, 9))
	var names []string
	for name := range faultKinds {
		names = append(names, name)
	}
	slices.Sort(names)
	used := map[string]bool{}
	more := map[string][][]string{}
	for i := range n {
		name := names[i%len(names)]
		k := faultKinds[name]
		var at int
		for at = r.IntN(len(in.rows[k.table])); used[fmt.Sprint(k.table, at)]; at = r.IntN(len(in.rows[k.table])) {
		}
		used[fmt.Sprint(k.table, at)] = true
		in.kinds[name]++
		row := in.rows[k.table][at]
		key := row[0]
		switch k.reason {
		case "no_key":
			row[0] = "NULL"
			in.nokey[k.table]++
		case "superseded":
			more[k.table] = append(more[k.table], slices.Clone(row))
			in.twice[k.table][key] = true
		case "duplicate_key":
			other := slices.Clone(row)
			other[k.field] = k.value(row)
			if other[k.field] == row[k.field] {
				other[k.field] = "8"
			}
			more[k.table] = append(more[k.table], other)
			in.clash[k.table][key] = true
		default:
			row[k.field] = k.value(row)
			for _, rule := range k.rules {
				reason := k.reason
				if own := reasonOf[rule]; own != "" {
					reason = own
				}
				in.direct[k.table+" "+key] = append(in.direct[k.table+" "+key], reasoned{k.table, key, rule, reason})
			}
		}
	}
	for table, file := range sampleFiles {
		var b strings.Builder
		b.WriteString(headers[table])
		for _, row := range append(in.rows[table], more[table]...) {
			b.WriteString("\n" + strings.Join(row, ","))
		}
		require.NoError(t, os.WriteFile(filepath.Join(in.dir, file), []byte(b.String()), 0o600))
	}
	return in
}

// expected is the injector's list with what follows from it: children of rows that are quarantined. mended leaves out what a changed
// seed and a changed rule make right.
func (in *injected) expected(mended bool) (found map[reasoned]int, arrived map[string]int) {
	found, arrived = map[reasoned]int{}, map[string]int{}
	aside := map[string]map[string]bool{}
	for _, table := range []string{"treatment", "claim", "invoice", "invoice_item"} {
		aside[table] = map[string]bool{}
		field := map[string]int{"claim": 5, "invoice": 3, "invoice_item": 3}[table]
		parent := map[string]string{"claim": "treatment", "invoice": "treatment", "invoice_item": "invoice"}[table]
		rule := map[string]string{"claim": "claims_parent", "invoice": "invoices_parent", "invoice_item": "items_parent"}[table]
		there := map[string]bool{}
		for _, row := range in.rows[parent] {
			there[row[0]] = true
		}
		if n := in.nokey[table]; n > 0 {
			found[reasoned{table, "", "identity", "no_key"}] = n
		}
		for _, row := range in.rows[table] {
			key := row[0]
			if key == "NULL" {
				continue
			}
			if in.clash[table][key] {
				found[reasoned{table, key, "identity", "duplicate_key"}] = 2
				aside[table][key] = true
				continue
			}
			if in.twice[table][key] {
				found[reasoned{table, key, "identity", "superseded"}]++
			}
			faults := 0
			for _, f := range in.direct[table+" "+key] {
				if mended && (slices.Contains(row, unknownStatus) || slices.Contains(row, strangeCurrency)) {
					continue
				}
				found[f]++
				faults++
			}
			if parent != "" && row[field] != "NULL" && row[field] != "900000001" {
				switch {
				case aside[parent][row[field]]:
					found[reasoned{table, key, rule, "parent_quarantined"}]++
					faults++
				case !there[row[field]]:
					found[reasoned{table, key, rule, "no_parent"}]++
					faults++
				}
			}
			if faults > 0 {
				aside[table][key] = true
			} else {
				arrived[table]++
			}
		}
	}
	return found, arrived
}

// quarantined is what stands in quarantine. Rows without a key are known by their content, so they are only counted.
func quarantined(t *testing.T, flags []string) map[reasoned]int {
	t.Helper()
	out := map[reasoned]int{}
	for _, r := range books(t, flags, `
select r.table_name, case when r.reason = 'no_key' then '' else r.key end as key, r.check_name, r.reason, count(*) as n
from quarantine.reasons as r
join quarantine.rows as q on q.table_name = r.table_name and q.key = r.key and q.occurrence = r.occurrence
where q.state in ('held', 'quarantined', 'superseded')
group by 1, 2, 3, 4`) {
		n, _ := r["n"].(float64)
		out[reasoned{r["table_name"].(string), r["key"].(string), r["check_name"].(string), r["reason"].(string)}] = int(n)
	}
	return out
}

// strictProject is carepay with rules of its own for every kind, and thresholds that let all of it pass.
func strictProject(t *testing.T) string {
	t.Helper()
	dir := entitiesCopy(t)
	for _, gone := range []string{"models/kpi", "tests", "models/core/unit_tests.yml", "models/analytics/analytics.yml"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, gone)))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "tests"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "models", "core", "core.yml"), []byte(strictCore), 0o600))
	return dir
}

// rule is one test that quarantines rows.
func rule(name, kind, arguments string) string {
	return fmt.Sprintf("          - %s: {name: %s, arguments: {%s}, config: {meta: {lifeline: {on_fail: quarantine}}}}\n", kind,
		name, arguments)
}

var strictCore = "version: 2\nmodels:\n" +
	"  - name: treatments\n    config: {meta: {lifeline: {entity_of: treatment}}}\n    columns:\n" +
	"      - name: status\n        data_tests:\n" + rule("treatments_status", "dbt_utils.expression_is_true", `expression: "<> 'unknown'"`) +
	"      - name: date_treatment\n        data_tests:\n" + rule("treatments_care", "not_null", "") +
	rule("treatments_care_day", "lifeline.cast_failure", `of: "source('carepay', 'treatment')", key: id`) +
	"      - name: provider_id\n        data_tests:\n" + rule("treatments_provider", "not_null", "") +
	"      - name: program_id\n        data_tests:\n" + rule("treatments_program", "dbt_utils.accepted_range", "max_value: 900") +
	"  - name: claims\n    config: {meta: {lifeline: {entity_of: claim}}}\n    columns:\n" +
	"      - name: treatment_id\n        data_tests:\n" + rule("claims_treatment", "not_null", "") +
	rule("claims_parent", "relationships", "to: ref('treatments'), field: treatment_id") +
	"      - name: amount\n        data_tests:\n" + rule("claims_no_amount", "not_null", "") +
	rule("claims_amount", "dbt_utils.accepted_range", "min_value: 0, max_value: 100000000") +
	rule("claims_amount_text", "lifeline.cast_failure", `of: "source('carepay', 'claim')", key: id`) +
	"      - name: currency\n        data_tests:\n" + rule("claims_currency", "accepted_values", "values: [KES]") +
	"      - name: type\n        data_tests:\n" + rule("claims_type", "accepted_values", "values: [Benefit, Voucher]") +
	"  - name: invoices\n    config: {meta: {lifeline: {entity_of: invoice}}}\n    columns:\n" +
	"      - name: treatment_id\n        data_tests:\n" + rule("invoices_treatment", "not_null", "") +
	rule("invoices_parent", "relationships", "to: ref('treatments'), field: treatment_id") +
	"      - name: status\n        data_tests:\n" +
	rule("invoices_status", "dbt_utils.expression_is_true", `expression: "<> 'unknown' or status_raw <> 'WHATEVER'"`) +
	"  - name: invoice_items\n    config: {meta: {lifeline: {entity_of: invoice_item}}}\n    columns:\n" +
	"      - name: invoice_id\n        data_tests:\n" + rule("items_invoice", "not_null", "") +
	rule("items_parent", "relationships", "to: ref('invoices'), field: id") +
	"      - name: amount\n        data_tests:\n" + rule("items_amount", "dbt_utils.accepted_range", "min_value: 0") +
	"      - name: currency\n        data_tests:\n" + rule("items_currency", "accepted_values", "values: [KES]")
