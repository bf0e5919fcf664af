package warehouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifeline/change"
)

// A database with the extension citus is a coordinator: it speaks PostgreSQL and spreads tables over its workers. Everything that
// postgres_*.go does holds there too; citus_*.go say where the rows of a version go, and how a statement is put that no worker can answer.

// cluster is what is known of the nodes; nil on a PostgreSQL alone.
type cluster struct {
	version string // Of the extension, such as "13.2-1".
	workers int    // Nodes that hold shards.
}

// leastCitus is the oldest major version of Citus that this was written for.
const leastCitus = 12

// clusterSession is how the sessions of a run and of readers are set beside PostgreSQL's settings. What a node does not answer is told
// after seconds, not after half a minute.
var clusterSession = map[string]string{
	"citus.node_connection_timeout": "10s", "citus.enable_repartition_joins": "on", "citus.multi_shard_modify_mode": "parallel",
	"citus.propagate_set_commands": "none", "citus.explain_all_tasks": "off",
}

// clusterRunSession holds for a run alone: what it pulls to the coordinator is not bounded, for it must finish.
var clusterRunSession = map[string]string{"citus.max_intermediate_result_size": "-1"}

// lookForCluster says whether the database is a coordinator, and refuses one that cannot do its work.
func (w *postgres) lookForCluster(ctx context.Context, conn *pgx.Conn) error {
	var version string
	err := conn.QueryRow(ctx, `select extversion from pg_extension where extname = 'citus'`).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return w.problem("look for the extension citus", err)
	}
	var major int
	if _, err := fmt.Sscanf(version, "%d", &major); err != nil || major < leastCitus {
		return &change.Problem{
			Err: fmt.Errorf("the extension citus has the version %s", version), Class: change.ClassUsage,
			Try: fmt.Sprintf("Citus %d or newer: alter extension citus update", leastCitus),
		}
	}
	c := &cluster{version: version}
	var coordinator bool
	err = conn.QueryRow(ctx, `
select count(*) filter (where shouldhaveshards),
	coalesce((select groupid = 0 from pg_dist_local_group limit 1), true)
from pg_dist_node
where isactive
	and noderole = 'primary'`).Scan(&c.workers, &coordinator)
	if err != nil {
		return w.problem("look at the nodes of the cluster", err)
	}
	if !coordinator {
		return &change.Problem{
			Err: fmt.Errorf("%s is a worker of a Citus cluster", w.address()), Class: change.ClassUsage,
			Try: "the address of the coordinator",
		}
	}
	if c.workers > 0 { // Without workers it is used as a PostgreSQL alone.
		w.cluster = c
	}
	return nil
}

// clusterSettings adds what a session on a cluster needs.
func (w *postgres) clusterSettings(settings map[string]string) map[string]string {
	if w.cluster == nil {
		return settings
	}
	maps.Copy(settings, clusterSession)
	return settings
}

// clusterRunSettings adds what a run's session on a cluster needs.
func (w *postgres) clusterRunSettings(settings map[string]string) map[string]string {
	settings = w.clusterSettings(settings)
	if w.cluster != nil {
		maps.Copy(settings, clusterRunSession)
	}
	return settings
}

// Finding is something that people should know of a warehouse's server.
type Finding struct{ Message, Try string }

// CheckNodes looks at the nodes of a cluster: whether each answers and runs the same versions. The text says what the cluster is; it is
// empty where the warehouse is none.
func CheckNodes(ctx context.Context, wh Warehouse) (what string, found []Finding, err error) {
	w, is := wh.(*postgres)
	if !is || w.cluster == nil {
		return "", nil, nil
	}
	conn, err := w.connect(ctx, "lifeline doctor", w.clusterSettings(map[string]string{"statement_timeout": "30s"}))
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	const versions = `
select extversion || ' on PostgreSQL ' || current_setting('server_version')
from pg_extension
where extname = 'citus'`
	var own string
	if err := conn.QueryRow(ctx, versions).Scan(&own); err != nil {
		return "", nil, w.problem("look at the coordinator", err)
	}
	rows, err := conn.Query(ctx, `
select n.nodename || ':' || n.nodeport, coalesce(r.success, false), coalesce(r.result, '')
from pg_dist_node n
left join run_command_on_workers($1) r on r.nodename = n.nodename and r.nodeport = n.nodeport
where n.groupid > 0
	and n.noderole = 'primary'
order by 1`, versions)
	if err != nil {
		return "", nil, w.problem("ask the workers", err)
	}
	var node, result string
	var success bool
	nodes := 0
	_, err = pgx.ForEachRow(rows, []any{&node, &success, &result}, func() error {
		nodes++
		switch {
		case !success:
			found = append(found, Finding{
				fmt.Sprintf("the worker %s does not answer: %s", node, firstOf(result)), "start it; or move its shards and remove it",
			})
		case result != own:
			found = append(found, Finding{
				fmt.Sprintf("the worker %s has Citus %s, the coordinator %s", node, result, own),
				"the same versions on all nodes",
			})
		}
		return nil
	})
	if err != nil {
		return "", nil, w.problem("ask the workers", err)
	}
	return fmt.Sprintf("Citus %s, %d workers", own, nodes), found, nil
}

func firstOf(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// shareShards lets whoever may read the published views read the version's tables. On PostgreSQL a view reads with its owner's rights; the
// workers see only who asks.
func (w *postgres) shareShards(ctx context.Context, conn *pgx.Conn, version int64) error {
	if w.cluster == nil {
		return nil
	}
	rows, err := conn.Query(ctx, `
select distinct s.schema_name, case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
from ops.schemas s
join pg_namespace n on n.nspname = left(s.schema_name, -length('__v' || $1::text))
join pg_class c on c.relnamespace = n.oid and c.relkind = 'v'
cross join aclexplode(c.relacl) a
where s.version = $1::bigint
	and a.privilege_type = 'SELECT'
	and a.grantee <> c.relowner
order by 1, 2`, fmt.Sprint(version))
	if err != nil {
		return err
	}
	type grant struct{ Schema, Role string }
	grants, err := pgx.CollectRows(rows, pgx.RowToStructByPos[grant])
	for _, g := range grants {
		if err == nil {
			_, err = conn.Exec(ctx, fmt.Sprintf("grant usage on schema %s to %s", Quote(g.Schema), g.Role))
		}
		if err == nil {
			_, err = conn.Exec(ctx, fmt.Sprintf("grant select on all tables in schema %s to %s", Quote(g.Schema), g.Role))
		}
	}
	return err
}
