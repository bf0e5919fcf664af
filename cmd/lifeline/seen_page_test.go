package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/semantic"
)

const seenPage = `main: analytics.dim_purchases
tables:
  analytics.dim_purchases: {title: Purchases, noun: purchases, key: dim_purchase_id}
records:
  purchases:
    title: Purchases
    table: analytics.dim_purchases
    columns: [dim_purchase_id, status]
    timeline:
      - {column: date_placed, label: Placed, basis: date_placed_basis}
      - {column: date_sent, label: Sent, basis: date_sent_basis, hint: The last change stands in for the sending.}
    related:
      - {title: Steps, table: analytics.fct_purchases_activity, column: dim_purchase_id, equals: dim_purchase_id,
         columns: [activity_status, to_state, basis], order: "activity_date, position"}
`

// The page of a record says of each time how it is known: that a column stands in is said where it does, not where the log saw the step.
func TestAPageSaysThatAColumnStandsInOnlyWhereItDoes(t *testing.T) {
	t.Parallel()
	source, admin := mysqlDatabase(t), mysqlAdmin(t)
	name := source[len(serverAt(t, "LIFELINE_TEST_MYSQL")):]
	change := func(statements ...string) {
		for _, s := range append([]string{"create database if not exists " + name, "use " + name}, statements...) {
			_, err := admin.Exec(s)
			require.NoError(t, err, s)
		}
	}
	admin.SetMaxOpenConns(1)
	change("create table customer (id int primary key, name varchar(60))",
		"create table purchase (id int primary key, status varchar(20), customer_id int, placed_at datetime, changed_at datetime, "+
			"amount decimal(19,4), currency varchar(4))",
		"create table line (id int primary key, purchase_id int, amount decimal(19,4))", "insert into customer values (1, 'A')",
		"insert into purchase values (1, 'SENT', 1, now() - interval 3 day, now() - interval 2 day, 5, 'KES')")
	project := shopCopy(t)
	require.NoError(t, os.MkdirAll(filepath.Join(project, "dashboards"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(project, "dashboards", "model.yml"), []byte(seenPage), 0o600))
	dsn := duckAt(t, "seen")
	flags := at(project, source, dsn)
	report(t, 0, append([]string{"run"}, flags...)...)
	change("insert into purchase values (2, 'PLACED', 1, now() - interval 1 day, now(), 5, 'KES')",
		"update purchase set status = 'SENT', changed_at = now() where id = 2")
	require.Equal(t, "log", report(t, 0, append([]string{"run"}, flags...)...).Mode)

	c := servedBy(t, project, dsn)
	page := func(id string) (sent semantic.Event, steps [][]any) {
		d := answered[semantic.RecordData](t, c, "/api/v1/records/purchases/"+id)
		require.Len(t, d.Timeline, 2)
		return d.Timeline[1], d.Related[0].Rows
	}
	sent, steps := page("1")
	require.Equal(t, []string{"proxy", "The last change stands in for the sending."}, []string{sent.Basis, sent.Help})
	require.Equal(t, [][]any{{"placed", nil, "column"}, {"sent", "sent", "proxy"}}, steps)
	sent, steps = page("2")
	require.Equal(t, []string{"binlog", ""}, []string{sent.Basis, sent.Help})
	require.Equal(t, [][]any{{"placed", nil, "column"}, {"observed_in_state", "placed", "binlog"}, {"sent", "sent", "binlog"}}, steps)
}
