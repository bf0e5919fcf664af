package discover

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Steps are what the source knows of which state may follow which.
type Steps struct {
	Next  map[string][]string // By the name of a state: those that follow it. A state that is not here may be followed by any.
	First []string            // The states that records were seen to begin in.
	Seen  map[string]bool     // The states that the log has.
	Guess
}

// logRow is a row of a log of states: whose it is, the state before where the log has it, the state that came.
type logRow struct{ key, before, state string }

// logReader reads rows of a log by record and time, of a big log its newest.
type logReader interface {
	LogRows(ctx context.Context, t *Table, g *Log, limit int) ([]logRow, error)
}

// The changes that must have been seen before the log says what may follow: of all states, and of one.
const (
	enoughSteps    = 30
	enoughOfAState = 10
	logRowsRead    = 20_000
)

// steps finds which state may follow which: in a table that lists the steps, else in the record's log.
func (l *look) steps(ctx context.Context) {
	for i := range l.out.Records {
		r := &l.out.Records[i]
		if l.NoData || r.State == "" || !l.left() {
			continue
		}
		names := map[string]string{}
		for _, s := range r.States {
			names[strings.ToLower(strings.TrimSpace(s.Raw))] = s.Name
		}
		r.Steps = l.loggedSteps(ctx, r, names)
		if listed := l.listedSteps(ctx, r, names); listed != nil {
			if r.Steps != nil {
				listed.First, listed.Seen = r.Steps.First, r.Steps.Seen
			}
			r.Steps = listed
		}
	}
}

// loggedSteps counts which state came after which in the record's log.
func (l *look) loggedSteps(ctx context.Context, r *Record, names map[string]string) *Steps {
	reader, ok := l.reader.(logReader)
	if !ok || r.Log == nil || r.Log.State+r.Log.New == "" {
		return nil
	}
	rows, err := reader.LogRows(ctx, l.catalog.Table(r.Log.Table), r.Log, logRowsRead)
	if err != nil || len(rows) == 0 {
		return nil
	}
	count, out := countSteps(rows, names)
	total := 0
	for _, follows := range count {
		for _, n := range follows {
			total += n
		}
	}
	out.Guess = Guess{"what may follow each state of " + r.Name, Low, fmt.Sprintf("%s tells of %d changes in %d rows, "+
		"too few to say what may follow what", r.Log.Table, total, len(rows))}
	if total < enoughSteps {
		return out
	}
	for from, follows := range count {
		sum := 0
		for _, n := range follows {
			sum += n
		}
		// What follows anything says nothing.
		if sum >= enoughOfAState && len(follows) < len(r.States)-1 {
			out.Next[from] = sortedKeys(follows)
		}
	}
	out.Guess = Guess{out.What, Medium, fmt.Sprintf("the %d changes that %s tells of", total, r.Log.Table)}
	return out
}

// countSteps counts which state came after which, and where records began. A row that repeats the state before is a remark.
func countSteps(rows []logRow, names map[string]string) (map[string]map[string]int, *Steps) {
	out := &Steps{Next: map[string][]string{}, Seen: map[string]bool{}}
	count := map[string]map[string]int{}
	first := map[string]bool{}
	key, last := "", ""
	for _, row := range rows {
		state := names[strings.ToLower(strings.TrimSpace(row.state))]
		before := names[strings.ToLower(strings.TrimSpace(row.before))]
		begins := row.key != key
		if begins {
			key, last = row.key, ""
		}
		if state == "" {
			continue
		}
		out.Seen[state] = true
		before = cmp.Or(before, last)
		last = state
		switch {
		case before == "" && begins:
			first[state] = true
		case before != "" && before != state:
			if count[before] == nil {
				count[before] = map[string]int{}
			}
			count[before][state]++
		}
	}
	out.First = sortedKeys(first)
	return count, out
}

// listedSteps reads a table that lists which state may follow which: two columns of the same list of states, called from and to.
func (l *look) listedSteps(ctx context.Context, r *Record, names map[string]string) *Steps {
	for _, t := range l.catalog.Tables {
		if t.View || t.Name == r.Table || r.Log != nil && t.Name == r.Log.Table || l.profile.rows(t) == 0 || l.tiedTo(t, r) {
			continue
		}
		from, to := l.fromTo(t, r)
		if from == nil || to == nil {
			continue
		}
		rows, err := l.reader.Rows(ctx, t, []string{from.Name, to.Name}, 5000)
		if err != nil {
			continue
		}
		found := map[string]map[string]bool{}
		strange := 0
		for _, row := range rows {
			a, b := names[strings.ToLower(strings.TrimSpace(row[from.Name]))], names[strings.ToLower(strings.TrimSpace(row[to.Name]))]
			if a == "" || b == "" {
				strange++
				continue
			}
			if found[a] == nil {
				found[a] = map[string]bool{}
			}
			if a != b {
				found[a][b] = true
			}
		}
		if len(found) < 2 || strange*2 > len(rows) {
			continue
		}
		out := &Steps{Next: map[string][]string{}, Guess: Guess{
			"what may follow each state of " + r.Name, High,
			fmt.Sprintf("%s lists it: %s may become %s", t.Name, from.Name, to.Name),
		}}
		for a, follows := range found {
			out.Next[a] = sortedKeys(follows)
		}
		return out
	}
	return nil
}

// tiedTo reports whether a table's rows are about single records: then it is a log.
func (l *look) tiedTo(t *Table, r *Record) bool {
	return slices.ContainsFunc(l.out.keysOf[t.Name], func(k *Key) bool { return k.Parent == r.Table && k.Confidence != Low })
}

var (
	fromWords = []string{"from", "old", "source", "current", "before", "previous", "prev", "start"}
	toWords   = []string{"to", "new", "target", "next", "after", "following", "end", "destination"}
)

// fromTo finds the two columns of a table of steps.
func (l *look) fromTo(t *Table, r *Record) (from, to *Column) {
	named := has(t.words, "transition", "workflow", "step", "flow", "path", "allowed", "rule", "move", "progression", "lifecycle")
	for _, c := range t.Columns {
		same := r.Lookup != nil && slices.ContainsFunc(l.out.keysOf[t.Name], func(k *Key) bool {
			return k.Column == c.Name && k.Parent == r.Lookup.Parent
		})
		if !same && !(named && has(c.words, stateWords...)) {
			continue
		}
		switch {
		case has(c.words, toWords...) && to == nil:
			to = c
		case has(c.words, fromWords...) && from == nil:
			from = c
		case same && named && from == nil:
			from = c // status_id and next_status_id.
		}
	}
	return from, to
}

// rename gives the states the names that a person said.
func (s *Steps) rename(names map[string]string) {
	if s == nil {
		return
	}
	of := func(list []string) []string {
		out := make([]string, len(list))
		for i, n := range list {
			out[i] = cmp.Or(names[n], n)
		}
		return out
	}
	next, seen := map[string][]string{}, map[string]bool{}
	for from, follows := range s.Next {
		next[cmp.Or(names[from], from)] = of(follows)
	}
	for n := range s.Seen {
		seen[cmp.Or(names[n], n)] = true
	}
	s.Next, s.First, s.Seen = next, of(s.First), seen
}

// stampedRow is a row of a log with its time and number.
type stampedRow struct {
	logRow
	at, id string
}

// inOrder puts rows in the order of their records, times and numbers.
func inOrder(rows []stampedRow) []logRow {
	slices.SortStableFunc(rows, func(a, b stampedRow) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at), cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id))
	})
	out := make([]logRow, len(rows))
	for i, r := range rows {
		out[i] = r.logRow
	}
	return out
}

// LogRows reads the newest rows of a log.
func (s *server) LogRows(ctx context.Context, t *Table, g *Log, limit int) ([]logRow, error) {
	state := cmp.Or(g.State, g.New)
	columns, at := []string{g.Key, state}, "h."+quoted(g.At)
	if g.AtHop {
		at = "b." + quoted(g.At)
	} else {
		columns = append(columns, g.At)
	}
	order := ""
	if id := t.Key(); id != "" {
		columns = append(columns, id)
		order = " order by " + quoted(id) + " desc"
	}
	if g.Old != "" {
		columns = append(columns, g.Old)
	}
	slices.Sort(columns)
	names := make([]string, 0, len(columns))
	for _, c := range slices.Compact(columns) {
		names = append(names, quoted(c))
	}
	filter := ""
	if len(g.Where) > 0 {
		filter = " where " + conditions(g.Where)
	}
	inner := fmt.Sprintf("select %s from %s.%s%s%s limit %d", strings.Join(names, ", "), quoted(s.Database()), quoted(g.Table), filter, order,
		limit)
	key, join := "h."+quoted(g.Key), ""
	if h := g.Through; h != nil {
		on := ""
		for _, e := range h.Where {
			on += fmt.Sprintf(" and b.%s = %s", quoted(e.Column), textOf(e.Value))
		}
		join = fmt.Sprintf(" inner join %s.%s as b on b.%s = h.%s%s", quoted(s.Database()), quoted(h.Table), quoted(h.Key), quoted(g.Key), on)
		key = "b." + quoted(h.Record)
	}
	before, id := "null", "null"
	if g.Old != "" {
		before = "h." + quoted(g.Old)
	}
	if t.Key() != "" {
		id = "h." + quoted(t.Key())
	}
	rows, err := s.Ask(ctx, fmt.Sprintf("select %s as k, %s as b, h.%s as s, %s as at, %s as id from (%s) as h%s", key, before,
		quoted(state), at, id, inner, join))
	if err != nil {
		return nil, err
	}
	out := make([]stampedRow, len(rows))
	for i, r := range rows {
		out[i] = stampedRow{logRow{r["k"], r["b"], r["s"]}, r["at"], r["id"]}
	}
	return inOrder(out), nil
}

// LogRows reads a log that points at its record itself.
func (f *folder) LogRows(ctx context.Context, t *Table, g *Log, limit int) ([]logRow, error) {
	if g.Through != nil || len(g.Where) > 0 {
		return nil, nil
	}
	state := cmp.Or(g.State, g.New)
	columns := slices.DeleteFunc([]string{g.Key, g.Old, state, g.At, t.Key()}, func(c string) bool { return c == "" })
	rows, err := f.Rows(ctx, t, columns, limit)
	if err != nil {
		return nil, err
	}
	out := make([]stampedRow, len(rows))
	for i, r := range rows {
		out[i] = stampedRow{logRow{r[g.Key], r[g.Old], r[state]}, r[g.At], r[t.Key()]}
	}
	return inOrder(out), nil
}
