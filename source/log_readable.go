package source

import (
	"context"
	"fmt"
	"strings"
)

// logTrouble is why changes cannot be read from the log, and what to do about it; empty where they can.
type logTrouble struct{ why, try string }

const noMonitor = "the right to see where the binary log stands is missing (replication client; on MariaDB binlog monitor)"

// logSettings are what a log that can be read depends on.
var logSettings = []string{
	"log_bin", "binlog_format", "binlog_row_image", "server_id", "log_slave_updates", "log_replica_updates", "wsrep_on",
}

// unreadable says why no changes can be read from the log.
func (s *server) unreadable(ctx context.Context) (logTrouble, error) {
	rows, err := s.ask(ctx, "show global variables where variable_name in ('"+strings.Join(logSettings, "', '")+"')")
	if err != nil {
		return logTrouble{}, err
	}
	value := map[string]string{}
	for _, r := range rows {
		value[strings.ToLower(r["variable_name"])] = strings.ToUpper(r["value"])
	}
	updates := value["log_slave_updates"] + value["log_replica_updates"]
	switch {
	case value["log_bin"] != "ON":
		return logTrouble{
			"the source has no binary log (log_bin)", "log_bin and binlog_format = ROW in the server's configuration, and a restart",
		}, nil
	case value["binlog_format"] != "ROW" && value["binlog_format"] != "":
		return logTrouble{
			"its binary log has statements, not rows (binlog_format is " + value["binlog_format"] + ")", "set global binlog_format = ROW",
		}, nil
	case value["binlog_row_image"] != "FULL" && value["binlog_row_image"] != "":
		return logTrouble{
			"its binary log leaves values out (binlog_row_image is " + value["binlog_row_image"] + ")", "set global binlog_row_image = FULL",
		}, nil
	case value["server_id"] == "0":
		return logTrouble{
			"the source has no number among servers (server_id is 0), and sends its log to nobody", "set global server_id = 1",
		}, nil
	case value["wsrep_on"] == "ON" && updates != "ON":
		return logTrouble{
			"the changes of a cluster's other nodes are not in the binary log (log_slave_updates)",
			"log_slave_updates = ON in the server's configuration",
		}, nil
	}
	if trouble, err := s.filtered(ctx); trouble.why != "" || err != nil {
		return trouble, err
	}
	if trouble, err := s.mayNotRead(ctx); trouble.why != "" || err != nil {
		return trouble, err
	}
	if strings.Contains(updates, "ON") {
		return logTrouble{}, nil
	}
	return s.replicatesUnlogged(ctx)
}

// replicatesUnlogged tells of a replica whose log lacks what it replicates.
func (s *server) replicatesUnlogged(ctx context.Context) (logTrouble, error) {
	question := "show slave status"
	switch {
	case s.maria:
		question = "show global status where variable_name = 'Slaves_running' and value <> '0'"
	case s.number >= 80022:
		question = "show replica status"
	}
	running, err := s.ask(ctx, question)
	if code := serverCode(err); code == codeRightMissing {
		return logTrouble{}, nil // Where it stands may not be asked either, and that is told.
	}
	if err != nil || len(running) == 0 {
		return logTrouble{}, err
	}
	return logTrouble{
		"the source is a replica that does not log what it replicates (log_slave_updates, log_replica_updates)",
		"log_replica_updates = ON (before MySQL 8.0.26 and on MariaDB log_slave_updates) in the server's configuration, or the primary's address",
	}, nil
}

// filtered tells whether the log leaves this database out.
func (s *server) filtered(ctx context.Context) (logTrouble, error) {
	question := "show master status"
	if !s.maria && s.number >= 80200 {
		question = "show binary log status"
	}
	rows, err := s.ask(ctx, question)
	if code := serverCode(err); code == codeRightMissing {
		return logTrouble{noMonitor, s.grantLog()}, nil
	}
	if err != nil {
		return logTrouble{}, err
	}
	for _, r := range rows {
		only, without := r["binlog_do_db"], r["binlog_ignore_db"]
		if only+without != "" {
			return logTrouble{
				fmt.Sprintf("the binary log leaves databases out (binlog_do_db %q, binlog_ignore_db %q)", only, without),
				"a server without binlog_do_db and binlog_ignore_db",
			}, nil
		}
	}
	return logTrouble{}, nil
}

// mayNotRead tells of a user without the right to the log. What a role grants is not in the list, so that with one it is tried.
func (s *server) mayNotRead(ctx context.Context) (logTrouble, error) {
	rows, err := s.ask(ctx, "show grants")
	if err != nil {
		return logTrouble{}, err
	}
	for _, r := range rows {
		for _, grant := range r {
			grant = strings.ToUpper(grant)
			global := strings.Contains(grant, " ON *.* ")
			may := strings.Contains(grant, "ALL PRIVILEGES") || strings.Contains(grant, "REPLICATION SLAVE")
			if global && may || !strings.Contains(grant, " ON ") {
				return logTrouble{}, nil
			}
		}
	}
	return logTrouble{fmt.Sprintf("%s may not read the binary log (replication slave)", s.address.user), s.grantLog()}, nil
}

func (s *server) grantLog() string {
	return fmt.Sprintf("grant replication slave, replication client on *.* to '%s'@'%%'", s.address.user)
}
