package run_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// F22f. A value that its column's type cannot hold is null in staging; a run says so, by column and form, and never by the value itself.
func TestValuesThatCannotBeReadAreTold(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, dsn string) {
		x := newTiny(t, dsn, map[string]string{
			"models/sources.yml": "sources: [{name: s, schema: staging, tables: [{name: t, meta: {lifeline: {key: [id]}}, columns: [" +
				"{name: id, data_type: int}, {name: day, data_type: date}, {name: amount, data_type: 'decimal(10,2)'}, " +
				"{name: zero, data_type: date}, {name: good, data_type: date}]}]}]\n",
			"models/core/rows.sql": "select * from {{ source('s', 't') }}",
			"csv/t.csv": "id,day,amount,zero,good\n1,31.01.2024,\"1,5\",0000-00-00,2024-01-31\n2,01.02.2024,2.5,2024-01-00,2024-01-31\n" +
				"3,2024-02-01,3,NULL,NULL\n",
		})
		report, err := x.walk(t, true)
		require.NoError(t, err)
		told := strings.Join(report.Warnings, "\n")
		require.Contains(t, told, `2 values of column day of t.csv cannot be read as its type, such as one like "99.99.9999"`)
		require.Contains(t, told, `1 value of column amount of t.csv cannot be read as its type, such as one like "9,9"`)
		require.NotContains(t, told, "column zero", "a zero date stands for none")
		require.NotContains(t, told, "column good")
		require.NotContains(t, told, "2024")
	})
}
