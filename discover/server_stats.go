package discover

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// sample is a select of some columns over a bounded number of rows: of a big table the oldest and the newest by its key.
func (s *server) sample(t *Table, columns []string, limit int) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quoted(c)
	}
	list := strings.Join(names, ", ")
	if list == "" {
		list = "1 as one"
	}
	from := quoted(s.Database()) + "." + quoted(t.Name)
	if key := t.Key(); key != "" && t.Rows > int64(limit) {
		half := limit / 2
		return fmt.Sprintf("(select %[1]s from %[2]s order by %[3]s limit %[4]d) union all (select %[1]s from %[2]s order by %[3]s desc "+
			"limit %[4]d)",
			list, from, quoted(key), half)
	}
	return fmt.Sprintf("select %s from %s limit %d", list, from, limit)
}

// Stats asks one select a table, or two where it is wide.
func (s *server) Stats(ctx context.Context, t *Table, limit int) (*TableStats, error) {
	out := &TableStats{Columns: map[string]*ColumnStats{}}
	const wide = 60
	for begin := 0; begin == 0 || begin < len(t.Columns); begin += wide {
		part := t.Columns[begin:min(begin+wide, len(t.Columns))]
		var names, sums []string
		for i, c := range part {
			names = append(names, c.Name)
			sums = append(sums, sumsOf(c, fmt.Sprintf("s.%s", quoted(c.Name)), i)...)
		}
		text := "select count(*) as n" + strings.Join(append([]string{""}, sums...), ", ") + " from (" + s.sample(t, names, limit) + ") as s"
		rows, err := s.Ask(ctx, text)
		if err != nil {
			return nil, err
		}
		if len(rows) != 1 {
			return nil, fmt.Errorf("count %s: %d rows", t.Name, len(rows))
		}
		out.Rows = number(rows[0]["n"])
		if out.Rows == 0 {
			return out, nil
		}
		for i, c := range part {
			out.Columns[c.Name] = statsOf(rows[0], i, out.Rows)
		}
	}
	out.Whole = out.Rows < limit && t.Rows <= int64(limit)
	return out, nil
}

// sumsOf are the counts of one column. Long texts are only counted: to compare them would cost the server too much.
func sumsOf(c *Column, name string, i int) []string {
	as := func(expr, what string) string { return fmt.Sprintf("%s as %s%d", expr, what, i) }
	out := []string{as("count("+name+")", "filled")}
	switch c.kind() {
	case integer, decimal, float:
		out = append(out, as("count(distinct "+name+")", "distinct"), as("sum("+name+" = 0)", "zero"), as("min("+name+")", "min"),
			as("max("+name+")", "max"))
		if mayCount(c) {
			out = append(out, as("min(nullif("+name+", 0))", "low"), as("sum("+name+" > unix_timestamp() and "+name+" < 100000000000)", "future"))
		}
		if c.Base == "bit" {
			out[len(out)-1], out[len(out)-2] = as("max("+name+" + 0)", "max"), as("min("+name+" + 0)", "min")
		}
	case text, enum:
		out = append(out, as("count(distinct "+name+")", "distinct"), as("sum("+name+" = '')", "blank"), as("max(char_length("+name+"))",
			"longest"),
			as("sum("+name+" in ('0', '-', 'NULL', 'null', 'N/A', 'n/a'))", "zero"))
		if c.kind() == text {
			out = append(out, as("sum("+name+" like '%_@_%._%')", "mails"), as("sum("+name+" like '____-__-__%')", "days"))
		}
	case longText:
		out = append(out, as("sum("+name+" = '')", "blank"), as("max(char_length("+name+"))", "longest"))
	case date, datetime:
		out = append(out, as("count(distinct "+name+")", "distinct"), as("min(nullif("+name+", 0))", "min"), as("max("+name+")", "max"),
			as("sum(year("+name+") = 0)", "zero"), as("sum(year("+name+") >= 2100)", "far"), as("sum("+name+" > now())", "future"))
		if c.kind() == datetime {
			out = append(out, as("sum(time("+name+") <> '00:00:00')", "times"))
		}
	default: // Of the others only how many are filled.
	}
	return out
}

func number(text string) int {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return int(n)
}

func statsOf(row map[string]string, i, rows int) *ColumnStats {
	of := func(what string) int { return number(row[what+strconv.Itoa(i)]) }
	s := &ColumnStats{
		Blank: of("blank"), Zero: of("zero"), Min: row["min"+strconv.Itoa(i)], Max: row["max"+strconv.Itoa(i)], Low: row["low"+strconv.Itoa(i)],
		Longest: of("longest"),
		Mails:   of("mails"), Days: of("days"), Far: of("far"), Times: of("times"), Future: of("future"), Distinct: -1,
	}
	filled := of("filled")
	s.Nulls = rows - filled
	s.Filled = filled - s.Blank
	if _, ok := row["distinct"+strconv.Itoa(i)]; ok {
		s.Distinct = of("distinct")
	}
	return s
}

// Words counts over the whole table where the server can within its limit, else over a sample.
func (s *server) Words(ctx context.Context, t *Table, column string, limit int) ([]Word, bool, error) {
	name := quoted(column)
	group := " group by 1 order by 2 desc, 1 limit " + strconv.Itoa(limit)
	whole := true
	rows, err := s.Ask(ctx, fmt.Sprintf("select %s as word, count(*) as n from %s.%s", name, quoted(s.Database()), quoted(t.Name))+group)
	if err != nil {
		whole = false
		rows, err = s.Ask(ctx, fmt.Sprintf("select s.%s as word, count(*) as n from (%s) as s", name, s.sample(t, []string{column},
			20_000))+group)
	}
	if err != nil {
		return nil, false, err
	}
	var out []Word
	for _, r := range rows {
		value, ok := r["word"]
		out = append(out, Word{Text: value, Null: !ok, Rows: int64(number(r["n"]))})
	}
	return out, whole, nil
}

// Orphans compares a sample of different values with the parent's key.
func (s *server) Orphans(ctx context.Context, child *Table, column string, parent *Table, key string, limit int) (int, int, error) {
	filled := quoted(column) + " is not null"
	if k := child.Column(column).kind(); k == integer || k == decimal {
		filled += " and " + quoted(column) + " not in (0, -1)" // Which stand for nothing.
	} else if k == text {
		filled += " and " + quoted(column) + " not in ('', '0', '-')"
	}
	lacks := "not exists (select 1 from %[2]s.%[7]s as p where p.%[6]s = c.v)"
	if !parent.Indexed[key] {
		lacks = "c.v not in (select k from (select distinct %[6]s as k from %[2]s.%[7]s where %[6]s is not null limit 100000) as p)"
	}
	rows, err := s.Ask(ctx, fmt.Sprintf(`select count(*) as n, coalesce(sum(`+lacks+`), 0) as missing
		from (select distinct v from (select %[1]s as v from %[2]s.%[3]s where %[4]s limit %[5]d) as r limit 1000) as c`,
		quoted(column), quoted(s.Database()), quoted(child.Name), filled, limit, quoted(key), quoted(parent.Name)))
	if err != nil || len(rows) != 1 {
		return 0, 0, err
	}
	return number(rows[0]["n"]), number(rows[0]["missing"]), nil
}

// Rows reads some columns of a small table.
func (s *server) Rows(ctx context.Context, t *Table, columns []string, limit int) ([]map[string]string, error) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = fmt.Sprintf("%s as c%d", quoted(c), i)
	}
	rows, err := s.Ask(ctx, fmt.Sprintf("select %s from %s.%s limit %d", strings.Join(names, ", "), quoted(s.Database()), quoted(t.Name),
		limit))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		for i, c := range columns {
			if v, ok := r[fmt.Sprintf("c%d", i)]; ok {
				r[c] = v
				if c != fmt.Sprintf("c%d", i) {
					delete(r, fmt.Sprintf("c%d", i))
				}
			}
		}
	}
	return rows, nil
}

// Fits counts the different values of a column under conditions, and those that the parent's key lacks.
func (s *server) Fits(ctx context.Context, t *Table, column string, where []Equals, parent *Table) (int, int, error) {
	rows, err := s.Ask(ctx, fmt.Sprintf(`select count(*) as n, coalesce(sum(not exists (select 1 from %[1]s.%[2]s as p where p.%[3]s = `+
		`c.v)), 0) as missing
		from (select distinct v from (select %[4]s as v from %[1]s.%[5]s where %[6]s limit 5000) as r limit 1000) as c`,
		quoted(s.Database()), quoted(parent.Name), quoted(parent.Key()), quoted(column), quoted(t.Name), conditions(where)))
	if err != nil || len(rows) != 1 {
		return 0, 0, err
	}
	return number(rows[0]["n"]), number(rows[0]["missing"]), nil
}

func conditions(where []Equals) string {
	out := make([]string, len(where))
	for i, w := range where {
		out[i] = fmt.Sprintf("%s = %s", quoted(w.Column), textOf(w.Value))
	}
	return strings.Join(out, " and ")
}

// Where lists the different values of a column under conditions, at most thirty.
func (s *server) Where(ctx context.Context, t *Table, column string, where []Equals) ([]string, error) {
	rows, err := s.Ask(ctx, fmt.Sprintf("select distinct %s as word from %s.%s where %s limit 30",
		quoted(column), quoted(s.Database()), quoted(t.Name), conditions(where)))
	var out []string
	for _, r := range rows {
		if v, ok := r["word"]; ok && v != "" {
			out = append(out, v)
		}
	}
	return out, err
}
