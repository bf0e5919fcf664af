package project

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// thresholdOverride are thresholds of lifeline.yml, for one test by its name or for all of a kind.
type thresholdOverride struct {
	warnIf, errorIf, note, until string
	where                        Value
}

// checkUntil checks that a threshold that ends says when and why it was given.
func checkUntil(note, until string) error {
	if until == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, until); err != nil {
		return hinted{fmt.Errorf("until %q is not a date", until), `until: "2027-01-31"`}
	}
	if note == "" {
		return hinted{errors.New("a threshold that ends says why it was loosened"), "note: the supplier sends the rest by then"}
	}
	return nil
}

// readThresholds reads thresholds of lifeline.yml: what holds here and not elsewhere, by a test's name or kind.
func (p *Project) readThresholds(o *Object) error {
	p.looser = map[string]thresholdOverride{}
	return child(o, "thresholds", func(m *Object) error {
		for _, f := range m.Rest() {
			v, _ := m.Take(f.Name)
			one, err := v.Object()
			if err != nil {
				return err
			}
			l := thresholdOverride{where: f.Key}
			if err := firstError(one.Text("warn_if", &l.warnIf), one.Text("error_if", &l.errorIf), one.Text("note", &l.note),
				one.Text("until", &l.until), one.Finish(p), f.Key.explained(checkUntil(l.note, l.until))); err != nil {
				return err
			}
			p.looser[f.Name] = l
		}
		return nil
	})
}

// settleThresholds puts the thresholds of lifeline.yml over those of the tests; a test's name beats its kind.
func (p *Project) settleThresholds() error {
	used := map[string]bool{}
	var names []string
	for _, t := range p.Tests {
		short := t.Kind[strings.LastIndexByte(t.Kind, '.')+1:]
		names = append(names, t.Name, t.Kind)
		for _, name := range []string{short, t.Kind, t.Name} {
			l, ok := p.looser[name]
			if !ok {
				continue
			}
			used[name] = true
			t.WarnIf, t.ErrorIf = cmp.Or(l.warnIf, t.WarnIf), cmp.Or(l.errorIf, t.ErrorIf)
			t.Note, t.Until = cmp.Or(l.note, t.Note), cmp.Or(l.until, t.Until)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.looser)) {
		if !used[name] {
			return p.looser[name].where.Problem(fmt.Sprintf("thresholds names %q, which is neither a test nor a kind of test in use", name),
				cmp.Or(Nearest(name, names), "take it out"))
		}
	}
	return nil
}
