package project

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Deletes is how much of a table may go in one landing without being asked.
type Deletes struct {
	Share float64 // Of the table's rows, up to 1; 0 where Rows counts.
	Rows  int64   // Or this many rows.
	Any   bool    // However many.
	Text  string  // As it is written.
}

// defaultDeletes are half of a table: what loses more is more often a broken load of the source than meant.
var defaultDeletes = Deletes{Share: 0.5, Text: "50%"}

// fewDeletes is how many rows may go whatever their share: of a small table half is soon gone.
const fewDeletes = 100

// Allows tells whether that many of a table's rows may be deleted.
func (d Deletes) Allows(deleted, rows int64) bool {
	switch {
	case d.Any:
		return true
	case d.Rows > 0:
		return deleted <= d.Rows
	}
	return deleted < fewDeletes || float64(deleted) <= d.Share*float64(rows)
}

// DeletesOf is what a landing of a source table may delete.
func (c *Config) DeletesOf(table string) Deletes {
	for _, name := range []string{table, ""} {
		if d, ok := c.MaxDeletes[name]; ok {
			return d
		}
	}
	return defaultDeletes
}

// HistoryOf is how long superseded versions of a source table stay; 0 is for ever.
func (c *Config) HistoryOf(table string) time.Duration {
	if d, ok := c.KeepHistory[table]; ok {
		return d
	}
	return c.KeepHistory[""]
}

// byTable reads a text for all source tables, or a mapping of tables with `default` for the others.
func (p *Project) byTable(o *Object, name, example string, read func(table, text string) error) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	one := func(table string, v Value) error {
		text, err := v.Text()
		if err == nil {
			err = read(table, text)
		}
		if err != nil {
			return v.Problem(fmt.Sprintf("%s: %v", name, err), example)
		}
		return nil
	}
	if !v.IsMapping() {
		return one("", v)
	}
	m, err := v.Object()
	if err != nil {
		return err
	}
	for _, f := range m.Rest() {
		v, _ := m.Take(f.Name)
		table := f.Name
		if table == "default" {
			table = ""
		} else {
			p.namedTables = append(p.namedTables, namedTable{name, table, f.Key})
		}
		if err := one(table, v); err != nil {
			return err
		}
	}
	return nil
}

// namedTable is a source table that a setting names.
type namedTable struct {
	setting, table string
	where          Value
}

// checkNamedTables refuses settings of tables that the project does not have.
func (p *Project) checkNamedTables() error {
	var known []string
	for _, s := range p.Sources {
		known = append(known, s.Name)
	}
	for _, n := range p.namedTables {
		if !contains(known, n.table) {
			return n.where.Problem(fmt.Sprintf("%s names %q, which is not a source table of the project", n.setting, n.table),
				cmp.Or(Nearest(n.table, known), "default, for all tables"))
		}
	}
	return nil
}

var daysText = regexp.MustCompile(`^([0-9]+)d$`)

// readKeepHistory reads keep_history: 400d, 36h or forever.
func (p *Project) readKeepHistory(o *Object) error {
	const example = "keep_history: 400d, or {default: 90d, claim: forever}"
	return p.byTable(o, "keep_history", example, func(table, text string) error {
		var keep time.Duration
		if days := daysText.FindStringSubmatch(text); days != nil {
			n, err := strconv.Atoi(days[1])
			if err != nil || n > 100_000 {
				return fmt.Errorf("%q is too long; forever keeps all", text)
			}
			keep = time.Duration(n) * 24 * time.Hour
		} else if text != "forever" {
			var err error
			if keep, err = time.ParseDuration(text); err != nil {
				return fmt.Errorf("%q is neither days, such as 400d, nor forever", text)
			}
		}
		if keep <= 0 && text != "forever" {
			return fmt.Errorf("%q keeps nothing", text)
		}
		if p.Config.KeepHistory == nil {
			p.Config.KeepHistory = map[string]time.Duration{}
		}
		p.Config.KeepHistory[table] = keep
		return nil
	})
}

// readMaxDeletes reads max_deletes: a share of a table's rows, a number of rows, or any.
func (p *Project) readMaxDeletes(o *Object) error {
	const example = "max_deletes: 20%, or {default: 50%, claim: 1000, session: any}"
	return p.byTable(o, "max_deletes", example, func(table, text string) error {
		d := Deletes{Text: text, Any: text == "any"}
		if number, percent := strings.CutSuffix(text, "%"); percent {
			share, err := strconv.ParseFloat(number, 64)
			if err != nil || !(share >= 0 && share <= 100) {
				return fmt.Errorf("%q is not a share between 0%% and 100%%", text)
			}
			d.Share = share / 100
		} else if !d.Any {
			rows, err := strconv.ParseInt(text, 10, 64)
			if err != nil || rows < 1 {
				return fmt.Errorf("%q is neither a share, such as 20%%, nor a number of rows, nor any", text)
			}
			d.Rows = rows
		}
		if p.Config.MaxDeletes == nil {
			p.Config.MaxDeletes = map[string]Deletes{}
		}
		p.Config.MaxDeletes[table] = d
		return nil
	})
}
