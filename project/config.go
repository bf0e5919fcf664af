package project

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // A zone must be found on machines without a zone database.

	"lifeline/change"
)

// Config is lifeline.yml: what a Lifeline project says beyond dbt.
type Config struct {
	Name             string
	Source           SourceConfig
	CDC              CDCConfig
	Warehouse        WarehouseConfig
	BusinessTimeZone string // In which a business day begins; UTC where none is given.
	AsOf             AsOf
	MaskingKey       string // Of hashed columns; a secret.
	Notify           NotifyConfig
	KeepHistory      map[string]time.Duration // By source table, "" for all others: how long superseded versions stay; 0 is for ever.
	MaxDeletes       map[string]Deletes       // By source table, "" for all others: what a landing may delete without being asked.
}

// NotifyConfig configures where incidents are reported: runs that are blocked or fail, and their recovery.
type NotifyConfig struct {
	Webhook      string // Gets a POST with JSON; a secret.
	Format       string // Of the webhook's JSON: lifeline (the default), slack or teams.
	Secret       string // Signs what the webhook gets; a secret.
	AllowPrivate bool   // The webhook may stand on a private, loopback or link-local address.
	Mail         MailConfig
}

// MailConfig says by which server mail is sent, and to whom.
type MailConfig struct {
	Server string // smtp://user:password@host:587 (STARTTLS) or smtps://…; a secret.
	From   string
	To     []string
}

// SourceConfig says where the operational database is.
type SourceConfig struct {
	DSN      string // mysql://… or csv:DIR.
	TimeZone string // Of the source's DATETIME values; UTC where none is given.
}

// CDCConfig says how the source's binary log is read.
type CDCConfig struct {
	ServerID  int           // Of the reader among the source's replicas; 0 takes one by chance.
	Heartbeat time.Duration // How often a source that has nothing to tell says so; 0 means the default of 1 s.
}

// WarehouseConfig says where the warehouse is and what it may use.
type WarehouseConfig struct {
	DSN          string // duckdb:PATH or postgres://….
	MemoryLimit  string // Such as "4GB"; DuckDB only.
	KeepVersions int    // The newest included; 0 means the default of 2.
	KeepRuns     int    // How many runs' details stay in ops, the newest included; 0 keeps all.
	EngineSQL    bool   // sql: engine. DuckDB divides and orders as it does by itself, not as PostgreSQL does.
	FileMode     uint32 // Of the published file, DuckDB only; 0 means the default of 0444.
}

// Engine is the dialect of the warehouse that the address names: "duckdb" or "postgres".
func (c *WarehouseConfig) Engine() string {
	if strings.HasPrefix(c.DSN, "postgres") {
		return "postgres"
	}
	return "duckdb"
}

// What SQL means on DuckDB: the same as on PostgreSQL, or what DuckDB makes of it by itself, as under dbt. The latter holds for a dbt
// project without lifeline.yml.
const (
	sqlShared = "shared"
	sqlEngine = "engine"
)

var octal = regexp.MustCompile(`^(0o?)?[0-7]{3}$`)

// fileMode reads the mode of a file that is only read: its owner must be able to, nobody may write or run it.
func (o *Object) fileMode(name string, set *uint32) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	if _, err := v.Text(); err != nil {
		return err
	}
	text := v.node.GetToken().Value // As it is written: for YAML, 0440 is 288.
	bits, err := strconv.ParseUint(text[max(0, len(text)-3):], 8, 32)
	if !octal.MatchString(text) || err != nil || bits&0o400 == 0 || bits&0o333 != 0 {
		return v.Problem(fmt.Sprintf("%s is not the mode of a file that is only read", text),
			name+": 0444 for everybody, 0440 for the file's group, 0400 for this user alone")
	}
	*set = uint32(bits)
	return nil
}

// AsOf says at which instant "last 7 days" ends.
type AsOf struct {
	Rule    string   // "latest" (the default), "now" or a date.
	Columns []string // For latest: "table.column" of staging.

	where string
}

func (p *Project) readConfig(env func(string) string) error {
	o, err := ReadYAML(p.Dir, "lifeline.yml")
	if err != nil {
		return err
	}
	if o == nil { // Its settings have defaults, or come by flag; what makes a project is dbt_project.yml.
		if _, err := os.Stat(filepath.Join(p.Dir, "dbt_project.yml")); err != nil {
			return &change.Problem{
				Err: fmt.Errorf("%s holds no project: neither lifeline.yml nor dbt_project.yml", p.Dir), Class: change.ClassUsage,
				Try: "--project DIR, or lifeline demo to see a project at work",
			}
		}
		o, p.Plain = &Object{file: "lifeline.yml"}, true
	}
	c, sql := &p.Config, sqlShared
	c.Source.TimeZone, c.BusinessTimeZone, c.AsOf.Rule = "UTC", "UTC", "latest"
	if err := firstError(
		o.Text("name", &c.Name),
		o.zone("business_time_zone", &c.BusinessTimeZone),
		p.readThresholds(o),
		p.readMasking(o, env),
		p.readNotify(o, env),
		p.readKeepHistory(o),
		p.readMaxDeletes(o),
		child(o, "source", func(s *Object) error {
			return firstError(s.Text("dsn", &c.Source.DSN), s.zone("time_zone", &c.Source.TimeZone), s.Finish(p))
		}),
		child(o, "cdc", func(s *Object) error {
			return firstError(s.readCDC(&c.CDC), s.Finish(p))
		}),
		child(o, "warehouse", func(s *Object) error {
			return firstError(s.Text("dsn", &c.Warehouse.DSN), s.Text("memory_limit", &c.Warehouse.MemoryLimit),
				s.oneOf("sql", &sql, sqlShared, sqlEngine),
				s.keepVersions(&c.Warehouse.KeepVersions), s.keepRuns(&c.Warehouse.KeepRuns),
				s.fileMode("file_mode", &c.Warehouse.FileMode), s.Finish(p))
		}),
		p.readAsOf(o),
		o.Finish(p),
	); err != nil {
		return err
	}
	c.Warehouse.EngineSQL = sql == sqlEngine || p.Plain
	c.Source.DSN, c.Warehouse.DSN = expand(c.Source.DSN, env), expand(c.Warehouse.DSN, env)
	for _, secret := range []*string{
		&c.Source.DSN, &c.Warehouse.DSN, &c.MaskingKey, &c.Notify.Webhook, &c.Notify.Secret, &c.Notify.Mail.Server,
	} {
		if err := p.fromFile(secret); err != nil {
			return err
		}
	}
	return nil
}

// readCDC reads cdc:, and refuses numbers that no server has, and a heartbeat that would not find a dead link in time.
func (o *Object) readCDC(c *CDCConfig) error {
	var beat string
	if err := firstError(o.Integer("server_id", &c.ServerID), o.Text("heartbeat", &beat)); err != nil {
		return err
	}
	if c.ServerID < 0 || c.ServerID > math.MaxUint32 {
		return o.Value.Problem(fmt.Sprintf("server_id %d is not one that a server can have", c.ServerID), "server_id: 4711")
	}
	if beat == "" {
		return nil
	}
	var err error
	if c.Heartbeat, err = time.ParseDuration(beat); err != nil || c.Heartbeat < 100*time.Millisecond || c.Heartbeat > 10*time.Second {
		return o.Value.Problem(fmt.Sprintf("heartbeat %q is not a time from 100ms to 10s", beat), "heartbeat: 1s")
	}
	return nil
}

// fewestRuns is the least of keep_runs: thresholds compare with the runs before.
const fewestRuns = 10

// keepVersions reads how many versions stay.
func (o *Object) keepVersions(set *int) error {
	if err := o.Integer("keep_versions", set); err != nil {
		return err
	}
	if *set < 0 {
		return o.Value.Problem("keep_versions must be at least 1, the published one", "keep_versions: 2")
	}
	return nil
}

// keepRuns reads how many runs' details stay.
func (o *Object) keepRuns(set *int) error {
	if err := o.Integer("keep_runs", set); err != nil {
		return err
	}
	if *set != 0 && *set < fewestRuns {
		return o.Value.Problem(fmt.Sprintf("keep_runs must be at least %d: thresholds compare with the runs before", fewestRuns),
			"keep_runs: 500")
	}
	return nil
}

// readNotify reads notify:, and refuses settings that would reach nobody.
func (p *Project) readNotify(o *Object, env func(string) string) error {
	c := &p.Config.Notify
	read := func(n *Object) error {
		err := firstError(
			n.Text("webhook", &c.Webhook), n.Text("secret", &c.Secret), n.Boolean("allow_private", &c.AllowPrivate), n.oneOf(
				"format", &c.Format, "lifeline", "slack", "teams"),
			child(n, "mail", func(m *Object) error {
				err := firstError(m.Text("server", &c.Mail.Server), m.Text("from", &c.Mail.From), m.Texts("to", &c.Mail.To), m.Finish(p))
				if err == nil && len(m.Fields) > 0 && (c.Mail.Server == "" || c.Mail.From == "" || len(c.Mail.To) == 0) {
					return m.Value.Problem("mail wants server, from and to", "mail: {server: 'smtp://…', from: data@example.org, to: [ops@example.org]}")
				}
				return err
			}),
			n.Finish(p),
		)
		if err == nil && c.Webhook == "" && (c.Format != "" || c.Secret != "" || c.AllowPrivate) {
			return n.Value.Problem("format, secret and allow_private are for a webhook, and there is none", "webhook: https://…")
		}
		return err
	}
	err := child(o, "notify", read)
	for _, secret := range []*string{&c.Webhook, &c.Secret, &c.Mail.Server} {
		*secret = expand(*secret, env)
	}
	return err
}

// readAsOf takes the short form `as_of: latest` and the long one with columns.
func (p *Project) readAsOf(o *Object) error {
	v, ok := o.Take("as_of")
	if !ok {
		return nil
	}
	p.Config.AsOf.where = v.Where()
	if s, err := v.Text(); err == nil {
		p.Config.AsOf.Rule = s
	} else {
		a, err := v.Object()
		if err != nil {
			return err
		}
		if err := firstError(a.Text("rule", &p.Config.AsOf.Rule), a.Texts("columns", &p.Config.AsOf.Columns), a.Finish(p)); err != nil {
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
	return v.Problem(fmt.Sprintf("as_of %q is neither latest, now nor a date", rule), "as_of: latest")
}

// zone reads an optional time zone and checks that there is one of that name.
func (o *Object) zone(name string, set *string) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	s, err := v.Text()
	if err != nil {
		return err
	}
	if _, err := time.LoadLocation(s); err != nil {
		return v.Problem(fmt.Sprintf("unknown time zone %q", s), name+": Africa/Nairobi")
	}
	*set = s
	return nil
}

// oneOf reads an optional word of a closed list.
func (o *Object) oneOf(name string, set *string, words ...string) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	s, err := v.Text()
	if err != nil {
		return err
	}
	if !slices.Contains(words, s) {
		return v.Problem(fmt.Sprintf("%s must be one of %s, not %q", name, strings.Join(words, ", "), s), name+": "+words[0])
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

// fromFile puts what a file says in place of `file:PATH`, which is relative to the project's folder. So a secret can stand in a file
// of its own that is not kept with the project.
func (p *Project) fromFile(value *string) error {
	name, ok := strings.CutPrefix(*value, "file:")
	if !ok {
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(p.Dir, name)
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		*value = "" // A flag or an environment variable can still say it.
		return nil
	}
	if err != nil {
		return &change.Problem{
			Err: fmt.Errorf("read a value of lifeline.yml: %w", err), Where: name, Class: change.ClassUsage,
			Try: "a readable file, or an environment variable",
		}
	}
	*value = strings.TrimSpace(string(text))
	return nil
}

// child reads an optional mapping below a key.
func child(o *Object, name string, read func(*Object) error) error {
	v, ok := o.Take(name)
	if !ok {
		return nil
	}
	c, err := v.Object()
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
