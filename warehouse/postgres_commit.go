package warehouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// staged is what staging holds of one table, as the load that last changed it noted down.
type staged struct {
	there   bool
	history bool
	columns string
	digest  string
	intact  bool // The table's file is still the one that the digest was taken of.
}

// Commit runs in the session that holds the warehouse, in one transaction (promise 5): a run that lost its hold commits nothing.
func (l *postgresLoad) Commit(ctx context.Context, totals []LandedTotals) ([]Landed, error) {
	if l.done {
		return nil, errors.New("commit a load that has ended")
	}
	if open := l.endWriters(); open > 0 {
		return nil, fmt.Errorf("commit a load with %d writers open", open)
	}
	var landed []Landed
	err := l.run.withLock(func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			var err error
			if landed, err = l.settleAll(ctx, tx); err != nil {
				return err
			}
			exec := func(ctx context.Context, query string, args ...any) error {
				_, err := tx.Exec(ctx, query, args...)
				return err
			}
			names := make([]string, 0, len(landed))
			for _, one := range landed {
				names = append(names, one.Table)
			}
			if err := l.keep(ctx, exec, l.run.id, l.at.TakenAt, names, landed); err != nil {
				return err
			}
			if err := keepTotals(ctx, exec, l.run.id, names, totals); err != nil {
				return err
			}
			if err := keepPosition(ctx, exec, l.run.id, "snapshot", change.LogBatch{Position: l.at.Position, At: l.at.TakenAt},
				anyChanged(landed)); err != nil {
				return err
			}
			return l.keepChecksums(ctx, exec, l.run.id, l.at.Position, names)
		})
	})
	if err != nil {
		return nil, l.run.w.problem("commit the load", err)
	}
	l.done = true
	return landed, nil
}

// settleAll makes the rows written staging's rows, in the way that changes least. What is new or as before is done for many tables in
// one message, so that hundreds of small tables do not cost a dozen ways to the server each.
func (l *postgresLoad) settleAll(ctx context.Context, tx pgx.Tx) ([]Landed, error) {
	order := l.inOrder()
	known, err := lookStaged(ctx, tx, order)
	if err != nil {
		return nil, fmt.Errorf("look at staging: %w", err)
	}
	landed := make([]Landed, 0, len(order))
	var statements []string
	var whole []*landing
	for _, n := range order {
		was := known[n.table.Name]
		out := Landed{Table: n.table.Name, Read: n.rows, Rows: n.rows}
		scope := l.of(n.table.Name)
		if scope == nil {
			whole = append(whole, n)
		}
		switch {
		case scope != nil:
			err = l.settleScope(ctx, tx, n, scope, was, &out)
		case was.there && was.intact && was.columns == columnList(n.table) && was.digest == n.sum.String():
			statements = append(statements, `drop table `+quoted("staging", n.next))
		case !was.there && !was.history:
			out.Inserted = n.rows
			statements = append(statements, createHistory(n.table), l.rename(n))
		case !was.there:
			out.Inserted = n.rows
			if err = l.ensureHistory(ctx, tx, n.table); err == nil {
				statements = append(statements, l.rename(n))
			}
		default:
			err = l.replace(ctx, tx, n, &out)
		}
		if err != nil {
			return nil, fmt.Errorf("bring staging.%s to the new rows: %w", n.table.Name, err)
		}
		landed = append(landed, out)
	}
	exec := func(ctx context.Context, query string) error {
		_, err := tx.Exec(ctx, query)
		return err
	}
	if err := together(ctx, exec, statements); err != nil {
		return nil, fmt.Errorf("bring staging to the new rows: %w", err)
	}
	if err := l.noteStaged(ctx, tx, whole); err != nil {
		return nil, fmt.Errorf("note in ops.staged what has landed: %w", err)
	}
	return landed, nil
}

// noteStaged writes down what staging holds now. It is written on every load, for the key may be declared later than the table; index
// and statistics are left to the build.
func (l *postgresLoad) noteStaged(ctx context.Context, tx pgx.Tx, order []*landing) error {
	batch := &pgx.Batch{}
	var names []string
	for _, n := range order {
		names = append(names, n.table.Name)
	}
	batch.Queue(`delete from ops.staged where table_name = any($1::text[])`, names)
	for _, n := range order {
		batch.Queue(`
insert into ops.staged (table_name, columns, key_columns, rows, digest, filenode, prepared)
values ($1, $2, $3, $4, $5, pg_relation_filenode($6::text::regclass), false)`,
			n.table.Name, columnList(n.table), n.table.Key, n.rows, n.sum.String(), quoted("staging", n.table.Name))
	}
	return tx.SendBatch(ctx, batch).Close()
}

// lookStaged reads what is known of tables. Rows that somebody changed by hand are not seen by it; a table that was emptied,
// rewritten or made anew is.
func lookStaged(ctx context.Context, tx pgx.Tx, order []*landing) (map[string]staged, error) {
	var names, staging, history []string
	for _, n := range order {
		names = append(names, n.table.Name)
		staging = append(staging, quoted("staging", n.table.Name))
		history = append(history, quoted("history", n.table.Name))
	}
	rows, err := tx.Query(ctx, `
select t.name, to_regclass(t.staging) is not null, to_regclass(t.history) is not null, coalesce(s.columns, ''), coalesce(s.digest, ''),
	coalesce(s.filenode = pg_relation_filenode(to_regclass(t.staging)), false)
from unnest($1::text[], $2::text[], $3::text[]) as t (name, staging, history)
left join ops.staged s on s.table_name = t.name`, names, staging, history)
	if err != nil {
		return nil, err
	}
	out := make(map[string]staged, len(order))
	var name string
	var one staged
	_, err = pgx.ForEachRow(rows, []any{&name, &one.there, &one.history, &one.columns, &one.digest, &one.intact}, func() error {
		out[name] = one
		return nil
	})
	return out, err
}

// rename makes the table that was filled staging's table. The column _run costs nothing: PostgreSQL keeps the value of a column
// added with a constant once for all rows that are there.
func (l *postgresLoad) rename(n *landing) string {
	return fmt.Sprintf(`alter table %[1]s add column _run bigint default %[3]d;
alter table %[1]s alter column _run drop default;
alter table %[1]s reset (autovacuum_enabled);
alter table %[1]s rename to %[2]s`, quoted("staging", n.next), Quote(n.table.Name), l.run.id)
}

// replace brings an existing table to the new rows. A table with other columns than before is replaced as a whole: each of its
// rows was superseded. One whose columns only moved keeps its unchanged rows, and gets the new order.
func (l *postgresLoad) replace(ctx context.Context, tx pgx.Tx, n *landing, out *Landed) error {
	if err := l.ensureHistory(ctx, tx, n.table); err != nil {
		return err
	}
	have, err := relationColumns(ctx, tx, quoted("staging", n.table.Name))
	if err != nil {
		return err
	}
	want, err := relationColumns(ctx, tx, quoted("staging", n.next))
	if err != nil {
		return err
	}
	have = slices.DeleteFunc(have, func(c tableColumn) bool { return c.name == "_run" })
	if !sameSet(have, want) {
		if err := l.supersedeAll(ctx, tx, n, have, want, out); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `drop table `+quoted("staging", n.table.Name)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, l.rename(n))
		return err
	}
	if err := l.apply(ctx, tx, n, out); err != nil {
		return err
	}
	if !slices.Equal(have, want) {
		return l.reorder(ctx, tx, n)
	}
	_, err = tx.Exec(ctx, `drop table `+quoted("staging", n.next))
	return err
}

// reorder gives staging the order of the new columns; its rows are right already.
func (l *postgresLoad) reorder(ctx context.Context, tx pgx.Tx, n *landing) error {
	columns := strings.Join(sourceColumns(n.table, ""), ", ")
	_, err := tx.Exec(ctx, fmt.Sprintf(`
truncate %[2]s;
alter table %[2]s add column _run bigint;
insert into %[2]s (%[3]s, _run)
select %[3]s, _run
from %[1]s;
drop table %[1]s;
alter table %[2]s reset (autovacuum_enabled);
alter table %[2]s rename to %[4]s`, quoted("staging", n.table.Name), quoted("staging", n.next), columns, Quote(n.table.Name)))
	return err
}

// sourceColumns gives the quoted names of the source's columns and _raw, behind an alias where one is given.
func sourceColumns(t *change.Table, alias string) []string {
	if alias != "" {
		alias += "."
	}
	out := make([]string, 0, len(t.Columns)+1)
	for i := range t.Columns {
		out = append(out, alias+Quote(t.Columns[i].Name))
	}
	return append(out, alias+"_raw")
}

// tableColumn is a column as the server describes it.
type tableColumn struct{ name, typ string }

func sameSet(a, b []tableColumn) bool {
	if len(a) != len(b) {
		return false
	}
	for _, c := range a {
		if !slices.Contains(b, c) {
			return false
		}
	}
	return true
}
