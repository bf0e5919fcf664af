package sample

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/change"
)

// invoicesFile is a given invoices file, around which the other tables are made.
type invoicesFile struct {
	text []byte
	rows []givenInvoice
}

type givenInvoice struct {
	id, treatment, created int64
	status                 string
}

// readInvoices reads a file with the columns ID, STATUS, DATE_CREATED, TREATMENT_ID. Errors name the line.
func readInvoices(path string) (*invoicesFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &change.Problem{Err: fmt.Errorf("read the invoices: %w", err), Class: change.ClassUsage, Try: "--invoices FILE, with columns ID,STATUS,DATE_CREATED,TREATMENT_ID"}
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	f := &invoicesFile{text: bytes.TrimSuffix(text, []byte("\n"))}
	header, err := r.Read()
	if err != nil || strings.ToUpper(strings.Join(header, ",")) != "ID,STATUS,DATE_CREATED,TREATMENT_ID" {
		return nil, f.problem(path, 1, "the header is not ID,STATUS,DATE_CREATED,TREATMENT_ID")
	}
	for line := 2; ; line++ {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, f.problem(path, line, err.Error())
		}
		row, err := parseInvoice(record)
		if err != nil {
			return nil, f.problem(path, line, err.Error())
		}
		f.rows = append(f.rows, row)
	}
	if len(f.rows) == 0 {
		return nil, f.problem(path, 2, "there are no rows")
	}
	return f, nil
}

func (f *invoicesFile) problem(path string, line int, what string) error {
	return &change.Problem{Err: errors.New("invoices file: " + what), Where: fmt.Sprintf("%s:%d", path, line), Class: change.ClassUsage, Try: "mend that line"}
}

func parseInvoice(record []string) (givenInvoice, error) {
	var row givenInvoice
	var err error
	if row.id, err = strconv.ParseInt(record[0], 10, 64); err != nil {
		return row, fmt.Errorf("ID %q is no number", record[0])
	}
	if row.treatment, err = strconv.ParseInt(record[3], 10, 64); err != nil {
		return row, fmt.Errorf("TREATMENT_ID %q is no number", record[3])
	}
	row.status, row.created = record[1], noTime
	if record[2] != "NULL" {
		t, err := time.Parse(time.DateTime, record[2])
		if err != nil {
			return row, fmt.Errorf("DATE_CREATED %q is no time", record[2])
		}
		row.created = t.Unix()
	}
	return row, nil
}

// fileVisits makes one case of each treatment that the file names, so that every one of its rows has its parent.
func (w *world) fileVisits(do func(*visit) bool) {
	rows := slices.Clone(w.file.rows)
	slices.SortStableFunc(rows, func(a, b givenInvoice) int {
		if a.treatment != b.treatment {
			return int(min(max(a.treatment-b.treatment, -1), 1))
		}
		return int(min(max(a.id-b.id, -1), 1))
	})
	undated := int64(0)
	for _, r := range rows {
		if r.created == noTime {
			undated++
		}
	}
	w.undated = max(undated, 1)
	v := &visit{}
	index := int64(-1)
	for i, r := range rows {
		if i == 0 || r.treatment != v.id {
			if i > 0 && !do(v) {
				return
			}
			index++
			*v = visit{index: index, id: r.treatment, old: r.created == noTime, created: r.created, invoices: v.invoices[:0]}
			if v.old {
				v.created = w.oldTime(min(index, w.undated-1))
			}
			w.who(v)
		}
		v.invoices = append(v.invoices, bill{id: r.id, status: r.status, created: r.created, items: w.itemsOf(index, int64(len(v.invoices)))})
	}
	do(v)
}
