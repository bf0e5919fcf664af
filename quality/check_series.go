package quality

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Day is how many rows a calendar day has.
type Day struct {
	Date time.Time
	Rows int64
}

// Anomaly is a day outside of what its weekday usually has.
type Anomaly struct {
	Day

	Usual     float64 // The median of the same weekday before, and
	Low, High float64 // the band around it.
}

// String says what was found, for people.
func (a Anomaly) String() string {
	return fmt.Sprintf("%s: %d rows, where %.0f to %.0f are usual", a.Date.Format("Mon 2006-01-02"), a.Rows, math.Max(a.Low, 0), a.High)
}

// Band says how days are judged. The zero value has the defaults.
type Band struct {
	Weeks     int         // Earlier weeks that are looked at; 10.
	Least     int         // Of these as many must be known, or the day is not judged; 4.
	Width     float64     // Half the band, in median absolute deviations; 4.
	Incidents []time.Time // Days that are known to be out of the ordinary: judged, and never learned from.
}

// shiftDays is how many days in a row must be out of the band before they are taken for what is usual from now on, and shiftWeeks how
// many of one weekday on the same side of it.
const (
	shiftDays  = 28
	shiftWeeks = 6
)

// Anomalies judges every day of a series by the days of its weekday before it: their median plus or minus Width median absolute
// deviations. Deviations are in units of the median's root, as those of random arrivals are (Poisson), so that the few days of one
// weekday can borrow the deviations of all the others; they are taken to be at least those of random arrivals, 0.6745. A day is not
// part of what it is judged by, and a day that was out of the band, or is marked as an incident, is not part of what later days are
// judged by: so an incident that comes again is found again. Days that are missing between the first and the last have no rows. Four
// weeks out of the band without a break are a new level, which is then learned; so are six of one weekday on one side of it.
func Anomalies(days []Day, o Band) []Anomaly {
	o = o.withDefaults()
	known := map[time.Time]bool{}
	for _, d := range o.Incidents {
		known[midnight(d)] = true
	}
	learned := map[time.Weekday][]float64{}
	var out []Anomaly
	var streak []Day // Days in a row that were out of the band.
	level := map[time.Weekday][]Anomaly{}
	for _, d := range filled(days) {
		a, judged := o.evaluate(d, learned)
		odd := judged && (float64(d.Rows) < a.Low || float64(d.Rows) > a.High)
		if odd {
			out = append(out, a)
		}
		w := d.Date.Weekday()
		if !odd && !known[d.Date] {
			streak, level[w] = nil, nil
			o.learn(learned, d)
			continue
		}
		if streak = append(streak, d); len(streak) == shiftDays {
			clear(learned)
			for _, s := range streak {
				o.learn(learned, s)
			}
			streak = nil
		}
		if odd && !known[d.Date] {
			level[w] = o.smooth(learned, level[w], a)
		}
	}
	return out
}

// smooth adds a day out of the band to those of its weekday before it, and learns them once they are enough and all on one side.
func (o Band) smooth(learned map[time.Weekday][]float64, before []Anomaly, a Anomaly) []Anomaly {
	if n := len(before); n > 0 && (float64(before[n-1].Rows) > before[n-1].Usual) != (float64(a.Rows) > a.Usual) {
		before = nil
	}
	before = append(before, a)
	if len(before) < shiftWeeks {
		return before
	}
	delete(learned, a.Date.Weekday())
	for _, b := range before {
		o.learn(learned, b.Day)
	}
	return nil
}

func (o Band) withDefaults() Band {
	if o.Weeks <= 0 {
		o.Weeks = 10
	}
	if o.Least <= 0 {
		o.Least = 4
	}
	if o.Width <= 0 {
		o.Width = 4
	}
	return o
}

func (o Band) learn(learned map[time.Weekday][]float64, d Day) {
	w := d.Date.Weekday()
	learned[w] = append(learned[w], float64(d.Rows))
	if n := len(learned[w]); n > o.Weeks {
		learned[w] = learned[w][n-o.Weeks:]
	}
}

// evaluate makes the band for a day; false where too little is known.
func (o Band) evaluate(d Day, learned map[time.Weekday][]float64) (Anomaly, bool) {
	before := learned[d.Date.Weekday()]
	if len(before) < o.Least {
		return Anomaly{}, false
	}
	var deviations []float64
	for _, days := range learned {
		middle := medianOf(days)
		for _, x := range days {
			deviations = append(deviations, math.Abs(x-middle)/rootOf(middle))
		}
	}
	middle := medianOf(before)
	half := o.Width * math.Max(medianOf(deviations), 0.6745) * rootOf(middle)
	return Anomaly{Day: d, Usual: middle, Low: middle - half, High: middle + half}, true
}

func rootOf(middle float64) float64 { return math.Sqrt(math.Max(middle, 1)) }

func medianOf(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// filled is the series in order, with every day between its ends.
func filled(days []Day) []Day {
	rows := map[time.Time]int64{}
	var first, last time.Time
	for _, d := range days {
		at := midnight(d.Date)
		rows[at] += d.Rows
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	var out []Day
	for at := first; len(days) > 0 && !at.After(last); at = at.AddDate(0, 0, 1) {
		out = append(out, Day{at, rows[at]})
	}
	return out
}

var _ = register(map[string]func(*testInput) (testSQL, error){"volume": volume})

// volume fails by the days, of the last so many, whose rows are out of their weekday's band (see Anomalies). The last day of the series
// is the newest that has a row.
func volume(s *testInput) (testSQL, error) {
	if err := errors.Join(s.needColumn(), s.args.only("days", "weeks", "width", "incidents")); err != nil {
		return testSQL{}, err
	}
	recent, band := 7, Band{}
	if err := errors.Join(s.args.number("days", &recent), s.args.number("weeks", &band.Weeks), s.args.number("width", &band.Width),
		s.args.dates("incidents", &band.Incidents)); err != nil {
		return testSQL{}, err
	}
	b := testSQL{measure: bind(`
		select cast({c} as date) as day, count(*) as n
		from {target}
		where {c} is not null
		group by 1
		order by 1`, "c", s.column, "target", s.target())}
	b.probe = func(ctx context.Context, db *sql.DB, r *Result) error {
		days, err := series(ctx, db, b.measure)
		if err != nil {
			return err
		}
		all := filled(days)
		r.Tested = int64(min(recent, len(all)))
		if len(all) == 0 {
			return nil
		}
		since := all[len(all)-1].Date.AddDate(0, 0, -recent)
		var said []string
		for _, a := range Anomalies(days, band) {
			if a.Date.After(since) {
				said = append(said, a.String())
				r.seen = append(r.seen, seen{key: a.Date.Format(time.DateOnly), value: fmt.Sprint(a.Rows)})
			}
		}
		r.Failing, r.Detail = int64(len(said)), strings.Join(said, "; ")
		return nil
	}
	return b, nil
}

func series(ctx context.Context, db *sql.DB, query string) ([]Day, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Day
	for rows.Next() {
		var d Day
		if err := rows.Scan(&d.Date, &d.Rows); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

func (a args) number(name string, into any) error {
	v, ok := a.text(name)
	if !ok {
		return nil
	}
	if _, err := fmt.Sscan(v, into); err != nil {
		return fmt.Errorf("the argument %q is a number, not %q", name, v)
	}
	return nil
}

// dates reads an optional list of days.
func (a args) dates(name string, into *[]time.Time) error {
	if a[name] == nil {
		return nil
	}
	items, err := a.list(name)
	if err != nil {
		return err
	}
	for _, item := range items {
		d, err := time.Parse(time.DateOnly, scalar(item))
		if err != nil {
			return fmt.Errorf("the argument %q is a list of dates such as 2019-01-18, and %q is none", name, scalar(item))
		}
		*into = append(*into, d)
	}
	return nil
}
