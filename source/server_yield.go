package source

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// lookEvery is the time between two looks at whether somebody waits because of the view.
const lookEvery = 300 * time.Millisecond

// watch gives the view up once somebody waits to change a table's definition: they would wait for the view's end, and every reader and
// writer of the table behind them (promise 9). A new view is to be taken then. MariaDB keeps a view's metadata locks until its end where
// there is a binary log; MySQL lets them go after every statement, see release.
func (n *serverSnapshot) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if n.server.anyWaits(ctx, n.touchedTables()) {
				n.give(fmt.Errorf("given up, since another session waits to change a table that was read"))
				return
			}
		}
	}
}

// touch notes that a table's metadata are locked from now on.
func (n *serverSnapshot) touch(t *serverTable) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.touched[t] = true
}

func (n *serverSnapshot) touchedTables() []*serverTable {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []*serverTable
	for _, t := range n.tables {
		if n.touched[t] {
			out = append(out, t)
		}
	}
	return out
}

// give ends the views at once; whoever reads gets the reason.
func (n *serverSnapshot) give(reason error) {
	for _, c := range n.conns {
		c.reason.Store(&reason)
		_ = c.net.Close() // Nothing of the view is needed any more.
	}
}

// anyWaits reports whether somebody waits for exclusive use of one of the tables, or has it: a further reader would have to wait too.
// It asks for nothing that it would have to wait for.
func (s *server) anyWaits(ctx context.Context, tables []*serverTable) bool {
	if len(tables) == 0 {
		return false
	}
	parts := make([]string, len(tables))
	for i, t := range tables {
		parts[i] = "(select 1 from " + s.from(t) + " limit 0)"
	}
	_, err := s.ask(ctx, "set statement lock_wait_timeout = 0 for "+strings.Join(parts, " union all "))
	return serverCode(err) == codeLockTimeout
}

// yielding runs one statement of the view. On MySQL, where a statement that lasts is all that others may have to wait for, it is given
// up with the view once somebody is seen to wait. Without the right PROCESS nobody can be seen; then the bounds on a statement's length
// must do.
func (n *serverSnapshot) yielding(ctx context.Context, t *serverTable, run func(context.Context) error) error {
	n.touch(t)
	if n.server.maria {
		return run(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if who := n.server.waiting(ctx, t); who != "" {
					n.give(fmt.Errorf("given up, since session %s waits to change table %s", who, t.SourceName))
					return
				}
			}
		}
	}()
	err := run(ctx)
	stop()
	<-watched
	return err
}

// waiting names a session that waits for a table's metadata lock.
func (s *server) waiting(ctx context.Context, t *serverTable) string {
	rows, err := s.ask(ctx, "show full processlist")
	if err != nil {
		return ""
	}
	name := strings.ToLower(t.SourceName)
	for _, r := range rows {
		if strings.HasPrefix(r["state"], "Waiting for table metadata lock") && strings.Contains(strings.ToLower(r["info"]), name) {
			return r["id"]
		}
	}
	return ""
}
