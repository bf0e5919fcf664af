package warehouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// openDB gives a pool to database/sql. On a cluster a statement that its workers cannot answer is asked again in a form that the
// coordinator can, so that nothing above needs to know what a cluster can do. Inside a transaction it is not: the error has ended that.
func (w *postgres) openDB(pool *pgxpool.Pool) *sql.DB {
	if w.cluster == nil {
		return stdlib.OpenDBFromPool(pool)
	}
	return sql.OpenDB(clusterConnector{stdlib.GetPoolConnector(pool)})
}

type clusterConnector struct{ driver.Connector }

func (c clusterConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own, is := conn.(*stdlib.Conn)
	if !is {
		return conn, nil
	}
	return &clusterConn{own}, nil
}

type clusterConn struct{ *stdlib.Conn }

func (c *clusterConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.Conn.QueryContext(ctx, query, args)
	if again, is := c.gathered(ctx, query, err); is {
		return c.Conn.QueryContext(ctx, again, args)
	}
	return rows, err
}

func (c *clusterConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.Conn.ExecContext(ctx, query, args)
	if again, is := c.gathered(ctx, query, err); is {
		return c.Conn.ExecContext(ctx, again, args)
	}
	return result, err
}

func (c *clusterConn) gathered(ctx context.Context, query string, err error) (string, bool) {
	if !isForCoordinator(err) || c.Conn.Conn().PgConn().TxStatus() != 'I' {
		return "", false
	}
	again, pulls, bad := gatherOver(ctx, c.Conn.Conn(), query)
	return again, bad == nil && pulls
}

// isForCoordinator tells whether Citus refused to plan a statement over its shards.
func isForCoordinator(err error) bool {
	switch sqlState(err) {
	case notSupported:
		return !strings.Contains(err.Error(), "data-modifying")
	case "XX000":
		return strings.Contains(err.Error(), "sub-select") || strings.Contains(err.Error(), "distributed")
	}
	return false
}

// gatherOver is gather with what the catalog says of the tables. A view over spread tables is pulled as a whole.
func gatherOver(ctx context.Context, q queryer, query string) (string, bool, error) {
	rows, err := q.Query(ctx, `
with recursive spread as (
	select p.logicalrelid::oid as oid
	from pg_dist_partition p
	where p.partmethod = 'h'
	union
	select r.ev_class
	from spread s
	join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = s.oid and d.classid = 'pg_rewrite'::regclass
	join pg_rewrite r on r.oid = d.objid
	where r.ev_class <> s.oid
)
select n.nspname, c.relname, pg_table_is_visible(c.oid)
from spread s
join pg_class c on c.oid = s.oid
join pg_namespace n on n.oid = c.relnamespace`)
	if err != nil {
		return "", false, err
	}
	found := map[[2]string]string{}
	var schema, name string
	var visible bool
	_, err = pgx.ForEachRow(rows, []any{&schema, &name, &visible}, func() error {
		found[[2]string{schema, name}] = quoted(schema, name)
		if visible {
			found[[2]string{"", name}] = quoted(schema, name)
		}
		return nil
	})
	if err != nil {
		return "", false, err
	}
	again, pulls := gather(query, func(schema, name string) (string, bool) {
		relation, is := found[[2]string{schema, name}]
		return relation, is
	})
	return again, pulls, nil
}
