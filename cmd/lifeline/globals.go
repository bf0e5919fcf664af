package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"

	"lifeline/change"
	"lifeline/lifecycle"
	"lifeline/project"
	"lifeline/warehouse"
)

// Globals are the flags that every command takes. A flag beats an environment variable beats lifeline.yml.
type Globals struct {
	Project   string `predictor:"folder" help:"Project folder (with lifeline.yml)." env:"LIFELINE_PROJECT" placeholder:"DIR" default:"."`
	Source    string `help:"The operational database: mysql://user:pass@host:3306/db or csv:DIR." env:"LIFELINE_SOURCE" placeholder:"DSN"`
	Warehouse string `help:"The warehouse: duckdb:PATH or postgres://user:pass@host/db." env:"LIFELINE_WAREHOUSE" placeholder:"DSN"`
	Vars      string `help:"Variables over those of dbt_project.yml, as YAML." placeholder:"'{name: value}'"`
	Target    string `help:"target.name in the models; by default the engine's name." placeholder:"NAME"`
	JSON      bool   `name:"json" help:"Print results as JSON, on failure too."`
	Verbose   bool   `short:"v" help:"Log details to stderr."`
	LogFormat string `env:"LIFELINE_LOG_FORMAT" enum:"text,json" default:"text" help:"Logs as text, or as json (one record a line)."`

	terminal     terminal `kong:"-"`
	mostFindings int      `kong:"-"` // How many checks a report shows that warned or failed; 0 shows all.
}

// load reads the project and puts flags and environment over its settings.
func (g *Globals) load() (*project.Project, error) {
	vars, err := project.ParseVars(g.Vars)
	if err != nil {
		return nil, err
	}
	p, err := lifecycle.Load(g.Project, project.Options{Env: os.Getenv, Vars: vars, Target: g.Target})
	if err != nil {
		return nil, err
	}
	p.Config.Source.DSN = cmp.Or(g.Source, p.Config.Source.DSN)
	p.Config.Warehouse.DSN = cmp.Or(g.Warehouse, p.Config.Warehouse.DSN)
	return p, nil
}

// logger is silent without --verbose; as JSON it tells what people see too.
func (g *Globals) logger() *slog.Logger {
	switch {
	case g.Verbose:
		return g.loggerAt(slog.LevelDebug)
	case g.LogFormat == logJSON:
		return g.loggerAt(slog.LevelInfo)
	default:
		return slog.New(slog.DiscardHandler)
	}
}

const logJSON = "json"

func (g *Globals) loggerAt(level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if g.LogFormat == logJSON {
		return slog.New(slog.NewJSONHandler(g.terminal.err, o))
	}
	return slog.New(slog.NewTextHandler(g.terminal.err, o))
}

func (g *Globals) openWarehouse(ctx context.Context, p *project.Project) (warehouse.Warehouse, error) {
	c := p.Config.Warehouse
	if c.DSN == "" {
		return nil, &change.Problem{
			Err: errNoWarehouse, Class: change.ClassUsage,
			Try: "--warehouse duckdb:warehouse.duckdb, or set warehouse.dsn in lifeline.yml",
		}
	}
	return warehouse.Open(ctx, warehouse.Options{
		DSN: c.DSN, MemoryLimit: c.MemoryLimit, KeepVersions: c.KeepVersions, EngineSQL: c.EngineSQL, FileMode: os.FileMode(c.FileMode),
		Logger: g.logger(),
	})
}
