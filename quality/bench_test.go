package quality_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/project"
	"lifeline/quality"
)

// BenchmarkQuality times every step on one wide-awake table: LIFELINE_BENCH_ROWS items (a million without it), of which a
// thousandth has no parent and the currency is written in two ways.
func BenchmarkQuality(b *testing.B) {
	rows := "1000000"
	if s := os.Getenv("LIFELINE_BENCH_ROWS"); s != "" {
		rows = s
	}
	for name, open := range map[string]func(testing.TB) *engine{"duckdb": duckdb, "postgres": postgres} {
		b.Run(name, func(b *testing.B) {
			e := open(b)
			e.do(`create table staging.item as
				select cast(n as integer) as id, 'ACTIVE' as status, timestamp '2019-01-01 00:00:00' + n * interval '1 second' as date_created,
				       cast(case when n % 1000 = 0 then -1 else floor(n / 6) end as integer) as invoice_id, cast(-n as integer) as product_id,
				       case when n % 100 = 0 then 'kes' else 'KES' end as currency, cast(n % 100000 as decimal(19,4)) / 100 as amount,
				       cast(null as text) as _raw, cast(1 as bigint) as _run
				from generate_series(1, `+rows+`) as g (n)`,
				"alter table staging.item alter column amount type decimal(19,4)",
				"create table {core}.invoices as select cast(n as bigint) as id from generate_series(0, "+rows+") as g (n) where n <= "+rows+" / 6")
			if e.name == "postgres" {
				e.do("vacuum analyze")
			}
			ctx := context.Background()
			n, err := strconv.Atoi(rows)
			require.NoError(b, err)
			source := quality.StagingTable{Name: "item", Key: []string{"id"}, Money: map[string]string{"amount": "currency"}}
			for b.Loop() {
				e.do("drop schema {build} cascade", "create schema {build}", "drop table if exists {core}.items")
				began := time.Now()
				lap := func(step string) {
					b.ReportMetric(time.Since(began).Seconds()*1e6/float64(n), step+"_s/Mrow")
					began = time.Now()
				}
				a := quality.NewRowVerdicts(e)
				keyed, err := a.Identity(ctx, source)
				require.NoError(b, err)
				lap("identity")
				model(e, keyed, "items", `cast(id as bigint) as id, cast(invoice_id as bigint) as invoice_id, status, 'source' as status_basis,
					cast(product_id as bigint) as product_id, upper(currency) as currency, cast(amount as numeric(19,4)) as amount, date_created`)
				if e.name == "postgres" {
					e.do("analyze {core}.items") // As a build does.
				}
				lap("model")
				_, err = a.Evaluate(ctx, quality.Entity{
					Source: source, Node: "items", Relation: e.Relation("core", "items"), Key: []string{"id"},
					Checks: compiled(b, e,
						project.Test{
							Node: "items", Kind: "relationships", Column: "invoice_id", OnFail: "quarantine",
							Args: yaml{"to": "ref('invoices')", "field": "id"},
						},
						project.Test{Node: "items", Kind: "not_null", Column: "invoice_id", OnFail: "quarantine"},
						project.Test{Node: "items", Kind: "not_null", Column: "amount", OnFail: "quarantine"}),
				})
				require.NoError(b, err)
				lap("setaside")
				results, err := quality.Run(ctx, e.db, compiled(b, e,
					project.Test{Node: "items", Kind: "not_null", Column: "id"}, project.Test{
						Node: "items", Kind: "accepted_values", Column: "status",
						Args: yaml{"values": []any{"ACTIVE"}},
					},
					project.Test{Node: "items", Kind: "accepted_range", Column: "amount", Args: yaml{"min_value": 0}}), 2)
				require.NoError(b, err)
				require.Equal(b, quality.Pass, results[2].Status)
				lap("rowchecks")
				_, err = quality.Run(ctx, e.db, compiled(b, e, project.Test{Node: "items", Kind: "unique", Column: "id"}), 2)
				require.NoError(b, err)
				lap("unique")
				books, err := a.CoreBooks(ctx)
				require.NoError(b, err)
				require.NoError(b, quality.Unbalanced(books))
				lap("books")
				_, err = quality.Repairs(ctx, e.db, "items", e.Relation("core", "items"))
				require.NoError(b, err)
				lap("repairs")
			}
		})
	}
}
