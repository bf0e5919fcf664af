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
		return nil, &change.Problem{
			Err: fmt.Errorf("read the invoices: %w", err), Class: change.ClassUsage,
			Try: "--invoices FILE, with columns ID,STATUS,DATE_CREATED,TREATMENT_ID",
		}
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
	return &change.Problem{
		Err: errors.New("invoices file: " + what), Where: fmt.Sprintf("%s:%d", path, line), Class: change.ClassUsage,
		Try: "mend that line",
	}
}

func parseInvoice(record []string) (givenInvoice, error) {
	var row givenInvoice
	var err error
	if row.id, err = strconv.ParseInt(record[0], 10, 32); err != nil || row.id <= 0 {
		return row, fmt.Errorf("ID %q is not the number of an invoice", record[0])
	}
	if row.treatment, err = strconv.ParseInt(record[3], 10, 32); err != nil || row.treatment <= 0 {
		return row, fmt.Errorf("TREATMENT_ID %q is not the number of a treatment", record[3])
	}
	row.status, row.created = record[1], noTime
	if record[2] != "NULL" {
		t, err := time.Parse(time.DateTime, record[2])
		if err != nil {
			return row, fmt.Errorf("DATE_CREATED %q is not a time", record[2])
		}
		row.created = t.Unix()
	}
	return row, nil
}

// fileVisits makes one case of each treatment that the file names, so that every one of its rows has its parent.
func (w *world) fileVisits(do func(*visit) bool) {
	v := &visit{}
	hosts := map[string]*hosts{}
	old := int64(0)
	for rows, index := w.file.visits, int64(0); len(rows) > 0; index++ {
		n := 1
		for n < len(rows) && rows[n].treatment == rows[0].treatment {
			n++
		}
		first := rows[0]
		*v = visit{index: index, id: first.treatment, old: first.created == noTime, created: first.created, invoices: v.invoices[:0]}
		if v.old {
			v.created = w.oldTime(old)
			old++
		}
		name := era(v.old) + first.status
		if hosts[name] == nil {
			hosts[name] = w.plan.hostsOf(first.status, v.old)
		}
		w.give(v, hosts[name])
		for _, r := range rows[:n] {
			v.invoices = append(v.invoices, bill{id: r.id, status: r.status, created: r.created})
		}
		if !do(v) {
			return
		}
		rows = rows[n:]
	}
}

// hosts are the kinds of case that an invoice may be of, and how many cases have it.
type hosts struct {
	kinds []*kind
	upto  []int64
}

func (p *plan) hostsOf(status string, old bool) *hosts {
	h := &hosts{}
	add := func(fits func(*kind) bool) {
		for i := range p.kinds {
			if k := &p.kinds[i]; len(k.invoices) > 0 && fits(k) {
				h.kinds, h.upto = append(h.kinds, k), append(h.upto, k.cases(old))
			}
		}
		h.upto = growing(h.upto)
	}
	add(func(k *kind) bool { return k.invoices[0] == status && k.cases(old) > 0 })
	if len(h.kinds) == 0 {
		add(func(k *kind) bool { return k.cases(old) > 0 }) // A word that the real table does not have.
	}
	return h
}

func (k *kind) cases(old bool) int64 {
	n := int64(0)
	for name, x := range k.cells {
		if beforeMigration(name) == old {
			n += x
		}
	}
	return n
}

// give chooses a case's kind and the number of its items, and adds what follows.
func (w *world) give(v *visit, h *hosts) {
	r := w.dice(diceGiven, v.index)
	i, _ := slices.BinarySearch(h.upto, r.Int64N(h.upto[len(h.upto)-1])+1)
	v.kind = h.kinds[i]
	if items := w.plan.items[string(v.money)+v.claimed()+era(v.old)]; items != nil {
		v.items = items.number(r.Int64N(items.total()))
	}
	v.period = w.plan.periodOf(v.created)
	v.provider = w.providerOf(v)
	v.fields = w.treatment(v)
}

// periodOf is the name of a time's period, whether there is one or not.
func (p *plan) periodOf(at int64) string {
	name := time.Unix(at, 0).UTC().Format("200601")
	if name == "201801" || name == "201903" {
		name += "b"
	}
	return name
}

// oldTime spreads the undated treatments of a file as the real ones.
func (w *world) oldTime(n int64) int64 {
	last := 0
	for w.plan.months[last+1].old {
		last++
	}
	end := w.plan.months[last].before + w.plan.months[last].n
	n = n * end / w.file.undated
	for i := last; ; i-- {
		if m := &w.plan.months[i]; m.before <= n {
			return w.timeOf(m, n, n-m.before)
		}
	}
}
