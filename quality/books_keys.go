package quality

import (
	"context"
	"fmt"
	"strings"
)

// named is how many keys a message names; the rest are counted.
const named = 5

// findKeys says which keys make the second equation of an entity fail: missing in core, there without reason, there twice, or
// with another amount.
func (a *RowVerdicts) findKeys(ctx context.Context, e *entity, amounts []string) (string, error) {
	columns, err := e.source.columns(ctx, a.build.DB())
	if err != nil {
		return "", err
	}
	source := e.source.keyText("s", columns)
	target, err := a.coreKeyText(ctx, e, "c")
	if err != nil {
		return "", err
	}
	withheld := ""
	if e.aside != "" {
		withheld = bind(`
		  and not exists (select 1 from {aside} as a where a.lifeline__key = {text} and a.lifeline__state <> 'superseded')`,
			"aside", e.aside, "text", source)
	}
	pairs := []string{
		"keyed", e.keyed.Relation, "core", e.Relation, "same", e.sameInCore("s", "c"), "withheld", withheld,
		"source", source, "target", target, "key", qualified("c", e.Key),
	}
	looks := []struct{ what, amount, query string }{
		{"missing in core", "", `
		select {source}, count(*) over ()
		from {keyed} as s
		where not exists (select 1 from {core} as c where {same}){withheld}`},
		{"in core and not in staging, or in quarantine too", "", `
		select {target}, count(*) over ()
		from {core} as c
		where not exists (select 1 from {keyed} as s where {same}{withheld})`},
		{"more than once in core", "", `
		select min({target}), count(*) over ()
		from {core} as c
		group by {key}
		having count(*) > 1`},
	}
	for _, amount := range amounts {
		looks = append(looks, struct{ what, amount, query string }{"with another " + amount, ident(amount), `
		select {source} || ': ' || coalesce(cast(s.{m} as text), 'null') || ' in staging, '
		       || coalesce(cast(c.{m} as text), 'null') || ' in core', count(*) over ()
		from {keyed} as s
		join {core} as c on {same}
		where coalesce(s.{m}, 0) <> coalesce(c.{m}, 0)`})
	}
	var parts []string
	for _, l := range looks {
		keys, total, err := a.keys(ctx, bind(l.query, append([]string{"m", l.amount}, pairs...)...))
		if err != nil {
			return "", fmt.Errorf("look for rows %s: %w", l.what, err)
		}
		if total > 0 {
			parts = append(parts, naming(e.source.Name, l.what, keys, total))
		}
	}
	return strings.Join(parts, "; "), nil
}

// keys runs a select of (key, how many there are) for its first few rows.
func (a *RowVerdicts) keys(ctx context.Context, query string) (keys []string, total int64, err error) {
	return firstKeys(ctx, a.build.DB(), query)
}

func firstKeys(ctx context.Context, db querier, query string) (keys []string, total int64, err error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("%s\norder by 1\nlimit %d", query, named))
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var key *string
		if err := rows.Scan(&key, &total); err != nil {
			return nil, 0, err
		}
		if key == nil {
			keys = append(keys, "null")
			continue
		}
		keys = append(keys, *key)
	}
	return keys, total, rows.Err()
}

// naming says a few keys, and how many there are beyond those.
func naming(table, what string, keys []string, total int64) string {
	s := fmt.Sprintf("%s: %s %s", what, table, strings.Join(keys, ", "))
	if more := total - int64(len(keys)); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
