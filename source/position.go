package source

import (
	"context"
	"encoding/json"
	"fmt"

	"lifeline/change"
)

// position is what change.Position holds for a MySQL source, as JSON. A server without a binary log, or a user who may not ask
// for it, leaves file and gtid empty.
type position struct {
	Flavor string `json:"flavor"`           // mysql or mariadb.
	Server string `json:"server"`           // server_uuid; MariaDB has none, there it is server_id.
	File   string `json:"file,omitempty"`   // The binary log's file,
	Pos    uint64 `json:"pos,omitempty"`    // and the place in it that the snapshot stands at.
	GTID   string `json:"gtid,omitempty"`   // gtid_executed, or MariaDB's gtid_binlog_pos.
	Serial string `json:"serial,omitempty"` // Without a log: the time of the snapshot, so that no two are taken for equal.
}

func (p position) encode() (change.Position, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("write the position: %w", err)
	}
	return change.Position(text), nil
}

// identity asks who the server is.
func (s *server) identity(ctx context.Context, c *conn) (position, error) {
	p := position{Flavor: "mysql"}
	question := "select @@server_uuid as id"
	if s.maria {
		p.Flavor, question = "mariadb", "select @@server_id as id"
	}
	rows, err := c.query(ctx, question)
	if err == nil && len(rows) == 1 {
		p.Server = rows[0]["id"]
	}
	return p, err
}

// locate asks where the binary log stands. To be exact it is called while nothing can be committed.
func (s *server) locate(ctx context.Context, c *conn, p *position) error {
	question := "show master status"
	if !s.maria && s.number >= 80200 {
		question = "show binary log status"
	}
	rows, err := c.query(ctx, question)
	if code := serverCode(err); code == codeRightMissing || err == nil && len(rows) == 0 {
		return nil // No right or no log; the check "binlog" tells.
	}
	if err != nil {
		return err
	}
	p.File, p.GTID = rows[0]["file"], rows[0]["executed_gtid_set"]
	if _, err := fmt.Sscan(rows[0]["position"], &p.Pos); err != nil {
		return fmt.Errorf("%s: %w", question, err)
	}
	if s.maria {
		rows, err := c.query(ctx, "select @@gtid_binlog_pos as gtid")
		if err != nil {
			return err
		}
		p.GTID = rows[0]["gtid"]
	}
	return nil
}

// locateInView asks MariaDB where the log stood when this connection's own view was made, which needs no lock.
func (s *server) locateInView(ctx context.Context, c *conn, p *position) error {
	if !s.maria {
		return nil
	}
	rows, err := c.query(ctx, "show status like 'binlog_snapshot_%'")
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch r["variable_name"] {
		case "Binlog_snapshot_file":
			p.File = r["value"]
		case "Binlog_snapshot_position":
			if _, err := fmt.Sscan(r["value"], &p.Pos); err != nil {
				return fmt.Errorf("binlog_snapshot_position: %w", err)
			}
		}
	}
	if p.File == "" {
		p.Pos = 0
	}
	return nil // The GTID would have to be searched for in the log.
}
