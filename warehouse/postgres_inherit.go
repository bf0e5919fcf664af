package warehouse

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Partial is not so on a cluster, where versions are built whole.
func (b *postgresBuild) Partial() bool { return b.run.w.cluster == nil }

// Inherit is nothing here: a table that is carried over is a view of the older version's, see carryTable.
func (b *postgresBuild) Inherit(context.Context) error { return nil }

// carryTable makes the version's relation a view of the table that the published version has, or carries itself. That table stays as
// long as a version reads it, with its indexes: see dropUnread.
func (b *postgresBuild) carryTable(ctx context.Context, m Model, relation, previous string) (int64, error) {
	published, err := b.published(ctx)
	if err != nil {
		return 0, err
	}
	table := previous
	if reads := published[quoted(versionSchema(m.Schema, b.previous), m.Name)]; len(reads) == 1 {
		table = reads[0]
	}
	if _, err := b.run.pool.Exec(ctx, fmt.Sprintf("create view %s as select * from %s", relation, table)); err != nil {
		return 0, err
	}
	b.mu.Lock()
	b.carried[relation] = true
	b.mu.Unlock()
	if m.Rows > 0 {
		return m.Rows, nil
	}
	var rows int64
	err = b.run.pool.QueryRow(ctx, "select count(*) from "+table).Scan(&rows)
	return rows, err
}

// unread drops those tables of an old version that no view reads any more, and leaves the others, which newer versions have carried over.
// It says whether views of strangers read any.
const unread = `
select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any ($1::text[])
	and c.relkind = 'r'
	and not exists (
		select
		from pg_depend d
		join pg_rewrite r on r.oid = d.objid
		join pg_class v on v.oid = r.ev_class
		where d.classid = 'pg_rewrite'::regclass
			and d.refclassid = 'pg_class'::regclass
			and d.refobjid = c.oid
			and v.relnamespace::regnamespace::text <> all (select quote_ident(s) from unnest($1::text[]) s)
	)`

// dropUnread drops what nobody reads of a version that newer ones have carried tables of.
func dropUnread(ctx context.Context, tx pgx.Tx, schemas []string) error {
	rows, err := tx.Query(ctx, unread, schemas)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf("set local lock_timeout = '%dms'", lockPatience.Milliseconds())); err != nil {
		return err
	}
	for _, t := range tables {
		// Views of the old version itself may read it; nobody reads those.
		if _, err := tx.Exec(ctx, "drop table "+t+" cascade"); err != nil {
			return err
		}
	}
	return nil
}
