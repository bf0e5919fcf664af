package source

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lifeline/change"
)

// Tables describes what is read, with the types that the server declares.
func (s *server) Tables(ctx context.Context) ([]*change.Table, error) {
	found, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*change.Table, len(found))
	for i, t := range found {
		out[i] = t.Table
	}
	return out, nil
}

// describe looks at the wanted tables once; a snapshot later reads what was described.
func (s *server) describe(ctx context.Context) ([]*serverTable, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tables != nil {
		return s.tables, nil
	}
	tables, missing, err := s.look(ctx)
	if err != nil {
		return nil, s.address.explain("look at the tables of "+s.address.shown, err)
	}
	if len(missing) > 0 {
		return nil, &change.Problem{
			Err: fmt.Errorf("table %s is not in %s", missing[0], s.address.shown), Where: missing[0], Class: change.ClassBlocked,
			Try: "the table's identifier in sources.yml, the source's database, and the right to select from it",
		}
	}
	for _, t := range tables {
		for _, c := range t.Columns {
			if c.Name == "_raw" || c.Name == "_run" {
				return nil, &change.Problem{
					Err: fmt.Errorf("column %s of %s has a name that staging needs", c.SourceName, t.SourceName), Class: change.ClassBlocked,
					Try: "rename the column in the source",
				}
			}
		}
	}
	s.tables = tables
	return tables, nil
}

// describeAgain looks, for every snapshot but the first, whether the tables still are as they were described: between two snapshots
// somebody may have changed one.
func (s *server) describeAgain(ctx context.Context) ([]*serverTable, error) {
	known, err := s.describe(ctx)
	if err != nil || !s.taken {
		s.taken = true
		return known, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tables, _, err := s.look(ctx)
	if err != nil {
		return nil, s.address.explain("look at the tables of "+s.address.shown, err)
	}
	for i, t := range known {
		if i >= len(tables) || !sameColumns(t, tables[i]) {
			return nil, &change.Problem{
				Err: fmt.Errorf("table %s was changed since this run began", t.SourceName), Where: t.SourceName, Class: change.ClassBlocked,
				Try: "run again",
			}
		}
	}
	s.tables = tables
	return tables, nil
}

// sameColumns compares what lands of two descriptions of a table.
func sameColumns(a, b *serverTable) bool {
	return a.SourceName == b.SourceName && slices.EqualFunc(a.Columns, b.Columns, func(x, y change.Column) bool {
		return x.SourceName == y.SourceName && x.Type == y.Type && x.SourceType == y.SourceType
	})
}

// look finds the wanted tables; missing are the identifiers of those that are not there.
func (s *server) look(ctx context.Context) (tables []*serverTable, missing []string, err error) {
	in := "table_schema = " + literal(s.address.database)
	rows, err := s.askLocked(ctx, "select table_name as name, engine as engine, table_type as kind, avg_row_length as size"+
		" from information_schema.tables where "+in+" and table_type in ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW') order by table_name")
	if err != nil {
		return nil, nil, err
	}
	wanted := s.options.Tables
	found := map[string]map[string]string{}
	var names []string
	for _, r := range rows {
		found[r["name"]] = r
		names = append(names, r["name"])
		if len(s.options.Tables) == 0 && r["kind"] != "VIEW" {
			wanted = append(wanted, Contract{Name: strings.ToLower(r["name"]), Identifier: r["name"]})
		}
	}
	if err := distinct(wanted); err != nil {
		return nil, nil, err
	}
	var contracts []Contract
	for _, w := range wanted {
		name, ok := match(w.identifier(), names)
		if !ok {
			missing = append(missing, w.identifier())
			continue
		}
		t := &serverTable{Table: &change.Table{Name: w.Name, SourceName: name, Money: w.Money}, engine: found[name]["engine"]}
		t.SHA256, t.cutsDoubles = s.noSHA1, !s.maria && s.number >= 80000
		t.isView = found[name]["kind"] == "VIEW"
		t.rowSize, _ = strconv.ParseInt(found[name]["size"], 10, 64) // Unknown counts as 0.
		tables, contracts = append(tables, t), append(contracts, w)
	}
	said, err := s.catalogueOf(ctx, tableNames(tables), len(names))
	if err != nil {
		return nil, nil, err
	}
	for i, t := range tables {
		if err := s.lookAtColumns(ctx, t, contracts[i], said.columns[t.SourceName]); err != nil {
			return nil, nil, err
		}
		t.lookAtKeys(said.indexes[t.SourceName])
		if t.Key = contracts[i].Key; len(t.Key) == 0 {
			t.Key = t.primary
		}
	}
	return tables, missing, nil
}

// distinct refuses two tables whose names differ in case only: the warehouses take them for one.
func distinct(wanted []Contract) error {
	seen := map[string]Contract{}
	for _, w := range wanted {
		name := strings.ToLower(w.Name)
		first, twice := seen[name]
		if !twice {
			seen[name] = w
			continue
		}
		a, b := first.Name, w.Name
		if a == b {
			a, b = first.identifier(), w.identifier()
		}
		a, b = min(a, b), max(a, b)
		return &change.Problem{
			Err: fmt.Errorf("the tables %s and %s would be one in staging: their names differ in case only", a, b), Where: b,
			Class: change.ClassUsage,
			Try:   "two names in sources.yml, each with its identifier: TABLE or file: FILE",
		}
	}
	return nil
}

func (c Contract) identifier() string {
	if c.Identifier == "" {
		return c.Name
	}
	return c.Identifier
}

// match finds a table by its exact name, else by one that differs in case only.
func match(want string, names []string) (string, bool) {
	if slices.Contains(names, want) {
		return want, true
	}
	i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, want) })
	if i < 0 {
		return "", false
	}
	return names[i], true
}

// lookAtColumns takes the columns as they stand and settles which of them land, under which names.
func (s *server) lookAtColumns(ctx context.Context, t *serverTable, w Contract, rows []map[string]string) (err error) {
	t.said = rows
	t.charsets = map[string]string{}
	for _, r := range rows {
		if charset, text := r["charset"]; text {
			t.charsets[r["name"]] = charset
		}
		typ, err := change.TypeOf(r["type"])
		if err != nil {
			return fmt.Errorf("column %s of %s: %w", r["name"], t.SourceName, err)
		}
		t.Columns = append(t.Columns, change.Column{
			Name: change.StagingName(r["name"]), SourceName: r["name"], SourceType: r["type"], Type: typ, Nullable: r["nullable"] == "YES",
		})
	}
	w, err = w.settle(t.SourceName, t.Columns, false, func(q *shiftQuestion) (shiftEvidence, error) {
		t.question = q
		return s.shiftEvidence(ctx, t, q, s.askLocked)
	})
	if err != nil {
		return err
	}
	if t.shape, err = w.reshape(t.SourceName, t.Columns); err != nil {
		return err
	}
	t.shape.byName = t.question != nil && !t.shape.mapped
	t.Columns = t.shape.columns
	return nil
}
