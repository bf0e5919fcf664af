package semantic

import (
	"fmt"
	"math/big"
	"strings"
	"text/template"
	"time"

	"lifeline/change"
)

// answer writes the card's sentence from its own rows, so that it can never say another number than the chart.
func (p *PageQuery) answer(c *CardFile, got *Result) (string, error) {
	if len(got.Rows) == 0 && c.Empty != "" {
		return c.Empty, nil
	}
	if len(got.Rows) == 0 {
		return "Nothing matches: " + p.main.text() + ".", nil
	}
	return p.template(c.Answer, got)
}

// template executes a text over an answer: the columns of its first row are fields, the functions below write values as people read
// them. docs/dashboard.md lists them.
func (p *PageQuery) template(text string, got *Result) (string, error) {
	first := map[string]any{}
	for i, c := range got.Columns {
		if len(got.Rows) > 0 {
			first[c.Name] = got.Rows[0][i]
		}
	}
	t, err := template.New("answer").Option("missingkey=error").Funcs(p.functions(got)).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, first); err != nil {
		return "", err
	}
	return strings.TrimSpace(spaces.ReplaceAllString(b.String(), " ")), nil
}

func (p *PageQuery) functions(got *Result) template.FuncMap {
	return template.FuncMap{
		"count": CountText, "percent": PercentText, "days": daysText, "day": dayWords,
		"money":  func(v any) string { return moneyText(v, p.main.currency) },
		"plural": PluralText,
		"vs":     func(now, before any) string { return p.versusText(now, before) },
		"points": func(now, before any) string { return p.pointsText(now, before) },
		"rows":   func() int { return len(got.Rows) },
		"at": func(row int, column string) (any, error) {
			i := got.index(column)
			if i < 0 || row < 0 {
				return nil, fmt.Errorf("no column %q", column)
			}
			if row >= len(got.Rows) {
				return nil, nil
			}
			return got.Rows[row][i], nil
		},
		"last": func(column string) (any, error) {
			i := got.index(column)
			if i < 0 || len(got.Rows) == 0 {
				return nil, fmt.Errorf("no column %q", column)
			}
			return got.Rows[len(got.Rows)-1][i], nil
		},
		"sum":  func(column string) (string, error) { return sumOf(got, column) },
		"top":  func(by, column string) (any, error) { return topOf(got, by, column) },
		"name": func(filter string, v any) string { return p.nameText(filter, v) },
		"span": func() string {
			if p.main.column == "" {
				return "all dates"
			}
			return spanText(p.main.from, p.main.to)
		},
		"more": func(a, b any) bool { return compare(a, b) > 0 },
		"zero": func(a any) bool { x := rational(a); return x == nil || x.Sign() == 0 },
	}
}

func compare(a, b any) int {
	x, y := rational(a), rational(b)
	if x == nil || y == nil {
		return 0
	}
	return x.Cmp(y)
}

func (p *PageQuery) nameText(filter string, v any) string {
	f, _ := p.snap.def.Model.filter(filter)
	if v == nil {
		return "no " + strings.ToLower(f.Label)
	}
	return p.snap.valueLabel(f, TextOf(v))
}

// grouped writes a whole number with commas.
func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// CountText writes a count with commas, such as 1,234; "none" for no number.
func CountText(v any) string {
	x := rational(v)
	if x == nil {
		return "none"
	}
	return grouped(x.FloatString(0))
}

func moneyText(v any, currency string) string {
	x := rational(v)
	if x == nil {
		return "no money"
	}
	return strings.TrimSpace(currency + " " + grouped(x.FloatString(0)))
}

// PercentText writes a share such as 0.123 as 12.3 %.
func PercentText(v any) string {
	x := rational(v)
	if x == nil {
		return "–"
	}
	return strings.Replace(new(big.Rat).Mul(x, big.NewRat(100, 1)).FloatString(1), "-", "−", 1) + " %"
}

func daysText(v any) string {
	x := rational(v)
	if x == nil {
		return "–"
	}
	text := change.TrimDecimal(x.FloatString(1))
	if text == "1" {
		return "1 day"
	}
	return text + " days"
}

func dayWords(v any) string {
	if t := TimeOf(v); !t.IsZero() {
		return dayText(t)
	}
	return "–"
}

// PluralText is a count with its noun: 1 claim, 2 claims.
func PluralText(v any, one string) string {
	text := CountText(v)
	if text == "1" {
		return "1 " + one
	}
	if strings.HasSuffix(one, "y") {
		return text + " " + strings.TrimSuffix(one, "y") + "ies"
	}
	return text + " " + one + "s"
}

// versusText is ", 4.0 % more than in the 90 days before"; nothing where nothing is compared.
func (p *PageQuery) versusText(now, before any) string {
	if p.main.versus == "none" || p.main.column == "" {
		return ""
	}
	change := changeInParts(now, before)
	if change == nil {
		if x := rational(before); x != nil && x.Sign() == 0 {
			return ", none " + p.beforeText()
		}
		return ""
	}
	x := rational(*change)
	switch x.Sign() {
	case 0:
		return ", as many as " + p.beforeText()
	case 1:
		return ", " + PercentText(*change) + " more than " + p.beforeText()
	}
	return ", " + PercentText(new(big.Rat).Neg(x).FloatString(6)) + " less than " + p.beforeText()
}

func (p *PageQuery) pointsText(now, before any) string {
	if p.main.versus == "none" || p.main.column == "" {
		return ""
	}
	change := changeInPoints(now, before)
	if change == nil {
		return ""
	}
	x := rational(*change)
	switch x.Sign() {
	case 0:
		return ", as " + p.beforeText()
	case 1:
		return ", " + strings.TrimSuffix(PercentText(*change), " %") + " points more than " + p.beforeText()
	}
	return ", " + strings.TrimSuffix(PercentText(new(big.Rat).Neg(x).FloatString(6)), " %") + " points less than " + p.beforeText()
}

func (p *PageQuery) beforeText() string {
	if p.main.versus == "year" {
		return "a year before"
	}
	days := int(p.main.to.Sub(p.main.from)/(24*time.Hour)) + 1
	if days == 1 {
		return "on the day before"
	}
	return fmt.Sprintf("in the %d days before", days)
}

func sumOf(r *Result, column string) (string, error) {
	i := r.index(column)
	if i < 0 {
		return "", fmt.Errorf("no column %q to sum", column)
	}
	sum := new(big.Rat)
	for _, row := range r.Rows {
		if x := rational(row[i]); x != nil {
			sum.Add(sum, x)
		}
	}
	return change.TrimDecimal(sum.FloatString(6)), nil
}

// topOf is one column's value in the row where another is greatest.
func topOf(r *Result, by, column string) (any, error) {
	i, j := r.index(by), r.index(column)
	if i < 0 || j < 0 {
		return nil, fmt.Errorf("no column %q or %q", by, column)
	}
	var best *big.Rat
	var out any
	for _, row := range r.Rows {
		if x := rational(row[i]); x != nil && (best == nil || x.Cmp(best) > 0) {
			best, out = x, row[j]
		}
	}
	return out, nil
}
