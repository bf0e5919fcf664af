package source_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/source"
)

// carepay has the shape of the shipped project's source.
var carepay = []source.Contract{
	contract("treatment", "TREATMENT", "treatments.csv", nil,
		"id int, status varchar(25), date_created datetime, date_modified datetime, date_submitted datetime, date_treatment datetime, "+
			"provider_id int, program_id int"),
	contract("claim", "CLAIM", "claims.csv", []change.Money{{Column: "amount", Currency: "currency"}},
		"id int, status varchar(25), type varchar(25), date_created datetime, date_modified datetime, treatment_id int, program_id int, "+
			"amount decimal(19,4), currency varchar(4)"),
	contract("invoice", "INVOICE", "invoices.csv", nil,
		"id int, status varchar(25), date_created datetime, treatment_id int"),
	contract("invoice_item", "INVOICE_ITEM", "invoice_items.csv", []change.Money{{Column: "amount", Currency: "currency"}},
		"id int, status varchar(25), date_created datetime, invoice_id int, product_id int, currency varchar(4), amount decimal(19,4)"),
}

func contract(name, identifier, file string, money []change.Money, columns string) source.Contract {
	c := source.Contract{Name: name, Identifier: identifier, File: file, Key: []string{"id"}, Money: money}
	for _, column := range strings.Split(columns, ", ") {
		name, declared, _ := strings.Cut(column, " ")
		c.Columns = append(c.Columns, source.ContractColumn{Name: name, DataType: declared})
	}
	return c
}

// BenchmarkRead reads the whole source at LIFELINE_BENCH_SOURCE to nowhere: what landing costs without a warehouse.
func BenchmarkRead(b *testing.B) {
	dsn := os.Getenv("LIFELINE_BENCH_SOURCE")
	if dsn == "" {
		b.Skip("LIFELINE_BENCH_SOURCE names no source")
	}
	src, err := source.Open(b.Context(), source.Options{DSN: dsn, Tables: carepay})
	require.NoError(b, err)
	defer src.Close()
	var rows int64
	for b.Loop() {
		snap, err := src.Snapshot(b.Context())
		require.NoError(b, err)
		rows = 0
		require.NoError(b, snap.Read(b.Context(), func(context.Context, *change.Table) (change.Writer, error) {
			return &source.Discard{}, nil
		}, func(p source.Progress) { rows = max(rows, p.Rows) }))
		require.NoError(b, snap.Close())
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkTotals adds up the same source.
func BenchmarkTotals(b *testing.B) {
	dsn := os.Getenv("LIFELINE_BENCH_SOURCE")
	if dsn == "" {
		b.Skip("LIFELINE_BENCH_SOURCE names no source")
	}
	src, err := source.Open(b.Context(), source.Options{DSN: dsn, Tables: carepay})
	require.NoError(b, err)
	defer src.Close()
	snap, err := src.Snapshot(b.Context())
	require.NoError(b, err)
	defer snap.Close()
	for b.Loop() {
		_, err := snap.Totals(b.Context())
		require.NoError(b, err)
	}
}
