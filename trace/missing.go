package trace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"lifeline/change"
	"lifeline/model"
)

// missing says where a row is that a table has not: quarantined, gone from the source, known but not in this table, or nowhere.
func (t *Tracer) missing(ctx context.Context, n *model.Node, key string) error {
	what := fmt.Sprintf("%s has no row %s", relation(n), key)
	list := fmt.Sprintf("lifeline query \"select * from %s limit 10\"", relation(n))
	entity, err := t.entityOfKey(ctx, n)
	if err != nil {
		return err
	}
	if entity == nil {
		return problem(errors.New(what), list)
	}
	s := entity.EntityOf
	state, reasons, err := t.inQuarantine(ctx, s.Name, key)
	if err != nil {
		return err
	}
	if state == "held" || state == "quarantined" {
		return problem(fmt.Errorf("%s: it is in quarantine (%s): %s", what, state, reasons),
			fmt.Sprintf("lifeline quarantine show %s --table %s", change.ShellWord(key), change.ShellWord(s.Name)))
	}
	columns := t.landedKey(s)
	if values, err := change.ParseKey(key, len(columns)); t.Staging != nil && len(columns) > 0 && err == nil {
		where := conditions(columns, values)
		rows, err := find(ctx, t.Staging, s.Schema, s.Name, where, "limit 1")
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			return problem(fmt.Errorf("%s, although %s.%s has: version %d was built before it landed, or without it", what, s.Schema, s.Name,
				t.Version), "lifeline run")
		}
		past, err := find(ctx, t.Staging, "history", s.Name, where, "order by t._valid_to desc limit 1")
		if err != nil {
			return err
		}
		if len(past) > 0 && past[0].Get("_valid_to") != nil {
			return problem(fmt.Errorf("%s: it has gone from the source, where it was until %s", what, *past[0].Get("_valid_to")), list)
		}
	}
	return problem(errors.New(what), list)
}

// entityOfKey is the entity whose key a table's key is.
func (t *Tracer) entityOfKey(ctx context.Context, n *model.Node) (*model.Node, error) {
	columns, err := columnsOf(ctx, t.Published, n.Schema, n.Alias)
	if err != nil {
		return nil, err
	}
	has := func(name string) bool {
		for _, c := range columns {
			if c.name == name {
				return true
			}
		}
		return false
	}
	if n.EntityOf != nil && len(t.keyOf(n)) > 1 {
		return n, nil
	}
	entity, column := t.entity(n, has)
	if key := t.keyOf(n); entity == nil || len(key) != 1 || key[0] != column {
		return nil, nil
	}
	return entity, nil
}

// inQuarantine reads the state and the reasons of a row in quarantine; empty where it is not there.
func (t *Tracer) inQuarantine(ctx context.Context, table, key string) (state, reasons string, err error) {
	for _, spelled := range change.KeySpellings(key) {
		if state, reasons, err = t.quarantined(ctx, table, spelled); err != nil || state != "" {
			break
		}
	}
	return state, reasons, err
}

func (t *Tracer) quarantined(ctx context.Context, table, key string) (state, reasons string, err error) {
	err = t.Books.QueryRowContext(ctx, `
select state
from quarantine.rows
where table_name = $1
  and key = $2
order by case when state in ('held', 'quarantined') then 0 else 1 end, occurrence
limit 1`, table, key).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read the quarantine: %w", err)
	}
	rows, err := t.Books.QueryContext(ctx, `
select distinct check_name, reason
from quarantine.reasons
where table_name = $1
  and key = $2
order by check_name, reason`, table, key)
	if err != nil {
		return "", "", fmt.Errorf("read the quarantine: %w", err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var check, reason string
		if err := rows.Scan(&check, &reason); err != nil {
			return "", "", fmt.Errorf("read the quarantine: %w", err)
		}
		all = append(all, check+" ("+reason+")")
	}
	return state, strings.Join(all, ", "), rows.Err()
}
