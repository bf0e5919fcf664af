package lifecycle

import (
	"fmt"
	"strings"
	"time"
)

// calendar turns instants in UTC into days of the business. The engines' own time zones are not used: DuckDB has them in an extension,
// and two engines with two editions of the rules would give two days.
type calendar struct{ shifts []shift }

// shift is from when on (UTC) a clock is so far ahead of UTC.
type shift struct {
	from  time.Time
	ahead time.Duration
}

// The years for which changes of the clock are written into SQL. Times before and after take the nearest rule.
const (
	firstYear = 2000
	lastYear  = 2040
)

func newCalendar(zone string) (calendar, error) {
	where, err := time.LoadLocation(zone)
	if err != nil {
		return calendar{}, fmt.Errorf("read business_time_zone: %w", err)
	}
	ahead := func(t time.Time) time.Duration {
		_, offset := t.In(where).Zone()
		return time.Duration(offset) * time.Second
	}
	at := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	c := calendar{shifts: []shift{{at, ahead(at)}}}
	for ; at.Year() <= lastYear; at = at.Add(time.Hour) {
		if now := ahead(at); now != c.shifts[len(c.shifts)-1].ahead {
			c.shifts = append(c.shifts, shift{at, now})
		}
	}
	return c, nil
}

// day is the business day of an instant.
func (c calendar) day(t string) string {
	if len(c.shifts) == 1 {
		return fmt.Sprintf("cast(%s as date)", plus(t, c.shifts[0].ahead))
	}
	var b strings.Builder
	b.WriteString("cast(case")
	for i := range len(c.shifts) - 1 {
		fmt.Fprintf(&b, " when %s < timestamp '%s' then %s", t, c.shifts[i+1].from.Format(time.DateTime), plus(t, c.shifts[i].ahead))
	}
	fmt.Fprintf(&b, " else %s end as date)", plus(t, c.shifts[len(c.shifts)-1].ahead))
	return b.String()
}

func plus(t string, ahead time.Duration) string {
	if ahead == 0 {
		return t
	}
	return fmt.Sprintf("%s + interval '%d minutes'", t, int(ahead/time.Minute))
}
