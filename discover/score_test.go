package discover

import (
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// truth is what a person who knows the application says of it.
type truth struct {
	Schema  string
	Records []struct {
		Name, Table string
		Key         []string
		State       map[string]any
		Dates       map[string]string
		History     map[string]any
		SoftDelete  string `yaml:"soft_delete"`
	}
	Money       map[string]any
	SoftDelete  []string `yaml:"soft_delete"`
	PII         []string
	Lookups     []string
	NoStatus    []string          `yaml:"no_status"`
	FKExtra     map[string]string `yaml:"fk_extra"`
	FKNot       any               `yaml:"fk_not"`
	EAV         []string
	Copies      []string
	Polymorphic []map[string]string
	Secondary   []map[string]any
	Events      []map[string]any
}

// few are the schemas of a normal run: with and without declared keys, logs, codes, an end date.
var few = []string{"northwind", "opencart", "osticket", "sakila"}

// TestTheForeignSchemasAreUnderstood compares what is believed of foreign databases, their declared foreign keys hidden, with what a
// person who knows the applications says. SHOW=fk,records,… prints what is wrong; SCHEMA=name takes one alone, SCHEMAS=folder other
// ones with their own truth, LIFELINE_SOAK=1 all of them.
func TestTheForeignSchemasAreUnderstood(t *testing.T) {
	dsn := os.Getenv("LIFELINE_TEST_MYSQL")
	folder := cmp.Or(os.Getenv("SCHEMAS"), filepath.Join("..", "..", "shared", "schemas"))
	files, _ := filepath.Glob(filepath.Join(folder, "truth", "*.yml"))
	if len(files) == 0 || dsn == "" {
		t.Skip("the schemas, or a server, are not here")
	}
	sort.Strings(files)
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		// To load all twelve takes longer than to look at them.
		whole := os.Getenv("LIFELINE_SOAK") != "" || os.Getenv("LOADED") != ""
		if only := os.Getenv("SCHEMA"); only == name || only == "" && (whole || slices.Contains(few, name)) {
			names = append(names, name)
		}
	}
	loaded := map[string]string{}
	if prefix := os.Getenv("LOADED"); prefix != "" { // Databases that a developer loaded before.
		for _, name := range names {
			loaded[name] = strings.TrimSuffix(dsn, "/") + "/" + prefix + name
		}
	} else {
		loaded = loadSchemas(t, dsn, names)
	}
	total := &score{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(folder, "truth", name+".yml"))
		require.NoError(t, err)
		var want truth
		require.NoError(t, yaml.Unmarshal(text, &want))
		s := scoreOf(t, loaded[name], name, &want)
		total.add(s)
	}
	t.Logf("%-12s %s", "all", total)
	if os.Getenv("SCHEMA") != "" {
		return
	}
	require.GreaterOrEqual(t, f1(total.fkRight, total.fkOther, total.fkMissed+total.fkOther), 0.95, "foreign keys")
	require.GreaterOrEqual(t, total.states.precision(), 0.95, "precision of state columns")
	require.GreaterOrEqual(t, total.states.recall(), 0.9, "recall of state columns")
	require.GreaterOrEqual(t, total.records.recall(), 0.95, "records")
	require.GreaterOrEqual(t, total.first, 0.95, "the right records come first")
	require.GreaterOrEqual(t, total.dates.recall(), 0.95, "roles of dates")
	require.GreaterOrEqual(t, total.money.recall(), 0.97, "money")
	require.GreaterOrEqual(t, total.currency.recall(), 0.97, "currencies")
	require.GreaterOrEqual(t, total.pii.recall(), 0.95, "personal data")
	require.GreaterOrEqual(t, total.pii.precision(), 0.8, "personal data that is some")
	require.GreaterOrEqual(t, total.logs.recall(), 0.8, "logs")
	require.GreaterOrEqual(t, total.deletes.recall(), 0.9, "soft deletes")
}

// scoreOf loads a schema, looks at it and counts.
func scoreOf(t *testing.T, dsn, name string, want *truth) *score {
	t.Helper()
	ctx := context.Background()
	r, err := OpenServer(ctx, dsn, 5*time.Second)
	require.NoError(t, err)
	began := time.Now()
	p, err := Look(ctx, r, Options{hideForeign: true, Budget: 3 * time.Minute})
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Empty(t, p.Profile.Notes, name)
	s := &score{}
	s.keys(p, want)
	s.countPersonal(p, want)
	s.countMoney(p, want)
	s.countDates(p, want)
	s.countRecords(p, want)
	if len(want.Records) == 0 {
		require.Empty(t, p.Records, "%s has no records with a life, and none is invented", name)
	}
	t.Logf("%-12s %s (%.1f s)", name, s, time.Since(began).Seconds())
	return s
}

// loadSchemas loads dumps into databases of the test's own, several at a time: making tables waits for the disk.
func loadSchemas(t *testing.T, dsn string, names []string) map[string]string {
	t.Helper()
	client := ""
	for _, c := range []string{"mysql", "mariadb"} {
		if path, err := exec.LookPath(c); err == nil {
			client = path
		}
	}
	if client == "" {
		t.Skip("no mariadb or mysql client is here to load a dump with")
	}
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	password, _ := u.User.Password()
	run := func(in io.Reader, args ...string) error {
		cmd := exec.Command(client, append([]string{"-h", u.Hostname(), "-P", u.Port(), "-u", u.User.Username()}, args...)...)
		cmd.Env = append(os.Environ(), "MYSQL_PWD="+password)
		cmd.Stdin = in
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	out := map[string]string{}
	var loads errgroup.Group
	loads.SetLimit(6)
	for _, name := range names {
		database := fmt.Sprintf("look_%d_%s", os.Getpid(), name)
		t.Cleanup(func() { require.NoError(t, run(nil, "-e", "drop database if exists "+database)) })
		at := *u
		at.Path = "/" + database
		out[name] = at.String()
		loads.Go(func() error {
			if err := run(nil, "-e", "create database "+database); err != nil {
				return err
			}
			file, err := os.Open(filepath.Join("..", "..", "shared", "schemas", "sql", name+".sql.gz"))
			if err != nil {
				return err
			}
			defer file.Close()
			dump, err := gzip.NewReader(file)
			if err != nil {
				return err
			}
			return run(dump, database)
		})
	}
	require.NoError(t, loads.Wait())
	return out
}

// score counts what was right, wrong and missed.
type score struct {
	fkRight, fkOther, fkMissed, fkExtra int
	pii, money, dates                   tally
	states, records, logs, deletes      tally
	currency                            tally
	first                               float64 // Share of the right records among the first so many.
	ranked, rankedRight                 int
}

// tally counts one kind of guess.
type tally struct{ right, wrong, missed int }

func (t *tally) add(o tally) { t.right += o.right; t.wrong += o.wrong; t.missed += o.missed }

func (t tally) String() string {
	if t.right+t.missed == 0 {
		return fmt.Sprintf("-/%d", t.wrong)
	}
	return fmt.Sprintf("%d/%d r%.2f p%.2f", t.right, t.right+t.missed, float64(t.right)/float64(t.right+t.missed),
		float64(t.right)/float64(max(1, t.right+t.wrong)))
}

func show(kind string) bool { return strings.Contains(os.Getenv("SHOW"), kind) }

func (s *score) countPersonal(p *Proposal, want *truth) {
	truths, tables := map[string]bool{}, map[string]bool{}
	for _, c := range want.PII {
		truths[c] = true
		tables[c[:strings.Index(c, ".")]] = true
	}
	for _, g := range p.Personal {
		c := g.Table + "." + g.Column
		switch {
		case truths[c]:
			s.pii.right++
			delete(truths, c)
		case tables[g.Table]:
			s.pii.wrong++
			if show("pii") {
				fmt.Println("   beyond", c, g.Evidence)
			}
		}
	}
	s.pii.missed = len(truths)
	for c := range truths {
		if show("pii") {
			fmt.Println("   missed", c)
		}
	}
}

func (s *score) countMoney(p *Proposal, want *truth) {
	tables := map[string]bool{}
	got := map[string]Amount{}
	for c := range want.Money {
		tables[c[:strings.Index(c, ".")]] = true
	}
	for _, g := range p.Money {
		c := g.Table + "." + g.Column
		got[c] = g
		if _, ok := want.Money[c]; !ok && tables[g.Table] && g.Confidence != Low && show("money") {
			fmt.Println("   beyond", c, g.Evidence)
		}
	}
	for c, cur := range want.Money {
		g, ok := got[c]
		text, _ := cur.(string)
		switch {
		case !ok:
			s.money.missed++
			if show("money") {
				fmt.Println("   missed", c)
			}
		case text != g.Currency:
			s.currency.missed++
			s.money.right++
			if show("money") {
				fmt.Println("   currency", c, g.Currency, "not", text)
			}
		default:
			s.currency.right++
			s.money.right++
		}
	}
}

func (s *score) countDates(p *Proposal, want *truth) {
	got := map[string]string{}
	for _, d := range p.Dates {
		got[d.Table+"."+d.Column] = d.Role
	}
	for _, r := range want.Records {
		for role, c := range r.Dates {
			if got[r.Table+"."+c] == role {
				s.dates.right++
				continue
			}
			s.dates.missed++
			if show("dates") {
				fmt.Println("   date", r.Table+"."+c, "is", role, "not", got[r.Table+"."+c])
			}
		}
	}
}

func (s *score) add(o *score) {
	s.pii.add(o.pii)
	s.money.add(o.money)
	s.dates.add(o.dates)
	s.states.add(o.states)
	s.records.add(o.records)
	s.logs.add(o.logs)
	s.deletes.add(o.deletes)
	s.currency.add(o.currency)
	s.ranked += o.ranked
	s.rankedRight += o.rankedRight
	s.first = float64(s.rankedRight) / float64(max(1, s.ranked))
	s.fkRight += o.fkRight
	s.fkOther += o.fkOther
	s.fkMissed += o.fkMissed
	s.fkExtra += o.fkExtra
}

// f1 is the harmonic mean of precision and recall.
func f1(right, wrong, missed int) float64 {
	return 2 * float64(right) / float64(max(1, 2*right+wrong+missed))
}

func (t tally) recall() float64    { return float64(t.right) / float64(max(1, t.right+t.missed)) }
func (t tally) precision() float64 { return float64(t.right) / float64(max(1, t.right+t.wrong)) }

func (s *score) String() string {
	return fmt.Sprintf("fk %3d wrong %2d missed %2d beyond %3d F1 %.3f strict %.3f  pii %s  money %s  dates %s  states %s  records %s  "+
		"logs %s  deletes %s", s.fkRight, s.fkOther, s.fkMissed, s.fkExtra,
		f1(s.fkRight, s.fkOther, s.fkMissed+s.fkOther), f1(s.fkRight, s.fkOther+s.fkExtra, s.fkMissed+s.fkOther), s.pii, s.money, s.dates,
		s.states, s.records, s.logs, s.deletes)
}

func (s *score) keys(p *Proposal, want *truth) {
	verbose := os.Getenv("SHOW")
	truths := map[string]map[string]bool{}
	add := func(child, parent string) {
		if truths[child] == nil {
			truths[child] = map[string]bool{}
		}
		truths[child][parent] = true
	}
	declared := false
	for _, tab := range p.Catalog.Tables {
		for _, d := range tab.Foreign {
			declared = true
			add(tab.Name+"."+d.Column, d.Parent+"."+d.Key)
		}
	}
	for c, parent := range want.FKExtra {
		add(c, parent)
	}
	got := map[string]*Key{}
	for i := range p.Keys {
		k := &p.Keys[i]
		if k.Confidence != Low {
			got[k.Table+"."+k.Column] = k
		}
	}
	for child, parents := range truths {
		k := got[child]
		switch {
		case k == nil:
			s.fkMissed++
			if strings.Contains(verbose, "fk") {
				fmt.Println("   missed", child, "->", parents)
			}
		case parents[k.Parent+"."+k.Key]:
			s.fkRight++
		default:
			s.fkOther++
			if strings.Contains(verbose, "fk") {
				fmt.Println("   wrong ", child, "->", k.Parent+"."+k.Key, "not", parents, k.Evidence)
			}
		}
	}
	for child, k := range got {
		if truths[child] == nil && declared {
			s.fkExtra++
			if strings.Contains(verbose, "beyond") {
				fmt.Println("   beyond", child, "->", k.Parent+"."+k.Key, k.Confidence, k.Evidence)
			}
		}
	}
}

func (s *score) countRecords(p *Proposal, want *truth) {
	secondary := map[string]bool{}
	for _, x := range want.Secondary {
		secondary[fmt.Sprint(x["table"])] = true
	}
	names := map[string]bool{}
	for _, w := range want.Records {
		names[w.Table] = true
	}
	got := map[string]*Record{}
	for i := range p.Records {
		r := &p.Records[i]
		got[r.Table] = r
		if show("records") {
			fmt.Println("   record", r.Score, names[r.Table], r.Table, r.Name, r.State, r.EndDate, r.Log, r.Evidence)
			for _, st := range r.States {
				if show("meanings") {
					fmt.Println("        ", st.Raw, st.Name, st.Meaning, st.Rows, st.Evidence)
				}
			}
		}
		if i < len(want.Records) && !secondary[r.Table] {
			s.ranked++
			if names[r.Table] {
				s.rankedRight++
			}
		}
		if !names[r.Table] && !secondary[r.Table] {
			s.records.wrong++
			if r.State != "" {
				s.states.wrong++
			}
		}
	}
	for _, w := range want.Records {
		r := got[w.Table]
		column, _ := w.State["column"].(string)
		history, _ := w.History["table"].(string)
		if r == nil {
			s.records.missed++
			if show("records") {
				fmt.Println("   missed record", w.Table)
			}
			if column != "" {
				s.states.missed++
			}
			if history != "" {
				s.logs.missed++
			}
			continue
		}
		s.records.right++
		switch {
		case column != "" && r.State == column:
			s.states.right++
		case column != "":
			s.states.missed++
			s.states.wrong++
			fmt.Println("   state of", w.Table, "is", column, "not", r.State)
		}
		switch {
		case history != "" && r.Log != nil && r.Log.Table == history:
			s.logs.right++
			if show("logs") {
				fmt.Printf("   log %+v\n", *r.Log)
			}
		case history != "":
			s.logs.missed++
			fmt.Println("   missed log", history)
		case r.Log != nil:
			s.logs.wrong++
			fmt.Println("   wrong log", r.Log.Table, "of", r.Table)
		}
	}
	s.countDeletes(p, want)
}

func (s *score) countDeletes(p *Proposal, want *truth) {
	deleted := map[string]bool{}
	for _, d := range p.Deletes {
		deleted[d.Table+"."+d.Column] = true
	}
	for _, d := range want.SoftDelete {
		if deleted[d] {
			s.deletes.right++
		} else {
			s.deletes.missed++
			fmt.Println("   missed delete", d)
		}
	}
}
