package dashboard

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

	"lifeline/warehouse"
)

// table is one table, view or derived select of a version.
type table struct {
	TableFile

	Name     string      // schema.name.
	Kind     string      // "table", "view" or "derived".
	relation string      // How SQL calls it.
	fast     *fastCopies // nil for none.
	columns  []Column
	rows     int64
	bounds   map[string]bucket // Oldest and newest business day of each basis.
}

func (t *table) column(name string) *Column {
	for i, c := range t.columns {
		if c.Name == name {
			return &t.columns[i]
		}
	}
	return nil
}

// moneyColumns are sorted by name.
func (t *table) moneyColumns() []string {
	out := make([]string, 0, len(t.Money))
	for c := range t.Money {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

func (t *table) currencyColumn() string {
	for _, m := range t.moneyColumns() {
		if t.Money[m] != "" {
			return t.Money[m]
		}
	}
	return ""
}

// snapshot is one published version as it is asked. It never changes; a new version is a new snapshot.
type snapshot struct {
	def      *Definition
	id       string
	version  int64
	run      int64 // That published it.
	engine   string
	asOf     time.Time
	at       time.Time // Of the publication.
	through  time.Time // Newest business day.
	calendar calendar
	reader   *warehouse.Reader
	db       *sql.DB
	tables   map[string]*table
	names    []string // Sorted.
	schemas  *regexp.Regexp

	currency   string
	currencies []Option

	kept      sync.Map // Counts by question that hold for the whole version.
	keptCount atomic.Int64

	editions int // That show it; guarded by store.mu.

	dayOnce sync.Once
	dayText string
	sandbox *sandbox
}

func (s *snapshot) close() error {
	return errors.Join(s.sandbox.close(), s.reader.Close())
}

func (s *snapshot) currencyNames() []string {
	out := make([]string, len(s.currencies))
	for i, c := range s.currencies {
		out[i] = c.Value
	}
	return out
}

// defaultBasis is the first declared basis that the table has.
func (s *snapshot) defaultBasis(t *table) string {
	for _, b := range s.def.Model.bases {
		if t.Dates[b.Name] != "" {
			return b.Name
		}
	}
	return ""
}

const listColumns = `
select c.table_schema, c.table_name, t.table_type, c.column_name, c.data_type,
	coalesce(c.numeric_precision, 0), coalesce(c.numeric_scale, 0)
from information_schema.columns as c
inner join information_schema.tables as t on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_catalog = c.table_catalog
where c.table_catalog = current_catalog()
order by c.table_schema, c.table_name, c.ordinal_position`

// load reads what a version holds, computes the derived tables and the bounds of its dates.
func (s *snapshot) load(ctx context.Context) error {
	s.tables = map[string]*table{}
	if err := s.loadTables(ctx); err != nil {
		return fmt.Errorf("list the tables of version %d: %w", s.version, err)
	}
	if err := s.loadDerived(ctx); err != nil {
		return err
	}
	for name := range s.tables {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	for _, name := range s.names {
		if err := s.loadBounds(ctx, s.tables[name]); err != nil {
			return err
		}
	}
	s.decideThrough()
	if err := s.loadFast(ctx); err != nil {
		return err
	}
	return s.loadCurrencies(ctx)
}

func (s *snapshot) loadTables(ctx context.Context) error {
	query := listColumns
	suffix := ""
	if s.engine == "postgres" {
		query = strings.ReplaceAll(query, "current_catalog()", "current_catalog")
		suffix = fmt.Sprintf("__v%d", s.version)
	}
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	schemas := map[string]bool{}
	for rows.Next() {
		var schema, name, kind, column, data string
		var precision, scale int64
		if err := rows.Scan(&schema, &name, &kind, &column, &data, &precision, &scale); err != nil {
			return err
		}
		plain := strings.TrimSuffix(schema, suffix)
		if (suffix != "" && plain == schema) || slices.Contains([]string{"lifeline", "build", "information_schema", "pg_catalog"}, plain) {
			continue
		}
		schemas[plain] = true
		t := s.tables[plain+"."+name]
		if t == nil {
			t = s.newTable(plain+"."+name, "table")
			t.relation = quoteName(schema) + "." + quoteName(name)
			if strings.Contains(kind, "VIEW") {
				t.Kind = "view"
			}
			s.tables[t.Name] = t
		}
		t.add(column, typeName(data, precision, scale))
	}
	names := []string{"dashboard"}
	for schema := range schemas {
		names = append(names, regexp.QuoteMeta(schema))
	}
	s.schemas = regexp.MustCompile(`(?i)(^|[^\w."])(` + strings.Join(names, "|") + `)\.([A-Za-z_]\w*)`)
	if err := rows.Err(); err != nil {
		return err
	}
	_ = rows.Close()
	for _, t := range s.tables {
		if err := s.db.QueryRowContext(ctx, "select count(*) from "+t.relation).Scan(&t.rows); err != nil {
			return err
		}
	}
	return nil
}

// newTable begins a table with what the project says of it.
func (s *snapshot) newTable(name, kind string) *table {
	t := &table{Name: name, Kind: kind, bounds: map[string]bucket{}}
	if f := s.def.Model.Tables[name]; f != nil {
		t.TableFile = *f
	}
	_, short, _ := strings.Cut(name, ".")
	t.Title = cmp.Or(t.Title, title(short))
	t.Noun = cmp.Or(t.Noun, "rows")
	return t
}

func (t *table) add(column, kind string) {
	c := Column{Name: column, Type: kind, Label: cmp.Or(t.Labels[column], title(strings.TrimPrefix(column, "dim_"))), Format: formatOf(column, kind)}
	if _, is := t.Money[column]; is {
		c.Format = "money"
	}
	if column == t.Key {
		c.Format = "id"
	}
	c.Format = cmp.Or(t.Formats[column], c.Format)
	t.columns = append(t.columns, c)
}

// rename puts this version's own relations in place of the project's names. Text in quotes stays.
func (s *snapshot) rename(query string) string {
	parts := strings.Split(query, "'")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = s.schemas.ReplaceAllStringFunc(parts[i], func(m string) string {
			f := s.schemas.FindStringSubmatch(m)
			if t := s.tables[strings.ToLower(f[2]+"."+f[3])]; t != nil {
				return f[1] + t.relation
			}
			return m
		})
	}
	return strings.Join(parts, "'")
}

// loadDerived computes the derived tables: once a version on DuckDB, in the memory of this reader; on PostgreSQL, where a reader
// writes nothing, they stay selects.
func (s *snapshot) loadDerived(ctx context.Context) error {
	names := make([]string, 0, len(s.def.Model.Derived))
	for name := range s.def.Model.Derived {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > 0 && s.engine == "duckdb" {
		if _, err := s.db.ExecContext(ctx, inMemory+"; create schema if not exists fast.dashboard"); err != nil {
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
		if s.engine == "duckdb" {
			t.relation = "fast.dashboard." + quoteName(name)
			if _, err := s.db.ExecContext(ctx, "create or replace table "+t.relation+" as "+text); err != nil {
				return fmt.Errorf("dashboards/model.yml, derived.%s: %w", name, err)
			}
		}
		got, err := fetch(ctx, s.db, "select * from "+t.relation+" as d limit 0", 0)
		if err != nil {
			return fmt.Errorf("dashboards/model.yml, derived.%s: %w", name, err)
		}
		for _, c := range got.columns {
			t.add(c.Name, c.Type)
		}
		if err := s.db.QueryRowContext(ctx, "select count(*) from "+t.relation+" as d").Scan(&t.rows); err != nil {
			return fmt.Errorf("count derived.%s: %w", name, err)
		}
		s.tables[t.Name] = t
	}
	return nil
}

// plainPlaceholder knows what a select may say that belongs to no question.
func (s *snapshot) plainPlaceholder(name, arg string) (string, error) {
	switch name {
	case "as_of":
		return "timestamp '" + s.asOf.Format(time.DateTime) + "'", nil
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
func (s *snapshot) day(column string) string {
	s.dayOnce.Do(func() {
		s.dayText = s.calendar.daySQL("\x00", time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), s.asOf.AddDate(1, 0, 0))
	})
	return strings.ReplaceAll(s.dayText, "\x00", column)
}

// throughDay is the last day before the as-of instant.
func (s *snapshot) throughDay() time.Time { return s.calendar.day(s.asOf.Add(-time.Second)) }

func (s *snapshot) loadBounds(ctx context.Context, t *table) error {
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
	got, err := fetch(ctx, s.db, "select "+strings.Join(parts, ", ")+" from "+t.relation+" as t", 0)
	if err != nil {
		return fmt.Errorf("read the dates of %s: %w", t.Name, err)
	}
	for i, basis := range names {
		low, high := timeOf(got.rows[0][2*i]), timeOf(got.rows[0][2*i+1])
		if low.IsZero() {
			continue
		}
		if got.columns[2*i].Type != "date" {
			low, high = s.calendar.day(low), s.calendar.day(high)
		}
		t.bounds[basis] = bucket{low, high}
	}
	return nil
}

// decideThrough finds the newest business day: the as-of's own, or that of the newest date where the data is older.
func (s *snapshot) decideThrough() {
	var newest time.Time
	for _, t := range s.tables {
		for _, b := range t.bounds {
			if b.to.After(newest) {
				newest = b.to
			}
		}
	}
	s.through = s.throughDay()
	if !newest.IsZero() && newest.Before(s.through) {
		s.through = newest
	}
}

// loadCurrencies counts the main table's currencies; the most frequent is the default.
func (s *snapshot) loadCurrencies(ctx context.Context) error {
	s.currency = s.def.Model.Currency
	t := s.tables[s.def.Model.Main]
	if t == nil || t.currencyColumn() == "" {
		return nil
	}
	c := quoteName(t.currencyColumn())
	got, err := fetch(ctx, s.db, "select "+c+", count(*) from "+t.relation+" as t group by 1 order by 2 desc, 1", 200)
	if err != nil {
		return fmt.Errorf("count currencies: %w", err)
	}
	for _, row := range got.rows {
		o := Option{Value: textOf(row[0]), Label: textOf(row[0]), Rows: whole(row[1])}
		if row[0] == nil {
			o.Value, o.Label = nullWord, "none"
		} else if s.currency == "" {
			s.currency = o.Value
		}
		s.currencies = append(s.currencies, o)
	}
	return nil
}
