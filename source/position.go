package source

import (
	"context"
	"fmt"

	"lifeline/change"
)

// identity asks who the server is.
func (s *server) identity(ctx context.Context, c *conn) (change.LogPosition, error) {
	p := change.LogPosition{Flavor: "mysql"}
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
func (s *server) locate(ctx context.Context, c *conn, p *change.LogPosition) error {
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
	return s.nameTransactions(ctx, c, p)
}

// nameTransactions finds the names of MariaDB's transactions at the place of the log that p has.
func (s *server) nameTransactions(ctx context.Context, c *conn, p *change.LogPosition) error {
	if !s.maria || p.File == "" {
		return nil
	}
	rows, err := c.query(ctx, fmt.Sprintf("select binlog_gtid_pos(%s, %d) as gtid", literal(p.File), p.Pos))
	if err != nil {
		return err
	}
	p.GTID = rows[0]["gtid"]
	return nil
}

// locateInView asks MariaDB where the log stood when this connection's own view was made, which needs no lock.
func (s *server) locateInView(ctx context.Context, c *conn, p *change.LogPosition) error {
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
	return nil
}
