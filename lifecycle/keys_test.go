package lifecycle_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/lifecycle"
)

// made is all that a declaration gives: its models with their columns and configuration, their checks, and its states for the pages.
func made(t *testing.T, text string) (string, error) {
	t.Helper()
	all := files("UTC", text)
	all["models/order_log.sql"] = "{{ config(schema='core', materialized='ephemeral') }}\nselect * from raw.order_log"
	if strings.Contains(text, "lifecycle: purchase\n") {
		delete(all, "lifecycles/all.yml")
	}
	p, err := load(t, all)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, m := range p.Models {
		fmt.Fprintf(&b, "%s %s %v %v %+v %s %s\n%s\n", m.Name, m.Description, m.Grain, m.Columns, m.Config, m.EntityOf, m.DistributeBy, m.SQL)
	}
	for _, c := range p.Tests {
		fmt.Fprintf(&b, "%s %+v\n", c.Name, c.Args)
	}
	lives, err := lifecycle.Declared(p)
	require.NoError(t, err)
	for _, l := range lives {
		fmt.Fprintf(&b, "%+v\n", l.States)
	}
	return b.String(), nil
}

// Promise 11: every key that the reference names changes what is made.
func TestEveryKeyOfALifecycleIsUsed(t *testing.T) {
	t.Parallel()
	base, err := made(t, shop)
	require.NoError(t, err)
	swaps := map[string][2]string{
		"lifecycle":      {"lifecycle: order\n", "lifecycle: purchase\n"},
		"description":    {"key: id\n", "key: id\ndescription: What happens to an order.\n"},
		"from":           {"from: ref('orders')", "from: ref('customers')"},
		"key":            {"key: id\n", "key: number\n"},
		"state":          {"state: status\n", "state: stage\n"},
		"states":         {"  back: {open: true}\n", "  back: {open: true}\n  lost: {open: true}\n"},
		"state open":     {"paid: {open: true}", "paid: {}"},
		"state decided":  {"sent: {decided: true, next: [back]}", "sent: {next: [back]}"},
		"state void":     {"cancelled: {void: true, ", "cancelled: {"},
		"state initial":  {"paid: {open: true}", "paid: {open: true, initial: true}"},
		"state next":     {"next: [back]", "next: [back, cancelled]"},
		"state previous": {"back: {open: true}", "back: {open: true, previous: [sent]}"},
		"state codes":    {"paid: {open: true}", "paid: {open: true, codes: [4]}"},
		"state label":    {"paid: {open: true}", "paid: {open: true, label: Has paid}"},
		"log": {
			"history: ref('order_versions')\n",
			"log: {from: ref('order_log'), key: order_id, at: added, state: status, id: id, previous: was, when: {kind: x}}\n",
		},
		"history":         {"history: ref('order_versions')\n", ""},
		"parents":         {"on: customer_id}", "on: buyer_id}"},
		"parent key":      {"on: customer_id}", "on: customer_id, key: number}"},
		"children":        {"key: order_id}", "key: order_number}"},
		"child on":        {"key: order_id}", "key: order_id, on: number}"},
		"child id":        {"key: order_id}", "key: order_id, id: number}"},
		"child parents":   {"key: order_id}", "key: door.order_id, parents: {door: {from: ref('customers'), on: door_id}}}"},
		"related":         {"customer: customer_id,", "customer: buyer_id,"},
		"measures":        {"amount: {currency: currency}", "amount: {column: price, currency: currency}"},
		"columns":         {"scans_total: count(scan)", "scans_number: count(scan)"},
		"activities":      {"  paid: {at: paid_at, to: paid}\n", "  paid: {at: paid_at, to: paid}\n  packed: {at: packed_at}\n"},
		"legs":            {"[placed, paid]}", "[placed, sent]}"},
		"service_levels":  {"to_payment: 2d", "to_payment: 3d"},
		"backlog":         {"leave: sent", "leave: paid"},
		"backlog enter":   {"enter: [paid, placed]", "enter: [placed]"},
		"backlog by":      {"by: region, ages", "by: customer, ages"},
		"backlog ages":    {"ages: [7d, 28d]", "ages: [7d, 29d]"},
		"counters":        {"by: [region, customer]", "by: [region]"},
		"counter windows": {"windows: [7d, 28d, total]", "windows: [7d, total]"},
		"counter state":   {"activity: sent, state: sent,", "activity: sent,"},
		"counter sum":     {", sum: {sent_amount: amount}", ""},
		"names":           {"key: id\n", "key: id\nnames: {time: happened_at, activity: what, key: '{}_id'}\n"},
		"tables":          {"key: id\n", "key: id\ntables: {intervals: false, backlog: waiting}\n"},
		"colocate":        {"key: id\n", "key: id\ncolocate: customer\n"},

		"activity at":        {"at: placed_at", "at: ordered_at"},
		"activity state":     {"state: sent, at", "state: back, at"},
		"activity to":        {"at: paid_at, to: paid", "at: paid_at"},
		"activity basis":     {"basis: proxy", "basis: column"},
		"activity basis_of":  {"basis: proxy", "basis_of: changed_at_basis"},
		"activity lower":     {"basis: proxy", "basis: proxy, lower: placed_at"},
		"activity upper":     {"basis: proxy", "basis: proxy, upper: closed_at"},
		"activity each":      {"{each: scan, at: scanned_at, when: {kind: [in, out]}}", "{at: scanned_at}"},
		"activity when":      {"when: {kind: [in, out]}", "when: {kind: [in], gate: null, door: not null}"},
		"activity related":   {"each: scan,", "each: scan, related: {customer: door_id},"},
		"activity measures":  {"each: scan,", "each: scan, measures: {amount: price},"},
		"activity as":        {"at: placed_at", "at: placed_at, as: placed_on"},
		"activity fact":      {"at: placed_at", "at: placed_at, fact: false"},
		"activity flattened": {"each: scan,", "each: scan, flattened: false,"},
	}
	for _, key := range referenceKeys(t) {
		require.Contains(t, swaps, key, "docs/lifecycles.md has a key that is not tried here")
	}
	for key, swap := range swaps {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, shop, swap[0])
			got, err := made(t, strings.Replace(shop, swap[0], swap[1], 1))
			require.NoError(t, err)
			require.NotEqual(t, base, got, "%s changes nothing", key)
		})
	}
}

// referenceKeys are the first columns of the two tables of the reference; a key of an activity has the word before it.
func referenceKeys(t *testing.T) (out []string) {
	t.Helper()
	text, err := os.ReadFile("../docs/lifecycles.md")
	require.NoError(t, err)
	_, reference, ok := strings.Cut(string(text), "\n## Reference\n")
	require.True(t, ok)
	reference, _, _ = strings.Cut(reference, "\n## ")
	prefix := ""
	for _, line := range strings.Split(reference, "\n") {
		if line == "An activity:" {
			prefix = "activity "
		}
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[1], -1) {
			out = append(out, prefix+m[1])
		}
	}
	require.Greater(t, len(out), 30)
	return out
}

// A key that nobody knows is refused with its place at every depth, and so is one that is written twice.
func TestAnUnknownKeyOfALifecycleIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	withLog := strings.Replace(shop, "history: ref('order_versions')\n",
		"log: {from: ref('order_log'), key: order_id, at: added, state: status}\n", 1)
	for _, before := range []string{
		"from: ref('orders')\n", "  new: {", "  customer: {", "  scan: {", "measures: {amount: {", "  placed: {", "  scanned: {", "backlog: {",
		"  by: [region, customer]\n", "    orders: {", "log: {", "counters:\n",
	} {
		for _, extra := range []string{"nobody_knows_it: 1", "Nobody: {a: 1}"} {
			text := strings.Replace(withLog, before, before+indented(before, extra), 1)
			require.NotEqual(t, withLog, text, before)
			_, err := made(t, text)
			var p *change.Problem
			require.ErrorAs(t, err, &p, "%q after %q", extra, before)
			require.Regexp(t, `^lifecycles/order\.yml:\d+:\d+$`, p.Where)
			require.NotEmpty(t, p.Try)
		}
	}
	for _, twice := range []string{"key: id\n", "state: status\n"} {
		_, err := made(t, strings.Replace(shop, twice, twice+twice, 1))
		require.Error(t, err, twice)
	}
}

// indented writes an entry as it stands after a line or an opening brace.
func indented(before, entry string) string {
	switch {
	case strings.HasSuffix(before, "{"):
		return entry + ", "
	case strings.HasPrefix(before, "  ") || before == "counters:\n":
		return "  " + entry + "\n"
	default:
		return entry + "\n"
	}
}
