package dashboard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lifeline/semantic"
)

// stagingIsCore is the equation of the books that says where every row went.
const stagingIsCore = "staging = core + quarantine + superseded"

// opsReader answers the questions that pages and records have for the books of one served version.
type opsReader struct{ version *servedVersion }

// pageOps is nil before the first run.
func (e *servedVersion) pageOps() semantic.PageOps {
	if e.booksDB() == nil {
		return nil
	}
	return opsReader{e}
}

// recordOps is nil before the first run.
func (e *servedVersion) recordOps() semantic.RecordOps {
	if e.booksDB() == nil {
		return nil
	}
	return opsReader{e}
}

// Account reads a source table's account of a run, or of the newest run before it that has one.
func (o opsReader) Account(ctx context.Context, run int64, table string) (*semantic.Account, error) {
	return remember(o.version, "ledger "+table, func() (*semantic.Account, error) {
		l, err := readLedger(ctx, o.version.booksDB(), run, table)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return l.account(), nil
	})
}

// CountChecks counts the results of a run's checks.
func (o opsReader) CountChecks(ctx context.Context, run int64) (semantic.CheckCounts, error) {
	return remember(o.version, "checks", func() (semantic.CheckCounts, error) { return countChecks(ctx, o.version.booksDB(), run) })
}

// TableChecks are the newest results of the checks over a table.
func (o opsReader) TableChecks(ctx context.Context, table string) ([]semantic.RecordCheck, error) {
	all, err := loadChecks(ctx, o.version.booksDB())
	if err != nil {
		return nil, err
	}
	var out []semantic.RecordCheck
	for _, x := range all.Checks {
		if x.Table == table {
			out = append(out, semantic.RecordCheck{
				Name: x.Name, Status: x.Status, Table: x.Table, Column: x.Column, Text: x.Text, Link: x.Link,
			})
		}
	}
	return out, nil
}

// QuarantineState is the state of a row in quarantine; empty where it is not there.
func (o opsReader) QuarantineState(ctx context.Context, table, key string) (string, error) {
	got, err := semantic.Fetch(ctx, o.version.booksDB(), "select state from quarantine.rows where table_name = $1 and key = $2 limit 1", 0,
		table, key)
	if err != nil || len(got.Rows) == 0 {
		return "", err
	}
	return semantic.TextOf(got.Rows[0][0]), nil
}

// ledger is an account while its lines are added up.
type ledger struct {
	run   int64
	rows  [4]int64 // Read, core, quarantined and superseded.
	money [4]semantic.Sums
}

func (l *ledger) account() *semantic.Account {
	var amounts [4]semantic.Amounts
	for i := range amounts {
		amounts[i] = semantic.Amounts{Rows: l.rows[i], Money: l.money[i].Texts()}
	}
	return &semantic.Account{Run: l.run, Read: amounts[0], Core: amounts[1], Quarantined: amounts[2], Superseded: amounts[3]}
}

func readLedger(ctx context.Context, db *sql.DB, run int64, table string) (*ledger, error) {
	l := &ledger{money: [4]semantic.Sums{{}, {}, {}, {}}}
	var newest sql.NullInt64
	err := db.QueryRowContext(ctx, `
select max(run_id)
from ops.books
where equation = $1 and table_name = $2 and run_id <= $3`, stagingIsCore, table, run).Scan(&newest)
	if err != nil {
		return nil, err
	}
	if !newest.Valid {
		return nil, sql.ErrNoRows
	}
	l.run = newest.Int64
	got, err := semantic.Fetch(ctx, db, `
select item, left_value, right_value
from ops.books
where equation = $1 and table_name = $2 and run_id = $3`, 0, stagingIsCore, table, l.run)
	if err != nil {
		return nil, err
	}
	for _, row := range got.Rows {
		l.add(semantic.TextOf(row[0]), semantic.TextOf(row[1]), strings.Split(semantic.TextOf(row[2]), " + "))
	}
	return l, nil
}

// add takes in one line: rows, or such as `amount "KES "`.
func (l *ledger) add(item, left string, right []string) {
	if len(right) != 3 {
		return
	}
	values := append([]string{left}, right...)
	if item == "rows" {
		for i, v := range values {
			l.rows[i] = semantic.CountOf(v)
		}
		return
	}
	column, currency, ok := strings.Cut(item, " ")
	if !ok || strings.HasPrefix(item, "sum of ") || column == "" {
		return
	}
	if plain, err := strconv.Unquote(currency); err == nil {
		currency = plain
	}
	currency = strings.ToUpper(strings.TrimSpace(currency))
	if currency == "NULL" || currency == "NONE" {
		currency = ""
	}
	for i, v := range values {
		l.money[i].Add(currency, v)
	}
}

func countChecks(ctx context.Context, db *sql.DB, run int64) (semantic.CheckCounts, error) {
	var c semantic.CheckCounts
	got, err := semantic.Fetch(ctx, db, `
select status, count(*)
from ops.check_results
where run_id = $1
group by 1`, 0, run)
	if err != nil {
		return c, fmt.Errorf("count the checks: %w", err)
	}
	for _, row := range got.Rows {
		switch n := int(semantic.CountOf(row[1])); semantic.TextOf(row[0]) {
		case "pass":
			c.Passed += n
		case "warn":
			c.Warned += n
		case "not_applicable":
		default:
			c.Failed += n
		}
	}
	return c, nil
}

// remember keeps what the books say for as long as they are these books.
func remember[T any](e *servedVersion, key string, read func() (T, error)) (T, error) {
	if kept, is := e.kept.Load(key); is {
		return kept.(T), nil
	}
	v, err := read()
	if err == nil {
		e.kept.Store(key, v)
	}
	return v, err
}
