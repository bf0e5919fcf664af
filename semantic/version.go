package semantic

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lifeline/project"
	"lifeline/warehouse"
)

// Table is one table, view or derived select of a version.
type Table struct {
	TableFile

	Name     string        // schema.name.
	Kind     string        // "table", "view" or "derived".
	relation string        // How SQL calls it.
	copies   *memoryCopies // nil for none.
	Columns  []Column
	Rows     int64
	bounds   map[string]bucket // Oldest and newest business day of each basis.
}

func (t *Table) column(name string) *Column {
	for i, c := range t.Columns {
		if c.Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// moneyColumns are sorted by name.
func (t *Table) moneyColumns() []string {
	out := make([]string, 0, len(t.Money))
	for c := range t.Money {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

func (t *Table) currencyColumn() string {
	for _, m := range t.moneyColumns() {
		if t.Money[m] != "" {
			return t.Money[m]
		}
	}
	return ""
}

// Version is one published version as it is asked. It never changes; a new version is a new snapshot.
type Version struct {
	def         *Definition
	ID          string
	Number      int64
	Run         int64  // That published it.
	memory      string // The database of copies; empty where a reader keeps none.
	AsOf        time.Time
	PublishedAt time.Time // Of the publication.
	Through     time.Time // Newest business day.
	calendar    calendar
	reader      *warehouse.Reader
	db          *sql.DB
	Tables      map[string]*Table
	Names       []string // Sorted.
	schemas     *regexp.Regexp

	Currency   string
	Currencies []Option

	kept      sync.Map // Counts by question that hold for the whole version.
	keptCount atomic.Int64

	dayOnce sync.Once
	dayText string
	sandbox *Sandbox
}

func (s *Version) Close() error {
	return errors.Join(s.sandbox.Close(), s.reader.Close())
}

// Table finds a table by its name; an unknown one is a problem that says what comes near.
func (s *Version) Table(name string) (*Table, error) {
	if t := s.Tables[name]; t != nil {
		return t, nil
	}
	return nil, NotFound("table", name, project.Nearest(name, s.Names))
}

func (s *Version) currencyNames() []string {
	out := make([]string, len(s.Currencies))
	for i, c := range s.Currencies {
		out[i] = c.Value
	}
	return out
}

// defaultBasis is the first declared basis that the table has.
func (s *Version) defaultBasis(t *Table) string {
	for _, b := range s.def.Model.bases {
		if t.Dates[b.Name] != "" {
			return b.Name
		}
	}
	return ""
}

// Options say how a version is asked.
type Options struct {
	Definition  *Definition // nil means a project without pages.
	Project     *project.Project
	DSN         string // Of the warehouse.
	SQL         Limits // Of statements of people.
	SQLQueue    *Queue // Of statements of people, over all versions; nil means no such statements.
	Connections int    // 0 means 8.
	NoCopies    bool   // Keep no copies in memory: for one question they cost more than they save.
	// Reader gives the address of the role that such statements run as on PostgreSQL.
	Reader func(ctx context.Context) (string, error)
}

// ErrNotYet says that the version or its books cannot be read as a whole yet; a moment later they can.
var ErrNotYet = errors.New("the new version cannot be read as a whole yet")

// Open makes a published version ready for questions and takes over the reader.
func Open(ctx context.Context, r *warehouse.Reader, o Options) (*Version, error) {
	s := &Version{def: o.Definition, Number: r.Version, ID: fmt.Sprintf("v%d", r.Version), reader: r, db: r.DB}
	if s.def == nil {
		s.def = &Definition{}
	}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Version) open(ctx context.Context, o Options) (err error) {
	if s.calendar, err = newCalendar(o.Project.Config.BusinessTimeZone, o.Project.Config.Source.TimeZone); err != nil {
		return err
	}
	at, err := s.reader.Published(ctx)
	if err != nil {
		return err
	}
	s.Run, s.PublishedAt, s.AsOf = at.Run, at.PublishedAt, at.AsOf
	if err := s.load(ctx, o); err != nil {
		return err
	}
	if err := s.reader.AnswerMany(ctx, cmp.Or(o.Connections, 8)); err != nil {
		return err
	}
	if o.SQLQueue != nil {
		s.sandbox, err = newVersionSandbox(s, o)
	}
	return err
}

// load reads what a version holds, computes the derived tables and the bounds of its dates.
func (s *Version) load(ctx context.Context, o Options) (err error) {
	if s.memory, err = s.reader.Memory(ctx); err != nil {
		return err
	}
	s.Tables = map[string]*Table{}
	if err := s.loadTables(ctx); err != nil {
		return fmt.Errorf("list the tables of version %d: %w", s.Number, err)
	}
	if err := s.loadDerived(ctx); err != nil {
		return err
	}
	for name := range s.Tables {
		s.Names = append(s.Names, name)
	}
	slices.Sort(s.Names)
	for _, name := range s.Names {
		if err := s.loadBounds(ctx, s.Tables[name]); err != nil {
			return err
		}
	}
	s.decideThrough()
	if !o.NoCopies {
		if err := s.loadCopies(ctx); err != nil {
			return err
		}
	}
	return s.loadCurrencies(ctx)
}

func (s *Version) loadTables(ctx context.Context) error {
	all, err := s.reader.Tables(ctx)
	if err != nil {
		return err
	}
	schemas := []string{"dashboard"}
	for _, x := range all {
		t := s.newTable(x.Schema+"."+x.Name, "table")
		if t.relation = x.SQL; x.View {
			t.Kind = "view"
		}
		for _, c := range x.Columns {
			t.add(c.Name, typeName(c.Type, c.Precision, c.Scale))
		}
		if err := s.db.QueryRowContext(ctx, "select count(*) from "+t.relation).Scan(&t.Rows); err != nil {
			return err
		}
		s.Tables[t.Name] = t
		if name := regexp.QuoteMeta(x.Schema); !slices.Contains(schemas, name) {
			schemas = append(schemas, name)
		}
	}
	s.schemas = regexp.MustCompile(`(?i)(^|[^\w."])(` + strings.Join(schemas, "|") + `)\.([A-Za-z_]\w*)`)
	return nil
}

// newTable begins a table with what the project says of it.
func (s *Version) newTable(name, kind string) *Table {
	t := &Table{Name: name, Kind: kind, bounds: map[string]bucket{}}
	if f := s.def.Model.Tables[name]; f != nil {
		t.TableFile = *f
	}
	_, short, _ := strings.Cut(name, ".")
	t.Title = cmp.Or(t.Title, Title(short))
	t.Noun = cmp.Or(t.Noun, "rows")
	return t
}

func (t *Table) add(column, kind string) {
	c := Column{
		Name: column, Type: kind, Label: cmp.Or(t.Labels[column], Title(strings.TrimPrefix(column, "dim_"))),
		Format: formatOf(column, kind),
	}
	if _, is := t.Money[column]; is {
		c.Format = "money"
	}
	if column == t.Key {
		c.Format = "id"
	}
	c.Format = cmp.Or(t.Formats[column], c.Format)
	t.Columns = append(t.Columns, c)
}

// rename puts this version's own relations in place of the project's names. Text in quotes stays.
func (s *Version) rename(query string) string {
	parts := strings.Split(query, "'")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = s.schemas.ReplaceAllStringFunc(parts[i], func(m string) string {
			f := s.schemas.FindStringSubmatch(m)
			if t := s.Tables[strings.ToLower(f[2]+"."+f[3])]; t != nil {
				return f[1] + t.relation
			}
			return m
		})
	}
	return strings.Join(parts, "'")
}

// loadDerived computes the derived tables: once a version on DuckDB, in the memory of this reader; on PostgreSQL, where a reader
// writes nothing, they stay selects.
func (s *Version) loadDerived(ctx context.Context) error {
	names := make([]string, 0, len(s.def.Model.Derived))
	for name := range s.def.Model.Derived {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > 0 && s.memory != "" {
		if _, err := s.db.ExecContext(ctx, "create schema if not exists "+s.memory+".dashboard"); err != nil {
			return fmt.Errorf("prepare derived tables: %w", err)
		}
	}
	for _, name := range names {
		d := s.def.Model.Derived[name]
		text, err := expand(d.SQL, s.plainPlaceholder)
		if err != nil {
			return fmt.Errorf("dashboards/model.yml, derived.%s: %w", name, err)
		}
		text = strings.TrimSuffix(strings.TrimSpace(s.rename(text)), ";")
		t := s.newTable("dashboard."+name, "derived")
		t.relation = "(" + text + ")"
		if s.memory != "" {
			t.relation = s.memory + ".dashboard." + quoteName(name)
			if _, err := s.db.ExecContext(ctx, "create or replace table "+t.relation+" as "+text); err != nil {
				return fmt.Errorf("dashboards/model.yml, derived.%s: %w", name, err)
			}
		}
		got, err := Fetch(ctx, s.db, "select * from "+t.relation+" as d limit 0", 0)
		if err != nil {
			return fmt.Errorf("dashboards/model.yml, derived.%s: %w", name, err)
		}
		for _, c := range got.Columns {
			t.add(c.Name, c.Type)
		}
		if err := s.db.QueryRowContext(ctx, "select count(*) from "+t.relation+" as d").Scan(&t.Rows); err != nil {
			return fmt.Errorf("count derived.%s: %w", name, err)
		}
		s.Tables[t.Name] = t
	}
	return nil
}

// plainPlaceholder knows what a select may say that belongs to no question.
func (s *Version) plainPlaceholder(name, arg string) (string, error) {
	switch name {
	case "as_of":
		return "timestamp '" + s.AsOf.Format(time.DateTime) + "'", nil
	case "day":
		if arg != "" {
			return s.day(arg), nil
		}
	case "through":
		return "date '" + s.throughDay().Format(time.DateOnly) + "'", nil
	}
	return "", fmt.Errorf("{{ %s }} is unknown here", name)
}

// day is an expression for the business day of a stored time. The zone's changes since 1990 are looked up once a version.
func (s *Version) day(column string) string {
	s.dayOnce.Do(func() {
		s.dayText = s.calendar.daySQL("\x00", time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), s.AsOf.AddDate(1, 0, 0))
	})
	return strings.ReplaceAll(s.dayText, "\x00", column)
}

// throughDay is the last day before the as-of instant.
func (s *Version) throughDay() time.Time { return s.calendar.day(s.AsOf.Add(-time.Second)) }

func (s *Version) loadBounds(ctx context.Context, t *Table) error {
	if len(t.Dates) == 0 {
		return nil
	}
	var names, parts []string
	for basis, column := range t.Dates {
		if t.column(column) == nil {
			return fmt.Errorf("dashboards/model.yml: the table %s has no column %s", t.Name, column)
		}
		names = append(names, basis)
		parts = append(parts, "min("+quoteName(column)+")", "max("+quoteName(column)+")")
	}
	got, err := Fetch(ctx, s.db, "select "+strings.Join(parts, ", ")+" from "+t.relation+" as t", 0)
	if err != nil {
		return fmt.Errorf("read the dates of %s: %w", t.Name, err)
	}
	for i, basis := range names {
		low, high := TimeOf(got.Rows[0][2*i]), TimeOf(got.Rows[0][2*i+1])
		if low.IsZero() {
			continue
		}
		if got.Columns[2*i].Type != "date" {
			low, high = s.calendar.day(low), s.calendar.day(high)
		}
		t.bounds[basis] = bucket{low, high}
	}
	return nil
}

// decideThrough finds the newest business day: the as-of's own, or that of the newest date where the data is older.
func (s *Version) decideThrough() {
	var newest time.Time
	for _, t := range s.Tables {
		for _, b := range t.bounds {
			if b.to.After(newest) {
				newest = b.to
			}
		}
	}
	s.Through = s.throughDay()
	if !newest.IsZero() && newest.Before(s.Through) {
		s.Through = newest
	}
}

// loadCurrencies counts the main table's currencies; the most frequent is the default.
func (s *Version) loadCurrencies(ctx context.Context) error {
	s.Currency = s.def.Model.Currency
	t := s.Tables[s.def.Model.Main]
	if t == nil || t.currencyColumn() == "" {
		return nil
	}
	c := quoteName(t.currencyColumn())
	got, err := Fetch(ctx, s.db, "select "+c+", count(*) from "+t.relation+" as t group by 1 order by 2 desc, 1", 200)
	if err != nil {
		return fmt.Errorf("count currencies: %w", err)
	}
	for _, row := range got.Rows {
		o := Option{Value: TextOf(row[0]), Label: TextOf(row[0]), Rows: CountOf(row[1])}
		if row[0] == nil {
			o.Value, o.Label = nullWord, "none"
		} else if s.Currency == "" {
			s.Currency = o.Value
		}
		s.Currencies = append(s.Currencies, o)
	}
	return nil
}
