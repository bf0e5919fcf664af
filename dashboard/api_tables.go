package dashboard

import "lifeline/semantic"

// TableInfo is one table in the list of tables: GET /api/v1/tables.
type TableInfo struct {
	Name        string               `json:"name"` // schema.table.
	Schema      string               `json:"schema"`
	Kind        string               `json:"kind"` // "table" or "view".
	Description string               `json:"description"`
	Rows        int64                `json:"rows"`
	Columns     int                  `json:"columns"`
	Key         string               `json:"key"`              // Column, where the project declares one.
	Newest      string               `json:"newest,omitempty"` // Newest value of its first date, UTC.
	Tags        []string             `json:"tags"`
	Checks      semantic.CheckCounts `json:"checks"`
	Link        string               `json:"link"`
}

// TableData is one table in full: GET /api/v1/tables/{schema.table}.
type TableData struct {
	TableInfo
	Profile    []semantic.ColumnProfile `json:"profile"`
	Upstream   []string                 `json:"upstream"`
	Downstream []string                 `json:"downstream"`
	Tests      []CheckInfo              `json:"tests"`
	SQL        string                   `json:"sql,omitempty"`    // The model's; only for the role data.
	Record     string                   `json:"record,omitempty"` // Kind of record that a row leads to.
	Usage      []string                 `json:"usage"`            // Cards that read it, as page/card.
}

// LineageData is a table's neighbourhood, laid out: GET /api/v1/lineage.
type LineageData struct {
	Table      string        `json:"table"`
	Width      int           `json:"width"`
	Height     int           `json:"height"`
	Nodes      []LineageNode `json:"nodes"`
	Edges      []LineageEdge `json:"edges"`
	Upstream   []string      `json:"upstream"` // All, not only the shown.
	Downstream []string      `json:"downstream"`
	Tables     []string      `json:"tables"` // Everything one can ask for.
	Columns    []ColumnPath  `json:"columns"`
}

// LineageNode is one table, view, seed or source with its place.
type LineageNode struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"` // "source", "seed", "table", "view" or "page".
	Rows    int64    `json:"rows"`
	Layer   int      `json:"layer"`
	X       int      `json:"x"`
	Y       int      `json:"y"`
	Width   int      `json:"width"`
	Height  int      `json:"height"`
	Status  string   `json:"status"` // The worst of its checks.
	Focus   bool     `json:"focus"`
	More    int      `json:"more"` // Neighbours that are not shown.
	Link    string   `json:"link"`
	Columns []string `json:"columns"`
}

// LineageEdge leads from what is read to what reads it.
type LineageEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
	Path string `json:"path"` // SVG path.
}

// ColumnPath follows one column through tables that carry it by the same name.
type ColumnPath struct {
	Column string   `json:"column"`
	Nodes  []string `json:"nodes"`
}

// SQLRequest is the body of POST /api/v1/sql.
type SQLRequest struct {
	Query  string            `json:"q"`
	Values map[string]string `json:"values,omitempty"` // Of the statement's :names, as text.
	// json where none is given; csv, parquet and ndjson give a file of up to a hundred times the rows.
	Format string `json:"format,omitempty"`
}

// SQLData is the result of one select: POST /api/v1/sql.
type SQLData struct {
	Columns   []semantic.Column `json:"columns"`
	Rows      [][]any           `json:"rows"`
	Truncated bool              `json:"truncated"` // There are more rows than the limit.
	Limit     int               `json:"limit"`
	Seconds   float64           `json:"seconds"`
	Formats   []string          `json:"formats"` // Of the files that the same request gives.
}
