package semantic

import (
	"cmp"
	"slices"
)

// StateInfos are the words for canonical states.
func (m *ModelFile) StateInfos() []StateInfo { return append([]StateInfo{}, m.states...) }

// BasisInfos are the dates that a period may be meant by; the first is the default.
func (m *ModelFile) BasisInfos() []BasisInfo {
	out := []BasisInfo{}
	for i, b := range m.bases {
		out = append(out, BasisInfo{b.Name, m.basisLabel(b.Name), b.Hint, i == 0})
	}
	return out
}

// FilterInfos are the declared filters.
func (m *ModelFile) FilterInfos() []FilterInfo {
	out := []FilterInfo{}
	for _, f := range m.filters {
		out = append(out, FilterInfo{f.Name, cmp.Or(f.Label, Title(f.Name)), f.Prefix, f.Path, f.Kind, true, true, f.Hint})
	}
	return out
}

// PageInfos are the pages for a navigation.
func (d *Definition) PageInfos() []PageInfo {
	out := []PageInfo{}
	for _, p := range d.Pages {
		out = append(out, d.pageInfo(p))
	}
	return out
}

func (d *Definition) pageInfo(p *PageFile) PageInfo {
	info := PageInfo{
		Name: p.Name, Path: p.Path, Title: p.Title, Section: cmp.Or(p.Section, "Operations"), Icon: p.Icon,
		Filters: slices.Clone(p.Filters), Entity: p.Entity,
	}
	if p.Hidden {
		info.Section = ""
	}
	if info.Filters == nil {
		info.Filters = []string{}
		if t := d.Model.Tables[p.Table]; t != nil {
			for _, f := range d.Model.filters {
				if t.Filters[f.Name] != "" {
					info.Filters = append(info.Filters, f.Name)
				}
			}
		}
	}
	return info
}

// RecordInfos are the kinds of records.
func (s *Version) RecordInfos() []RecordInfo {
	out := []RecordInfo{}
	for _, r := range s.def.Model.records {
		out = append(out, s.recordInfo(r))
	}
	return out
}

// Span is the first and the last business day of a table on its default basis; empty where it has none.
func (s *Version) Span(t *Table) (from, to string) {
	b := t.bounds[s.defaultBasis(t)]
	return FormatDay(b.from), FormatDay(b.to)
}

// RecordName is the kind of record that a table's rows are; empty where they are none.
func (s *Version) RecordName(table string) string {
	if r := s.def.Model.recordOf(table); r != nil {
		return r.Name
	}
	return ""
}
