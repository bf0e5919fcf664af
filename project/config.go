package project

import (
	"fmt"
	"regexp"
	"time"
	_ "time/tzdata" // A zone must be found on machines without a zone database.

	"lifeline/change"
)

// Config is lifeline.yml: what a Lifeline project says beyond dbt.
type Config struct {
	Name             string
	Source           SourceConfig
	Warehouse        WarehouseConfig
	BusinessTimeZone string // In which a business day begins; UTC where none is given.
	AsOf             AsOf
	MaskingKey       string // Of hashed columns; a secret.
	Webhook          string // notify.webhook: told when a run is blocked or fails and when runs are well again; a secret.
}

// SourceConfig says where the operational database is.
type SourceConfig struct {
	DSN      string // mysql://… or csv:DIR.
	TimeZone string // Of the source's DATETIME values; UTC where none is given.
}

// WarehouseConfig says where the warehouse is and what it may use.
type WarehouseConfig struct {
	DSN          string // duckdb:PATH or postgres://….
	MemoryLimit  string // Such as "4GB"; DuckDB only.
	KeepVersions int    // The newest included; 0 means the default of 2.
}

// AsOf says at which instant "last 7 days" ends.
type AsOf struct {
	Rule    string   // "latest" (the default), "now" or a date.
	Columns []string // For latest: "table.column" of staging.

	where string
}

func (p *Project) readConfig(env func(string) string) error {
	o, err := readYAML(p.Dir, "lifeline.yml")
	if err != nil {
		return err
	}
	if o == nil {
		return &change.Problem{
			Err: fmt.Errorf("%s holds no lifeline.yml", p.Dir), Class: change.ClassUsage,
			Try: "--project DIR, or lifeline demo to see a project at work",
		}
	}
	c := &p.Config
	c.Source.TimeZone, c.BusinessTimeZone, c.AsOf.Rule = "UTC", "UTC", "latest"
	if err := firstError(
		o.text("name", &c.Name),
		o.zone("business_time_zone", &c.BusinessTimeZone),
		p.readThresholds(o),
		p.readMasking(o, env),
		child(o, "notify", func(n *object) error {
			err := firstError(n.text("webhook", &c.Webhook), n.finish(p))
			c.Webhook = expand(c.Webhook, env)
			return err
		}),
		child(o, "source", func(s *object) error {
			return firstError(s.text("dsn", &c.Source.DSN), s.zone("time_zone", &c.Source.TimeZone), s.finish(p))
		}),
		child(o, "warehouse", func(s *object) error {
			return firstError(s.text("dsn", &c.Warehouse.DSN), s.text("memory_limit", &c.Warehouse.MemoryLimit),
				s.integer("keep_versions", &c.Warehouse.KeepVersions), s.finish(p))
		}),
		p.readAsOf(o),
		o.finish(p),
	); err != nil {
		return err
	}
	c.Source.DSN, c.Warehouse.DSN = expand(c.Source.DSN, env), expand(c.Warehouse.DSN, env)
	return nil
}

// readAsOf takes the short form `as_of: latest` and the long one with columns.
func (p *Project) readAsOf(o *object) error {
	v, ok := o.take("as_of")
	if !ok {
		return nil
	}
	p.Config.AsOf.where = v.where()
	if s, err := v.text(); err == nil {
		p.Config.AsOf.Rule = s
	} else {
		a, err := v.object()
		if err != nil {
			return err
		}
		if err := firstError(a.text("rule", &p.Config.AsOf.Rule), a.texts("columns", &p.Config.AsOf.Columns), a.finish(p)); err != nil {
			return err
		}
	}
	rule := p.Config.AsOf.Rule
	if rule == "latest" || rule == "now" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, rule); err == nil {
		return nil
	}
	return v.problem(fmt.Sprintf("as_of %q is neither latest, now nor a date", rule), "as_of: latest")
}

// zone reads an optional time zone and checks that there is one of that name.
func (o *object) zone(name string, set *string) error {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	s, err := v.text()
	if err != nil {
		return err
	}
	if _, err := time.LoadLocation(s); err != nil {
		return v.problem(fmt.Sprintf("there is no time zone %q", s), name+": Africa/Nairobi")
	}
	*set = s
	return nil
}

var (
	envBraces = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}`)
	envCall   = regexp.MustCompile(`\{\{\s*env_var\(\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]*)['"]\s*)?\)\s*\}\}`)
)

// expand puts environment variables into a value: ${NAME}, ${NAME:-default} or dbt's {{ env_var('NAME', 'default') }}. A missing one
// is empty, so that a flag can still say it.
func expand(s string, env func(string) string) string {
	for _, form := range []*regexp.Regexp{envBraces, envCall} {
		s = form.ReplaceAllStringFunc(s, func(m string) string {
			parts := form.FindStringSubmatch(m)
			if v := env(parts[1]); v != "" {
				return v
			}
			return parts[2]
		})
	}
	return s
}

// child reads an optional mapping below a key.
func child(o *object, name string, read func(*object) error) error {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	c, err := v.object()
	if err != nil {
		return err
	}
	return read(c)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
