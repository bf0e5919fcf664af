package main

import (
	"math/big"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"lifeline/warehouse"
)

// column is a column of an answer by its name and the engine's name of its type.
type column struct{ name, kind string }

func columnsOf(rows *warehouse.Rows) ([]column, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	out := make([]column, len(types))
	for i, t := range types {
		out[i] = column{t.Name(), t.DatabaseTypeName()}
	}
	return out, nil
}

// cell writes one value as text: timestamps in UTC without a zone, decimals exactly, null as given.
func cell(v any, kind, null string) string {
	if v == nil {
		return null
	}
	return warehouse.ValueText(v, kind, warehouse.TimeSQL)
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, duckdb.Decimal, *big.Int:
		return true
	}
	return false
}

func timeText(t time.Time) string { return t.UTC().Format(string(warehouse.TimeSQL)) }
