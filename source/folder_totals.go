package source

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"golang.org/x/sync/errgroup"

	"lifeline/change"
)

// Totals reads the files once more, with the standard library's reader and arbitrary decimals, so that the books compare the
// loader with something that shares no code with it. The digest is compared too: these are the bytes that were landed.
func (n *folderSnapshot) Totals(ctx context.Context) ([]change.Totals, error) {
	out := make([]change.Totals, len(n.files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(n.folder.options.Workers)
	for i, f := range n.files {
		group.Go(func() (err error) {
			out[i], err = f.totals(ctx)
			return err
		})
	}
	return out, group.Wait()
}

func (s *seenFile) totals(ctx context.Context) (change.Totals, error) {
	none := change.Totals{}
	file, err := os.Open(s.path)
	if err != nil {
		return none, fmt.Errorf("add up %s: %w", s.shown, cause(err))
	}
	defer file.Close()
	hash := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(file, hash), 1<<20)
	if mark, err := in.Peek(len(byteOrderMark)); err == nil && string(mark) == byteOrderMark {
		_, _ = in.Discard(len(byteOrderMark)) // They were peeked at.
	}
	sums := newAdder()
	r := csv.NewReader(s.keepReturns(in))
	r.ReuseRecord, r.LazyQuotes = true, true
	if s.shape.width != len(s.shape.physical) {
		r.FieldsPerRecord = -1 // The header has more columns than the lines.
	}
	if _, err := r.Read(); err != nil {
		return none, fmt.Errorf("add up %s: %w", s.shown, err)
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return none, errors.Join(s.verify(), fmt.Errorf("add up %s: %w", s.shown, err))
		}
		if sums.rows++; sums.rows%65536 == 0 && ctx.Err() != nil {
			return none, ctx.Err()
		}
		for _, m := range s.Money {
			if err := s.addMoney(sums, m, record); err != nil {
				return none, fmt.Errorf("add up %s: %w", s.shown, err)
			}
		}
	}
	if !bytes.Equal(hash.Sum(nil), s.digest) {
		return none, s.changed()
	}
	return sums.totals(s.Table), nil
}

// addMoney adds a record's amount, if the column's type can hold it.
func (s *seenFile) addMoney(sums *adder, m change.Money, record []string) error {
	i := s.Index(m.Column)
	if i < 0 {
		return nil
	}
	text := record[s.shape.at[i]]
	if s.shape.at[i] == len(record)-1 {
		text = strings.TrimSuffix(text, "\r") // As the loader does, see lastValue.
	}
	x, ok := amount(text, s.Columns[i].Type)
	if !ok {
		return nil
	}
	currency := ""
	if j := s.Index(m.Currency); j >= 0 && record[s.shape.at[j]] != "NULL" {
		currency = strings.ReplaceAll(record[s.shape.at[j]], "\x00", "")
	}
	return sums.plus(m.Column, currency, x, 1)
}

// amount reads a decimal or whole number that t can hold.
func amount(text string, t change.Type) (*apd.Decimal, bool) {
	if strings.Trim(text, "+-.0123456789") != "" {
		return nil, false // apd reads exponents and words too; MySQL prints neither.
	}
	x, _, err := apd.NewFromString(text)
	if err != nil {
		return nil, false
	}
	switch t.Kind {
	case change.Int16, change.Int32, change.Int64:
		bits := 64
		if t.Kind == change.Int16 {
			bits = 16
		} else if t.Kind == change.Int32 {
			bits = 32
		}
		_, err := strconv.ParseInt(text, 10, bits)
		return x, err == nil
	case change.Decimal:
		if !fits(x, t) {
			var short apd.Decimal
			short.Reduce(x) // Zeros at the end do not count.
			return x, short.IsZero() || fits(&short, t)
		}
		return x, true
	default:
		return nil, false // The sum of floating-point numbers is not exact.
	}
}

func fits(x *apd.Decimal, t change.Type) bool {
	return -int(x.Exponent) <= t.Scale && x.NumDigits()+int64(x.Exponent) <= int64(t.Precision-t.Scale)
}
