package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"lifeline/change"
	"lifeline/discover"
)

type initCommand struct {
	Dir      string        `arg:"" help:"Folder of the new project." placeholder:"DIR"`
	Tables   []string      `placeholder:"NAMES" help:"Only these tables, by comma; * stands for anything."`
	Exclude  []string      `placeholder:"NAMES" help:"Not these tables."`
	Record   []string      `placeholder:"NAME=TABLE.COLUMN" help:"This table holds records with a life, and this column their state."`
	Currency string        `placeholder:"KES" help:"Currency of amounts without a currency column."`
	TimeZone string        `placeholder:"ZONE" help:"Zone of the source's DATETIME values, such as Africa/Nairobi."`
	Mask     bool          `help:"Mask personal columns; without it the masks are written as comments."`
	Yes      bool          `short:"y" help:"Ask nothing: use the sure guesses and list the rest."`
	DryRun   bool          `help:"Print what would be written; write nothing."`
	NoData   bool          `help:"Read the catalogue only, no rows."`
	Update   bool          `help:"Add what is new in the source to a project that init wrote, and show the rest as a diff."`
	Take     bool          `help:"With --update: take the new form of every file that nobody has changed since init wrote it."`
	Serve    bool          `help:"Then run the project and serve its dashboard."`
	Addr     string        `default:"127.0.0.1:8080" help:"Where --serve listens."`
	Budget   time.Duration `default:"40s" help:"Longest time for looking at the database."`

	AllowWeaker bool `help:"With --serve: run over tables whose engine gives no view of one point in time, such as MyISAM, as they are."`
}

func (initCommand) Help() string {
	return `Looks at a database that nobody has described and writes a project for it: sources, core models, tests, states, lifecycles,
pages, and init.md with the evidence for each guess. It reads with SELECT only, a bounded number of rows, and never overwrites a file.

Examples:
  lifeline init shop --source mysql://reader:pass@db/shop --serve
  lifeline init shop --source mysql://reader:pass@db/shop --yes --record ticket=tickets.status --currency KES
  lifeline init shop --source mysql://reader:pass@db/shop --dry-run --json`
}

type initResult struct {
	Dir       string                      `json:"dir"`
	Tables    int                         `json:"tables"`
	Records   []initRecord                `json:"records"`
	Written   []string                    `json:"written"`
	Kept      []string                    `json:"kept,omitempty"`
	Replaced  []string                    `json:"replaced,omitempty"`
	Removed   []string                    `json:"removed,omitempty"`
	LeftOver  []string                    `json:"left_over,omitempty"`
	Differ    []string                    `json:"differ,omitempty"`
	Questions []string                    `json:"questions"`
	Notes     []string                    `json:"notes,omitempty"`
	LeftOut   []string                    `json:"left_out,omitempty"`
	Proposal  *discover.Proposal          `json:"-"`
	Guesses   map[string][]discover.Guess `json:"guesses,omitempty"`
	Seconds   float64                     `json:"seconds"`
	Weaker    bool                        `json:"weaker,omitempty"` // A run needs --allow-weaker.
}

type initRecord struct {
	Name       string `json:"name"`
	Table      string `json:"table"`
	State      string `json:"state,omitempty"`
	EndDate    string `json:"end_date,omitempty"`
	Log        string `json:"log,omitempty"`
	Confidence string `json:"confidence"`
	Evidence   string `json:"evidence"`
	Empty      bool   `json:"empty,omitempty"` // It has no rows yet, and so no lifecycle before --update finds some.
}

func (c *initCommand) Run(ctx context.Context, g *Globals) error {
	began := time.Now()
	if g.Source == "" {
		return noSource()
	}
	if err := c.checkFolder(); err != nil {
		return err
	}
	asked, err := c.records()
	if err != nil {
		return err
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		return usageError(fmt.Errorf("unknown time zone %q", c.TimeZone), "--time-zone Africa/Nairobi")
	}
	reader, err := discover.Connect(ctx, g.Source, 2*time.Second)
	if err != nil {
		return err
	}
	defer reader.Close()
	bar := newInitProgress(g.terminal)
	p, err := discover.Look(ctx, reader, discover.Options{
		Tables: c.Tables, Exclude: c.Exclude, NoData: c.NoData, Budget: c.Budget, Records: asked, Currency: c.Currency, TimeZone: c.TimeZone,
		Progress: bar.advance,
	})
	bar.end()
	if err != nil {
		return err
	}
	if err := c.knownRecords(p, asked); err != nil {
		return err
	}
	o := c.project(g)
	if !c.Yes && !c.DryRun && !g.JSON && isTerminal(g.terminal) {
		if err := askPerson(g.terminal, p, &o); err != nil {
			return err
		}
	}
	result := c.result(p)
	files := p.Files(o)
	if err := c.write(g, files, result); err != nil {
		return err
	}
	result.Seconds = time.Since(began).Seconds()
	if err := c.print(g, result); err != nil || !c.Serve || c.DryRun {
		return err
	}
	return c.goOn(ctx, g, result)
}

func usageError(err error, try string) error {
	return &change.Problem{Err: err, Class: change.ClassUsage, Try: try}
}

// checkFolder refuses a folder that holds something else, and an update of what is not there.
func (c *initCommand) checkFolder() error {
	if c.Take && !c.Update {
		return usageError(errors.New("--take is for a project that is there"), "lifeline init "+c.Dir+" --update --take")
	}
	info, err := os.Stat(c.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !c.Update:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return usageError(fmt.Errorf("there is no project in %s to update", c.Dir), "lifeline init "+c.Dir+" --source …, without --update")
	case err != nil:
		return fmt.Errorf("look at %s: %w", c.Dir, err)
	case !info.IsDir():
		return usageError(fmt.Errorf("%s is a file", c.Dir), "a folder that is new or empty")
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return fmt.Errorf("look at %s: %w", c.Dir, err)
	}
	if len(entries) > 0 && !c.Update && !c.DryRun {
		return usageError(fmt.Errorf("%s is not empty; nothing there is overwritten", c.Dir),
			"a new folder, or --update for a project that init wrote")
	}
	return nil
}

var recordForm = regexp.MustCompile(`^([a-z][a-z0-9_]*)=([^.]+)(?:\.(.+))?$`)

func (c *initCommand) records() ([]discover.Asked, error) {
	var out []discover.Asked
	for _, text := range c.Record {
		m := recordForm.FindStringSubmatch(text)
		if m == nil {
			return nil, usageError(fmt.Errorf("--record %q is not NAME=TABLE.COLUMN", text), "--record ticket=tickets.status")
		}
		out = append(out, discover.Asked{Name: m[1], Table: m[2], State: m[3]})
	}
	return out, nil
}

// knownRecords refuses a record whose table or column is not there.
func (c *initCommand) knownRecords(p *discover.Proposal, asked []discover.Asked) error {
	for _, a := range asked {
		i := slices.IndexFunc(p.Catalog.Tables, func(t *discover.Table) bool { return strings.EqualFold(t.Name, a.Table) })
		if i < 0 {
			return usageError(fmt.Errorf("--record: there is no table %s", a.Table), "the name of a table of "+p.Catalog.Name)
		}
		t := p.Catalog.Tables[i]
		if a.State != "" && t.Column(a.State) == nil {
			return usageError(fmt.Errorf("--record: %s has no column %s", t.Name, a.State), "the column with the record's state")
		}
		if !slices.ContainsFunc(p.Records, func(r discover.Record) bool { return r.Table == t.Name }) {
			return usageError(fmt.Errorf("--record: %s has neither a state nor an end date", t.Name), "--record "+a.Name+"="+t.Name+
				".COLUMN with the column of its state")
		}
	}
	return nil
}

var userInfo = regexp.MustCompile(`^[a-z]+://[^@/]*:[^@/]+@|[?&]password=`)

// project names the project and says where its source and warehouse are. An address with a password goes into a file of its own.
func (c *initCommand) project(g *Globals) discover.Project {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		dir = c.Dir
	}
	o := discover.Project{Name: projectName(filepath.Base(dir)), Mask: c.Mask, Version: version}
	o.Source = "${LIFELINE_SOURCE:-" + g.Source + "}"
	if userInfo.MatchString(g.Source) {
		o.Source = "${LIFELINE_SOURCE:-file:.source}"
	}
	warehouse := g.Warehouse
	if warehouse == "" {
		warehouse = "duckdb:" + filepath.Join(dir, o.Name+".duckdb")
	}
	o.Warehouse = "${LIFELINE_WAREHOUSE:-" + warehouse + "}"
	if userInfo.MatchString(warehouse) {
		o.Warehouse = "${LIFELINE_WAREHOUSE:-file:.warehouse}"
	}
	return o
}

var notName = regexp.MustCompile(`[^a-z0-9_]+`)

func projectName(base string) string {
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(base), "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "p_" + name
	}
	return name
}

func (c *initCommand) result(p *discover.Proposal) *initResult {
	r := &initResult{
		Dir: c.Dir, Tables: len(p.Catalog.Tables), Records: []initRecord{}, Written: []string{}, Questions: p.Questions(),
		Notes: p.Profile.Notes, Proposal: p,
	}
	for _, x := range p.Records {
		log := ""
		if x.Log != nil {
			log = x.Log.Table
		}
		r.Records = append(r.Records, initRecord{x.Name, x.Table, x.State, x.EndDate, log, string(x.Confidence), x.Evidence, p.Empty(x.Table)})
	}
	if weak := p.WithoutView(); len(weak) > 0 {
		r.Weaker = true
		r.Notes = append(r.Notes, fmt.Sprintf("%s: the engine gives no view of one point in time; `lifeline run --allow-weaker` reads them as "+
			"they are, `alter table … engine = InnoDB` mends it", few(weak)))
	}
	for _, x := range p.LeftOut {
		r.LeftOut = append(r.LeftOut, x.Table)
	}
	if c.DryRun || c.NoData {
		r.Guesses = p.Guesses()
	}
	return r
}

// few names the first of many.
func few(names []string) string {
	if len(names) <= 6 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d other tables", strings.Join(names[:5], ", "), len(names)-5)
}

// write writes what is not there yet. With --update a file that differs is kept, and the difference shown.
func (c *initCommand) write(g *Globals, files map[string]string, r *initResult) error {
	if userInfo.MatchString(g.Source) {
		files[".source"] = g.Source + "\n"
	}
	if userInfo.MatchString(g.Warehouse) {
		files[".warehouse"] = g.Warehouse + "\n"
	}
	if strings.Contains(files["lifeline.yml"], "file:.masking-key") {
		key := make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return fmt.Errorf("make a masking key: %w", err)
		}
		files[".masking-key"] = hex.EncodeToString(key) + "\n"
	}
	files[".gitignore"] = ".source\n.warehouse\n.masking-key\n*.duckdb\n*.duckdb.lifeline/\n"
	return c.writeFiles(g, files, r)
}

func (c *initCommand) print(g *Globals, r *initResult) error {
	if g.JSON {
		return writeJSON(g.terminal.out, r)
	}
	out := g.terminal.out
	fmt.Fprintf(out, "%d tables looked at in %s.\n", r.Tables, seconds(time.Duration(r.Seconds*float64(time.Second))))
	if len(r.Records) == 0 {
		fmt.Fprintln(out, "No table has rows with a life (states, or an end date that some rows have): tables, checks and table pages only.")
	}
	for _, x := range r.Records {
		state := x.State
		if state == "" {
			state = x.EndDate + " empty or not"
		}
		empty := ""
		if x.Empty {
			empty = "; no rows yet, --update writes its life once there are some"
		}
		fmt.Fprintf(out, "  %-20s %s, state: %s, %s%s\n", x.Name, x.Table, state, x.Confidence, empty)
	}
	for _, q := range r.Questions {
		fmt.Fprintf(out, "To say: %s\n", q)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, "Note: %s\n", n)
	}
	c.told(g, r)
	return nil
}

// goOn runs the new project and serves its dashboard.
func (c *initCommand) goOn(ctx context.Context, g *Globals, r *initResult) error {
	if r.Weaker && !c.AllowWeaker {
		return &change.Problem{
			Err: fmt.Errorf("the project is in %s, and no run was begun: tables of an engine without versions of rows cannot be read at one point "+
				"in time", c.Dir), Where: c.Dir, Class: change.ClassBlocked,
			Try: fmt.Sprintf("lifeline run --project %[1]s --allow-weaker, then lifeline serve --project %[1]s; or alter table … engine = InnoDB",
				c.Dir),
		}
	}
	g.Project = c.Dir
	run := runCommand{SourceWorkers: 2, AllowWeaker: c.AllowWeaker}
	if err := run.Run(ctx, g); err != nil {
		return err
	}
	serve := serveCommand{Addr: c.Addr, Auth: "none", Roles: "viewer", ProxyHeader: "X-Forwarded-User"}
	return serve.Run(ctx, g)
}

func isTerminal(t terminal) bool {
	f, ok := t.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && t.interactive()
}

// askPerson puts at most eight questions, each with its evidence and a default.
func askPerson(t terminal, p *discover.Proposal, o *discover.Project) error {
	in := bufio.NewReader(t.in)
	for i, q := range p.Ask(o) {
		if i == 8 {
			break
		}
		for {
			fmt.Fprintf(t.err, "%s\n  %s\n  [%s] ", t.bold(q.Text), t.dim(q.Evidence), q.Default)
			line, err := in.ReadString('\n')
			if err != nil && line == "" {
				return fmt.Errorf("read the answer: %w", err)
			}
			answer := strings.TrimSpace(line)
			if answer == "" {
				answer = q.Default
			}
			if err := q.Take(answer); err == nil {
				break
			} else {
				fmt.Fprintf(t.err, "  %s\n", t.red(err.Error()))
			}
		}
	}
	return nil
}

// initProgress shows how far the look is.
type initProgress struct {
	t    terminal
	last time.Time
}

func newInitProgress(t terminal) *initProgress { return &initProgress{t: t} }

func (b *initProgress) advance(done, total int, what string) {
	if !b.t.interactive() || time.Since(b.last) < 100*time.Millisecond {
		return
	}
	b.last = time.Now()
	fmt.Fprintf(b.t.err, "\r\x1b[Klooking at %d of %d tables  %s", done, total, what)
}

func (b *initProgress) end() {
	if b.t.interactive() {
		fmt.Fprint(b.t.err, "\r\x1b[K")
	}
}
