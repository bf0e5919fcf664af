// Package project reads a project folder: a dbt project in the subset of docs/projects.md, with lifeline.yml beside it. It is strict:
// what it does not know is an error with file, line and column, and dbt's keys that have no effect here are listed.
//
// It renders no SQL (package model) and opens no database.
package project

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Project is a project folder as it was read.
type Project struct {
	Dir     string // The folder, absolute.
	Name    string // From dbt_project.yml.
	Config  Config
	Sources []*SourceTable
	Models  []*Model
	Seeds   []*Seed
	Macros  []*Macro
	// Packages are those that dbt deps has installed beside the project, by name.
	Packages []*Package
	Tests    []*Test // Generic and singular, in the order of their files.
	// Unit tests are read and kept; running them is the caller's.
	UnitTests []*UnitTest
	Vars      map[string]any
	Target    string            // What target.name is; empty for the engine.
	Filled    map[string]string // Source tables ("source.table") that a seed fills, and that seed.
	Plain     bool              // It has no lifeline.yml: a dbt project as it is.
	Ignored   []Ignored         // Keys of dbt that have no effect here.
	// Against says what words of state: choose each node, by unique id; nil where the project is compared with no earlier state.
	Against map[string][]string
	// TargetPath is the folder that artifacts are written to, relative to the project.
	TargetPath string

	paths        paths
	folders      map[string]Value             // The models and seeds keys of dbt_project.yml.
	docs         map[string]string            // Blocks of Markdown files, by name.
	usedFolders  []string                     // Where those stand that lead to a file.
	files        []string                     // Every file read, relative, for Hash.
	masks        map[string]masked            // By table.column.
	looser       map[string]thresholdOverride // By a test's name or kind.
	namedTables  []namedTable                 // In settings of lifeline.yml.
	env          func(string) string
	given        map[string]any   // Variables over those of dbt_project.yml.
	hooks        map[string]Value // on-run-start and on-run-end.
	packagesPath string           // packages-install-path.

	ignoreRules []ignoreRule // Of .dbtignore; nil until it was read.
}

// Options say what reading may use.
type Options struct {
	Env    func(string) string // Environment variables; nil means none.
	Vars   map[string]any      // Over those of dbt_project.yml.
	Target string              // What target.name is; empty for the engine.
}

// Ignored is a key that dbt knows and that has no effect here.
type Ignored struct {
	Key   string
	Where string
}

func (i Ignored) String() string { return i.Key + " (" + i.Where + ")" }

// Column is a column as a YAML file describes it.
type Column struct {
	Name        string
	DataType    string // For a source: as the source declares it; the contract.
	Description string
	Meta        map[string]any
}

// SourceTable is one table of a dbt source.
type SourceTable struct {
	Source      string // The source's name.
	Schema      string // Where it lies in the warehouse: "staging" where none is given.
	Name        string // In staging.
	Identifier  string // In the operational database; the name where none is given.
	Description string
	Columns     []Column
	File        string            // meta.lifeline.file: the CSV file.
	Key         []string          // meta.lifeline.key.
	Money       map[string]string // meta.lifeline.money: money column to currency column ("" for none).
	MoneyOrder  []string          // Its columns in the order of the file.
	Shift       *Shift            // meta.lifeline.shift; nil for most.
	Freshness   Freshness
	LoadedAt    string // loaded_at_field: the column or expression that freshness is judged by.
	Where       string // file:line:column.

	freshness map[string]any
	disabled  bool
}

// Shift says how far a careless import put the values of a source table under wrong names.
type Shift struct {
	After string // The last column that stands right.
	By    int    // How many columns too many the table was declared with after it; negative where as many are missing.
	When  string // The first of those too many: the table is mapped back only where it has it and its rows prove the shift. "" maps always.
	Where string // file:line:column.
}

// Model is one SQL file of the model paths with what the YAML files say of it.
type Model struct {
	Name        string
	Path        string // Relative to the project, with slashes.
	SQL         string // As it stands in the file.
	Config      ModelConfig
	Description string
	Columns     []Column
	Meta        map[string]any
	EntityOf    string   // meta.lifeline.entity_of: the source table that it cleans, row for row.
	CountsOf    string   // meta.lifeline.entity_count_of: the model whose number of rows it must have.
	CountsKey   string   // meta.lifeline.entity_key: its column with that model's key; "id" where none is given.
	Grain       []string // meta.lifeline.grain: the columns that tell its rows apart.
	ColumnsOf   string   // meta.lifeline.columns_of: the model that describes its columns and grain where it does not itself.
	// DistributeBy is meta.lifeline.distribute_by: the column by which a cluster spreads its rows.
	DistributeBy string
	DistributeAt string     // Where a lifecycle's colocate says so; empty for others.
	Records      []*Records // meta.lifeline.records: the rows that its figures rest on.
	PatchedIn    string     // The YAML file that describes it, if any.
	Generated    bool       // A lifecycle makes it; package lifecycle fills in its SQL.

	patchedAt string // Where in it.
}

// ModelConfig is dbt's configuration of a model: dbt_project.yml, then the YAML file, then the config() call in the SQL.
type ModelConfig struct {
	Materialized string // table, view, ephemeral or incremental; view where nothing is said, as in dbt.
	Schema       string
	Alias        string
	UniqueKey    []string
	Tags         []string
	Indexes      []Index
	Disabled     bool
	Enforced     bool // contract.enforced: the built columns must be the described ones.

	values      map[string]any    // Every key as it was given, for config.get.
	columnTypes map[string]string // Of a seed.
	delimiter   string            // Of a seed; a comma where none is given.
}

// Index is a declared index.
type Index struct {
	Columns []string
	Unique  bool
}

// Seed is a CSV file of the seed paths.
type Seed struct {
	Name        string
	Path        string
	Config      ModelConfig
	Columns     []SeedColumn
	Rows        [][]*string // nil is null.
	Description string

	text  string
	plain bool // Of a dbt project as it is.
}

// SeedColumn is a column of a seed with its SQL type.
type SeedColumn struct {
	Name        string
	Type        string
	Description string
}

// Macro is a file of macros, or a project's own generic test.
type Macro struct {
	Path string
	SQL  string
}

// Test is one generic or singular test.
type Test struct {
	Name        string         // Unique in the project, by dbt's naming.
	Kind        string         // "not_null", "dbt_utils.expression_is_true", …, or "singular".
	Node        string         // The model, seed or source table ("source.table") it is on; empty for a singular one.
	Column      string         // Empty for a test of the whole node.
	Args        map[string]any // Beyond model and column.
	SQL         string         // Of a singular test, as it stands in its file.
	Severity    string         // "error" or "warn".
	WarnIf      string
	ErrorIf     string
	Note        string // meta.lifeline.note: why the thresholds are looser than "!= 0".
	Until       string // meta.lifeline.until: the day after which they are not, YYYY-MM-DD.
	Where       string
	OnFail      string        // meta.lifeline.on_fail: "", quarantine, block, flag or info.
	Hold        time.Duration // meta.lifeline.hold: how long a row whose parent is late is held before it counts as quarantined.
	Description string
	Tags        []string
	Disabled    bool
	Limit       int64  // config.limit: of more failing rows so many count; 0 for all.
	FailCalc    string // config.fail_calc: what counts in place of the failing rows; for a test of the project's own SQL.
	Constraint  string // The type of the contract's constraint that the test stands for; empty for a test that somebody wrote.
	Own         bool   // The project defines it, whatever its name.
	Named       bool   // The project names it.
	File        string
	Line        int

	set  map[string]bool // The configuration that its own YAML or config() gives.
	full string          // The name before it was made unique.
	of   string          // The model of a constraint.
}

type paths struct{ models, seeds, tests, macros, docs, snapshots, analyses, functions []string }

// Load reads a project folder without its lifecycles, and checks what can be checked without rendering. Everything but tests of single
// packages uses lifecycle.Load.
func Load(dir string, o Options) (*Project, error) {
	p, err := Read(dir, o)
	if err != nil {
		return nil, err
	}
	return p, firstError(p.Describe(), p.Validate())
}

// Read reads the files of a project folder but for its schema files, which may describe models that are still to be added.
func Read(dir string, o Options) (*Project, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", dir, err)
	}
	if o.Env == nil {
		o.Env = func(string) string { return "" }
	}
	p := &Project{Dir: abs, Vars: map[string]any{}, Target: o.Target, env: o.Env, given: o.Vars}
	if err := p.readConfig(o.Env); err != nil {
		return nil, err
	}
	for _, read := range []func() error{
		p.readDbtProject, p.readForeign, p.readInstalled, p.readDocs, p.readMacros, p.readModels, p.readSeeds,
		p.readSingularTests,
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Describe reads the schema files: what they say of the models, seeds and tests that are there by now.
func (p *Project) Describe() error { return p.readSchemas() }

// AddGenerated adds a model whose SQL the caller fills in later, so that schema files can describe it like any other. file declares it.
func (p *Project) AddGenerated(name, file, description string) error {
	if other := p.Model(name); other != nil {
		return usage(file, fmt.Sprintf("the table %s is made here and by %s", name, other.Path),
			"give it another name under tables:, or take the model out")
	}
	if p.Seed(name) != nil {
		return usage(file, fmt.Sprintf("the table %s is made here, and there is a seed of that name", name), "give it another name under tables:")
	}
	p.Models = append(p.Models, &Model{
		Name: name, Path: file, Description: description, Generated: true,
		Config: ModelConfig{Materialized: "table", Schema: "analytics", Tags: []string{"analytics", "lifecycle"}},
	})
	return nil
}

// Validate checks the whole: names are unique and everything described exists.
func (p *Project) Validate() error {
	seen := map[string]string{}
	name := func(name, path string) error {
		if other, ok := seen[name]; ok {
			return usage(path, fmt.Sprintf("two nodes are called %q: %s and %s", name, other, path), "rename one file")
		}
		seen[name] = path
		return nil
	}
	for _, m := range p.Models {
		if err := name(m.Name, m.Path); err != nil {
			return err
		}
	}
	for _, s := range p.Seeds {
		if err := name(s.Name, s.Path); err != nil {
			return err
		}
	}
	for _, m := range p.Models {
		if err := p.settleModel(m); err != nil {
			return err
		}
	}
	if err := firstError(p.settleAsOf(), p.settleMasks()); err != nil {
		return err
	}
	p.fillFromSeeds()
	for _, s := range p.Sources {
		if err := s.settleFreshness(); err != nil {
			return err
		}
		p.tellUntyped(s)
	}
	numbered := map[string]int{}
	for _, t := range p.Tests {
		numbered[t.Name]++
		if n := numbered[t.Name]; n > 1 {
			t.Name = fmt.Sprintf("%s_%d", t.Name, n)
		}
	}
	if err := firstError(p.unusedFolders("data_tests"), p.unusedFolders("tests")); err != nil {
		return err
	}
	if err := p.checkNamedTables(); err != nil {
		return err
	}
	return p.settleThresholds()
}

// fillFromSeeds takes source tables that a seed of the project fills out of those that land: so dbt projects ship their sample data.
func (p *Project) fillFromSeeds() {
	if !p.Plain || p.Config.Source.DSN != "" {
		return
	}
	p.Filled = map[string]string{}
	var left []*SourceTable
	for _, s := range p.Sources {
		seed := p.Seed(s.Identifier)
		if seed == nil || seed.Config.Disabled || s.File != "" || len(s.Key) > 0 {
			left = append(left, s)
			continue
		}
		p.Filled[s.Source+"."+s.Name] = seed.Name
		p.ignore(fmt.Sprintf("the source table %s.%s as a table of its own (the seed %s fills it)", s.Source, s.Name, seed.Name), s.Where)
	}
	p.Sources = left
	for _, t := range p.Tests {
		if seed, ok := p.Filled[t.Node]; ok {
			t.Node = seed
		}
	}
}

// tellUntyped lists the columns of a CSV file that land as text because nothing says what they are.
func (p *Project) tellUntyped(s *SourceTable) {
	if s.File == "" && !strings.HasPrefix(p.Config.Source.DSN, "csv:") {
		return
	}
	var names []string
	for _, c := range s.Columns {
		if c.DataType == "" {
			names = append(names, c.Name)
		}
	}
	if len(s.Columns) == 0 {
		names = []string{"all columns"}
	}
	if len(names) > 0 {
		p.ignore(fmt.Sprintf("%s.%s: %s without data_type land as text from CSV", s.Source, s.Name, strings.Join(names, ", ")), s.Where)
	}
}

// settleModel checks that what a model's meta.lifeline names is there.
func (p *Project) settleModel(m *Model) error {
	at := cmp.Or(m.patchedAt, m.Path)
	if m.EntityOf != "" && p.SourceOf(m) == nil {
		return usage(at, fmt.Sprintf("entity_of of model %q names %q, which is not a source table", m.Name, m.EntityOf),
			cmp.Or(Nearest(m.EntityOf, p.sourceNames()), "declare it under sources:"))
	}
	for key, name := range map[string]string{"entity_count_of": m.CountsOf, "columns_of": m.ColumnsOf} {
		if name != "" && p.Model(name) == nil {
			return usage(at, fmt.Sprintf("%s of model %q names %q, which is not a model", key, m.Name, name),
				cmp.Or(Nearest(name, p.NodeNames()), key+": claims"))
		}
	}
	return nil
}

// settleAsOf checks that the columns which "latest" looks at are there.
func (p *Project) settleAsOf() error {
	for i, c := range p.Config.AsOf.Columns {
		s, column := p.sourceColumn(strings.ToLower(c))
		if s == nil {
			return usage(p.Config.AsOf.where, fmt.Sprintf("as_of looks at %q, which is not a column of a source table", c),
				"columns: [claim.date_created]")
		}
		p.Config.AsOf.Columns[i] = s.Name + "." + column
	}
	return nil
}

// sourceNames are all source tables, sorted.
func (p *Project) sourceNames() []string {
	var out []string
	for _, s := range p.Sources {
		out = append(out, s.Name)
	}
	sort.Strings(out)
	return out
}

// Source finds a source table; nil where there is none.
func (p *Project) Source(source, table string) *SourceTable {
	for _, s := range p.Sources {
		if s.Source == source && s.Name == table {
			return s
		}
	}
	return nil
}

// SourceOf finds the source table that a core model cleans; nil where there is none.
func (p *Project) SourceOf(m *Model) *SourceTable {
	for _, s := range p.Sources {
		if m.EntityOf != "" && (s.Name == m.EntityOf || s.Source+"."+s.Name == m.EntityOf) {
			return s
		}
	}
	return nil
}

// Model finds a model by its name; nil where there is none.
func (p *Project) Model(name string) *Model {
	for _, m := range p.Models {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Seed finds a seed by its name; nil where there is none.
func (p *Project) Seed(name string) *Seed {
	for _, s := range p.Seeds {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Folders are the folders in which a file of the model or seed paths lies, below that path.
func (p *Project) Folders(file string) []string {
	for _, root := range append(append([]string{}, p.paths.models...), p.paths.seeds...) {
		if inner, ok := strings.CutPrefix(file, root+"/"); ok {
			steps := strings.Split(inner, "/")
			return steps[:len(steps)-1]
		}
	}
	return nil
}

// Given are the variables over those of dbt_project.yml.
func (p *Project) Given() map[string]any { return p.given }

// Below is a file's path below the model, seed or test path that it lies in.
func (p *Project) Below(file string) (string, bool) { return p.below(file) }

// Hash is a digest of every file of the project that decides what a build gives.
func (p *Project) Hash() (string, error) {
	h := sha256.New()
	files := append([]string{}, p.files...)
	sort.Strings(files)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(p.Dir, f))
		if err != nil {
			return "", fmt.Errorf("read %s: %w", f, err)
		}
		fmt.Fprintf(h, "%s %d\n", f, len(text))
		h.Write(text)
	}
	if len(p.given) > 0 || p.Target != "" {
		fmt.Fprintf(h, "%v %s", p.given, p.Target) // Maps are printed in the order of their keys.
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// find lists the files below the given folders that end in one of the endings, in order, and remembers them for Hash.
func (p *Project) Files(folders []string, endings ...string) ([]string, error) {
	var out []string
	for _, folder := range folders {
		root := filepath.Join(p.Dir, folder)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) && path == root {
				return nil
			}
			if err != nil {
				return err
			}
			for _, e := range endings {
				if !d.IsDir() && strings.HasSuffix(path, e) {
					rel, err := filepath.Rel(p.Dir, path)
					if err != nil {
						return err
					}
					if rel = filepath.ToSlash(rel); !contains(out, rel) && !p.ignoredByDbt(rel) {
						out = append(out, rel)
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look through %s: %w", folder, err)
		}
	}
	sort.Strings(out)
	for _, f := range out {
		if !contains(p.files, f) {
			p.files = append(p.files, f)
		}
	}
	return out, nil
}

func (p *Project) read(file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(p.Dir, file))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	return strings.TrimPrefix(string(text), "\ufeff"), nil
}

func baseName(path string) string {
	base := path[strings.LastIndexByte(path, '/')+1:]
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		base = base[:i]
	}
	return base
}
