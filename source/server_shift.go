package source

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"lifeline/change"
)

// shiftEvidence asks a table's rows about a shift, in one pass over it.
func (s *server) shiftEvidence(
	ctx context.Context, t *serverTable, q *shiftQuestion, ask func(context.Context, string) ([]map[string]string, error),
) (shiftEvidence, error) {
	e := shiftEvidence{kept: make([]int64, q.width)}
	rows, err := ask(ctx, q.statement(s.from(t)))
	if err != nil {
		return e, fmt.Errorf("ask whether the values of %s are shifted: %w", t.SourceName, err)
	}
	number := func(name string) int64 {
		n, bad := strconv.ParseInt(rows[0][name], 10, 64)
		if bad != nil && err == nil {
			err = fmt.Errorf("ask whether the values of %s are shifted: %q: %w", t.SourceName, rows[0][name], errMalformed)
		}
		return n
	}
	e.rows, e.shifted, e.right = number("total"), number("shifted"), number("in_place")
	for _, p := range q.places {
		e.kept[p.agreed] = number(fmt.Sprintf("kept_%d", p.agreed))
	}
	return e, err
}

// statement counts the rows by what they say, for a session whose sql_mode is empty.
func (q *shiftQuestion) statement(from string) string {
	var counts, fits, unfit []string
	for _, p := range q.places {
		text := "trim(cast(" + ident(p.column.SourceName) + " as char))"
		there, fit := filled(text), "true"
		if p.pattern != "" {
			fit = text + " regexp " + literal(p.pattern)
		}
		counts = append(counts, fmt.Sprintf("coalesce(sum(%s and %s), 0) as kept_%d", there, fit, p.agreed))
		if p.proves {
			fits, unfit = append(fits, "("+there+" and "+fit+")"), append(unfit, "("+there+" and not "+fit+")")
		}
	}
	for _, c := range q.tail {
		unfit = append(unfit, filled("trim(cast("+ident(c.SourceName)+" as char))"))
	}
	right := "(" + strings.Join(append(unfit, "false"), " or ") + ")"
	shifted := "(" + strings.Join(append(fits, "false"), " or ") + ")"
	return "select count(*) as total, coalesce(sum(" + shifted + " and not " + right + "), 0) as shifted, coalesce(sum(" + right +
		"), 0) as in_place, " +
		strings.Join(counts, ", ") + " from " + from
}

// filled is the condition that a text is more than what loaders write where they had nothing. It is never null.
func filled(text string) string {
	return "coalesce(" + text + " not in ('', 'NULL', '0') and " + text + " not like '0000-00-00%', false)"
}

// provedAgain looks at the rows of shifted tables once more in the snapshot's own view: what came since the first look may lie otherwise.
func (n *serverSnapshot) provedAgain(ctx context.Context) error {
	for _, t := range n.tables {
		if t.question == nil {
			continue
		}
		var e shiftEvidence
		err := n.yielding(ctx, t, func(ctx context.Context) (err error) {
			if e, err = n.server.shiftEvidence(ctx, t, t.question, n.conns[0].query); err == nil {
				err = n.conns[0].release(ctx)
			}
			return err
		})
		if err != nil {
			return n.server.address.explain("take a snapshot", err)
		}
		shifted, err := t.question.decide(e)
		if err != nil {
			return err
		}
		if shifted != t.shape.mapped {
			return &change.Problem{
				Err: fmt.Errorf("the rows of %s changed their places while the run began", t.SourceName), Where: t.SourceName,
				Class: change.ClassBlocked,
				Try:   "run again once the table is loaded",
			}
		}
	}
	return nil
}
