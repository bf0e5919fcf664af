package project

import (
	"fmt"
	"strings"
	"time"
)

// thresholdOverride are thresholds of lifeline.yml, for one test by its name or for all of a kind.
type thresholdOverride struct {
	warnIf, errorIf, note, until string
	where                        value
}

// readLooser reads the keys of meta.lifeline that loosen a test: dbt would not understand a share or a multiple in its own keys.
func (t *Test) readLooser(v value, own map[string]any) error {
	if s := textOf(own["warn_if"]); s != "" {
		t.WarnIf = s
	}
	if s := textOf(own["error_if"]); s != "" {
		t.ErrorIf = s
	}
	t.Note, t.Until = textOf(own["note"]), textOf(own["until"])
	return checkUntil(v, t.Note, t.Until)
}

// checkUntil checks that a threshold that ends says when and why it was given.
func checkUntil(v value, note, until string) error {
	if until == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, until); err != nil {
		return v.problem(fmt.Sprintf("until %q is no date", until), `until: "2027-01-31"`)
	}
	if note == "" {
		return v.problem("a threshold that ends says why it was loosened", "note: the supplier sends the rest by then")
	}
	return nil
}

// readThresholds reads thresholds of lifeline.yml: what holds here and not elsewhere, by a test's name or kind.
func (p *Project) readThresholds(o *object) error {
	p.looser = map[string]thresholdOverride{}
	return child(o, "thresholds", func(m *object) error {
		for _, f := range m.rest() {
			v, _ := m.take(f.name)
			one, err := v.object()
			if err != nil {
				return err
			}
			l := thresholdOverride{where: f.key}
			if err := firstError(one.text("warn_if", &l.warnIf), one.text("error_if", &l.errorIf), one.text("note", &l.note),
				one.text("until", &l.until), one.finish(p), checkUntil(f.key, l.note, l.until)); err != nil {
				return err
			}
			p.looser[f.name] = l
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
			t.WarnIf, t.ErrorIf, t.Note, t.Until = orElse(l.warnIf, t.WarnIf), orElse(l.errorIf, t.ErrorIf), orElse(l.note, t.Note), orElse(l.until, t.Until)
		}
	}
	for _, name := range sortedKeys(p.looser) {
		if !used[name] {
			return p.looser[name].where.problem(fmt.Sprintf("thresholds names %q, which is no test and no kind of test in use", name), orElse(Nearest(name, names), "take it out"))
		}
	}
	return nil
}
