package discover

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// Options say what to look at and how long.
type Options struct {
	Tables   []string      // Names, or patterns with *; none means all.
	Exclude  []string      // Names, or patterns with *.
	NoData   bool          // Read the catalogue alone.
	Budget   time.Duration // For all that is read; 0 means 40 seconds. What is not looked at by then stays unproven.
	Rows     int           // Looked at of each table; 0 means 10,000.
	Records  []Asked       // What the user says of records: name, table and state column.
	Currency string        // Of amounts that have none beside them.
	TimeZone string        // Of the source's times.
	Progress func(done, total int, what string)

	hideForeign bool // For tests: as if no foreign key were declared.
}

// Look reads a database and says what it believes of it.
func Look(ctx context.Context, r Reader, o Options) (*Proposal, error) {
	if o.Budget <= 0 {
		o.Budget = 40 * time.Second
	}
	if o.Rows <= 0 {
		o.Rows = 10_000
	}
	if o.Progress == nil {
		o.Progress = func(int, int, string) {}
	}
	began := time.Now()
	l := &look{Options: o, reader: r, left: func() bool { return time.Since(began) < o.Budget }}
	return l.all(ctx)
}

// look is one look at a database.
type look struct {
	Options
	reader  Reader
	left    func() bool
	catalog *Catalog
	profile *Profile
	out     *Proposal
	class   map[*Table]*class
	options *[]*optionList // The tables of several lists, once they were read.
}

func (l *look) all(ctx context.Context) (*Proposal, error) {
	var err error
	if l.catalog, err = l.reader.Catalog(ctx); err != nil {
		return nil, err
	}
	l.choose()
	l.profile = &Profile{Tables: map[string]*TableStats{}}
	l.out = &Proposal{Catalog: l.catalog, Profile: l.profile, Currency: l.Currency, TimeZone: l.TimeZone}
	if !l.NoData {
		if err := l.stats(ctx); err != nil {
			return nil, err
		}
	}
	l.unixTimes()
	l.shifted()
	f := &finder{catalog: l.catalog, profile: l.profile, left: l.left}
	if !l.NoData {
		f.reader = l.reader
	}
	if l.out.Keys, err = f.foreignKeys(ctx, l.hideForeign); err != nil {
		return nil, err
	}
	l.out.finish()
	l.polymorphic()
	l.classes()
	l.personal()
	l.money()
	l.dateRoles()
	l.deletes()
	if err := l.records(ctx); err != nil {
		return nil, err
	}
	if !l.NoData {
		l.eventNames(ctx)
	}
	l.leaveOut()
	return l.out, nil
}

// choose drops the tables that were not asked for.
func (l *look) choose() {
	if len(l.Tables) == 0 && len(l.Exclude) == 0 {
		return
	}
	var kept []*Table
	for _, t := range l.catalog.Tables {
		if (len(l.Tables) == 0 || matches(t.Name, l.Tables)) && !matches(t.Name, l.Exclude) {
			kept = append(kept, t)
		}
	}
	l.catalog.Tables = kept
	l.catalog.finish()
}

func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(strings.ToLower(p), strings.ToLower(name)); err == nil && ok {
			return true
		}
	}
	return false
}

// stats looks at the rows of each table while the budget lasts.
func (l *look) stats(ctx context.Context) error {
	for i, t := range l.catalog.Tables {
		if t.View {
			continue
		}
		if !l.left() {
			l.profile.Notes = append(l.profile.Notes, fmt.Sprintf("%d tables were not looked at, the time was over: %s and what follows by name",
				len(l.catalog.Tables)-i, t.Name))
			return nil
		}
		l.Progress(i, len(l.catalog.Tables), t.Name)
		s, err := l.reader.Stats(ctx, t, l.Rows)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			l.profile.Notes = append(l.profile.Notes, fmt.Sprintf("%s was not looked at: %v", t.Name, err))
			continue
		}
		l.profile.Tables[t.Name] = s
	}
	l.Progress(len(l.catalog.Tables), len(l.catalog.Tables), "")
	return nil
}
