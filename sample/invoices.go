package sample

import (
	"bytes"
	"cmp"
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
	text       []byte // As it stands.
	rows       int64
	visits     []givenInvoice // By treatment, then id.
	treatments int64
	undated    int64
	newest     int64 // The newest time, that of the real file where there is none.
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
	f := &invoicesFile{text: text}
	header, err := r.Read()
	if err != nil || strings.ToUpper(strings.Join(header, ",")) != "ID,STATUS,DATE_CREATED,TREATMENT_ID" {
		return nil, f.problem(path, 1, "the header is not ID,STATUS,DATE_CREATED,TREATMENT_ID")
	}
	seen := map[int64]bool{}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line := f.rows + 2
		if err != nil {
			return nil, f.problem(path, line, err.Error())
		}
		row, err := parseInvoice(record)
		if err == nil && seen[row.id] {
			err = fmt.Errorf("ID %d occurs twice", row.id)
		}
		if err != nil {
			return nil, f.problem(path, line, err.Error())
		}
		seen[row.id] = true
		f.visits = append(f.visits, row)
		f.rows++
	}
	if f.rows == 0 {
		return nil, f.problem(path, 2, "there are no rows")
	}
	f.arrange()
	return f, nil
}

// arrange puts the rows in the order of treatments and counts what cases are made from.
func (f *invoicesFile) arrange() {
	slices.SortFunc(f.visits, func(a, b givenInvoice) int {
		return cmp.Or(cmp.Compare(a.treatment, b.treatment), cmp.Compare(a.id, b.id))
	})
	f.newest = noTime
	for i, r := range f.visits {
		f.newest = max(f.newest, r.created)
		if i > 0 && r.treatment == f.visits[i-1].treatment {
			continue
		}
		f.treatments++
		if r.created == noTime {
			f.undated++
		}
	}
	if f.newest == noTime {
		f.newest = dataEnd
	}
	f.undated = max(f.undated, 1)
}

func (f *invoicesFile) problem(path string, line int64, what string) error {
	return &change.Problem{Err: errors.New("invoices file: " + what), Where: fmt.Sprintf("%s:%d", path, line), Class: change.ClassUsage, Try: "mend that line"}
}

func parseInvoice(record []string) (givenInvoice, error) {
	var row givenInvoice
	var err error
	if row.id, err = strconv.ParseInt(record[0], 10, 32); err != nil || row.id <= 0 {
		return row, fmt.Errorf("ID %q is no number of an invoice", record[0])
	}
	if row.treatment, err = strconv.ParseInt(record[3], 10, 32); err != nil || row.treatment <= 0 {
		return row, fmt.Errorf("TREATMENT_ID %q is no number of a treatment", record[3])
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
	v := &visit{}
	number, old := int64(-1), int64(-1)
	for i, r := range w.file.visits {
		if i == 0 || r.treatment != v.id {
			if i > 0 && !do(v) {
				return
			}
			number++
			w.begin(v, number, r.created == noTime)
			v.id, v.created = r.treatment, r.created
			if v.old {
				old++
				v.created = w.oldTime(old)
			}
		}
		v.invoices = append(v.invoices, bill{id: r.id, status: r.status, created: r.created, items: w.itemsOf(v.index, int64(len(v.invoices)))})
	}
	do(v)
}
