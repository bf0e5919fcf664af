package semantic

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"lifeline/warehouse"
)

// Store is where a whole version is written: a folder, or a bucket. A file appears whole or not at all.
type Store interface {
	Put(ctx context.Context, name, file string) error
}

// VersionManifest says what a store holds. It is written last, so whoever reads it finds every file that it names.
type VersionManifest struct {
	Project     string          `json:"project"`
	Version     int64           `json:"version"`
	AsOf        time.Time       `json:"as_of"`
	PublishedAt time.Time       `json:"published_at"`
	Format      string          `json:"format"`
	Folder      string          `json:"folder"` // Of this version, below the store's root.
	Tables      []ExportedTable `json:"tables"`
}

// ExportedTable is one table of a version: a folder with one file, as Athena and Spark read tables.
type ExportedTable struct {
	Schema  string           `json:"schema"`
	Name    string           `json:"name"`
	Path    string           `json:"path"`
	Rows    int64            `json:"rows"`
	Bytes   int64            `json:"bytes"`
	Columns []ExportedColumn `json:"columns"`
}

// ExportedColumn is a column, with its type in Athena.
type ExportedColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// ManifestFile is the name of the manifest at the store's root.
const ManifestFile = "manifest.json"

// ExportAll writes every table of a published version as Parquet: VERSION/SCHEMA/TABLE/part-0.parquet, VERSION/athena.sql with the
// statements that make tables of them, and last manifest.json.
func ExportAll(ctx context.Context, r *warehouse.Reader, project string, to Store) (*VersionManifest, error) {
	at, err := r.Published(ctx)
	if err != nil {
		return nil, err
	}
	m := &VersionManifest{
		Project: project, Version: r.Version, AsOf: at.AsOf, PublishedAt: at.PublishedAt, Format: "parquet",
		Folder: fmt.Sprintf("v%d", r.Version), Tables: []ExportedTable{},
	}
	dir, err := warehouse.ExportFolder()
	if err != nil {
		return nil, fmt.Errorf("make room for the export: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	tables, err := r.Tables(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the tables of version %d: %w", r.Version, err)
	}
	for _, t := range tables {
		written, err := exportOne(ctx, r, m, t, dir, to)
		if err != nil {
			return nil, fmt.Errorf("export %s.%s: %w", t.Schema, t.Name, err)
		}
		m.Tables = append(m.Tables, written)
	}
	if err := putText(ctx, to, dir, m.Folder+"/athena.sql", athena(m)); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return m, putText(ctx, to, dir, ManifestFile, string(text)+"\n")
}

func exportOne(
	ctx context.Context, r *warehouse.Reader, m *VersionManifest, t warehouse.PublishedTable, dir string, to Store,
) (ExportedTable, error) {
	out := ExportedTable{Schema: t.Schema, Name: t.Name, Path: path.Join(m.Folder, t.Schema, t.Name)}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, ExportedColumn{c.Name, athenaType(c)})
	}
	own, err := os.MkdirTemp(dir, "table-*") // The engine that writes leaves files beside.
	if err != nil {
		return out, err
	}
	defer func() { _ = os.RemoveAll(own) }()
	file := filepath.Join(own, "part-0.parquet")
	if out.Rows, err = r.WriteParquet(ctx, "select * from "+t.SQL, file, map[string]string{
		"table": t.Schema + "." + t.Name, "version": fmt.Sprint(m.Version), "as_of": m.AsOf.Format(time.RFC3339),
	}); err != nil {
		return out, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return out, err
	}
	out.Bytes = info.Size()
	return out, to.Put(ctx, out.Path+"/part-0.parquet", file)
}

func putText(ctx context.Context, to Store, dir, name, text string) error {
	file := filepath.Join(dir, path.Base(name))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return to.Put(ctx, name, file)
}

// athenaType is the type of a column in Athena's tables, as the Parquet file has it.
func athenaType(c warehouse.PublishedColumn) string {
	kind, _, _ := strings.Cut(strings.ToLower(c.Type), "(")
	switch kind {
	case "smallint", "integer", "bigint", "boolean", "date", "double", "float":
		return strings.Replace(kind, "integer", "int", 1)
	case "tinyint", "utinyint":
		return "smallint"
	case "usmallint":
		return "int"
	case "uinteger":
		return "bigint"
	case "double precision":
		return "double"
	case "real":
		return "float"
	case "hugeint", "ubigint":
		return "decimal(38,0)"
	case "decimal", "numeric":
		if c.Precision > 0 {
			return fmt.Sprintf("decimal(%d,%d)", c.Precision, c.Scale)
		}
		return "string"
	case "timestamp", "timestamp without time zone", "timestamp with time zone":
		return "timestamp"
	case "blob", "bytea":
		return "binary"
	}
	return "string"
}

const athenaTable = `
drop table if exists %[1]s.%[2]s;
create external table %[1]s.%[2]s (
%[3]s
)
stored as parquet
location 'ROOT/%[4]s/';
`

// athena is the statements that make tables of a version's folders. ROOT stands for the store's address.
func athena(m *VersionManifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- Version %d of %s. Put the store's address in the place of ROOT, such as s3://bucket/lifeline.\n", m.Version, m.Project)
	schema := ""
	for _, t := range m.Tables {
		if t.Schema != schema {
			schema = t.Schema
			fmt.Fprintf(&b, "\ncreate database if not exists `%s`;\n", schema)
		}
		lines := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			lines[i] = "    `" + c.Name + "` " + c.Type
		}
		fmt.Fprintf(&b, athenaTable,
			t.Schema, t.Name, strings.Join(lines, ",\n"), t.Path)
	}
	return b.String()
}
