package run

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/warehouse"
)

// mostRaw is how many rows with lost values are looked at, for each table.
const mostRaw = 10_000

// expectedLoss are texts that stand for no date, which a MySQL server that is not strict stores, and texts with NUL bytes, which land
// without them.
var expectedLoss = regexp.MustCompile(`^\d{4}-(00|\d\d-00)|\x00`)

// tellUnread warns of values that their column's type could not hold: they are null, and only _raw keeps their text. A column that was
// exported in another form would otherwise be empty without a word.
func (w *walk) tellUnread(ctx context.Context) error {
	for _, t := range w.tables {
		unread, looked, err := w.unread(ctx, t)
		if err != nil {
			return fmt.Errorf("look for values that could not be read in %s: %w", t.Name, err)
		}
		for _, column := range slices.Sorted(maps.Keys(unread)) {
			u := unread[column]
			count := fmt.Sprintf("%d values", u.rows)
			if u.rows == 1 {
				count = "1 value"
			}
			if looked == mostRaw {
				count = "at least " + count
			}
			said := fmt.Sprintf("cannot be read as its type, such as one like %q: null in staging, with the text in _raw. "+
				"Try: data_type: text for the column, and a model that reads its form", u.form)
			if i := t.Index(column); i >= 0 && t.Columns[i].Type.Kind == change.Text {
				said = "is not text in its character set, or not as Unicode has it: U+FFFD in its place in staging, with each byte in _raw. " +
					"Try: lifeline query over core for " + column + ", and mend it in the source"
			}
			w.report.Warnings = append(w.report.Warnings, fmt.Sprintf("%s of column %s of %s %s", count, column, t.SourceName, said))
		}
	}
	return nil
}

// unreadColumn counts the lost values of a column.
type unreadColumn struct {
	rows int
	form string // Of the first: digits are 9 and letters a, as a log is no place for what people wrote.
}

func (w *walk) unread(ctx context.Context, t *change.Table) (found map[string]*unreadColumn, looked int, err error) {
	rows, err := w.hold.DB().QueryContext(ctx, fmt.Sprintf(`
select s._raw
from %s as s
where s._raw is not null
limit %d`, warehouse.Relation("staging", t.Name), mostRaw))
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	found = map[string]*unreadColumn{}
	for rows.Next() {
		var raw string
		if err := rows.Scan(&raw); err != nil {
			return nil, 0, err
		}
		looked++
		var lost map[string]any
		if json.Unmarshal([]byte(raw), &lost) != nil {
			continue
		}
		for column, value := range lost {
			text, is := value.(string)
			if !is || expectedLoss.MatchString(text) || strings.TrimSpace(text) == "" {
				continue
			}
			if found[column] == nil {
				found[column] = &unreadColumn{form: formOf(text)}
			}
			found[column].rows++
		}
	}
	return found, looked, rows.Err()
}

// formOf is a text's form: its signs, with 9 for digits and a for letters.
func formOf(text string) string {
	form := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '9'
		case r > 127 || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			return 'a'
		}
		return r
	}, text)
	if len(form) > 40 {
		form = form[:40]
	}
	return form
}
