package source

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/source/preflight"
)

// Shift says that a careless import put values under wrong names: the table was declared with By further columns after After, while its
// rows came in the contract's order, so that each value lies By columns too early. A negative By says that as many are missing.
//
// With When the table may have either form: it is mapped back where it has that column after After and every row proves the shift, and
// read by its names where it does not have it or where the rows prove that there is no shift.
type Shift struct {
	After string
	By    int
	When  string
	Where string // Of the project, for messages.
}

// shiftEvidence is what the rows of a table say about a shift, each row for it, against it, or neither.
type shiftEvidence struct {
	rows    int64
	shifted int64   // A text place holds a value of the type that lies there if the table is shifted, and the last columns are empty.
	right   int64   // The last columns are not empty, or a text place holds what cannot lie there if the table is shifted.
	kept    []int64 // Of each agreed column, the values that can be read back from the place where they would lie.
}

// shiftPlace is one column of a table that may be shifted.
type shiftPlace struct {
	column  change.Column
	agreed  int // The agreed column that would lie here.
	pattern string
	proves  bool // It can hold values of both kinds, so that what it holds says something.
}

// Patterns of the values that a text column can hold in place of a typed one. MySQL, MariaDB and Go read them alike.
const (
	patternTime    = `^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?$`
	patternWhole   = `^[-+]?[0-9]+$`
	patternDecimal = `^[-+]?[0-9]*[.]?[0-9]+$`
)

func patternOf(t change.Type) string {
	switch t.Kind {
	case change.Date, change.Timestamp:
		return patternTime
	case change.Int16, change.Int32, change.Int64:
		return patternWhole
	case change.Decimal:
		return patternDecimal
	default:
		return ""
	}
}

// shiftQuestion is what has to be asked of a table's rows before a shift of theirs is believed.
type shiftQuestion struct {
	table  string
	shift  *Shift
	places []shiftPlace // In the order of the table, from the first that would be moved.
	tail   []change.Column
	width  int // The agreed columns.
}

// shiftQuestion gives what to ask of a table that has the form of the declared shift, and nil for one that has not. anyText says that every
// column holds any text, as in a file.
func (c Contract) shiftQuestion(table string, found []change.Column, anyText bool) (*shiftQuestion, error) {
	if c.Shift == nil || c.Shift.When == "" {
		return nil, nil
	}
	agreed := c.ordered()
	after := slices.IndexFunc(agreed, func(a ContractColumn) bool { return strings.EqualFold(a.Name, c.Shift.After) })
	if after < 0 {
		return nil, c.fitsShift(table, found, agreed, after)
	}
	if c.fitsShift(table, found, agreed, after) != nil || !strings.EqualFold(found[after+1].SourceName, c.Shift.When) {
		return nil, nil
	}
	q := &shiftQuestion{table: table, shift: c.Shift, width: len(agreed), tail: found[len(agreed):]}
	for i := after + 1; i < len(agreed); i++ {
		want, err := change.TypeOf(orText(agreed[i].DataType))
		if err != nil {
			return nil, fmt.Errorf("column %s of %s: %w", agreed[i].Name, c.Name, err)
		}
		p := shiftPlace{column: found[i], agreed: i, pattern: patternOf(want)}
		// A date among dates says nothing of whose date it is.
		p.proves = (anyText || found[i].Type.Kind == change.Text) && p.pattern != "" && p.pattern != patternOf(found[i].Type)
		q.places = append(q.places, p)
	}
	return q, nil
}

func orText(declared string) string {
	if declared == "" {
		return "text"
	}
	return declared
}

// decide says whether a table is shifted. It refuses where some rows are and others are not, or where no row tells.
func (q *shiftQuestion) decide(e shiftEvidence) (bool, error) {
	problem := func(format string, args ...any) error {
		return &change.Problem{
			Err: fmt.Errorf("%s has the column %s after %s, %s", q.table, q.places[0].column.SourceName, strings.ToUpper(q.shift.After),
				fmt.Sprintf(format, args...)),
			Where: q.shift.Where, Class: change.ClassBlocked,
			Try: "have the table loaded again, all rows in one way",
		}
	}
	switch {
	case e.rows == 0, e.right > 0 && e.shifted == 0:
		return false, nil
	case e.right > 0:
		return false, problem("and in %d of %d rows the values after it are shifted by %d, in %d they are not", e.shifted, e.rows, q.shift.By,
			e.right)
	case e.shifted == 0:
		return false, problem("and its %d rows do not say whether the values after it are shifted", e.rows)
	}
	return true, nil
}

// settle answers for a table that may be shifted: the contract to read it by. ask looks at the rows; it is called only where the table has
// the form of the shift.
func (c Contract) settle(table string, found []change.Column, anyText bool, ask func(*shiftQuestion) (shiftEvidence, error)) (Contract,
	error,
) {
	q, err := c.shiftQuestion(table, found, anyText)
	if err != nil || c.Shift == nil || c.Shift.When == "" {
		return c, err
	}
	if q == nil {
		c.Shift = nil
		return c, nil
	}
	e, err := ask(q)
	if err != nil {
		return c, err
	}
	shifted, err := q.decide(e)
	if err != nil {
		return c, err
	}
	c.evidence = &e
	if !shifted {
		c.Shift = nil
	}
	return c, nil
}

// agreedFirst are the columns of a table whose rows have proved that they are not shifted: those that are too many come last, since they
// moved nothing.
func agreedFirst(contract, physical []preflight.Column) []preflight.Column {
	var first, last []preflight.Column
	for _, c := range physical {
		if slices.ContainsFunc(contract, func(a preflight.Column) bool { return strings.EqualFold(a.Name, c.Name) }) {
			first = append(first, c)
		} else {
			last = append(last, c)
		}
	}
	return append(first, last...)
}

// rowEvidence judges rows one by one, for files.
type rowEvidence struct {
	question *shiftQuestion
	patterns []*regexp.Regexp // Of each place; nil where any text may lie there.
	shiftEvidence
}

func newRowEvidence(q *shiftQuestion) *rowEvidence {
	r := &rowEvidence{question: q, shiftEvidence: shiftEvidence{kept: make([]int64, q.width)}}
	for _, p := range q.places {
		var pattern *regexp.Regexp
		if p.pattern != "" {
			pattern = regexp.MustCompile(p.pattern)
		}
		r.patterns = append(r.patterns, pattern)
	}
	return r
}

// nothing tells whether a value is what loaders write where they had none.
func nothing(text string) bool {
	text = strings.Trim(text, " \r")
	return text == "" || isNull(text) || text == "0" || strings.HasPrefix(text, "0000-00-00")
}

// add judges one row; value gives the text at a place, and "" where the row has none.
func (r *rowEvidence) add(value func(at int) string) {
	r.rows++
	right, shifted := false, false
	for i := range r.question.tail {
		right = right || !nothing(value(r.question.width+i))
	}
	for i, p := range r.question.places {
		text := strings.Trim(value(p.agreed), " \r")
		if nothing(text) {
			continue
		}
		fits := r.patterns[i] == nil || r.patterns[i].MatchString(text)
		if fits {
			r.kept[p.agreed]++
		}
		if p.proves {
			right, shifted = right || !fits, shifted || fits
		}
	}
	switch {
	case right:
		r.right++
	case shifted:
		r.shifted++
	}
}
