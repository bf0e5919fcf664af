package warehouse

import (
	"context"
	"fmt"
	"slices"

	"lifeline/change"
)

// applyScope brings the rows of a scope to those written and leaves the others.
func (d *duckDiff) applyScope(ctx context.Context, t *duckTable, scope *change.Scope, landed *Landed) error {
	if len(d.before) == 0 {
		return fmt.Errorf("there is no staging.%s to change a part of", d.name)
	}
	if len(scope.Intervals) == 0 && t.rows == 0 {
		if err := d.count(ctx, d.old, &landed.Rows); err != nil {
			return err
		}
		return d.exec(ctx, "drop table "+d.next)
	}
	if err := d.widenStaging(ctx); err != nil {
		return err
	}
	if err := d.widenHistory(ctx); err != nil {
		return err
	}
	if err := d.collectScope(ctx, t.table, scope); err != nil {
		return err
	}
	d.scoped = true
	return d.apply(ctx, landed)
}

// widenStaging gives staging the types that values of the rows written need. A part whose columns differ from staging's is an error.
func (d *duckDiff) widenStaging(ctx context.Context) error {
	if !slices.Equal(columnNames(d.before), columnNames(d.after)) {
		return fmt.Errorf("the columns of staging.%s are no longer those of the source", d.name)
	}
	for i, c := range d.after {
		if c.sqlType == d.before[i].sqlType {
			continue
		}
		common := commonType(d.before[i].sqlType, c.sqlType)
		for _, side := range []struct {
			table  string
			column *duckColumn
		}{{d.old, &d.before[i]}, {d.next, &d.after[i]}} {
			if side.column.sqlType == common {
				continue
			}
			if err := d.exec(ctx, "alter table "+side.table+" alter column "+Quote(c.name)+" type "+common); err != nil {
				return err
			}
			side.column.sqlType = common
		}
	}
	return nil
}

// collectScope copies staging's rows of the scope. The intervals are apart from each other, so that each row is at most in the one that
// begins last before it.
func (d *duckDiff) collectScope(ctx context.Context, t *change.Table, scope *change.Scope) error {
	at := t.Index(scope.Column)
	if at < 0 {
		return fmt.Errorf("%s has no column %s to tell a part by", d.name, scope.Column)
	}
	typ := t.Columns[at].Type
	low, high := scopeRange(typ)
	from, to := scopeBounds(scope, low, high)
	cast := "cast(%s as " + duckScopeType(typ) + ")"
	if typ.Kind == change.Bytes {
		cast = "unhex(%s)"
	}
	key := "s." + Quote(scope.Column)
	if typ.Kind != change.Bytes && typ.Kind != change.Text {
		key = fmt.Sprintf(cast, key)
	}
	for _, statement := range []string{
		fmt.Sprintf(`
create temp table lifeline_span as
select %s as low, %s as high
from (select unnest(cast([%s] as varchar[])) as a, unnest(cast([%s] as varchar[])) as b) as x`,
			fmt.Sprintf(cast, "a"), fmt.Sprintf(cast, "b"), literals(from), literals(to)),
		fmt.Sprintf(`
create temp table lifeline_scoped as
select *, rowid as lifeline__row
from %[1]s
where rowid in (
	select k.lifeline__row
	from (
		select %[2]s as lifeline__key, s.rowid as lifeline__row
		from %[1]s as s
		where %[2]s between (select min(low) from lifeline_span) and (select max(high) from lifeline_span)
	) as k
	asof join lifeline_span as p on k.lifeline__key >= p.low
	where k.lifeline__key <= p.high
)`, d.old, key),
		"drop table temp.lifeline_span",
	} {
		if err := d.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// duckScopeType is the type that bounds are compared in.
func duckScopeType(t change.Type) string {
	switch t.Kind {
	case change.Int16, change.Int32, change.Int64:
		return "BIGINT"
	case change.Decimal:
		return fmt.Sprintf("DECIMAL(38,%d)", t.Scale)
	case change.Date:
		return "DATE"
	case change.Timestamp:
		return "TIMESTAMP"
	case change.Bytes:
		return "BLOB"
	default:
		return "VARCHAR"
	}
}
