// Package semantic asks questions of one published version: pages with their cards, rows, records, the values of filters, exports, and
// people's own selects. A question is a Version, what the project's dashboards/*.yml say (Definition) and Filters; it needs no server.
//
//	ParseFilters ──► Filters ──┐
//	ReadDefinition ► Definition ┼─► Version.Page / Rows / Dimension / Record ──► Answer (JSON types of api_*.go)
//	Open ──────────► Version ──┘                                        └──────► Export ──► File (CSV, Parquet, NDJSON)
//
// Every number comes from one version, and a card, its rows and its export read one filter grammar (filter.go). What the books of runs say
// is handed in (PageOps, RecordOps); serving it to people is left to package dashboard.
package semantic
