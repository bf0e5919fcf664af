package jinja

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// layout is how one value is to be written: what stands in %-05.2f and {:>8,.2f}.
type layout struct {
	fill      string
	align     byte // One of < > ^ =; 0 where nothing is said.
	sign      byte // + or a blank; 0 for a minus alone.
	alternate bool
	width     int
	group     string // , or _.
	precision int    // -1 where none is given.
	verb      byte
}

// percent reads the arguments of text % values one by one.
type percent struct {
	args []Value
	one  bool // The value is not a tuple.
	dict *Dict
	at   int
}

func (p *percent) next() (Value, error) {
	if p.at >= len(p.args) {
		return nil, errors.New("not enough values for the format")
	}
	p.at++
	return p.args[p.at-1], nil
}

// formatPercent is Python's text % values.
func formatPercent(s string, v Value) (string, error) {
	p := &percent{args: []Value{v}, one: true}
	if t, ok := v.(Tuple); ok {
		p.args, p.one = t, false
	}
	p.dict, _ = v.(*Dict)
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '%' {
			b.WriteByte('%')
			i++
			continue
		}
		text, end, err := p.verb(s, i+1)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		i = end
	}
	if p.at < len(p.args) && p.dict == nil && !(p.one && isMapping(v)) {
		return "", errors.New("more values than the format takes")
	}
	return b.String(), nil
}

func isMapping(v Value) bool {
	_, ok := v.(*Dict)
	return ok
}

// verb writes one %… of a format and tells where it ends.
func (p *percent) verb(s string, i int) (string, int, error) {
	l := layout{fill: " ", precision: -1, align: '>'}
	var v Value
	var err error
	keyed := i < len(s) && s[i] == '('
	if keyed {
		end := strings.IndexByte(s[i:], ')')
		if end < 0 || p.dict == nil {
			return "", 0, errors.New("a format with names wants a mapping")
		}
		var ok bool
		if v, ok = p.dict.Get(s[i+1 : i+end]); !ok {
			return "", 0, fmt.Errorf("the mapping has no %q", s[i+1:i+end])
		}
		i += end + 1
	}
	zero := false
	for ; i < len(s) && strings.IndexByte("-+ 0#", s[i]) >= 0; i++ {
		switch s[i] {
		case '-':
			l.align = '<'
		case '+':
			l.sign = '+'
		case ' ':
			if l.sign == 0 {
				l.sign = ' '
			}
		case '0':
			zero = true
		case '#':
			l.alternate = true
		}
	}
	if l.width, i, err = p.count(s, i, 0); err != nil {
		return "", 0, err
	}
	if i < len(s) && s[i] == '.' {
		if l.precision, i, err = p.count(s, i+1, 0); err != nil {
			return "", 0, err
		}
	}
	if i >= len(s) {
		return "", 0, errors.New("the format ends in the middle")
	}
	if !keyed {
		if v, err = p.next(); err != nil {
			return "", 0, err
		}
	}
	l.verb = s[i]
	if zero && l.align == '>' && strings.IndexByte("srac", l.verb) < 0 {
		l.fill, l.align = "0", '='
	}
	text, err := l.percentVerb(v)
	return text, i, err
}

// count reads digits, or a star that takes the next value.
func (p *percent) count(s string, i, otherwise int) (int, int, error) {
	if i < len(s) && s[i] == '*' {
		v, err := p.next()
		if err != nil {
			return 0, i, err
		}
		n, err := intArg(v, 0)
		return n, i + 1, err
	}
	end := i
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == i {
		return otherwise, i, nil
	}
	n, err := strconv.Atoi(s[i:end])
	if err != nil || n > longest {
		return 0, i, errors.New("too wide a format")
	}
	return n, end, nil
}

func (l *layout) percentVerb(v Value) (string, error) {
	switch l.verb {
	case 's', 'r', 'a':
		text, err := Text(v)
		if l.verb != 's' {
			text, err = repr(v)
		}
		return l.pad(l.cut(text), '>'), err
	case 'c':
		if n, ok := v.(int64); ok {
			return l.pad(string(rune(n)), '>'), nil
		}
		if s, ok := v.(string); ok && len([]rune(s)) == 1 {
			return l.pad(s, '>'), nil
		}
		return "", errors.New("%c wants one letter or its number")
	case 'd', 'i', 'u':
		if f, ok := v.(float64); ok {
			n, _ := big.NewFloat(f).Int(nil)
			v = whole(n)
		}
		l.verb = 'd'
		return l.number(v)
	case 'x', 'X', 'o':
		if _, isFloat := v.(float64); isFloat {
			return "", fmt.Errorf("%%%c wants a whole number", l.verb)
		}
		return l.number(v)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return l.number(v)
	}
	return "", fmt.Errorf("there is not a format %%%c", l.verb)
}

// cut keeps as many letters of a text as the precision says.
func (l *layout) cut(text string) string {
	if r := []rune(text); l.precision >= 0 && len(r) > l.precision {
		return string(r[:l.precision])
	}
	return text
}

func (l *layout) pad(text string, otherwise byte) string {
	n := l.width - len([]rune(text))
	if n <= 0 {
		return text
	}
	align := l.align
	if align == 0 {
		align = otherwise
	}
	switch align {
	case '<':
		return text + strings.Repeat(l.fill, n)
	case '^':
		return strings.Repeat(l.fill, n/2) + text + strings.Repeat(l.fill, n-n/2)
	}
	return strings.Repeat(l.fill, n) + text
}

// number writes a number: its sign, its prefix, its digits, filled to the width.
func (l *layout) number(v Value) (string, error) {
	n, f, isFloat, ok := number(v)
	if !ok {
		return "", fmt.Errorf("a number is wanted, not a %s", typeName(v))
	}
	var digits, prefix string
	negative := f < 0
	if strings.IndexByte("dxXob", l.verb) >= 0 {
		if isFloat {
			return "", fmt.Errorf("a whole number is wanted for %q, not a float", string(l.verb))
		}
		negative = n.Sign() < 0
		digits, prefix = l.wholeDigits(new(big.Int).Abs(n))
	} else {
		if negative {
			f = -f
		}
		digits = l.floatDigits(f)
	}
	sign := ""
	if negative {
		sign = "-"
	} else if l.sign != 0 {
		sign = string(l.sign)
	}
	if missing := l.width - len(sign+prefix+digits); l.align == '=' && missing > 0 {
		return sign + prefix + strings.Repeat(l.fill, missing) + digits, nil
	}
	return l.pad(sign+prefix+digits, '>'), nil
}

func (l *layout) wholeDigits(n *big.Int) (digits, prefix string) {
	base := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'b': 2, 'd': 10}[l.verb]
	digits = n.Text(base)
	if l.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if l.alternate && base != 10 {
		prefix = "0" + string(l.verb)
	}
	if l.precision > len(digits) {
		digits = strings.Repeat("0", l.precision-len(digits)) + digits
	}
	every := 3
	if base != 10 {
		every = 4
	}
	return l.grouped(digits, every), prefix
}

// grouped puts the separator between groups of digits.
func (l *layout) grouped(digits string, every int) string {
	if l.group == "" {
		return digits
	}
	for i := len(digits) - every; i > 0; i -= every {
		digits = digits[:i] + l.group + digits[i:]
	}
	return digits
}

func (l *layout) floatDigits(f float64) string {
	precision := l.precision
	if precision < 0 {
		precision = 6
	}
	upper := l.verb >= 'A' && l.verb <= 'Z'
	var text string
	switch l.verb {
	case '%':
		text = strconv.FormatFloat(f*100, 'f', precision, 64) + "%"
	case 'f', 'F', 'e', 'E':
		text = strconv.FormatFloat(f, l.verb|0x20, precision, 64)
	case 'g', 'G', 'n':
		text = strconv.FormatFloat(f, 'g', max(precision, 1), 64)
	default: // As str() writes it, or as g with a digit after the point.
		text = floatText(f)
		if l.precision >= 0 {
			text = strconv.FormatFloat(f, 'g', max(l.precision, 1), 64)
			if !strings.ContainsAny(text, ".e") && len(text) < max(l.precision, 1) {
				text += ".0"
			}
		}
	}
	front, rest := text, ""
	if i := strings.IndexAny(text, ".e%"); i >= 0 {
		front, rest = text[:i], text[i:]
	}
	text = l.grouped(front, 3) + rest
	if upper {
		text = strings.ToUpper(text)
	}
	return text
}
