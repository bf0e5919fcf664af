package source

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
		if kept, as := n.kept[f]; as {
			out[i] = kept // Its digest is the one that was added up.
			continue
		}
		group.Go(func() (err error) {
			out[i], err = f.totals(ctx)
			return err
		})
	}
	return out, group.Wait()
}

func (s *seenFile) totals(ctx context.Context) (change.Totals, error) {
	sums := newAdder()
	err := s.records(ctx, func(record []string) error {
		sums.rows++
		weight, err := s.addKey(sums, record)
		if err != nil {
			return err
		}
		for _, m := range s.Money {
			if err := s.addMoney(sums, m, record, weight); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return change.Totals{}, err
	}
	return sums.totals(s.Table), nil
}

// records reads the file's records with the standard library's reader. A record is valid until the next.
func (s *seenFile) records(ctx context.Context, each func(record []string) error) error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("add up %s: %w", s.shown, cause(err))
	}
	defer file.Close()
	hash := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(file, hash), 1<<20)
	if mark, err := in.Peek(len(byteOrderMark)); err == nil && string(mark) == byteOrderMark {
		_, _ = in.Discard(len(byteOrderMark)) // They were peeked at.
	}
	r := csv.NewReader(s.keepReturns(in))
	r.Comma, r.ReuseRecord, r.LazyQuotes = rune(s.comma), true, true
	if s.shape.width != len(s.shape.physical) {
		r.FieldsPerRecord = -1 // The header has more columns than the lines.
	}
	if _, err := r.Read(); err != nil {
		return fmt.Errorf("add up %s: %w", s.shown, err)
	}
	for rows := 1; ; rows++ {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(s.verify(), fmt.Errorf("add up %s: %w", s.shown, err))
		}
		if rows%65536 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := each(record); err != nil {
			return fmt.Errorf("add up %s: %w", s.shown, err)
		}
	}
	if !bytes.Equal(hash.Sum(nil), s.digest) {
		return s.changed()
	}
	return nil
}

// addMoney adds a record's amount, if the column's type can hold it.
func (s *seenFile) addMoney(sums *adder, m change.Money, record []string, weight int64) error {
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
	if j := s.Index(m.Currency); j >= 0 && !isNull(record[s.shape.at[j]]) {
		currency = strings.ReplaceAll(record[s.shape.at[j]], "\x00", "")
	}
	var weighed apd.Decimal
	if weight != 0 {
		if _, err := exact.Mul(&weighed, x, apd.New(weight, 0)); err != nil {
			return err
		}
	}
	return sums.plus(m.Column, currency, x, &weighed, 1)
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

// key is a record's whole key, if it has one.
func (s *seenFile) key(record []string) (int64, bool) {
	c, whole := s.IntegerKey()
	if !whole {
		return 0, false
	}
	bits := map[change.Kind]int{change.Int16: 16, change.Int32: 32, change.Int64: 64}[c.Type.Kind]
	key, err := strconv.ParseInt(record[s.shape.at[s.Index(c.Name)]], 10, bits)
	return key, err == nil
}

// addKey adds a record's key, and gives its weight.
func (s *seenFile) addKey(sums *adder, record []string) (int64, error) {
	key, ok := s.key(record)
	if !ok {
		return 0, nil
	}
	return key % change.ChecksumWeight, sums.plusKey(apd.New(key, 0))
}

// Ranges reads a file once more.
func (n *folderSnapshot) Ranges(ctx context.Context, t *change.Table, of change.Range) ([]change.Slice, error) {
	for _, s := range n.files {
		if s.Name == t.Name {
			return s.ranges(ctx, of)
		}
	}
	return nil, fmt.Errorf("there is no file of %s", t.Name)
}

func (s *seenFile) ranges(ctx context.Context, of change.Range) ([]change.Slice, error) {
	type total struct {
		change.Slice

		sums *adder
	}
	totals := map[int64]*total{}
	err := s.records(ctx, func(record []string) error {
		key, ok := s.key(record)
		if !ok || of.Width > 0 && (key < of.Low || key > of.High) {
			return nil
		}
		number := int64(0)
		if of.Width > 0 {
			number = (key - of.Low) / of.Width
		}
		x := totals[number]
		if x == nil {
			x = &total{Slice: change.Slice{Number: number, Low: key, High: key}, sums: newAdder()}
			totals[number] = x
		}
		x.Low, x.High = min(x.Low, key), max(x.High, key)
		x.Rows++
		weight, err := s.addKey(x.sums, record)
		for _, m := range s.Money {
			err = errors.Join(err, s.addMoney(x.sums, m, record, weight))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]change.Slice, 0, len(totals))
	for _, x := range totals {
		all := x.sums.totals(s.Table)
		x.Keys = all.Keys
		for _, m := range s.Money {
			sum, weighed := new(apd.Decimal), new(apd.Decimal)
			for key, part := range x.sums.money {
				if key[0] != m.Column {
					continue
				}
				if _, err := exact.Add(sum, sum, &part.sum); err != nil {
					return nil, err
				}
				if _, err := exact.Add(weighed, weighed, &part.weighed); err != nil {
					return nil, err
				}
			}
			x.Money, x.WeightedSums = append(x.Money, sum.Text('f')), append(x.WeightedSums, weighed.Text('f'))
		}
		out = append(out, x.Slice)
	}
	slices.SortFunc(out, func(a, b change.Slice) int { return cmp.Compare(a.Number, b.Number) })
	return out, nil
}
