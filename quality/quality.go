package quality

import (
	"context"
	"database/sql"
	"regexp"
	"strings"

	"lifeline/warehouse"
)

// Build is what the package needs of the version under construction: SQL over staging and the version, and names for working
// tables, which vanish with the build.
type Build interface {
	DB() *sql.DB
	Relation(schema, name string) string
}

// querier is a pool, a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// bind puts values into the named places of an SQL text: bind("select {c}", "c", `"id"`). A value is not looked into again,
// so an expression of the project may hold braces.
func bind(text string, pairs ...string) string {
	old := make([]string, len(pairs))
	for i, p := range pairs {
		if i%2 == 0 {
			p = "{" + p + "}"
		}
		old[i] = p
	}
	return strings.NewReplacer(old...).Replace(text)
}

// ident writes the name of a column that is known to be there, such as one of staging, so that it is taken as it stands.
func ident(name string) string { return warehouse.Quote(name) }

var (
	plainName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	expression = regexp.MustCompile(`[()'<>=|+*/,:]|(?i)^(case|not) `)
)

// bare is the name of a column that the project wrote: without its quotes, and in lower case where it needs none, as SQL reads it.
func bare(name string) string {
	switch {
	case plainName.MatchString(name):
		return strings.ToLower(name)
	case isQuoted(name):
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return name
}

func isQuoted(name string) bool { return len(name) > 2 && name[0] == '"' && name[len(name)-1] == '"' }

// written is what the project wrote in a column's place, for SQL: a name, or an expression as it stands.
func written(name string) string {
	if name == "" || !isQuoted(name) && expression.MatchString(name) {
		return name
	}
	return ident(bare(name))
}

// column is written with the alias of the tested table before it, where it is a name.
func column(name string) string {
	if id := written(name); strings.HasPrefix(id, `"`) {
		return "t." + id
	}
	return name
}

// text quotes an SQL string.
func text(s string) string { return warehouse.Literal(s) }

// list renders each item and joins them with commas.
func list[T any](items []T, render func(T) string) string {
	return join(items, ", ", render)
}

func join[T any](items []T, between string, render func(T) string) string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = render(item)
	}
	return strings.Join(parts, between)
}
