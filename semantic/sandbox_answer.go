package semantic

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// answerWriter writes rows into the answer's file, up to a number of bytes.
type answerWriter struct {
	file    *os.File
	out     *bufio.Writer
	format  string
	columns []Column
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
	a.columns = make([]Column, len(columns))
	for i, c := range columns {
		a.columns[i] = Column{Name: c.Name, Type: c.Kind}
	}
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

func (a *answerWriter) add(values []any) (err error) {
	switch a.format {
	case "csv":
		a.line = csvLine(a.line, values, a.columns)
	case "ndjson":
		a.line, err = jsonLine(a.line, values, a.columns)
	default:
		a.line, err = arrayLine(a.line, values, a.columns)
	}
	if err != nil {
		return err
	}
	return a.flushLine()
}

func (a *answerWriter) flushLine() error {
	if a.bytes += int64(len(a.line)); a.bytes > a.most {
		return tooMuch("Too large an answer", fmt.Sprintf("the answer is larger than %d MB", a.most>>20),
			"fewer rows, fewer columns, or shorter texts")
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

func arrayLine(line []byte, values []any, columns []Column) ([]byte, error) {
	line = append(line, '[')
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		value, err := json.Marshal(jsonValue(v, columns[i].Type))
		if err != nil {
			return nil, err
		}
		line = append(line, value...)
	}
	return append(line, ']', '\n'), nil
}
