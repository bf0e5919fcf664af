// Package dbt writes what dbt and its tools read: a project as plain dbt, and the artifacts of a run. It opens no database.
package dbt

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
)

// Options say what an exported project is for.
type Options struct {
	AsOf       string // var('as_of') where nobody gives another: wall-clock time of the source's zone. Empty leaves the project's own.
	SnapshotAt string // var('snapshot_at'), the same way.
	Landing    string // The DuckDB file that staging and history are in.
	Postgres   Postgres
	Env        func(string) string
}

// Postgres is the server that profiles.yml names, without its password.
type Postgres struct{ Host, Port, User, Database string }

// Export is a project as plain dbt, not written yet.
type Export struct {
	Files  map[string][]byte // By path in the folder, with slashes.
	Models int
	Seeds  int
	Tests  int
	Notes  []string // What dbt does not do as Lifeline does.

	project *project.Project
	graph   *model.Graph
	options Options
	marks   *marks
	schemas map[string]*schema // By folder.
}

type schema struct{ models, seeds, tests, units []object }

//go:embed macros/*.sql
var macroFiles embed.FS

// New makes the export of a project.
func New(p *project.Project, o Options) (*Export, error) {
	e := &Export{Files: map[string][]byte{}, project: p, options: o, marks: &marks{}, schemas: map[string]*schema{}}
	var err error
	// Times of a run stand in the text as calls of var, so that dbt fills them in.
	vars := map[string]any{"as_of": e.marks.of("{{ var('as_of') }}"), "snapshot_at": e.marks.of("{{ var('snapshot_at') }}")}
	if e.graph, err = model.NewGraph(p, model.Options{
		Target: model.Target{Name: "dbt", Type: "duckdb"}, Vars: vars, Env: o.Env,
	}); err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		e.foreign, e.models, e.seeds, e.sources, e.tests, e.unitTests, e.macros, e.schemaFiles, e.projectFile, e.profiles,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	e.readme()
	return e, nil
}

func (e *Export) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(e.Notes, n) {
		e.Notes = append(e.Notes, n)
	}
}

func (e *Export) add(name, text string) {
	e.Files[name] = []byte(strings.TrimSpace(text) + "\n")
}

// in is the schema file of a folder.
func (e *Export) in(folder string) *schema {
	if e.schemas[folder] == nil {
		e.schemas[folder] = &schema{}
	}
	return e.schemas[folder]
}

func (e *Export) schemaFiles() error {
	for folder, s := range e.schemas {
		e.Files[path.Join(folder, "schema.yml")] = yaml(object{
			{"version", 2}, {"models", s.models}, {"seeds", s.seeds}, {"data_tests", s.tests}, {"unit_tests", s.units},
		})
	}
	return nil
}

var (
	pastCall  = regexp.MustCompile(`\{[{%][^}]*\bat\s*\(`)
	utilsCall = regexp.MustCompile(`\bdbt_utils\.\w+\s*\(`)
)

const readsPresent = "read the present rows, or versions() and its _valid_from and _valid_to, which an export can hold"

// foreign refuses what dbt has no macro for, and names the package that it has to bring.
func (e *Export) foreign() error {
	texts := map[string]string{}
	for _, m := range e.project.Models {
		texts[m.Path] = m.SQL
	}
	for _, m := range e.project.Macros {
		texts[m.Path] = m.SQL
	}
	for _, n := range e.graph.Nodes {
		if n.ReadsPast {
			return refuse(n.Path, "at() reads a source table as it was, which dbt cannot: its versions are Lifeline's", readsPresent)
		}
	}
	for _, t := range e.project.Tests {
		if pastCall.MatchString(t.SQL) {
			return refuse(place(t), "at() reads a source table as it was, which dbt cannot: its versions are Lifeline's", readsPresent)
		}
	}
	for _, m := range e.project.Macros {
		if call := temporalCall.FindString(m.SQL); call != "" {
			return refuse(m.Path, strings.TrimSuffix(call, "(")+" stands in a macro, and an export writes it out in models alone",
				"call it in the model")
		}
	}
	for _, file := range slices.Sorted(maps.Keys(texts)) {
		if utilsCall.MatchString(texts[file]) {
			utils := object{{"package", "dbt-labs/dbt_utils"}, {"version", []string{">=1.3.0", "<2.0.0"}}}
			e.Files["packages.yml"] = yaml(object{{"packages", []object{utils}}})
			e.note("the project calls dbt_utils: dbt deps first")
		}
	}
	return nil
}

// macros copies the project's own macros and adds those that Lifeline knows by itself.
func (e *Export) macros() error {
	for _, m := range e.project.Macros {
		text := m.SQL
		for _, name := range []string{"generate_schema_name", "generate_alias_name", "source", "ref"} {
			// Names are settled in the schema files; a second macro of that name would be an error.
			text = strings.ReplaceAll(text, "macro "+name+"(", "macro project_"+name+"(")
		}
		e.Files[e.place(m.Path, "macros")] = []byte(text)
	}
	e.Files["macros/lifeline/"+model.CleanMacrosFile] = []byte(e.withoutOwn(model.CleanMacros))
	return fs.WalkDir(macroFiles, "macros", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := macroFiles.ReadFile(name)
		e.Files["macros/lifeline/"+path.Base(name)] = text
		return err
	})
}

// withoutOwn takes the names of the project's own macros out of a file of shipped ones: dbt wants each name once.
func (e *Export) withoutOwn(text string) string {
	for _, m := range e.project.Macros {
		for _, found := range macroName.FindAllStringSubmatch(m.SQL, -1) {
			own := regexp.MustCompile(`(\{%-?\s*macro\s+)` + found[1] + `\s*\(`)
			text = own.ReplaceAllString(text, "${1}lifeline_shipped_"+found[1]+"(")
		}
	}
	return text
}

var macroName = regexp.MustCompile(`\{%-?\s*macro\s+(\w+)\s*\(`)

// place keeps a file where it stands, or puts it below a folder where it stands elsewhere, such as a generic test.
func (e *Export) place(file, folder string) string {
	first, _, _ := strings.Cut(file, "/")
	if first == folder || first == "tests" {
		return file
	}
	return folder + "/" + file
}

func (e *Export) projectFile() error {
	vars := object{}
	given := map[string]any{}
	for k, v := range e.project.Vars {
		given[k] = v
	}
	if e.options.AsOf != "" {
		given["as_of"] = e.options.AsOf
	}
	if e.options.SnapshotAt != "" {
		given["snapshot_at"] = e.options.SnapshotAt
	} else if given["snapshot_at"] == nil {
		given["snapshot_at"] = given["as_of"]
	}
	for _, k := range slices.Sorted(maps.Keys(given)) {
		vars = append(vars, field{k, given[k]})
	}
	e.Files["dbt_project.yml"] = yaml(object{
		{"name", e.project.Name},
		{"version", "1.0.0"},
		{"config-version", 2},
		{"require-dbt-version", ">=1.11.0"},
		{"profile", e.project.Name},
		{"model-paths", []string{"models"}},
		{"seed-paths", []string{"seeds"}},
		{"test-paths", []string{"tests"}},
		{"macro-paths", []string{"macros"}},
		{"clean-targets", []string{"target", "dbt_packages"}},
		{"vars", vars},
	})
	return nil
}

// profiles names both engines. A password comes from the environment alone.
func (e *Export) profiles() error {
	env := func(name, otherwise string) string { return "{{ env_var('" + name + "', '" + otherwise + "') }}" }
	pg := e.options.Postgres
	e.Files["profiles.yml"] = yaml(object{{e.project.Name, object{
		{"target", env("DBT_TARGET", defaultTarget(e.options))},
		{"outputs", object{
			{"duckdb", object{
				{"type", "duckdb"},
				{"path", env("DBT_DUCKDB_PATH", e.project.Name+"_dbt.duckdb")},
				{"schema", "analytics"},
				{"threads", 2},
				// So that every client in use reads what dbt builds.
				{"config_options", object{{"storage_compatibility_version", "v1.2.0"}}},
				{"settings", e.sessionSettings()},
				{"attach", []object{{{"path", env("LIFELINE_LANDING", e.options.Landing)}, {"alias", "landing"}, {"read_only", true}}}},
			}},
			{"postgres", object{
				{"type", "postgres"},
				{"host", env("PGHOST", cmp.Or(pg.Host, "127.0.0.1"))},
				{"port", "{{ env_var('PGPORT', '" + cmp.Or(pg.Port, "5432") + "') | int }}"},
				{"user", env("PGUSER", cmp.Or(pg.User, "dbt"))},
				{"password", env("PGPASSWORD", "")},
				{"dbname", env("PGDATABASE", cmp.Or(pg.Database, e.project.Name))},
				{"schema", "dbt"},
				{"threads", 2},
			}},
		}},
	}}})
	return nil
}

// sessionSettings make DuckDB divide and order as in a run.
func (e *Export) sessionSettings() object {
	if e.project.Config.Warehouse.EngineSQL {
		return object{{"TimeZone", "UTC"}}
	}
	return object{{"integer_division", true}, {"default_null_order", "postgres"}, {"TimeZone", "UTC"}}
}

func defaultTarget(o Options) string {
	if o.Postgres.Host != "" {
		return "postgres"
	}
	return "duckdb"
}

// readText is a file of the project.
func (e *Export) readText(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(e.project.Dir, filepath.FromSlash(name)))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return string(text), nil
}

func refuse(where, what, try string) error {
	return &change.Problem{Err: fmt.Errorf("%s", what), Where: where, Class: change.ClassUsage, Try: try}
}
