# shellcheck shell=bash
# A Citus cluster for `LIFELINE_TESTDB_MATRIX=citus`, sourced by scripts/testdb: a coordinator and two workers on this machine, where the
# extension is installed beside PostgreSQL. Citus is not packaged by Debian; docs/scaling.md says how to build it from its source.

# start_citus DIR starts the three, or says why there is none.
start_citus() {
  local dir=$1 admin node ports=()
  need_pgbin
  if [ ! -e "$("$pgbin/pg_config" --sharedir)/extension/citus.control" ]; then
    say "Citus is not installed for $("$pgbin/postgres" --version): its tests are skipped"
    return 0
  fi
  admin=$(secret)
  for node in citus citus-worker1 citus-worker2; do
    start_citus_node "$dir" "$node" "$admin" || return 0
    ports+=("$port")
  done
  for port in "${ports[@]}"; do
    PGPASSWORD=$admin "$pgbin/psql" -qX -h 127.0.0.1 -p "$port" -U lifeline_admin -d postgres -c 'create extension citus' \
      >>"$dir/citus-setup.log" 2>&1
  done
  PGPASSWORD=$admin "$pgbin/psql" -qX -h 127.0.0.1 -p "${ports[0]}" -U lifeline_admin -d postgres -c "
    select citus_set_coordinator_host('127.0.0.1', ${ports[0]});
    select citus_add_node('127.0.0.1', ${ports[1]}), citus_add_node('127.0.0.1', ${ports[2]})" >>"$dir/citus-setup.log" 2>&1 ||
    { tail -n 5 "$dir/citus-setup.log" >&2; say "the nodes of Citus do not find each other"; return 0; }
  LIFELINE_TEST_CITUS="postgres://lifeline_admin:$admin@127.0.0.1:${ports[0]}/postgres?sslmode=disable"
}

# start_citus_node DIR NAME PASSWORD leaves the port in $port. Nodes let each other in by the password file of their own folder.
start_citus_node() {
  local dir=$1 name=$2 admin=$3 user
  user=$(server_user postgres)
  mkdir -p "$dir/$name"
  echo "$admin" >"$dir/$name/password"
  echo "127.0.0.1:*:*:lifeline_admin:$admin" >"$dir/$name/pgpass"
  chmod 700 "$dir/$name"
  chmod 600 "$dir/$name/password" "$dir/$name/pgpass"
  chown_to "$user" -R "$dir/$name"
  (cd "$dir/$name" && as "$user" "$pgbin/initdb" -D "$dir/$name/data" -U lifeline_admin --locale=C --encoding=UTF8 -A scram-sha-256 \
    --pwfile="$dir/$name/password" --no-sync) >"$dir/$name-install.log" 2>&1 ||
    { cat "$dir/$name-install.log" >&2; say "a node of Citus could not make its data directory"; return 1; }
  # The superuser has a password; roles that tests make are let in as they come, because the nodes log in to each other as them.
  printf 'host all lifeline_admin 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n' >"$dir/$name/data/pg_hba.conf"
  launch_matrix "$name" "$dir" as "$user" env PGPASSFILE="$dir/$name/pgpass" "$pgbin/postgres" -D "$dir/$name/data" \
    -c listen_addresses=127.0.0.1 -c port=@PORT@ -c unix_socket_directories="$dir/$name" -c shared_preload_libraries=citus \
    -c max_connections=300 -c max_prepared_transactions=600 -c max_locks_per_transaction=256 -c shared_buffers=128MB \
    -c wal_level=logical -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_wal_size=2GB \
    -c citus.shard_count=8 -c citus.node_conninfo=sslmode=disable -c citus.local_hostname=127.0.0.1 \
    -c citus.enable_statistics_collection=off -c citus.max_cached_conns_per_worker=4
}

stop_citus() {
  local name
  for name in citus citus-worker1 citus-worker2; do end_server "$1/$name.pid" INT; done
}
