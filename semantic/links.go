package semantic

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// pair is one parameter of a query string, in order; url.Values would forget the order.
type pair struct{ name, value string }

// QueryString writes names and values in turn as a query string.
func QueryString(namesAndValues ...string) string {
	var pairs []pair
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		pairs = append(pairs, pair{namesAndValues[i], namesAndValues[i+1]})
	}
	return encodePairs(pairs)
}

// ExportLinks are the addresses of all forms of a file, by the address of its question.
func ExportLinks(address string) []ExportLink {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	var out []ExportLink
	for _, format := range []string{"csv", "parquet", "ndjson"} {
		out = append(out, ExportLink{format, address + separator + "format=" + format})
	}
	return out
}

// encodePairs writes a query string that people can read: only what must be escaped is.
func encodePairs(pairs []pair) string {
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = EscapeQuery(p.name) + "=" + EscapeQuery(p.value)
	}
	return strings.Join(parts, "&")
}

// EscapeQuery escapes what must be in a query string, and no more.
func EscapeQuery(s string) string {
	text := url.QueryEscape(s)
	for _, keep := range []struct{ escaped, plain string }{
		{"%3A", ":"},
		{"%21", "!"},
		{"%2C", ","},
		{"%7E", "~"},
		{"%3E", ">"},
		{"%3C", "<"},
	} {
		if keep.plain == "<" || keep.plain == ">" {
			continue // Some programs end a link at these.
		}
		text = strings.ReplaceAll(text, keep.escaped, keep.plain)
	}
	return text
}

// opSuffix is what an operator adds to a parameter's name.
func opSuffix(op string) string { return strings.TrimSuffix(op, "=") }

// exact is the question with its dates written out: what a link to rows and a kept link carry.
func (b *boundQuery) exact() []pair {
	var out []pair
	if b.column != "" {
		out = append(out, pair{"basis", b.basis})
		if b.undated != "only" {
			if !b.from.IsZero() {
				out = append(out, pair{"from", b.from.Format(time.DateOnly)})
			}
			if !b.to.IsZero() {
				out = append(out, pair{"to", b.to.Format(time.DateOnly)})
			}
		}
		if b.from.IsZero() && b.to.IsZero() && b.undated != "only" {
			out = append(out, pair{"range", "all"})
		}
		if b.undated != "exclude" {
			out = append(out, pair{"undated", b.undated})
		}
	}
	return append(out, b.conditionPairs()...)
}

// conditionPairs are the conditions, the currency before the others, wherever it was said.
func (b *boundQuery) conditionPairs() []pair {
	out := b.pairsOf(func(name string) bool { return name == "currency" })
	if len(out) == 0 && len(b.mixed) > 0 {
		out = append(out, pair{"currency", "all"})
	}
	return append(out, b.conditionPairsButCurrency()...)
}

func (b *boundQuery) conditionPairsButCurrency() []pair {
	return b.pairsOf(func(name string) bool { return name != "currency" })
}

func (b *boundQuery) pairsOf(wanted func(name string) bool) (out []pair) {
	for _, c := range b.conds {
		if !wanted(c.Name) {
			continue
		}
		for _, v := range c.Values {
			out = append(out, pair{c.Name + opSuffix(c.Op), v})
		}
	}
	return out
}

// short is the shortest query string that means the same under the defaults that were used.
func (b *boundQuery) short() []pair {
	var out []pair
	m := b.snap.def.Model
	if b.column != "" {
		if !b.defaults || b.basis != b.snap.defaultBasis(b.table) {
			out = append(out, pair{"basis", b.basis})
		}
		switch {
		case b.undated == "only":
		case b.rng == "custom":
			if !b.from.IsZero() {
				out = append(out, pair{"from", b.from.Format(time.DateOnly)})
			}
			if !b.to.IsZero() {
				out = append(out, pair{"to", b.to.Format(time.DateOnly)})
			}
		case b.rng != "" && (!b.defaults || b.rng != m.Range):
			out = append(out, pair{"range", b.rng})
		}
		if b.Filters.versus != "" && b.Filters.versus != m.Versus && b.defaults {
			out = append(out, pair{"vs", b.Filters.versus})
		}
		if b.undated != "exclude" {
			out = append(out, pair{"undated", b.undated})
		}
	}
	if b.defaults && b.currency == b.snap.Currency {
		return append(out, b.conditionPairsButCurrency()...)
	}
	return append(out, b.conditionPairs()...)
}

// Exact is the question's query string with its dates written out.
func (b *boundQuery) Exact() string { return encodePairs(b.exact()) }

// Notices say what of the question was not understood or does not apply.
func (b *boundQuery) Notices() []string { return b.notices }

// Applied says how the question was understood, for the answer's meta.
func (b *boundQuery) Applied() *AppliedFilters {
	f := &AppliedFilters{
		Query: encodePairs(b.short()), Basis: b.basis, From: FormatDay(b.from), To: FormatDay(b.to),
		Versus: b.versus, VersusFrom: FormatDay(b.versusFrom), VersusTo: FormatDay(b.versusTo),
		Undated: b.undated, Currency: b.currency, Conditions: []Condition{}, Ignored: b.ignored, Range: b.rng,
	}
	exact := b.exact()
	if b.defaults && b.Filters.versus != "" && b.Filters.versus != b.snap.def.Model.Versus {
		exact = append(exact, pair{"vs", b.Filters.versus})
	}
	f.Exact = encodePairs(exact)
	if b.basis != "" {
		f.BasisLabel = b.snap.def.Model.basisLabel(b.basis)
		if f.Range == "" {
			f.Range = "all"
			if b.defaults {
				f.Range = b.snap.def.Model.Range
			}
		}
	}
	for _, c := range b.conds {
		if c.Name != "currency" {
			f.Conditions = append(f.Conditions, c.Condition)
		}
	}
	f.Text = b.text()
	return f
}

// FormatDay writes a day as YYYY-MM-DD; empty for none.
func FormatDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

var opWords = map[string]string{"=": "", "!=": "not ", ">=": "from ", "<=": "up to ", "~=": "with “"}

// text is the question in words.
func (b *boundQuery) text() string {
	var parts []string
	if b.column != "" {
		label := b.snap.def.Model.basisLabel(b.basis)
		switch b.undated {
		case "only":
			parts = append(parts, "no date for “"+strings.ToLower(label)+"”")
		case "include":
			parts = append(parts, label+" "+spanText(b.from, b.to)+" or undated")
		default:
			parts = append(parts, label+" "+spanText(b.from, b.to))
		}
	}
	for _, c := range b.conds {
		f, _ := b.snap.def.Model.filter(c.Name)
		words := make([]string, len(c.Values))
		for i, v := range c.Values {
			words[i] = b.snap.valueLabel(f, v)
		}
		text := opWords[c.Op] + strings.Join(words, " or ")
		if c.Op == "~=" {
			text += "”"
		}
		if c.Name != "currency" && f.Prefix == "" {
			text = c.Label + " " + text
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "all rows"
	}
	return strings.Join(parts, ", ")
}

// valueLabel is a filter's value as people read it.
func (s *Version) valueLabel(f filterFile, v string) string {
	switch {
	case v == nullWord:
		return "none"
	case f.Kind == "state":
		for _, state := range s.def.Model.states {
			if state.Name == v {
				return state.Label
			}
		}
		return v
	}
	return f.Prefix + v
}

// follow makes a link: the page's filters with those of the link's query over them. Names that the link gives replace the page's
// dates; conditions of both must hold, so a condition of the link on a filter that the page has too is narrowed to what both allow.
func (b *boundQuery) follow(link string) string {
	path, query, _ := strings.Cut(link, "?")
	over := splitPairs(query)
	named := func(names ...string) bool {
		return slices.ContainsFunc(over, func(p pair) bool { return slices.Contains(names, p.name) })
	}
	newPeriod := named("from", "to", "range", "undated")
	var parts []string
	if b.undated == "only" && newPeriod && !named("undated", "basis") {
		// The page asks for rows without a date; a bar of a period holds none of them.
		parts = append(parts, EscapeQuery(b.column)+"="+nullWord)
	}
	for _, p := range b.exact() {
		switch p.name {
		case "basis":
			if named("basis") {
				continue
			}
		case "from", "to", "range", "undated":
			if newPeriod {
				continue
			}
		}
		if b.narrowed(over, p) {
			continue
		}
		parts = append(parts, EscapeQuery(p.name)+"="+EscapeQuery(p.value))
	}
	for _, p := range over {
		switch {
		case p.value == "" && (p.name == "undated" || p.name == "range"):
			continue // An empty value takes the page's away.
		case p.name == "":
			parts = append(parts, p.value)
			continue
		}
		parts = append(parts, b.meet(p)...)
	}
	out := listPath(b.snap, path)
	if len(parts) > 0 {
		separator := "?"
		if strings.Contains(out, "?") {
			separator = "&"
		}
		out += separator + strings.Join(parts, "&")
	}
	return out
}

// narrowed tells that a condition of the page is carried by one of the link on the same filter.
func (b *boundQuery) narrowed(over []pair, p pair) bool {
	return slices.ContainsFunc(over, func(o pair) bool {
		return o.name == p.name && !strings.HasSuffix(o.name, "!") &&
			!slices.Contains([]string{"basis", "from", "to", "range", "undated"}, o.name)
	})
}

// meet writes one parameter of a link. A constant that the page's own list does not allow must match nothing.
func (b *boundQuery) meet(p pair) []string {
	out := []string{p.name + "=" + p.value}
	value, err := url.QueryUnescape(p.value)
	if err != nil || strings.Contains(value, "{") {
		return out
	}
	for _, c := range b.conds {
		if c.Name == p.name && c.Op == "=" && !slices.Contains(c.Values, value) {
			// Both "is this" and "is not this": nothing, which is what the page and the link together mean.
			return append(out, p.name+"!="+p.value)
		}
	}
	return out
}

// listPath is the front end's address of a list: the records' own where the path names them, else the table's rows.
func listPath(s *Version, path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	if s.def.Model.record(path) != nil {
		return "/" + path
	}
	if r := s.def.Model.recordOf(path); r != nil {
		return "/" + r.Name
	}
	return "/tables/" + path + "?view=rows"
}

// splitPairs reads a link's query as it is written; a template such as {+part} has no name.
func splitPairs(query string) []pair {
	var out []pair
	for part := range strings.SplitSeq(query, "&") {
		if name, value, ok := strings.Cut(part, "="); ok {
			out = append(out, pair{name, value})
		} else if part != "" {
			out = append(out, pair{"", part})
		}
	}
	return out
}

// hasCondition says that the page itself lists values of a filter.
func (b *boundQuery) hasCondition(name string) bool {
	return slices.ContainsFunc(b.conds, func(c boundCondition) bool { return c.Name+opSuffix(c.Op) == name })
}

// piece is one row's part of a link with the page's own conditions on the filters that any row's part speaks of.
func (b *boundQuery) piece(own []pair, names map[string]bool) string {
	var parts []string
	for _, p := range b.conditionPairsButCurrency() {
		if names[p.name] && (strings.HasSuffix(p.name, "!") || !slices.ContainsFunc(own, func(x pair) bool { return x.name == p.name })) {
			parts = append(parts, EscapeQuery(p.name)+"="+EscapeQuery(p.value))
		}
	}
	for _, p := range own {
		parts = append(parts, b.meet(p)...)
	}
	return strings.Join(parts, "&")
}
