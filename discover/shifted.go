package discover

import (
	"fmt"
	"slices"
	"strings"
)

// shifted finds tables whose values may lie a column off: a text whose name says no day holds days alone, and the dates follow it. An
// import that knew one column more or less than the file leaves such tables.
func (l *look) shifted() {
	for _, t := range l.catalog.Tables {
		for i, c := range t.Columns {
			st := l.profile.stats(t, c.Name)
			days := c.kind() == text && st.Filled >= 20 && st.Days*20 >= st.Filled*19
			if !days || i == 0 || i+1 >= len(t.Columns) || !t.Columns[i+1].isTime() || mayTell(c) {
				continue
			}
			after := strings.ToLower(t.Columns[i-1].Name)
			l.out.Shifted = append(l.out.Shifted, Flag{Table: t.Name, Column: c.Name, Guess: Guess{
				fmt.Sprintf("The values of %s after %s may lie one column early", t.Name, t.Columns[i-1].Name), Low,
				fmt.Sprintf("%s holds days in %d of %d rows, and dates follow it; `shift: {after: %s, by: 1, when: %s}` under meta.lifeline "+
					"of the table in models/sources.yml maps them back where all rows prove it, with the columns there as they should be",
					c.Name, st.Days, st.Filled, after, strings.ToLower(c.Name)),
			}})
			break
		}
	}
}

// mayTell reports whether a column's name says a day.
func mayTell(c *Column) bool {
	return has(c.words, timeWords...) || slices.ContainsFunc(roles, func(r dateWords) bool { return has(c.words, r.words...) })
}
