package change

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"unicode/utf8"
)

// Mask hides the values of a column before they reach any store: staging, history, quarantine and `_raw` hold what it leaves. The zero
// Mask hides nothing.
type Mask struct {
	Method string // MaskHash, MaskTruncate or MaskDrop.
	Key    []byte // Of a hash: without it the values of a small set could be guessed one by one.
	Keep   string // Of a truncation: a number of characters, or year, month or day of a date.
}

// The ways to mask.
const (
	MaskHash     = "hash"     // Replaced by a keyed digest: equal values stay equal, also over tables.
	MaskTruncate = "truncate" // Shortened: the first characters of a text, the year, month or day of a date.
	MaskDrop     = "drop"     // The column does not land.
)

// hashDigits are the hexadecimal digits of a digest: 128 bits, so that two values meet in none of 10^15 tables.
const hashDigits = 32

// Type is what a column of type t becomes. A truncation that t does not have is an error.
func (m *Mask) Type(t Type) (Type, error) {
	switch m.Method {
	case MaskHash:
		return Type{Kind: Text}, nil
	case MaskTruncate:
		_, isNumber := m.characters()
		isUnit := m.Keep == "year" || m.Keep == "month" || m.Keep == "day"
		isDate := t.Kind == Date || t.Kind == Timestamp
		if t.Kind == Text && isNumber || isDate && isUnit {
			return t, nil
		}
		return t, fmt.Errorf("a %s cannot be truncated to %q: a text keeps a number of characters, a date its year, month or day", t, m.Keep)
	}
	return t, nil
}

func (m *Mask) characters() (int, bool) {
	n, err := strconv.Atoi(m.Keep)
	return n, err == nil && n >= 0
}

// masker applies a Mask to the values of one column.
type masker struct {
	Mask

	kind   Kind
	keep   int
	digest hash.Hash
	out    []byte
}

func newMasker(m *Mask, t Type) *masker {
	if m == nil || m.Method == "" {
		return nil
	}
	k := &masker{Mask: *m, kind: t.Kind}
	k.keep, _ = m.characters()
	if m.Method == MaskHash {
		k.digest = hmac.New(sha256.New, m.Key)
	}
	return k
}

// add puts what is left of a value into the column. A date that is none leaves a null, and nothing in `_raw`.
func (k *masker) add(v *Vector, p []byte) {
	switch {
	case k.Method == MaskHash:
		k.digest.Reset()
		k.digest.Write(p)
		k.out = hex.AppendEncode(k.out[:0], k.digest.Sum(nil))
		v.AppendBytes(k.out[:hashDigits])
	case k.kind == Date || k.kind == Timestamp:
		k.addDate(v, p)
	default:
		end := 0
		for n := 0; n < k.keep && end < len(p); n++ {
			_, size := utf8.DecodeRune(p[end:])
			end += size
		}
		if p = p[:end]; !plain(p) {
			v.AppendNull(Text)
			return
		}
		v.AppendBytes(p)
	}
}

func (k *masker) addDate(v *Vector, p []byte) {
	if _, ok := ParseTimestamp(p); !ok {
		v.AppendNull(k.kind)
		return
	}
	k.out = append(k.out[:0], p[:10]...)
	if k.Keep != "day" {
		copy(k.out[8:], "01")
	}
	if k.Keep == "year" {
		copy(k.out[5:], "01")
	}
	days, _ := ParseDate(k.out)
	if k.kind == Timestamp {
		days *= day
	}
	v.AppendInt(days)
}
