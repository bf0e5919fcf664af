package semantic

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var (
	tones       = []string{"good", "bad", "wait", "idle", "unknown"}
	filterKinds = []string{"text", "id", "state"}
	directions  = []string{"up", "down", "none"}
	versus      = []string{"prev", "year", "none"}
)

// oneOf refuses an unknown word; an empty one passes.
func oneOf(file, what, word string, known []string, path ...any) error {
	if word == "" || slices.Contains(known, word) {
		return nil
	}
	return invalid(file, fmt.Sprintf("%s is %q", what, word), "one of "+strings.Join(known, ", "), path...)
}

// checkWords refuses words of the model file that mean nothing (promise 11).
func (m *ModelFile) checkWords(file string) error {
	if m.Range != "all" && !rangeName.MatchString(m.Range) {
		return invalid(file, fmt.Sprintf("range is %q", m.Range), "days, such as 90d, or all", "range")
	}
	if err := oneOf(file, "versus", m.Versus, versus, "versus"); err != nil {
		return err
	}
	if _, err := time.ParseDuration(m.StaleAfter); err != nil && m.StaleAfter != "" {
		return invalid(file, fmt.Sprintf("stale_after is %q", m.StaleAfter), "a duration such as 26h", "stale_after")
	}
	var filters []string
	for _, f := range m.filters {
		filters = append(filters, f.Name)
		if err := oneOf(file, "kind of the filter "+f.Name, f.Kind, filterKinds, "filters", f.Name, "kind"); err != nil {
			return err
		}
	}
	for _, s := range m.states {
		if err := oneOf(file, "tone of the state "+s.Name, s.Tone, tones, "states", s.Name, "tone"); err != nil {
			return err
		}
	}
	for name, t := range m.Tables {
		for column, format := range t.Formats {
			if err := oneOf(file, "format of "+name+"."+column, format, formats, "tables", name, "formats", column); err != nil {
				return err
			}
		}
		for filter := range t.Filters {
			if err := oneOf(file, "a filter of "+name, filter, filters, "tables", name, "filters", filter); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkWords refuses words of a page that mean nothing.
func (p *PageFile) checkWords(m *ModelFile) error {
	var filters, bases []string
	for _, f := range m.filters {
		filters = append(filters, f.Name)
	}
	for _, b := range m.bases {
		bases = append(bases, b.Name)
	}
	if err := oneOf(p.file, "entity", p.Entity, filters, "entity"); err != nil {
		return err
	}
	for i, name := range p.Filters {
		if err := oneOf(p.file, "a filter of the page", name, filters, "filters", i); err != nil {
			return err
		}
	}
	for i, c := range p.Cards {
		if err := oneOf(p.file, "basis of the card "+c.ID, c.Basis, bases, "cards", i, "basis"); err != nil {
			return err
		}
		for n, line := range c.Lines {
			if err := oneOf(p.file, "axis of a line of "+c.ID, line.Axis, []string{"x", "y"}, "cards", i, "lines", n, "axis"); err != nil {
				return err
			}
		}
		if c.Tile == nil {
			continue
		}
		if err := oneOf(p.file, "format of the tile of "+c.ID, c.Tile.Format, formats, "cards", i, "tile", "format"); err != nil {
			return err
		}
		if err := oneOf(p.file, "direction of the tile of "+c.ID, c.Tile.Direction, directions, "cards", i, "tile", "direction"); err != nil {
			return err
		}
	}
	return nil
}
