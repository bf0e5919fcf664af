package semantic

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"lifeline/lifecycle"
	"lifeline/project"
)

//go:embed defaults/*.yml
var defaultFiles embed.FS

// DefinitionOf is the definition of a project: its dashboards folder, or, where it has none, pages made from its lifecycles: an overview
// of what came in, waits and left, and the list and the page of each kind of record. A project without either has no pages of its own.
func DefinitionOf(p *project.Project) (*Definition, error) {
	d, err := ReadDefinition(p.Dir)
	if err != nil || d.Model.Main != "" || len(d.Pages) > 0 {
		return d, err
	}
	declared, err := lifecycle.Declared(p)
	if err != nil {
		return nil, err
	}
	return defaultDefinition(p, declared)
}

// defaultLife is what the pages need of one lifecycle.
type defaultLife struct {
	Name, Title, Singular, Noun, List string
	Flattened, Activity, Core         string
	Key, State, Came, Left, Flow      string
	Money, Columns, Facets            string
	Open                              []string
	OpenSQL, OpenLink                 string
	Related                           []lifecycle.Column // Column is that of the flattened table.
	Steps                             []defaultStep
	states                            []defaultState
}

type defaultStep struct{ Column, Label string }

type defaultState struct{ Name, Label, Tone string }

func defaultDefinition(p *project.Project, declared []*lifecycle.Declaration) (*Definition, error) {
	var lives []*defaultLife
	for _, l := range declared {
		if m := p.Model(l.Tables.Flattened); m != nil && m.Config.Schema == "analytics" {
			lives = append(lives, newDefaultLife(p, l))
		}
	}
	d := &Definition{}
	if len(lives) == 0 {
		return d, nil
	}
	overview := &PageFile{Name: "overview", file: "overview.yml"}
	for name, into := range map[string]any{"model.yml": &d.Model, "overview.yml": overview} {
		text, err := fillDefault(name, lives)
		if err != nil {
			return nil, err
		}
		if err := decodeStrict(name, text, into); err != nil {
			return nil, fmt.Errorf("pages made from the lifecycles: %w", err)
		}
	}
	d.Pages = []*PageFile{overview}
	if err := d.Model.validate("model.yml"); err != nil {
		return nil, err
	}
	return d, overview.validate(&d.Model)
}

func newDefaultLife(p *project.Project, l *lifecycle.Declaration) *defaultLife {
	noun := strings.ReplaceAll(l.Name, "_", " ")
	o := &defaultLife{
		Name: l.Name, Singular: Title(noun), Noun: plural(noun), List: strings.ReplaceAll(plural(l.Name), " ", "_"),
		Flattened: l.Tables.Flattened, Activity: l.Tables.Activity, Key: l.KeyColumn(l.Name), State: l.State,
	}
	o.Title = Title(o.Noun)
	if m := p.Model(l.From); m != nil {
		o.Core = cmp.Or(m.Config.Schema, "core") + "." + cmp.Or(m.Config.Alias, m.Name)
	}
	columns, facets := []string{o.Key}, []string{}
	if o.State != "" {
		columns, facets = append(columns, o.State), append(facets, "state")
	}
	for _, r := range l.Related {
		column := l.KeyColumn(r.Name)
		if r.Name == "state" || column == o.Key || strings.Contains(r.Column, "(") {
			continue
		}
		o.Related = append(o.Related, lifecycle.Column{Name: r.Name, Column: column})
		columns, facets = append(columns, column), append(facets, r.Name)
	}
	var money []string
	for _, m := range l.Measures {
		columns = append(columns, m.Name)
		if m.CurrencyName() != "" {
			money = append(money, m.Name+": "+m.CurrencyName())
			if !slices.Contains(columns, m.CurrencyName()) {
				columns = append(columns, m.CurrencyName())
			}
		}
	}
	o.dates(l)
	for _, c := range []string{o.Came, o.Left} {
		if c != "" {
			columns = append(columns, c)
		}
	}
	o.Money, o.Columns, o.Facets = strings.Join(money, ", "), "["+strings.Join(columns, ", ")+"]", "["+strings.Join(facets, ", ")+"]"
	o.openStates(l)
	return o
}

// dates are the steps, the one that records come in by and the one that they leave by: as the backlog says, else the first step, and the
// first that leads to a decided state.
func (o *defaultLife) dates(l *lifecycle.Declaration) {
	decided := map[string]bool{}
	for _, s := range l.States {
		decided[s.Name] = s.Decided
	}
	for _, a := range l.Activities {
		if !a.InFlattened {
			continue
		}
		o.Steps = append(o.Steps, defaultStep{a.As, Title(a.Name)})
		o.Came = cmp.Or(o.Came, a.As)
		if a.As != o.Came && slices.ContainsFunc(append(slices.Clone(a.States), a.To, a.Name), func(s string) bool { return decided[s] }) {
			o.Left = cmp.Or(o.Left, a.As)
		}
	}
	if l.Backlog != nil {
		if a := l.Activity(l.Backlog.Leave); a != nil && a.InFlattened {
			o.Left = a.As
		}
	}
	o.Flow = "Came in by " + o.Came + "."
	if o.Left != "" {
		o.Flow += " Left by " + o.Left + "."
	}
}

func (o *defaultLife) openStates(l *lifecycle.Declaration) {
	var quotedOpen []string
	for _, s := range l.States {
		tone := "idle"
		switch {
		case s.Open:
			tone = "wait"
			o.Open = append(o.Open, s.Name)
			quotedOpen = append(quotedOpen, "'"+strings.ReplaceAll(s.Name, "'", "''")+"'")
		case s.Decided:
			tone = "good"
		}
		o.states = append(o.states, defaultState{s.Name, cmp.Or(s.Label, Title(s.Name)), tone})
	}
	o.OpenSQL = strings.Join(quotedOpen, ", ")
	o.OpenLink = o.List + "?range=all&undated=include&state=" + strings.Join(o.Open, "&state=")
}

func fillDefault(name string, lives []*defaultLife) ([]byte, error) {
	t, err := template.New(name).Delims("[[", "]]").Funcs(template.FuncMap{
		"text": strconv.Quote, "heading": Title,
		"anyLeft": func(all []*defaultLife) bool {
			return slices.ContainsFunc(all, func(o *defaultLife) bool { return o.Left != "" })
		},
		"related": relatedNames, "states": distinctStates,
	}).ParseFS(defaultFiles, "defaults/"+name)
	if err != nil {
		return nil, fmt.Errorf("read the default %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, name, lives); err != nil {
		return nil, fmt.Errorf("fill the default %s: %w", name, err)
	}
	return out.Bytes(), nil
}

func relatedNames(all []*defaultLife) []string {
	var out []string
	for _, o := range all {
		for _, r := range o.Related {
			if !slices.Contains(out, r.Name) {
				out = append(out, r.Name)
			}
		}
	}
	return out
}

// distinctStates are the states of all lifecycles; one that several have is shown as the first says.
func distinctStates(all []*defaultLife) []defaultState {
	var out []defaultState
	for _, o := range all {
		for _, s := range o.states {
			if !slices.ContainsFunc(out, func(had defaultState) bool { return had.Name == s.Name }) {
				out = append(out, s)
			}
		}
	}
	return out
}

// plural is the regular plural of an English noun.
func plural(noun string) string {
	switch {
	case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	case strings.HasSuffix(noun, "y") && len(noun) > 1 && !strings.ContainsRune("aeiou", rune(noun[len(noun)-2])):
		return noun[:len(noun)-1] + "ies"
	}
	return noun + "s"
}
