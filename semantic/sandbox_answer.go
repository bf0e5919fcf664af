package semantic

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"lifeline/warehouse"
)

// answerWriter writes rows into the answer's file, up to a number of bytes.
type answerWriter struct {
	file    *os.File
	out     *bufio.Writer
	format  string
	columns []SandboxColumn
	line    []byte
	bytes   int64
	most    int64
}

func createAnswer(q *question) (*answerWriter, error) {
	f, err := os.OpenFile(q.File, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	return &answerWriter{file: f, out: bufio.NewWriterSize(f, 64<<10), format: q.Format, most: q.Bytes}, nil
}

// begin writes what stands above the rows.
func (a *answerWriter) begin(columns []SandboxColumn) {
	a.columns = columns
	if a.format != "csv" {
		return
	}
	for i, c := range columns {
		if i > 0 {
			a.line = append(a.line, ',')
		}
		a.line = AppendCSV(a.line, GuardFormula(c.Name))
	}
	a.line = append(a.line, '\r', '\n')
}

// add writes one row.
func (a *answerWriter) add(values []any) (err error) {
	switch a.format {
	case "csv":
		a.line = CSVLine(a.line, values, a.kind)
	case "ndjson":
		a.line, err = objectLine(a.line, values, a.columns)
	default:
		a.line, err = arrayLine(a.line, values, a.columns)
	}
	if err != nil {
		return err
	}
	return a.flushLine()
}

func (a *answerWriter) kind(i int) string { return a.columns[i].Kind }

func (a *answerWriter) flushLine() error {
	if a.bytes += int64(len(a.line)); a.bytes > a.most {
		return tooMuch("Too large an answer", fmt.Sprintf("the answer is larger than %d MB", a.most>>20), "fewer rows, fewer columns, or shorter texts")
	}
	_, err := a.out.Write(a.line)
	a.line = a.line[:0]
	return err
}

// close ends the file.
func (a *answerWriter) close() error {
	if len(a.line) > 0 {
		if err := a.flushLine(); err != nil {
			return err
		}
	}
	if err := a.out.Flush(); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return a.file.Close()
}

func arrayLine(line []byte, values []any, columns []SandboxColumn) ([]byte, error) {
	line = append(line, '[')
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		value, err := json.Marshal(warehouse.ValueJSON(v, columns[i].Kind, warehouse.TimeISO))
		if err != nil {
			return nil, err
		}
		line = append(line, value...)
	}
	return append(line, ']', '\n'), nil
}

func objectLine(line []byte, values []any, columns []SandboxColumn) ([]byte, error) {
	line = append(line, '{')
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		name, err := json.Marshal(columns[i].Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(warehouse.ValueJSON(v, columns[i].Kind, warehouse.TimeISO))
		if err != nil {
			return nil, err
		}
		line = append(append(append(line, name...), ':'), value...)
	}
	return append(line, '}', '\n'), nil
}

// CSVLine adds a row to a CSV file's text; kind gives the type of a column. An empty text is "", null is nothing.
func CSVLine(line []byte, values []any, kind func(i int) string) []byte {
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		if v == nil {
			continue
		}
		text := CSVText(v, kind(i))
		if text == "" {
			line = append(line, '"', '"')
			continue
		}
		line = AppendCSV(line, text)
	}
	return append(line, '\r', '\n')
}
