package warehouse

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// settleScope brings the rows of a scope to those written and leaves the others.
func (l *postgresLoad) settleScope(ctx context.Context, tx pgx.Tx, n *landing, scope *change.Scope, was staged,
	out *Landed,
) error {
	if !was.there || was.columns != columnList(n.table) {
		return fmt.Errorf("the columns of staging.%s are no longer those of the source", n.table.Name)
	}
	drop := `drop table ` + quoted("staging", n.next)
	if len(scope.Intervals) == 0 && n.rows == 0 {
		if err := tx.QueryRow(ctx, `select rows from ops.staged where table_name = $1`, n.table.Name).Scan(&out.Rows); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, drop)
		return err
	}
	if err := l.ensureHistory(ctx, tx, n.table); err != nil {
		return err
	}
	if err := l.collectScope(ctx, tx, n, scope); err != nil {
		return fmt.Errorf("find the rows of the part that was read: %w", err)
	}
	if _, err := tx.Exec(ctx, "analyze "+quoted("staging", n.next)); err != nil {
		return err
	}
	d := newDifference(n)
	d.compared = "(select x.lifeline__place as ctid, x.* from diff_scoped x)"
	if err := l.applyDifference(ctx, tx, n, d, out); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, drop+`;
drop table diff_scoped`); err != nil {
		return err
	}
	// The digest of all rows is not known any more: the next load of the whole table compares them.
	return tx.QueryRow(ctx, `
update ops.staged
set digest = '', rows = rows + $2
where table_name = $1
returning rows`, n.table.Name, out.Inserted-out.Deleted).Scan(&out.Rows)
}

// collectScope copies staging's rows of the scope, found by an index.
func (l *postgresLoad) collectScope(ctx context.Context, tx pgx.Tx, n *landing, scope *change.Scope) error {
	at := n.table.Index(scope.Column)
	if at < 0 {
		return fmt.Errorf("%s has no column %s", n.table.Name, scope.Column)
	}
	typ := n.table.Columns[at].Type
	as, collate := postgresScopeType(typ), ""
	if typ.Kind == change.Text {
		collate = ` collate "C"` // By its bytes, as the bounds were found.
	}
	column, staging := Quote(scope.Column), quoted("staging", n.table.Name)
	sum := md5.Sum([]byte(n.table.Name + " " + scope.Column))
	bound := "cast(%s as " + as + ")"
	if typ.Kind == change.Bytes {
		bound = "decode(%s, 'hex')"
	}
	low, high := scopeRange(typ)
	from, to := scopeBounds(scope, low, high)
	if _, err := tx.Exec(ctx, fmt.Sprintf(`
create temporary table diff_span on commit drop as
select %s%s as low, %s%s as high
from unnest($1::text[], $2::text[]) as x (a, b)`, fmt.Sprintf(bound, "x.a"), collate, fmt.Sprintf(bound, "x.b"), collate),
		from, to); err != nil {
		return err
	}
	var indexed bool
	if err := tx.QueryRow(ctx, `
select exists (
	select
	from pg_index i
	join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
	where i.indrelid = to_regclass($1)
		and a.attname = $2
)`, staging, scope.Column).Scan(&indexed); err != nil {
		return err
	}
	create := fmt.Sprintf("create index if not exists %s on %s (%s%s);",
		Quote("lifeline_scope_"+hex.EncodeToString(sum[:8])), staging, column, collate)
	if indexed && collate == "" {
		create = ""
	}
	_, err := tx.Exec(ctx, create+fmt.Sprintf(`
analyze diff_span;
create temporary table diff_scoped on commit drop as
select s.ctid as lifeline__place, s.*
from diff_span p
join %[1]s s on s.%[2]s%[3]s between p.low and p.high;
analyze diff_scoped;
drop table diff_span`, staging, column, collate))
	return err
}

// postgresScopeType is the type that bounds are compared in: that of the column, or one that its index takes as well.
func postgresScopeType(t change.Type) string {
	switch t.Kind {
	case change.Int16, change.Int32, change.Int64:
		return "bigint"
	case change.Decimal:
		return "numeric"
	case change.Bytes:
		return "bytea"
	default:
		return postgresType(t)
	}
}
