#!/bin/bash
# Run once by the MySQL image, when its data directory is new: makes the user that Lifeline reads
# with. These are all the rights it ever asks for; `lifeline doctor` checks them.
set -e

mysql --user=root --password="$MYSQL_ROOT_PASSWORD" <<SQL
create user lifeline@'%' identified by '$MYSQL_READER_PASSWORD';
grant select, process, lock tables, replication client, replication slave on *.* to lifeline@'%';
SQL
