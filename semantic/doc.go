// Package semantic is what may be asked of a published version: its tables, filters, pages, rows and exports, and the sandbox in which
// people's own SQL runs. It knows no HTTP.
package semantic
