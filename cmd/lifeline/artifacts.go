package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"lifeline/change"
	"lifeline/dbt"
	"lifeline/model"
	"lifeline/project"
	"lifeline/run"
)

// artifactFlags say where artifacts are written to.
type artifactFlags struct {
	WriteJSON  bool   `name:"write-json" negatable:"" default:"true" env:"DBT_WRITE_JSON" help:"Write manifest.json and others for dbt."`
	TargetPath string `env:"DBT_TARGET_PATH" placeholder:"DIR" help:"Where they go, relative to the project (target)."`
}

// stateFlags choose nodes by what has changed.
type stateFlags struct {
	State string `predictor:"folder" placeholder:"DIR" help:"Artifacts of an earlier run, for --select state:modified and state:new."`
}

// compare reads the earlier state, so that state: chooses by it.
func (f stateFlags) compare(p *project.Project, words ...[]string) error {
	if f.State == "" {
		return nil
	}
	used := false
	for _, list := range words {
		used = used || strings.Contains(strings.Join(list, " "), "state:")
	}
	if !used {
		return &change.Problem{
			Err: fmt.Errorf("--state has no effect: no selector begins with state"), Class: change.ClassUsage, Try: "--select state:modified+",
		}
	}
	old, err := dbt.ReadState(f.State)
	if err != nil {
		return err
	}
	graph, err := graphAt(p, p.Config.Warehouse.Engine(), time.Now().UTC())
	if err != nil {
		return err
	}
	a := &dbt.Artifacts{Project: p, Graph: graph, Adapter: p.Config.Warehouse.Engine(), Database: databaseName(p), Version: version}
	p.Against, err = a.Compare(old)
	return err
}

// nothingChosen tells whether a selection by state chooses nothing, which is not an error.
func (f stateFlags) nothingChosen(p *project.Project, include, exclude []string) (bool, error) {
	if f.State == "" {
		return false, nil
	}
	graph, err := graphAt(p, p.Config.Warehouse.Engine(), time.Now().UTC())
	if err != nil {
		return false, err
	}
	nodes, err := graph.Select(include, exclude)
	return len(nodes) == 0, err
}

// databaseName is how clients call the database of a project's warehouse: a file is called as DuckDB attaches it.
func databaseName(p *project.Project) string {
	dsn := p.Config.Warehouse.DSN
	if path, ok := strings.CutPrefix(dsn, "duckdb:"); ok {
		base := filepath.Base(path)
		return strings.TrimSuffix(base, filepath.Ext(base))
	}
	if u, err := url.Parse(dsn); err == nil && strings.Trim(u.Path, "/") != "" {
		return strings.Trim(u.Path, "/")
	}
	return p.Name
}

// folder is where the artifacts of a project go; asked says that somebody named it.
func (f artifactFlags) folder(p *project.Project) (dir string, asked bool) {
	dir = f.TargetPath
	if dir == "" && p.TargetPath != "" {
		dir = p.TargetPath
	}
	if dir != "" && filepath.IsAbs(dir) {
		return dir, true
	}
	if dir == "" {
		return filepath.Join(p.Dir, "target"), false
	}
	return filepath.Join(p.Dir, dir), true
}

// write puts artifacts into their folder. Where nobody asked for one, a project's folder that cannot be written is no reason to fail.
func (f artifactFlags) write(g *Globals, p *project.Project, artifacts map[string]map[string]any) error {
	dir, asked := f.folder(p)
	for _, name := range []string{dbt.ManifestFile, dbt.CatalogFile, dbt.RunResultsFile} {
		if artifacts[name] == nil {
			continue
		}
		if err := dbt.WriteArtifact(dir, name, artifacts[name]); err != nil {
			if asked {
				return &change.Problem{Err: err, Class: change.ClassError, Try: "--target-path with a folder that can be written"}
			}
			g.logger().Info("artifacts are not written", "error", err)
			return nil
		}
	}
	return nil
}

// artifactsOf are the artifacts of a command over a project.
func artifactsOf(p *project.Project, graph *model.Graph, command string, began time.Time) *dbt.Artifacts {
	return &dbt.Artifacts{
		Project: p, Graph: graph, Adapter: p.Config.Warehouse.Engine(), Database: databaseName(p), Command: command, Version: version,
		Started: began,
	}
}

// writeRun writes the manifest and the results of a run that built something.
func (f artifactFlags) writeRun(g *Globals, p *project.Project, r *run.Report, command string, w walkFlags) error {
	if r == nil || !f.WriteJSON || len(r.Models) == 0 && r.Status != run.Published {
		return nil
	}
	asOf := r.StartedAt
	if r.AsOf != nil {
		asOf = *r.AsOf
	}
	graph, err := graphAt(p, p.Config.Warehouse.Engine(), asOf)
	if err != nil {
		return err
	}
	a := artifactsOf(p, graph, command, r.StartedAt)
	manifest, err := a.Manifest()
	if err != nil {
		return err
	}
	results, err := a.RunResults(resultsOf(r), map[string]any{
		"which": command, "select": append([]string{}, w.Select...), "exclude": append([]string{}, w.Exclude...), "project_dir": p.Dir,
		"vars": orNone(p.Given()), "target": p.Target,
	}, r.EndedAt.Sub(r.StartedAt).Seconds())
	if err != nil {
		return err
	}
	return f.write(g, p, map[string]map[string]any{dbt.ManifestFile: manifest, dbt.RunResultsFile: results})
}

func orNone(vars map[string]any) map[string]any {
	if vars == nil {
		return map[string]any{}
	}
	return vars
}

// resultsOf are a run's models and checks in dbt's words. What was carried over from the version before was not run.
func resultsOf(r *run.Report) []dbt.Result {
	var out []dbt.Result
	for _, m := range r.Models {
		if m.Built == "carried" {
			continue
		}
		out = append(out, dbt.Result{Model: m.Name, Status: "success", Message: fmt.Sprintf("%d rows", m.Rows), Rows: m.Rows, Seconds: m.Seconds})
	}
	for _, c := range r.Checks {
		status := c.Status
		if status == "not_applicable" {
			status = "skipped"
		}
		out = append(out, dbt.Result{Test: c.Name, Status: status, Message: c.Detail, Rows: c.Failing})
	}
	return out
}

// publishedColumns are the columns of the published version; none where nothing is published.
func (g *Globals) publishedColumns(ctx context.Context, p *project.Project) ([]dbt.CatalogColumn, error) {
	wh, err := g.openWarehouse(ctx, p)
	if err != nil {
		return nil, err
	}
	defer wh.Close()
	r, err := wh.Published(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	rows, err := r.DB.QueryContext(ctx, `
select c.table_schema, c.table_name, c.column_name, c.data_type, max(case when t.table_type = 'VIEW' then 1 else 0 end)
from information_schema.columns as c
join information_schema.tables as t on t.table_schema = c.table_schema and t.table_name = c.table_name
where c.table_schema not in ('information_schema', 'pg_catalog')
group by c.table_schema, c.table_name, c.column_name, c.data_type, c.ordinal_position
order by c.table_schema, c.table_name, c.ordinal_position`)
	if err != nil {
		return nil, fmt.Errorf("read the columns of the published version: %w", err)
	}
	defer rows.Close()
	var out []dbt.CatalogColumn
	for rows.Next() {
		var c dbt.CatalogColumn
		var view int
		if err := rows.Scan(&c.Schema, &c.Table, &c.Name, &c.Type, &view); err != nil {
			return nil, fmt.Errorf("read the columns of the published version: %w", err)
		}
		c.View = view == 1
		out = append(out, c)
	}
	return out, rows.Err()
}

// writeDocs writes the manifest, and the catalog where a version is published.
func (f artifactFlags) writeDocs(ctx context.Context, g *Globals, p *project.Project) error {
	if !f.WriteJSON {
		return nil
	}
	graph, err := graphAt(p, p.Config.Warehouse.Engine(), time.Now().UTC().Truncate(24*time.Hour))
	if err != nil {
		return err
	}
	a := artifactsOf(p, graph, "docs", time.Now())
	manifest, err := a.Manifest()
	if err != nil {
		return err
	}
	columns, err := g.publishedColumns(ctx, p)
	if err != nil {
		columns = declaredColumns(graph)
		fmt.Fprintf(g.terminal.err, "note: %s has the columns that the project declares: no published version can be read (%s)\n",
			dbt.CatalogFile, oneLine(err))
	}
	return f.write(g, p, map[string]map[string]any{dbt.ManifestFile: manifest, dbt.CatalogFile: a.Catalog(columns)})
}

// oneLine is the first line of an error, without what it says to try.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// declaredColumns are the columns that a project declares of what it builds.
func declaredColumns(graph *model.Graph) []dbt.CatalogColumn {
	var out []dbt.CatalogColumn
	for _, n := range graph.Nodes {
		for _, c := range n.Declared() {
			kind := c.Type
			if kind == "" {
				kind = "unknown"
			}
			out = append(out, dbt.CatalogColumn{
				Schema: n.Schema, Table: n.Alias, Name: c.Name, Type: kind, View: n.Materialized == model.View,
			})
		}
	}
	return out
}
