package project

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/change"
)

// masked is a column to be masked, as lifeline.yml or a source's schema file says it.
type masked struct {
	mask  change.Mask
	where Value
}

// readMasking reads masking of lifeline.yml: the key of hashes, and columns by table.column.
func (p *Project) readMasking(o *Object, env func(string) string) error {
	p.masks = map[string]masked{}
	return child(o, "masking", func(m *Object) error {
		if err := m.Text("key", &p.Config.MaskingKey); err != nil {
			return err
		}
		p.Config.MaskingKey = expand(p.Config.MaskingKey, env)
		return firstError(child(m, "columns", func(c *Object) error {
			for _, f := range c.Rest() {
				v, _ := c.Take(f.Name)
				mask, err := parseMask(v)
				if err != nil {
					return err
				}
				p.masks[strings.ToLower(f.Name)] = masked{mask, f.Key}
			}
			return nil
		}), m.Finish(p))
	})
}

// readMask reads meta.lifeline.mask of a source's column.
func (p *Project) readMask(c *Object, node string, col *Column) error {
	own, err := lifelineMeta(c, col.Meta, "mask")
	if err != nil || own["mask"] == nil {
		return err
	}
	_, table, isSource := strings.Cut(node, ".")
	if !isSource {
		return c.Value.Problem("a mask stands on a column of a source: what is masked must not land",
			"meta.lifeline.mask of the column in sources.yml")
	}
	mask, err := maskOf(own["mask"], c.Value)
	if err != nil {
		return err
	}
	p.masks[strings.ToLower(table+"."+col.Name)] = masked{mask, c.Value}
	return nil
}

func parseMask(v Value) (change.Mask, error) {
	x, err := v.Any()
	if err != nil {
		return change.Mask{}, err
	}
	return maskOf(x, v)
}

// maskOf reads `hash`, `drop` or `{truncate: 3}`, `{truncate: month}`.
func maskOf(x any, v Value) (change.Mask, error) {
	const try = "hash, drop, {truncate: 3} for a text or {truncate: month} for a date"
	switch m := x.(type) {
	case string:
		if m == change.MaskHash || m == change.MaskDrop {
			return change.Mask{Method: m}, nil
		}
	case map[string]any:
		if keep := textOf(m[change.MaskTruncate]); len(m) == 1 && keep != "" {
			return change.Mask{Method: change.MaskTruncate, Keep: keep}, nil
		}
	}
	return change.Mask{}, v.Problem(fmt.Sprintf("%v is not a mask", x), try)
}

// Masks are the masks of a source table's columns, by their names; nil where it has none.
func (p *Project) Masks(s *SourceTable) map[string]*change.Mask {
	var out map[string]*change.Mask
	for _, c := range s.Columns {
		m, ok := p.masks[strings.ToLower(s.Name+"."+c.Name)]
		if !ok {
			continue
		}
		if out == nil {
			out = map[string]*change.Mask{}
		}
		mask := m.mask
		mask.Key = []byte(p.Config.MaskingKey)
		out[c.Name] = &mask
	}
	return out
}

// leastKey is how many characters a key must have that nobody should guess.
const leastKey = 16

// settleMasks checks that masked columns are there, that hashes have a key, and that nothing is masked which the books or the identity
// of rows need.
func (p *Project) settleMasks() error {
	for _, name := range slices.Sorted(maps.Keys(p.masks)) {
		m := p.masks[name]
		s, column := p.sourceColumn(name)
		if s == nil {
			return m.where.Problem(fmt.Sprintf("masking names %q, which is not a column of a source table", name), "columns: {claim.type: hash}")
		}
		if m.mask.Method == change.MaskHash && len(p.Config.MaskingKey) < leastKey {
			return m.where.Problem(fmt.Sprintf("%s is to be hashed, and masking.key has fewer than %d characters: such a hash could be guessed",
				name, leastKey),
				"masking: {key: ${LIFELINE_MASKING_KEY}} in lifeline.yml, with a long random value in the environment")
		}
		if m.mask.Method != change.MaskHash && contains(s.Key, column) {
			return m.where.Problem(fmt.Sprintf("%s is part of the key: without it rows cannot be told apart", name),
				"hash, which keeps equal values equal")
		}
		currency := false
		for _, c := range s.Money {
			currency = currency || c == column
		}
		if _, isMoney := s.Money[column]; isMoney || currency {
			return m.where.Problem(fmt.Sprintf("%s is added up by the books, which a mask would make impossible", name),
				"take it out of meta.lifeline.money, or take the mask out")
		}
	}
	return nil
}

// sourceColumn finds a column by `table.column` in small letters; nil where there is none.
func (p *Project) sourceColumn(name string) (*SourceTable, string) {
	table, column, _ := strings.Cut(name, ".")
	for _, s := range p.Sources {
		for _, c := range s.Columns {
			if strings.EqualFold(s.Name, table) && c.Name == column {
				return s, column
			}
		}
	}
	return nil, ""
}
