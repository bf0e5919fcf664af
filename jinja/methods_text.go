package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

type textMethod func(s string, c *Call) (Value, error)

var textMethods map[string]textMethod

func init() {
	textMethods = map[string]textMethod{
		"lower": plainText(lower), "upper": plainText(upper),
		"casefold":   plainText(func(s string) string { return lower(strings.ReplaceAll(s, "ß", "ss")) }),
		"capitalize": plainText(capitalize), "title": plainText(titled), "swapcase": plainText(swapCase),
		"strip": stripped(strings.Trim, strings.TrimSpace), "lstrip": stripped(strings.TrimLeft, trimLeft),
		"rstrip":  stripped(strings.TrimRight, trimRight),
		"isdigit": every(isDigit), "isdecimal": every(unicode.IsDigit), "isnumeric": every(unicode.IsNumber), "isalpha": every(unicode.IsLetter),
		"isalnum": every(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }), "isspace": every(unicode.IsSpace),
		"isupper": cased(unicode.IsUpper, unicode.IsLower), "islower": cased(unicode.IsLower, unicode.IsUpper),
		"istitle": asked(func(s string) bool { return hasCase(s) && titled(s) == s }),
		"isascii": asked(func(s string) bool {
			return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
		}),
		"isidentifier": asked(isIdentifier),
		"startswith":   affix(strings.HasPrefix), "endswith": affix(strings.HasSuffix),
		"removeprefix": cutAffix(strings.TrimPrefix), "removesuffix": cutAffix(strings.TrimSuffix),
		"find": finding(strings.Index, false), "rfind": finding(strings.LastIndex, false),
		"index": finding(strings.Index, true), "rindex": finding(strings.LastIndex, true),
		"ljust": padded(func(n int) (int, int) { return 0, n }), "rjust": padded(func(n int) (int, int) { return n, 0 }), "center": textCenter,
		"partition": parting(strings.Index, false), "rpartition": parting(strings.LastIndex, true),
		"split": textSplit, "rsplit": textRsplit, "splitlines": textLines, "join": textJoin, "replace": textReplace, "zfill": textZfill,
		"count": textCount, "format": textFormat, "expandtabs": textTabs,
	}
}

func isIdentifier(s string) bool {
	odd := func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	return s != "" && !unicode.IsDigit([]rune(s)[0]) && strings.IndexFunc(s, odd) < 0
}

func plainText(f func(string) string) textMethod {
	return func(s string, c *Call) (Value, error) {
		_, err := c.bind("")
		return f(s), err
	}
}

// wider are letters whose capitals are several, which Go's own mapping leaves as they are.
var wider = strings.NewReplacer("ß", "SS", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL", "ﬅ", "ST", "ﬆ", "ST", "ŉ", "ʼN")

func upper(s string) string { return strings.ToUpper(wider.Replace(s)) }

// lower knows the sigma at a word's end.
func lower(s string) string {
	r := []rune(strings.ReplaceAll(s, "İ", "i\u0307"))
	for i := range r {
		if r[i] == 'Σ' && i > 0 && unicode.IsLetter(r[i-1]) && (i+1 == len(r) || !unicode.IsLetter(r[i+1])) {
			r[i] = 'ς'
		}
	}
	return strings.ToLower(string(r))
}

// isDigit is true of raised, lowered and circled digits too.
func isDigit(r rune) bool {
	return unicode.IsDigit(r) || strings.ContainsRune("²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉①②③④⑤⑥⑦⑧⑨", r)
}

func capitalize(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return titleRune(r[0]) + lower(string(r[1:]))
}

// titleRune is a letter as it begins a word.
func titleRune(r rune) string {
	if u := upper(string(r)); len([]rune(u)) > 1 {
		return capitalize(u)
	}
	return string(unicode.ToTitle(r))
}

// titled is Python's str.title: a letter after what is none begins a word.
func titled(s string) string {
	var b strings.Builder
	begins := true
	for _, r := range s {
		if begins {
			b.WriteString(titleRune(r))
		} else {
			b.WriteString(strings.ToLower(string(r)))
		}
		begins = !unicode.IsLetter(r)
	}
	return b.String()
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func trimLeft(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }

func trimRight(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }

func stripped(of func(string, string) string, blanks func(string) string) textMethod {
	return func(s string, c *Call) (Value, error) {
		v, err := c.bind("chars=")
		if err != nil || !given(v[0]) || v[0] == nil {
			return blanks(s), err
		}
		set, err := textArg(v[0], "")
		return of(s, set), err
	}
}

func asked(f func(string) bool) textMethod {
	return func(s string, c *Call) (Value, error) {
		_, err := c.bind("")
		return f(s), err
	}
}

func every(f func(rune) bool) textMethod {
	return asked(func(s string) bool { return s != "" && strings.IndexFunc(s, func(r rune) bool { return !f(r) }) < 0 })
}

func hasCase(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) }) >= 0
}

func cased(is, not func(rune) bool) textMethod {
	return asked(func(s string) bool { return strings.IndexFunc(s, is) >= 0 && strings.IndexFunc(s, not) < 0 })
}

// affix answers startswith and endswith: one text, or a tuple of which one must fit.
func affix(has func(string, string) bool) textMethod {
	return func(s string, c *Call) (Value, error) {
		v, err := c.bind("affix")
		if err != nil {
			return nil, err
		}
		all, ok := v[0].(Tuple)
		if !ok {
			all = Tuple{v[0]}
		}
		for _, e := range all {
			a, err := textArg(e, "")
			if err != nil {
				return nil, err
			}
			if has(s, a) {
				return true, nil
			}
		}
		return false, nil
	}
}

func cutAffix(cut func(string, string) string) textMethod {
	return func(s string, c *Call) (Value, error) {
		v, err := c.bind("affix")
		if err != nil {
			return nil, err
		}
		a, err := textArg(v[0], "")
		return cut(s, a), err
	}
}

func finding(find func(string, string) int, must bool) textMethod {
	return func(s string, c *Call) (Value, error) {
		v, err := c.bind("sub start= stop=")
		if err != nil {
			return nil, err
		}
		if given(v[1]) || given(v[2]) {
			return nil, errors.New("start and stop are not supported: slice the text first")
		}
		sub, err := textArg(v[0], "")
		if err != nil {
			return nil, err
		}
		i := find(s, sub)
		if i < 0 && must {
			return nil, fmt.Errorf("%q is not in the text", sub)
		}
		if i > 0 {
			i = len([]rune(s[:i]))
		}
		return int64(i), nil
	}
}

func padded(sides func(missing int) (left, right int)) textMethod {
	return func(s string, c *Call) (Value, error) {
		v, err := c.bind("width fill=")
		if err != nil {
			return nil, err
		}
		width, err := intArg(v[0], 0)
		if err != nil {
			return nil, err
		}
		fill, err := textArg(v[1], " ")
		if err != nil || len([]rune(fill)) != 1 {
			return nil, errors.Join(err, errors.New("the filling is one letter"))
		}
		left, right := sides(max(0, width-len([]rune(s))))
		return strings.Repeat(fill, left) + s + strings.Repeat(fill, right), nil
	}
}

func textCenter(s string, c *Call) (Value, error) {
	v, err := c.bind("width fill=")
	if err != nil {
		return nil, err
	}
	width, err := intArg(v[0], 0)
	if err != nil {
		return nil, err
	}
	return padded(func(n int) (int, int) { // Python gives the odd blank to the left where the width is odd.
		left := n/2 + n&width&1
		return left, n - left
	})(s, c)
}

func parting(find func(string, string) int, last bool) textMethod {
	return func(s string, c *Call) (Value, error) {
		v, err := c.bind("sep")
		if err != nil {
			return nil, err
		}
		sep, err := textArg(v[0], "")
		if err != nil || sep == "" {
			return nil, errors.Join(err, errors.New("the separator is empty"))
		}
		i := find(s, sep)
		switch {
		case i < 0 && last:
			return Tuple{"", "", s}, nil
		case i < 0:
			return Tuple{s, "", ""}, nil
		}
		return Tuple{s[:i], sep, s[i+len(sep):]}, nil
	}
}

func splitArgs(c *Call) (sep string, blanks bool, most int, err error) {
	v, err := c.bind("sep= maxsplit=")
	if err != nil {
		return "", false, 0, err
	}
	if most, err = intArg(v[1], -1); err != nil {
		return "", false, 0, err
	}
	if !given(v[0]) || v[0] == nil {
		return "", true, most, nil
	}
	if sep, err = textArg(v[0], ""); err == nil && sep == "" {
		err = errors.New("the separator is empty")
	}
	return sep, false, most, err
}

func listOf(parts []string) *List {
	l := &List{}
	for _, p := range parts {
		l.Items = append(l.Items, p)
	}
	return l
}

func textSplit(s string, c *Call) (Value, error) {
	sep, blanks, most, err := splitArgs(c)
	if err != nil {
		return nil, err
	}
	if !blanks {
		if most >= 0 {
			most++
		}
		return listOf(strings.SplitN(s, sep, most)), nil
	}
	var out []string
	rest := trimLeft(s)
	for rest != "" && (most < 0 || len(out) < most) {
		end := strings.IndexFunc(rest, unicode.IsSpace)
		if end < 0 {
			end = len(rest)
		}
		out, rest = append(out, rest[:end]), trimLeft(rest[end:])
	}
	if rest != "" {
		out = append(out, rest)
	}
	return listOf(out), nil
}

func textRsplit(s string, c *Call) (Value, error) {
	sep, blanks, most, err := splitArgs(c)
	if err != nil {
		return nil, err
	}
	var out []string
	rest := s
	if blanks {
		rest = trimRight(s)
	}
	for most < 0 || len(out) < most {
		begin, width := strings.LastIndex(rest, sep), len(sep)
		if blanks {
			begin, width = strings.LastIndexFunc(rest, unicode.IsSpace), 1
		}
		if begin < 0 || blanks && rest == "" {
			break
		}
		if blanks {
			_, width = firstRune(rest[begin:])
		}
		out, rest = append(out, rest[begin+width:]), rest[:begin]
		if blanks {
			rest = trimRight(rest)
		}
	}
	if !blanks || rest != "" {
		out = append(out, rest)
	}
	slices.Reverse(out)
	return listOf(out), nil
}

func firstRune(s string) (rune, int) {
	for i, r := range s {
		if i > 0 {
			return r, i
		}
	}
	return 0, len(s)
}

// splitLines are a text's lines without their ends, as Python cuts them.
func splitLines(s string, keep bool) []string {
	var out []string
	for s != "" {
		end := strings.IndexFunc(s, func(r rune) bool { return strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", r) })
		if end < 0 {
			return append(out, s)
		}
		_, width := firstRune(s[end:])
		if strings.HasPrefix(s[end:], "\r\n") {
			width = 2
		}
		if keep {
			out = append(out, s[:end+width])
		} else {
			out = append(out, s[:end])
		}
		s = s[end+width:]
	}
	return out
}

func textLines(s string, c *Call) (Value, error) {
	v, err := c.bind("keepends=")
	if err != nil {
		return nil, err
	}
	keep, err := boolArg(v[0], false)
	return listOf(splitLines(s, keep)), err
}

func textJoin(s string, c *Call) (Value, error) {
	v, err := c.bind("items")
	if err != nil {
		return nil, err
	}
	items, err := Items(v[0])
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(items))
	for i, e := range items {
		var ok bool
		if parts[i], ok = e.(string); !ok {
			return nil, fmt.Errorf("item %d is a %s, not a text", i, typeName(e))
		}
	}
	return strings.Join(parts, s), nil
}

func textReplace(s string, c *Call) (Value, error) {
	v, err := c.bind("old new count=")
	if err != nil {
		return nil, err
	}
	old, err := textArg(v[0], "")
	if err != nil {
		return nil, err
	}
	by, err := textArg(v[1], "")
	if err != nil {
		return nil, err
	}
	n, err := intArg(v[2], -1)
	return strings.Replace(s, old, by, n), err
}

func textZfill(s string, c *Call) (Value, error) {
	v, err := c.bind("width")
	if err != nil {
		return nil, err
	}
	width, err := intArg(v[0], 0)
	sign := ""
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		sign, s = s[:1], s[1:]
	}
	return sign + strings.Repeat("0", max(0, width-len(sign)-len([]rune(s)))) + s, err
}

func textCount(s string, c *Call) (Value, error) {
	v, err := c.bind("sub start= stop=")
	if err != nil {
		return nil, err
	}
	if given(v[1]) || given(v[2]) {
		return nil, errors.New("start and stop are not supported: slice the text first")
	}
	sub, err := textArg(v[0], "")
	return int64(strings.Count(s, sub)), err
}

func textTabs(s string, c *Call) (Value, error) {
	v, err := c.bind("tabsize=")
	if err != nil {
		return nil, err
	}
	size, err := intArg(v[0], 8)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	column := 0
	for _, r := range s {
		switch {
		case r == '\t' && size > 0:
			n := size - column%size
			b.WriteString(strings.Repeat(" ", n))
			column += n
			continue
		case r == '\t':
			continue
		case r == '\n' || r == '\r':
			column = -1
		}
		b.WriteRune(r)
		column++
	}
	return b.String(), nil
}
