package source

import (
	"context"
	"maps"
	"slices"
)

// catalogue is what the server says of tables' columns and unique indexes, by the tables' names. A table has no indexes where it has none.
type catalogue struct {
	columns, indexes map[string][]map[string]string
}

// wholeShare is how many tables of a database are described by one statement in the time of a statement for one of them alone. MySQL 5.6
// and MariaDB open every table that a statement over information_schema may mean, which takes them a quarter of a millisecond each.
const wholeShare = 4

// catalogueOf asks once for all tables of the database where that costs the server less, else table by table.
func (s *server) catalogueOf(ctx context.Context, names []string, all int) (*catalogue, error) {
	out := &catalogue{map[string][]map[string]string{}, map[string][]map[string]string{}}
	tables := []string{""}
	if len(names)*wholeShare < all {
		tables = names
	}
	for _, table := range tables {
		columns, err := s.askByTable(ctx, "select table_name as of_table, column_name as name, column_type as type, is_nullable as nullable, "+
			"character_set_name as charset, datetime_precision as digits, extra as extra from information_schema.columns where "+
			s.inTable("table", table)+" order by table_name, ordinal_position")
		if err != nil {
			return nil, err
		}
		indexes, err := s.askByTable(ctx, "select table_name as of_table, index_name as name, column_name as col, nullable as nullable, "+
			"sub_part as part, index_type as type, collation as sorted, "+s.visibleIndex()+" as visible from information_schema.statistics where "+
			s.inTable("table", table)+" and non_unique = 0 order by table_name, index_name <> 'PRIMARY', index_name, seq_in_index")
		if err != nil {
			return nil, err
		}
		maps.Copy(out.columns, columns)
		maps.Copy(out.indexes, indexes)
	}
	return out, nil
}

// inTable restricts a statement over information_schema to the database, and to one table of it where one is named. Both are said as
// plain comparisons: only those keep a server from opening every table that it has.
func (s *server) inTable(kind, table string) string {
	out := kind + "_schema = " + literal(s.address.database)
	if table != "" {
		out += " and table_name = " + literal(table)
	}
	return out
}

// visibleIndex tells whether the optimizer may use an index, as this version of the server says it.
func (s *server) visibleIndex() string {
	switch {
	case s.maria && s.number >= 100600:
		return "if(ignored = 'YES', 'NO', 'YES')"
	case !s.maria && s.number >= 80000:
		return "is_visible"
	}
	return "'YES'"
}

// askByTable groups the rows of a statement by their column of_table, in the order in which they come.
func (s *server) askByTable(ctx context.Context, text string) (map[string][]map[string]string, error) {
	rows, err := s.askLocked(ctx, text)
	out := map[string][]map[string]string{}
	for _, r := range rows {
		out[r["of_table"]] = append(out[r["of_table"]], r)
	}
	return out, err
}

// tableNames are the names that the server has for the wanted tables, each once.
func tableNames(tables []*serverTable) []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.SourceName
	}
	slices.Sort(names)
	return slices.Compact(names)
}
