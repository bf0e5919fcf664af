package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Landing is what stands before the schemas of staging and history in SQL over a reader of OpenStaging.
func (r *Reader) Landing() string {
	if r.duck {
		return "landing."
	}
	return ""
}

// StagingNames are the tables that a statement names as staging.TABLE, as they are written there.
func StagingNames(statement string) []string {
	var names []string
	eachStaging(statement, func(_, _ int, table string) { names = append(names, table) })
	return names
}

// Standing opens a session in which staging.TABLE is what a subquery says, over a reader of OpenStaging, and gives the statement as that
// session reads it. The session must be closed before the reader.
func (r *Reader) Standing(ctx context.Context, tables map[string]string, statement string) (*sql.Conn, string, error) {
	conn, err := r.DB.Conn(ctx)
	if err != nil {
		return nil, "", err
	}
	before, view, after := []string{"use memory", "create schema if not exists staging"}, `create view staging.%s as select * from %s as x`, ""
	if !r.duck {
		before, view = []string{"set default_transaction_read_only = off"}, "create temporary view %s as select * from %s as x"
		after = "set default_transaction_read_only = on"
		statement = inPlaceOfStaging(statement, "pg_temp")
	}
	for name, text := range tables {
		before = append(before, fmt.Sprintf(view, Quote(name), text))
	}
	if after != "" {
		before = append(before, after)
	}
	for _, s := range before {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return nil, "", errors.Join(fmt.Errorf("put the tables as they were in place: %w", err), conn.Close())
		}
	}
	return conn, statement, nil
}

// inPlaceOfStaging puts another schema for staging in a statement.
func inPlaceOfStaging(statement, schema string) string {
	var b strings.Builder
	from := 0
	eachStaging(statement, func(begin, end int, _ string) {
		b.WriteString(statement[from:begin])
		b.WriteString(schema)
		from = end
	})
	b.WriteString(statement[from:])
	return b.String()
}

// eachStaging finds each staging.TABLE of a statement, outside of texts and comments: where the schema's name begins and ends, and the
// table.
func eachStaging(statement string, do func(begin, end int, table string)) {
	all := tokens(statement)
	for i := 0; i+2 < len(all); i++ {
		schema, dot, table := all[i], all[i+1], all[i+2]
		behind := i > 0 && all[i-1].text == "." && !all[i-1].name // A name behind another's dot is no schema.
		if schema.name && schema.text == "staging" && dot.text == "." && !dot.name && table.name && !behind {
			do(schema.start, schema.end, table.text)
		}
	}
}
