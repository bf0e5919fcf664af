package discover

import (
	"context"
	"fmt"
	"strconv"
)

// ends counts, for each value of a column, the rows and those that have a date; a server can.
type ends interface {
	Ends(ctx context.Context, t *Table, state, end string, limit int) (map[string][2]int, error)
}

// byEnd gives codes that nobody has explained the meaning that the rows show: where nearly all have the date on which it ended, it is
// decided, where hardly any has, it goes on. It holds only where the date tells the states apart at all.
func (l *look) byEnd(ctx context.Context, t *Table, r *Record) {
	f, able := l.reader.(ends)
	unknown := 0
	for _, s := range r.States {
		if s.Meaning == Unknown && s.Rows > 0 {
			unknown++
		}
	}
	if !able || l.NoData || unknown == 0 {
		return
	}
	over, open := map[string]string{}, map[string]string{}
	rows := map[string]int{}
	for _, end := range l.endsOf(t, r) {
		found, err := f.Ends(ctx, t, r.State, end, 20_000)
		if err != nil {
			return
		}
		for raw, n := range found {
			const most = 95 // Of a hundred rows.
			rows[raw] = n[0]
			told := fmt.Sprintf("%d of %d rows in it have %s", n[1], n[0], end)
			if n[1]*100 >= n[0]*most && over[raw] == "" {
				over[raw] = told
			} else if n[1]*100 <= n[0]*(100-most) && open[raw] == "" {
				open[raw] = told
			}
		}
	}
	if len(over) == 0 || len(open) == 0 {
		return
	}
	for i := range r.States {
		s := &r.States[i]
		switch {
		case s.Meaning != Unknown || rows[s.Raw] < 3:
		case over[s.Raw] != "":
			s.Meaning, s.Guess = Decided, Guess{s.Label + " is decided", Medium, over[s.Raw]}
		case open[s.Raw] != "":
			s.Meaning, s.Guess = Open, Guess{s.Label + " is open", Medium, open[s.Raw]}
		}
	}
}

// endsOf are the dates that say that a record waits no longer.
func (l *look) endsOf(t *Table, r *Record) []string {
	var out []string
	for _, d := range r.Dates {
		c := t.Column(d.Column)
		if d.Role == "closed" || d.Role == "decided" && has(c.words, "solve", "solved", "resolved", "resolution", "decided", "decision") {
			out = append(out, d.Column)
		}
	}
	return out
}

// Ends counts over a sample.
func (s *server) Ends(ctx context.Context, t *Table, state, end string, limit int) (map[string][2]int, error) {
	filled := "s." + quoted(end) + " is not null and s." + quoted(end) + " <> 0"
	if c := t.Column(end); c.Unix == "" {
		filled = "year(s." + quoted(end) + ") between 1000 and 2099"
	}
	rows, err := s.Ask(ctx, fmt.Sprintf(`select s.%s as word, count(*) as n, sum(coalesce(%s, 0)) as ended
		from (%s) as s group by 1 limit 100`, quoted(state), filled, s.sample(t, []string{state, end}, limit)))
	if err != nil {
		return nil, err
	}
	out := map[string][2]int{}
	for _, r := range rows {
		if raw, ok := r["word"]; ok {
			ended, _ := strconv.Atoi(r["ended"]) // A sum of whole numbers.
			out[raw] = [2]int{number(r["n"]), ended}
		}
	}
	return out, nil
}
