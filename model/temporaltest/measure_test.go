package temporaltest

import (
	"context"
	"database/sql"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkJoins runs each join once over a million events of 100,000 entities, a fifth of them the cohort, and reports the seconds
// of processor time. On DuckDB; on PostgreSQL too where LIFELINE_TEST_POSTGRES is set.
func BenchmarkJoins(b *testing.B) {
	texts := compileAll(b)
	for driver, dsn := range map[string]string{"duckdb": "", "pgx": os.Getenv("LIFELINE_TEST_POSTGRES")} {
		if driver == "pgx" && dsn == "" {
			continue
		}
		pool, err := sql.Open(driver, dsn)
		require.NoError(b, err)
		db, err := pool.Conn(context.Background())
		require.NoError(b, err)
		for _, statement := range []string{
			`create temporary table appended_rows as
				select
					(cast(g as bigint) * 7919) % 100000 as entity,
					timestamp '2026-01-01' + interval '1 minute' * cast((cast(g as bigint) * 104729) % 500000 as integer) as happened,
					1 as occurrence,
					'e' || cast(g as varchar) as id,
					cast(g % 1000 as integer) as amount,
					g % 3 = 0 as large
				from generate_series(1, 1000000) as s(g)`,
			`create temporary table cohort_rows as
				select entity as member, happened as began, occurrence, id, amount
				from appended_rows
				where amount % 5 = 0`,
			"analyze",
		} {
			_, err := db.ExecContext(context.Background(), statement)
			require.NoError(b, err, statement)
		}
		for _, c := range calls() {
			if c.inclusive {
				continue
			}
			b.Run(driver+"/"+c.kind, func(b *testing.B) {
				before := processorTime(b)
				for b.Loop() {
					_, err := db.ExecContext(context.Background(), "create temporary table made as "+texts[c.name])
					require.NoError(b, err)
					_, err = db.ExecContext(context.Background(), "drop table made")
					require.NoError(b, err)
				}
				if driver == "duckdb" {
					b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
				}
			})
		}
		require.NoError(b, db.Close())
		require.NoError(b, pool.Close())
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
