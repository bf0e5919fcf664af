package semantic

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// calendar turns business days into the stored times of the source's zone and back. Both directions follow the zone's own rules,
// summer time included.
type calendar struct {
	business *time.Location
	stored   *time.Location
}

// newCalendar knows the zone of business days and the one that the source's times are stored in.
func newCalendar(business, stored string) (calendar, error) {
	b, err := time.LoadLocation(business)
	if err != nil {
		return calendar{}, fmt.Errorf("read business_time_zone: %w", err)
	}
	s, err := time.LoadLocation(stored)
	if err != nil {
		return calendar{}, fmt.Errorf("read source.time_zone: %w", err)
	}
	return calendar{b, s}, nil
}

// start is the stored wall-clock time at which a business day begins.
func (c calendar) start(day time.Time) time.Time {
	at := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, c.business).In(c.stored)
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
}

// literal is the begin of a business day as SQL, to compare stored times with.
func (c calendar) literal(day time.Time) string {
	return "timestamp " + QuoteText(c.start(day).Format(time.DateTime))
}

// day is the business day of a stored wall-clock time.
func (c calendar) day(wall time.Time) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, c.stored).In(c.business)
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
}

// shift is what must be added to a stored time to get business time.
func (c calendar) shift(wall time.Time) time.Duration {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, c.stored)
	_, business := at.In(c.business).Zone()
	_, stored := at.Zone()
	return time.Duration(business-stored) * time.Second
}

// daySQL is an expression for the business day of a stored time between the two given ones.
func (c calendar) daySQL(column string, from, to time.Time) string {
	type step struct {
		until time.Time
		shift time.Duration
	}
	first := c.shift(from)
	steps := []step{}
	for at, shift := from, first; at.Before(to); at = at.Add(24 * time.Hour) {
		next := at.Add(24 * time.Hour)
		if c.shift(next) == shift {
			continue
		}
		turn := at
		for c.shift(turn) == shift {
			turn = turn.Add(time.Minute)
		}
		steps = append(steps, step{turn, shift})
		shift = c.shift(next)
	}
	interval := func(d time.Duration) string { return fmt.Sprintf("interval '%d minutes'", int(d.Minutes())) }
	if len(steps) == 0 {
		if first == 0 {
			return "cast(" + column + " as date)"
		}
		return fmt.Sprintf("cast(%s + %s as date)", column, interval(first))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cast(%s + case", column)
	for _, s := range steps {
		fmt.Fprintf(&b, " when %s < timestamp '%s' then %s", column, s.until.Format(time.DateTime), interval(s.shift))
	}
	fmt.Fprintf(&b, " else %s end as date)", interval(c.shift(to)))
	return b.String()
}

// bucket is one bar of a time axis: first and last day, inclusive.
type bucket struct{ from, to time.Time }

// grainOf chooses how wide the bars of a period are.
func grainOf(from, to time.Time) string {
	switch days := int(to.Sub(from).Hours()/24) + 1; {
	case days <= 45:
		return "day"
	case days <= 400:
		return "week"
	default:
		return "month"
	}
}

// buckets cuts a period into days, weeks (from Monday) or months; the first and the last may be shorter.
func buckets(from, to time.Time, grain string) []bucket {
	var out []bucket
	for at := from; !at.After(to); {
		var next time.Time
		switch grain {
		case "day":
			next = at.AddDate(0, 0, 1)
		case "week":
			next = at.AddDate(0, 0, 7-(int(at.Weekday())+6)%7)
		default:
			next = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		}
		last := next.AddDate(0, 0, -1)
		if last.After(to) {
			last = to
		}
		out = append(out, bucket{at, last})
		at = next
	}
	return out
}

// spanText writes a period as people do: 28 Aug – 25 Nov 2019.
func spanText(from, to time.Time) string {
	switch {
	case from.IsZero() && to.IsZero():
		return "all dates"
	case from.IsZero():
		return "until " + dayText(to)
	case to.IsZero():
		return "from " + dayText(from)
	case from.Equal(to):
		return dayText(from)
	case from.Year() == to.Year():
		return from.Format("2 Jan") + " – " + dayText(to)
	}
	return dayText(from) + " – " + dayText(to)
}

func dayText(t time.Time) string { return t.Format("2 Jan 2006") }

// Ranges are the periods that people ask for; they end at the newest data.
func (s *Version) Ranges() []RangeInfo {
	out := []RangeInfo{}
	names := []string{"7d", "28d", "90d", "365d"}
	if usual := s.def.Model.Range; usual != "all" && !slices.Contains(names, usual) {
		names = append(names, usual)
		slices.SortFunc(names, func(a, b string) int {
			x, _ := strconv.Atoi(strings.TrimSuffix(a, "d"))
			y, _ := strconv.Atoi(strings.TrimSuffix(b, "d"))
			return cmp.Compare(x, y)
		})
	}
	for _, name := range names {
		n, _ := strconv.Atoi(strings.TrimSuffix(name, "d"))
		out = append(out, RangeInfo{
			name, fmt.Sprintf("Last %d days", n), name == s.def.Model.Range, FormatDay(s.Through.AddDate(0, 0, 1-n)),
			FormatDay(s.Through),
		})
	}
	all := RangeInfo{Name: "all", Label: "All dates", Default: s.def.Model.Range == "all", To: FormatDay(s.Through)}
	if t := s.Tables[s.def.Model.Main]; t != nil {
		b := t.bounds[s.defaultBasis(t)]
		all.From, all.To = FormatDay(b.from), FormatDay(b.to)
	}
	return append(out, all)
}
