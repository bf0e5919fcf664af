package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

type filter func(c *Call, v Value) (Value, error)

// filters are Jinja's, and dbt's as_text, as_bool, as_native and as_number.
var filters map[string]filter

func init() {
	filters = map[string]filter{
		"abs": filterAbs, "attr": filterAttr, "batch": filterBatch, "capitalize": onText(capitalize), "center": filterCenter,
		"count": filterLength, "d": filterDefault, "default": filterDefault, "dictsort": filterDictsort, "e": filterEscape,
		"escape": filterEscape, "filesizeformat": filterFilesize, "first": filterFirst, "float": filterFloat, "forceescape": filterEscape,
		"format": filterFormat, "groupby": filterGroupby, "indent": filterIndent, "int": filterInt, "items": filterItems,
		"join": filterJoin, "last": filterLast, "length": filterLength, "list": filterList, "lower": onText(lower),
		"map": filterMap, "max": filterExtreme(1), "min": filterExtreme(-1), "reject": chooser(true, false), "rejectattr": chooser(true, true),
		"replace": filterReplace, "reverse": filterReverse, "round": filterRound, "safe": onText(func(s string) string { return s }),
		"select": chooser(false, false), "selectattr": chooser(false, true), "slice": filterSlice, "sort": filterSort,
		"string": onText(func(s string) string { return s }), "sum": filterSum, "title": onText(filterTitle), "tojson": filterJSON,
		"trim": filterTrim, "truncate": filterTruncate, "unique": filterUnique, "upper": onText(upper),
		"urlencode": filterURL, "wordcount": filterWords,
		"as_text": onText(func(s string) string { return s }), "as_bool": same, "as_native": same, "as_number": same,
	}
}

func same(_ *Call, v Value) (Value, error) { return v, nil }

func onText(f func(string) string) filter {
	return func(c *Call, v Value) (Value, error) {
		if _, err := c.bind(""); err != nil {
			return nil, err
		}
		s, err := Text(v)
		return f(s), err
	}
}

func filterAbs(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	n, f, isFloat, ok := number(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("a number is wanted, not a %s", typeName(v))
	case isFloat:
		return math.Abs(f), nil
	}
	return whole(new(big.Int).Abs(n)), nil
}

func filterAttr(c *Call, v Value) (Value, error) {
	args, err := c.bind("name")
	if err != nil {
		return nil, err
	}
	name, err := textArg(args[0], "")
	if err != nil {
		return nil, err
	}
	if m, ok := method(v, name); ok {
		return m, nil
	}
	if o, ok := v.(Object); ok {
		if part, ok := o.Attr(name); ok {
			return part, nil
		}
	}
	return &Undefined{what: fmt.Sprintf("a %s has no %q", typeName(v), name)}, nil
}

func filterCenter(c *Call, v Value) (Value, error) {
	args, err := c.bind("width=")
	if err != nil {
		return nil, err
	}
	if !given(args[0]) {
		args[0] = int64(80)
	}
	s, err := Text(v)
	if err != nil {
		return nil, err
	}
	return textCenter(s, &Call{Args: args})
}

func filterLength(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	n, ok := length(v)
	if u, is := v.(*Undefined); is && u.silent {
		ok = true
	}
	if !ok {
		return nil, fmt.Errorf("a %s has no length", typeName(v))
	}
	return int64(n), nil
}

func filterDefault(c *Call, v Value) (Value, error) {
	args, err := c.bind("default_value= boolean=")
	if err != nil {
		return nil, err
	}
	otherwise, err := boolArg(args[1], false)
	if err != nil {
		return nil, err
	}
	if !given(args[0]) {
		args[0] = ""
	}
	if _, ok := v.(*Undefined); ok {
		return args[0], nil
	}
	if t, err := isTrue(v); otherwise && (err != nil || !t) {
		return args[0], err
	}
	return v, nil
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")

func filterEscape(c *Call, v Value) (Value, error) { return onText(escaper.Replace)(c, v) }

func filterFilesize(c *Call, v Value) (Value, error) {
	args, err := c.bind("binary=")
	if err != nil {
		return nil, err
	}
	by, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if b, err := boolArg(args[0], false); err != nil {
		return nil, err
	} else if b {
		by, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	x, err := filterFloat(&Call{Args: []Value{nil}}, v)
	n, ok := x.(float64)
	if err != nil || !ok {
		return nil, fmt.Errorf("a number is wanted, not a %s", typeName(v))
	}
	switch {
	case n == 1:
		return "1 Byte", nil
	case n < by:
		return fmt.Sprintf("%d Bytes", int64(n)), nil
	}
	unit := by
	for i, u := range units {
		unit = math.Pow(by, float64(i+2))
		if n < unit || i == len(units)-1 {
			return fmt.Sprintf("%.1f %s", by*n/unit, u), nil
		}
	}
	return nil, nil
}

func filterFloat(c *Call, v Value) (Value, error) {
	args, err := c.bind("default=")
	if err != nil {
		return nil, err
	}
	if !given(args[0]) {
		args[0] = 0.0
	}
	if _, f, _, ok := number(v); ok {
		return f, nil
	}
	if s, ok := v.(string); ok {
		if f, ok := parseFloat(s); ok {
			return f, nil
		}
	}
	return args[0], nil
}

var floatForm = regexp.MustCompile(`^[+-]?(?:(?:\d+(?:_\d+)*)(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?$|` +
	`^[+-]?(?i:inf|infinity|nan)$`)

func parseFloat(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if !floatForm.MatchString(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange)
}

func filterInt(c *Call, v Value) (Value, error) {
	args, err := c.bind("default= base=")
	if err != nil {
		return nil, err
	}
	if !given(args[0]) {
		args[0] = int64(0)
	}
	base, err := intArg(args[1], 10)
	if err != nil {
		return nil, err
	}
	f := 0.0
	switch x := v.(type) {
	case string:
		if n, ok := parseInt(x, base); ok {
			return n, nil
		}
		var ok bool
		if f, ok = parseFloat(x); !ok {
			return args[0], nil
		}
	default:
		n, g, isFloat, ok := number(v)
		if ok && !isFloat {
			return whole(n), nil
		}
		if f = g; !ok {
			return args[0], nil
		}
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return args[0], nil
	}
	n, _ := big.NewFloat(f).Int(nil)
	return whole(n), nil
}

var intForm = regexp.MustCompile(`^[+-]?[0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*$`)

// parseInt is Python's int(text, base).
func parseInt(s string, base int) (Value, bool) {
	s = strings.TrimSpace(s)
	if !intForm.MatchString(s) {
		return nil, false
	}
	text := strings.ReplaceAll(s, "_", "")
	sign := ""
	if text[0] == '-' || text[0] == '+' {
		sign, text = text[:1], text[1:]
	}
	if prefix, ok := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]; ok && len(text) > 2 && strings.EqualFold(text[:2], prefix) {
		text = text[2:]
	}
	n, ok := new(big.Int).SetString(sign+text, base)
	if !ok {
		return nil, false
	}
	return whole(n), true
}

func filterFormat(c *Call, v Value) (Value, error) {
	s, err := Text(v)
	if err != nil {
		return nil, err
	}
	if len(c.Args) > 0 && len(c.Names) > 0 {
		return nil, errors.New("values and named values cannot be mixed")
	}
	if len(c.Names) == 0 {
		return formatPercent(s, Tuple(c.Args))
	}
	d := NewDict()
	for _, name := range c.Names {
		_ = d.Set(name, c.Named[name])
	}
	return formatPercent(s, d)
}

func filterIndent(c *Call, v Value) (Value, error) {
	args, err := c.bind("width= first= blank=")
	if err != nil {
		return nil, err
	}
	s, err := textArg(v, "")
	if err != nil {
		return nil, err
	}
	by, isText := args[0].(string)
	if !isText {
		n, err := intArg(args[0], 4)
		if err != nil {
			return nil, err
		}
		by = strings.Repeat(" ", max(n, 0))
	}
	first, err := boolArg(args[1], false)
	if err != nil {
		return nil, err
	}
	blank, err := boolArg(args[2], false)
	lines := splitLines(s+"\n", false)
	for i := range lines {
		if i > 0 && (blank || lines[i] != "") {
			lines[i] = by + lines[i]
		}
	}
	out := strings.Join(lines, "\n")
	if first {
		out = by + out
	}
	return out, err
}

func filterReplace(c *Call, v Value) (Value, error) {
	args, err := c.bind("old new count=")
	if err != nil {
		return nil, err
	}
	s, err := Text(v)
	if err != nil {
		return nil, err
	}
	if args[2] == nil {
		args[2] = absent
	}
	for i := range 2 {
		if args[i], err = Text(args[i]); err != nil {
			return nil, err
		}
	}
	return textReplace(s, &Call{Args: args[:2+map[bool]int{true: 1}[given(args[2])]]})
}

func filterRound(c *Call, v Value) (Value, error) {
	args, err := c.bind("precision= method=")
	if err != nil {
		return nil, err
	}
	precision, err := intArg(args[0], 0)
	if err != nil {
		return nil, err
	}
	how, err := textArg(args[1], "common")
	if err != nil {
		return nil, err
	}
	n, f, isFloat, ok := number(v)
	if !ok {
		return nil, fmt.Errorf("a number is wanted, not a %s", typeName(v))
	}
	scale := math.Pow(10, float64(precision))
	switch how {
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	case "common":
	default:
		return nil, fmt.Errorf("method %q is not common, ceil or floor", how)
	}
	if !isFloat {
		if precision < 0 {
			return nil, errors.New("a whole number is not rounded to tens here")
		}
		return whole(n), nil
	}
	if precision >= 0 {
		// As Python does: the decimal digits of the number itself, half to even.
		f, err = strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		return f, err
	}
	return math.RoundToEven(f*scale) / scale, nil
}

var wordBegin = regexp.MustCompile(`[-\s({\[<]+`)

// filterTitle is Jinja's title, which is not Python's: words begin after blanks, dashes and brackets.
func filterTitle(s string) string {
	var b strings.Builder
	at := 0
	for _, m := range append(wordBegin.FindAllStringIndex(s, -1), []int{len(s), len(s)}) {
		b.WriteString(capitalize(s[at:m[0]]))
		b.WriteString(s[m[0]:m[1]])
		at = m[1]
	}
	return b.String()
}

func filterTrim(c *Call, v Value) (Value, error) {
	s, err := Text(v)
	if err != nil {
		return nil, err
	}
	return textMethods["strip"](s, c)
}

func filterTruncate(c *Call, v Value) (Value, error) {
	args, err := c.bind("length= killwords= end= leeway=")
	if err != nil {
		return nil, err
	}
	s, err := textArg(v, "")
	if err != nil {
		return nil, err
	}
	n, err := intArg(args[0], 255)
	if err != nil {
		return nil, err
	}
	kill, err := boolArg(args[1], false)
	if err != nil {
		return nil, err
	}
	end, err := textArg(args[2], "...")
	if err != nil {
		return nil, err
	}
	if args[3] == nil {
		args[3] = absent
	}
	leeway, err := intArg(args[3], 5)
	if err != nil {
		return nil, err
	}
	r, e := []rune(s), len([]rune(end))
	if n < e || leeway < 0 {
		return nil, fmt.Errorf("a length of at least %d and a leeway of at least 0 are wanted", e)
	}
	if len(r) <= n+leeway {
		return s, nil
	}
	out := string(r[:n-e])
	if i := strings.LastIndexByte(out, ' '); i >= 0 && !kill {
		out = out[:i]
	}
	return out + end, nil
}

func filterURL(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	quote := func(v Value, safe string) (string, error) {
		s, err := Text(v)
		out := strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
		for _, r := range safe {
			out = strings.ReplaceAll(out, url.QueryEscape(string(r)), string(r))
		}
		return out, err
	}
	d, ok := v.(*Dict)
	switch v.(type) {
	case *List, Tuple, *Set, *view, *generator, Range:
		return nil, fmt.Errorf("a text or a mapping is wanted, not a %s", typeName(v))
	}
	if !ok {
		return quote(v, "/")
	}
	var parts []string
	for k, v := range d.All() {
		key, err := quote(k, "")
		if err != nil {
			return nil, err
		}
		value, err := quote(v, "")
		if err != nil {
			return nil, err
		}
		parts = append(parts, strings.ReplaceAll(key, "%20", "+")+"="+strings.ReplaceAll(value, "%20", "+"))
	}
	return strings.Join(parts, "&"), nil
}

func filterWords(c *Call, v Value) (Value, error) {
	if _, err := c.bind(""); err != nil {
		return nil, err
	}
	s, err := Text(v)
	words := strings.FieldsFunc(s, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	return int64(len(words)), err
}
