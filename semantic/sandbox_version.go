package semantic

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// newVersionSandbox is where statements over a version run.
func newVersionSandbox(s *Version, o Options) (*Sandbox, error) {
	with := SandboxOptions{
		Engine: s.reader.Engine(), Version: s.Number, Address: o.Reader, Tables: map[string]bool{}, Rename: s.rename,
		Limits: o.SQL,
	}
	for name := range s.Tables {
		if !strings.HasPrefix(name, "dashboard.") {
			with.Tables[strings.ToLower(name)] = true
		}
	}
	if path, is := strings.CutPrefix(o.DSN, "duckdb:"); is {
		// The process has a folder of its own, so it needs the whole path.
		path, err := filepath.Abs(strings.TrimPrefix(path, "//"))
		if err != nil {
			return nil, fmt.Errorf("find the version's file: %w", err)
		}
		// The path may by now be a later version's; the kept file is this one's own.
		with.Address, with.Rename = nil, nil
		with.Files = []string{fmt.Sprintf("%s.lifeline/versions/v%d.duckdb", path, s.Number), path}
	}
	return NewSandbox(with, o.SQLQueue)
}

// SQL runs a statement of a person over this version.
func (s *Version) SQL(ctx context.Context, st Statement) (*Answer, error) {
	return s.sandbox.Run(ctx, st)
}

// Result reads the rows of an answer of the format json, which are bounded in bytes.
func (a *Answer) Result() (*Result, error) {
	out := &Result{Columns: make([]Column, len(a.Columns)), Rows: make([][]any, 0, a.Rows)}
	for i, col := range a.Columns {
		kind := typeName(col.Kind, col.Precision, col.Scale)
		out.Columns[i] = Column{Name: col.Name, Label: Title(col.Name), Type: kind, Format: formatOf(col.Name, kind)}
	}
	lines := bufio.NewReaderSize(a.File, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			out.finish()
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		var row []any
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&row); err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		for i, v := range row {
			row[i] = plainNumber(v)
		}
		out.Rows = append(out.Rows, row)
	}
}

// plainNumber makes of a number in JSON what a query's own result has.
func plainNumber(v any) any {
	n, is := v.(json.Number)
	if !is {
		return v
	}
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, _ := n.Float64()
	return f
}
