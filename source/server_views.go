package source

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lifeline/change"
)

// viewConsistent refuses a view that reads, or may read, a table without versions of rows. Its definition names the tables; where the
// server does not show it, or it calls a function, every table of the database may be one of them.
func (s *server) viewConsistent(ctx context.Context, t *serverTable, keeps map[string]bool) error {
	if s.options.Weak {
		return nil
	}
	tables, err := s.ask(ctx, `
select concat('`+"`', table_schema, '`.`', table_name, '`"+`') as quoted, table_schema as db, table_name as name, engine as engine
from information_schema.tables
where table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
  and table_schema not in ('mysql', 'sys', 'information_schema', 'performance_schema')`)
	if err != nil {
		return s.address.explain("look at the tables", err)
	}
	reads, known, err := s.readBy(ctx, t.SourceName)
	if err != nil {
		return s.address.explain("look at the views", err)
	}
	slices.SortFunc(tables, func(a, b map[string]string) int { return strings.Compare(a["quoted"], b["quoted"]) })
	for _, r := range tables {
		engine := r["engine"]
		if engine == "" || keeps[strings.ToLower(engine)] {
			continue
		}
		which := "which it reads"
		if !known {
			which = "which it may read"
		}
		if known && !reads[strings.ToLower(r["quoted"])] || !known && r["db"] != s.address.database {
			continue
		}
		return &change.Problem{
			Err: fmt.Errorf("%s is a view, and table %s, %s, is of engine %s, which has no consistent view",
				t.SourceName, r["name"], which, engine),
			Where: t.SourceName, Class: change.ClassBlocked,
			Try: "alter table " + ident(r["name"]) + " engine = InnoDB, or lifeline run --allow-weaker to read it as it is",
		}
	}
	return nil
}

var (
	quotedCall = regexp.MustCompile("`(?:[^`]|``)+`\\(")
	quotedPair = regexp.MustCompile("`(?:[^`]|``)+`\\.`(?:[^`]|``)+`")
	quotedTrio = regexp.MustCompile("(`(?:[^`]|``)+`\\.`(?:[^`]|``)+`)\\.`(?:[^`]|``)+`")
)

// readBy names what a view reads, over further views, as `database`.`table` in small letters; known is false where that cannot be told.
func (s *server) readBy(ctx context.Context, view string) (reads map[string]bool, known bool, err error) {
	rows, err := s.ask(ctx, `
select concat('`+"`', table_schema, '`.`', table_name, '`"+`') as quoted, view_definition as definition
from information_schema.views
where table_schema not in ('mysql', 'sys', 'information_schema', 'performance_schema')`)
	if err != nil {
		return nil, false, err
	}
	definitions := map[string]string{}
	for _, r := range rows {
		definitions[strings.ToLower(r["quoted"])] = r["definition"]
	}
	reads = map[string]bool{}
	open := []string{strings.ToLower(ident(s.address.database) + "." + ident(view))}
	for len(open) > 0 {
		name := open[0]
		open = open[1:]
		definition, isView := definitions[name]
		if !isView || reads[name] {
			reads[name] = true
			continue
		}
		reads[name] = true
		if definition == "" || quotedCall.MatchString(definition) { // A function of a database reads what it likes.
			return nil, false, nil
		}
		// A column is `database`.`table`.`column`, or `alias`.`column`, which is no table's name and so finds none.
		for _, m := range quotedPair.FindAllString(quotedTrio.ReplaceAllString(definition, "$1 "), -1) {
			open = append(open, strings.ToLower(m))
		}
	}
	return reads, true, nil
}
