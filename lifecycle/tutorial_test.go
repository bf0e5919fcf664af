package lifecycle_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page's own example, taken from the page, gives the chart that it promises.
func TestTheTutorialGivesABacklogChart(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/lifecycles.md")
	require.NoError(t, err)
	block := func(kind string) string {
		m := regexp.MustCompile("(?s)   ```" + kind + "\n(.*?)   ```\n").FindStringSubmatch(string(page))
		require.NotNil(t, m, kind)
		return strings.ReplaceAll(m[1], "\n   ", "\n")[3:]
	}
	declared := block("yaml")
	for _, more := range []string{"", "escalated: {at: escalated_at}"} {
		text := declared
		if more != "" {
			require.Contains(t, string(page), more)
			text = strings.Replace(declared, "activities:\n", "activities:\n  "+more+"\n", 1)
		}
		p, err := load(t, map[string]string{
			"lifeline.yml": "name: helpdesk\n", "dbt_project.yml": "name: helpdesk\n", "lifecycles/ticket.yml": text,
			"models/tickets.sql": "{{ config(materialized='ephemeral') }}\nselect * from raw.tickets",
		})
		require.NoError(t, err)
		engines(t, func(t *testing.T, e engine) {
			e.exec(t, "create schema raw")
			e.exec(t, "create table raw.tickets (id bigint, status varchar, team_id bigint, opened_at timestamp, closed_at timestamp, "+
				"escalated_at timestamp)")
			e.exec(t, `insert into raw.tickets values
				(1, 'waiting', 7, timestamp '2024-03-01 10:00:00', null, timestamp '2024-03-02 10:00:00'),
				(2, 'solved', 7, timestamp '2024-03-01 11:00:00', timestamp '2024-03-03 09:00:00', null),
				(3, 'new', 8, timestamp '2024-02-23 11:00:00', null, null)`)
			e.build(t, p, "2024-03-04 00:00:00")
			query := strings.ReplaceAll(strings.ReplaceAll(block("sql"), "as_of_date,", "cast(as_of_date as varchar) as as_of_date,"),
				"group by cast(as_of_date as varchar) as as_of_date,", "group by as_of_date,")
			rows := e.rows(t, query)
			require.Equal(t, []string{"2024-02-23|0-7|1", "2024-02-24|0-7|1", "2024-02-25|0-7|1"}, rows[:3])
			require.Equal(t, []string{"2024-03-01|0-7|3", "2024-03-02|0-7|2", "2024-03-02|8-14|1", "2024-03-03|0-7|1", "2024-03-03|8-14|1"},
				rows[7:])
		})
	}
}
