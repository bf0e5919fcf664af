package semantic

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"lifeline/change"
)

// Definition is a project's dashboards folder: what can be filtered (model.yml) and the pages (every other file). Its zero value is
// a project without pages of its own, which still has runs, checks, quarantine, tables, lineage and SQL.
type Definition struct {
	Model ModelFile
	Pages []*PageFile // By order, then by name.
}

// ModelFile is dashboards/model.yml: how the project's tables are asked.
type ModelFile struct {
	Main       string                  `yaml:"main"` // The table that the pages count, as schema.table.
	Bases      yaml.MapSlice           `yaml:"bases"`
	Filters    yaml.MapSlice           `yaml:"filters"`
	Range      string                  `yaml:"range"` // Default period, such as 90d.
	Versus     string                  `yaml:"versus"`
	Currency   string                  `yaml:"currency"` // Default; the most frequent one where none is given.
	States     yaml.MapSlice           `yaml:"states"`
	Tables     map[string]*TableFile   `yaml:"tables"`
	Derived    map[string]*DerivedFile `yaml:"derived"` // By name in schema dashboard.
	Records    yaml.MapSlice           `yaml:"records"`
	StaleAfter string                  `yaml:"stale_after"` // A duration after which a load is late, such as 26h.
	Contact    string                  `yaml:"contact"`     // Whom to ask for a role.
	Examples   []Example               `yaml:"examples"`    // Of the SQL page.

	bases   []baseFile
	filters []filterFile
	states  []StateInfo
	records []*recordFile
}

type baseFile struct {
	Name  string `yaml:"-"`
	Label string `yaml:"label"`
	Hint  string `yaml:"hint"`
}

type filterFile struct {
	Name   string `yaml:"-"`
	Label  string `yaml:"label"`
	Prefix string `yaml:"prefix"`
	Path   string `yaml:"path"`
	Kind   string `yaml:"kind"`
	Hint   string `yaml:"hint"`
}

// TableFile says how one table is filtered.
type TableFile struct {
	Title   string            `yaml:"title"`
	Noun    string            `yaml:"noun"`
	Key     string            `yaml:"key"`
	Source  string            `yaml:"source"`  // The source's table that its rows account for.
	Money   map[string]string `yaml:"money"`   // Money column to currency column.
	Dates   map[string]string `yaml:"dates"`   // Basis to column.
	Filters map[string]string `yaml:"filters"` // Filter to column.
	Formats map[string]string `yaml:"formats"` // Column to format, where its name does not tell.
	Labels  map[string]string `yaml:"labels"`
	// What to keep in memory on DuckDB: rows, dated_rows or counts; empty for nothing.
	InMemory string `yaml:"in_memory"`
}

// Values of TableFile.InMemory: copies of all rows and their counts; only the dated rows, sorted by their date; only counts.
const (
	memoryRows      = "rows"
	memoryDatedRows = "dated_rows"
	memoryCounts    = "counts"
)

// DerivedFile is a select that is computed once a version and then read like a table.
type DerivedFile struct {
	TableFile   `yaml:",inline"`
	Description string `yaml:"description"`
	SQL         string `yaml:"sql"`
}

type recordFile struct {
	Name     string        `yaml:"-"`
	Title    string        `yaml:"title"`
	Singular string        `yaml:"singular"`
	Table    string        `yaml:"table"`
	Core     string        `yaml:"core"`
	Columns  []string      `yaml:"columns"`
	Facets   []string      `yaml:"facets"`
	Sort     string        `yaml:"sort"`
	State    string        `yaml:"state"`
	Timeline []eventFile   `yaml:"timeline"`
	Facts    []string      `yaml:"facts"`
	Related  []relatedFile `yaml:"related"`
	Sum      *sumFile      `yaml:"sum"`
}

type eventFile struct {
	Column string `yaml:"column"`
	Label  string `yaml:"label"`
	Basis  string `yaml:"basis"` // Column with the basis.
	Hint   string `yaml:"hint"`
}

type relatedFile struct {
	Title   string   `yaml:"title"`
	Table   string   `yaml:"table"`
	Column  string   `yaml:"column"` // Of the related table.
	Equals  string   `yaml:"equals"` // Column of the record.
	Columns []string `yaml:"columns"`
	Parent  string   `yaml:"parent"`
	Order   string   `yaml:"order"`
}

type sumFile struct {
	Table    string `yaml:"table"`
	Column   string `yaml:"column"`
	Equals   string `yaml:"equals"`
	Amount   string `yaml:"amount"`
	Currency string `yaml:"currency"`
	Where    string `yaml:"where"`
	Noun     string `yaml:"noun"`
}

// PageFile is one page.
type PageFile struct {
	Name        string            `yaml:"-"`
	Title       string            `yaml:"title"`
	Path        string            `yaml:"path"`
	Section     string            `yaml:"section"`
	Icon        string            `yaml:"icon"`
	Order       int               `yaml:"order"`
	Description string            `yaml:"description"`
	Table       string            `yaml:"table"`  // Counted on top of the page; the model's main table where none is given.
	Entity      string            `yaml:"entity"` // Filter that must have one value.
	Hidden      bool              `yaml:"hidden"` // Not in the navigation.
	Trust       bool              `yaml:"trust"`
	Filters     []string          `yaml:"filters"` // All of the table's where none are given.
	Queries     map[string]string `yaml:"queries"`
	Cards       []*CardFile       `yaml:"cards"`

	file string
}

// CardFile is one card of a page.
type CardFile struct {
	ID         string        `yaml:"id"`
	Question   string        `yaml:"question"`
	Answer     string        `yaml:"answer"`
	Empty      string        `yaml:"empty"` // The answer where no row comes back.
	Mark       string        `yaml:"mark"`
	Width      string        `yaml:"width"`
	Definition string        `yaml:"definition"`
	SQL        string        `yaml:"sql"`
	Query      string        `yaml:"query"` // One of the page's, in place of sql.
	Basis      string        `yaml:"basis"` // Fixed date basis; the page's where none is given.
	Table      string        `yaml:"table"`
	Money      bool          `yaml:"money"`
	Rows       string        `yaml:"rows"` // Link to the rows: a list's path with filters over those of the page.
	Columns    yaml.MapSlice `yaml:"columns"`
	Encoding   encodingFile  `yaml:"encoding"`
	Tile       *tileFile     `yaml:"tile"`
	Limit      int           `yaml:"limit"`
	Top        bool          `yaml:"top"` // Read only the first limit rows; the answer may speak of those alone.
	Lines      []lineFile    `yaml:"lines"`
	Notes      []string      `yaml:"notes"`

	columns []columnFile
}

type encodingFile struct {
	X      string   `yaml:"x"`
	Y      []string `yaml:"y"`
	Label  string   `yaml:"label"`
	Size   string   `yaml:"size"`
	Color  string   `yaml:"color"`
	Kind   string   `yaml:"kind"`
	Low    string   `yaml:"low"`
	High   string   `yaml:"high"`
	Split  string   `yaml:"split"`
	Time   bool     `yaml:"time"` // The x axis is made of the period's buckets.
	Panels bool     `yaml:"panels"`
	Below  string   `yaml:"below"`
	Log    bool     `yaml:"log"`
	Median bool     `yaml:"median"` // Lines at the medians of x and y.
}

type columnFile struct {
	Name   string `yaml:"-"`
	Label  string `yaml:"label"`
	Format string `yaml:"format"`
	Link   string `yaml:"link"`
	Hidden bool   `yaml:"hidden"`
	Low    bool   `yaml:"low"`
	Color  string `yaml:"color"`
	Help   string `yaml:"help"`
}

type tileFile struct {
	Label     string `yaml:"label"`
	Value     string `yaml:"value"`
	Before    string `yaml:"before"`
	Format    string `yaml:"format"`
	Direction string `yaml:"direction"`
	Second    string `yaml:"second"`
	Spark     string `yaml:"spark"` // query.column.
}

type lineFile struct {
	Axis  string `yaml:"axis"`
	Value string `yaml:"value"`
	Label string `yaml:"label"`
}

var (
	pageName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	marks    = []string{"number", "bars", "columns", "line", "area", "waterfall", "tinted", "table", "scatter", "dots", "histogram"}
	widths   = []string{"third", "half", "wide", "full"}
	formats  = []string{"text", "id", "count", "money", "percent", "days", "day", "time", "state", "number", "bool", "json"}
)

// ReadDefinition reads a project's dashboards folder strictly: an unknown key is a *change.Problem with file and line. A project
// without the folder gives a definition without pages.
func ReadDefinition(projectDir string) (*Definition, error) {
	d := &Definition{}
	dir := filepath.Join(projectDir, "dashboards")
	files, err := pageFiles(dir)
	if err != nil {
		return nil, err
	}
	model := filepath.Join(dir, "model.yml")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		if name == "model" {
			model = file
			if err := readStrict(file, &d.Model); err != nil {
				return nil, err
			}
			continue
		}
		p := &PageFile{Name: name, file: file}
		if err := readStrict(file, p); err != nil {
			return nil, err
		}
		d.Pages = append(d.Pages, p)
	}
	if err := d.Model.validate(model); err != nil {
		return nil, err
	}
	for _, p := range d.Pages {
		if err := p.validate(&d.Model); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(d.Pages, func(a, b *PageFile) int { return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Name, b.Name)) })
	return d, nil
}

// pageFiles are the YAML files of the folder. What else lies there would be ignored, so it is refused, but for texts and hidden files.
func pageFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the dashboards folder: %w", err)
	}
	var out []string
	names := map[string]string{}
	for _, e := range entries {
		name, ext := e.Name(), filepath.Ext(e.Name())
		switch {
		case strings.HasPrefix(name, ".") || ext == ".md" || ext == ".txt":
			continue
		case e.IsDir() || ext != ".yml" && ext != ".yaml":
			return nil, invalid(name, "it is neither a page nor model.yml", "pages as .yml files in dashboards itself; anything else elsewhere")
		}
		page := strings.TrimSuffix(name, ext)
		if other := names[page]; other != "" {
			return nil, invalid(name, "the page stands in "+other+" too", "one file for it")
		}
		names[page] = name
		out = append(out, filepath.Join(dir, name))
	}
	return out, nil
}

// readStrict decodes one YAML file; every complaint names file, line and column.
func readStrict(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read a page: %w", err)
	}
	return decodeStrict(file, text, into)
}

// decodeStrict decodes the text of one YAML file.
func decodeStrict(file string, text []byte, into any) error {
	if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict(), yaml.UseOrderedMap()); err != nil {
		where, what := filepath.Base(file), err.Error()
		var typed yaml.Error
		if errors.As(err, &typed) && typed.GetToken() != nil {
			at := typed.GetToken().Position
			where, what = fmt.Sprintf("dashboards/%s:%d:%d", filepath.Base(file), at.Line, at.Column), typed.GetMessage()
		}
		return &change.Problem{Err: errors.New(what), Where: where, Class: change.ClassUsage, Try: "the keys of docs/dashboard.md"}
	}
	return nil
}

// inner decodes one entry of an ordered mapping.
func inner(item yaml.MapItem, into any) (string, error) {
	name := fmt.Sprint(item.Key)
	if item.Value == nil {
		return name, nil
	}
	if text, is := item.Value.(string); is {
		item.Value = yaml.MapSlice{{Key: "label", Value: text}}
	}
	text, err := yaml.MarshalWithOptions(item.Value, yaml.JSON()) // Plain, a text such as "? No show" would come back as something else.
	if err != nil {
		return name, err
	}
	return name, yaml.UnmarshalWithOptions(text, into, yaml.Strict())
}

// invalid is a problem of a file at a path of keys and indexes, as far as the path is there.
func invalid(file, what, try string, path ...any) error {
	where := "dashboards/" + filepath.Base(file)
	if text, err := os.ReadFile(file); err == nil && len(path) > 0 {
		if parsed, err := parser.ParseBytes(text, 0); err == nil {
			where += position(parsed, path)
		}
	}
	return &change.Problem{Err: errors.New(what), Where: where, Class: change.ClassUsage, Try: try}
}

// position is where a path ends, or the longest part of it that is there, as :line:column.
func position(parsed *ast.File, path []any) string {
	for ; len(path) > 0; path = path[:len(path)-1] {
		at := (&yaml.PathBuilder{}).Root()
		for _, step := range path {
			switch step := step.(type) {
			case string:
				at = at.Child(step)
			case int:
				at = at.Index(uint(step))
			}
		}
		if node, err := at.Build().FilterFile(parsed); err == nil && node != nil && node.GetToken() != nil {
			return fmt.Sprintf(":%d:%d", node.GetToken().Position.Line, node.GetToken().Position.Column)
		}
	}
	return ""
}

// validate checks the model file and puts its ordered parts into lists.
func (m *ModelFile) validate(file string) error {
	if m.Tables == nil {
		m.Tables = map[string]*TableFile{}
	}
	m.Range, m.Versus = cmp.Or(m.Range, "90d"), cmp.Or(m.Versus, "prev")
	for _, part := range []func(file string) error{m.readFilters, m.readStates, m.readRecords, m.addDerived, m.validateTables, m.checkWords} {
		if err := part(file); err != nil {
			return err
		}
	}
	for i, e := range m.Examples {
		if e.Title == "" || e.SQL == "" {
			return invalid(file, fmt.Sprintf("examples[%d] needs title and sql", i), "title: …, sql: select …", "examples", i)
		}
	}
	return nil
}

func (m *ModelFile) readFilters(file string) error {
	for _, item := range m.Bases {
		b := baseFile{}
		name, err := inner(item, &b)
		if err != nil {
			return invalid(file, fmt.Sprintf("bases.%s: %v", name, err), "label and hint", "bases", name)
		}
		b.Name = name
		m.bases = append(m.bases, b)
	}
	for _, item := range m.Filters {
		f := filterFile{}
		name, err := inner(item, &f)
		if err != nil {
			return invalid(file, fmt.Sprintf("filters.%s: %v", name, err), "label, prefix, path, kind and hint", "filters", name)
		}
		f.Name, f.Kind = name, cmp.Or(f.Kind, "text")
		m.filters = append(m.filters, f)
	}
	return nil
}

func (m *ModelFile) readStates(file string) error {
	for _, item := range m.States {
		s := struct {
			Label string `yaml:"label"`
			Tone  string `yaml:"tone"`
		}{}
		name, err := inner(item, &s)
		if err != nil {
			return invalid(file, fmt.Sprintf("states.%s: %v", name, err), "label and tone", "states", name)
		}
		m.states = append(m.states, StateInfo{Name: name, Label: cmp.Or(s.Label, Title(name)), Tone: cmp.Or(s.Tone, "unknown")})
	}
	return nil
}

func (m *ModelFile) readRecords(file string) error {
	for _, item := range m.Records {
		r := &recordFile{}
		name, err := inner(item, r)
		if err != nil {
			return invalid(file, fmt.Sprintf("records.%s: %v", name, err), "the keys of docs/dashboard.md", "records", name)
		}
		r.Name = name
		m.records = append(m.records, r)
	}
	return nil
}

// addDerived makes tables of the derived selects.
func (m *ModelFile) addDerived(file string) error {
	for name, d := range m.Derived {
		if d.SQL == "" || !pageName.MatchString(name) {
			return invalid(file, fmt.Sprintf("derived.%s needs a plain name and sql", name), "sql: select …", "derived", name)
		}
		m.Tables["dashboard."+name] = &d.TableFile
	}
	return nil
}

func (m *ModelFile) validateTables(file string) error {
	for name, t := range m.Tables {
		if t.InMemory != "" && !slices.Contains([]string{memoryRows, memoryDatedRows, memoryCounts}, t.InMemory) {
			return invalid(file, fmt.Sprintf("tables.%s: in_memory is %q", name, t.InMemory), "rows, dated_rows or counts",
				"tables", name, "in_memory")
		}
		for basis := range t.Dates {
			if !slices.ContainsFunc(m.bases, func(b baseFile) bool { return b.Name == basis }) {
				return invalid(file, fmt.Sprintf("the date basis %q of a table is not declared", basis), "bases: {"+basis+": {label: …}}",
					"tables", name, "dates", basis)
			}
		}
	}
	for _, r := range m.records {
		if m.Tables[r.Table] == nil || m.Tables[r.Table].Key == "" {
			return invalid(file, fmt.Sprintf("the records %q need a table with a key under tables", r.Name), "tables: {"+r.Table+": {key: id}}",
				"records", r.Name)
		}
	}
	return nil
}

func (p *PageFile) validate(m *ModelFile) error {
	if p.Title == "" || !pageName.MatchString(p.Name) {
		return invalid(p.file, "a page needs a plain file name and a title", "title: Overview")
	}
	p.Path, p.Table = cmp.Or(p.Path, "/"+p.Name), cmp.Or(p.Table, m.Main)
	seen := map[string]bool{}
	for i, c := range p.Cards {
		c.Mark, c.Width = cmp.Or(c.Mark, "table"), cmp.Or(c.Width, "half")
		switch {
		case !pageName.MatchString(c.ID) || seen[c.ID]:
			return invalid(p.file, fmt.Sprintf("card %q needs an id of its own", c.ID), "id: late_claims", "cards", i)
		case c.Question == "":
			return invalid(p.file, fmt.Sprintf("card %q asks no question", c.ID), "question: Which claims are late?", "cards", i)
		case !slices.Contains(marks, c.Mark):
			return invalid(p.file, fmt.Sprintf("card %q has the unknown mark %q", c.ID, c.Mark), "one of "+strings.Join(marks, ", "),
				"cards", i, "mark")
		case !slices.Contains(widths, c.Width):
			return invalid(p.file, fmt.Sprintf("card %q has the unknown width %q", c.ID, c.Width), "one of "+strings.Join(widths, ", "),
				"cards", i, "width")
		case (c.SQL == "") == (c.Query == ""):
			return invalid(p.file, fmt.Sprintf("card %q needs sql or query, one of them", c.ID), "sql: select …", "cards", i)
		case c.Query != "" && p.Queries[c.Query] == "":
			return invalid(p.file, fmt.Sprintf("card %q asks the query %q, which the page does not have", c.ID, c.Query), "queries: {"+
				c.Query+": …}", "cards", i, "query")
		}
		seen[c.ID] = true
		for _, item := range c.Columns {
			f := columnFile{}
			name, err := inner(item, &f)
			if err != nil {
				return invalid(p.file, fmt.Sprintf("card %q, column %s: %v", c.ID, name, err), "label, format, link, hidden, low, color and help",
					"cards", i, "columns", name)
			}
			if f.Format != "" && !slices.Contains(formats, f.Format) {
				return invalid(p.file, fmt.Sprintf("card %q, column %s: unknown format %q", c.ID, name, f.Format),
					"one of "+strings.Join(formats, ", "),
					"cards", i, "columns", name)
			}
			f.Name = name
			c.columns = append(c.columns, f)
		}
	}
	return p.checkWords(m)
}

// Page finds a page by its name.
func (d *Definition) Page(name string) *PageFile {
	for _, p := range d.Pages {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (m *ModelFile) record(name string) *recordFile {
	for _, r := range m.records {
		if r.Name == name {
			return r
		}
	}
	return nil
}

func (m *ModelFile) recordOf(table string) *recordFile {
	for _, r := range m.records {
		if r.Table == table {
			return r
		}
	}
	return nil
}

func (m *ModelFile) filter(name string) (filterFile, bool) {
	for _, f := range m.filters {
		if f.Name == name {
			return f, true
		}
	}
	return filterFile{}, false
}

func (m *ModelFile) basisLabel(name string) string {
	for _, b := range m.bases {
		if b.Name == name {
			return cmp.Or(b.Label, Title(name))
		}
	}
	return Title(name)
}

// Title makes a label of a name: date_submitted becomes "Date submitted".
func Title(name string) string {
	text := strings.ReplaceAll(name, "_", " ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// filteredBy says whether a filter stands for a column of that name in any table.
func (m *ModelFile) filteredBy(filter, column string) bool {
	for _, t := range m.Tables {
		if t.Filters[filter] == column {
			return true
		}
	}
	return false
}
