package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The brief's own tables from every server of the matrix into every engine: published with nothing edited, with the same counts and sums.
func TestTheBriefsDatabaseFromEveryServer(t *testing.T) {
	servers := []struct{ name, variable string }{
		{"MySQL 5.6", "LIFELINE_TEST_MYSQL56"}, {"MySQL 9.7", "LIFELINE_TEST_MYSQL97"}, {"MariaDB 11.8", "LIFELINE_TEST_MARIADB118"},
	}
	any := false
	for _, s := range servers {
		any = any || os.Getenv(s.variable) != ""
	}
	if !any {
		t.Skip("no server of the matrix is set; make matrix starts them")
	}
	engines := []string{"duckdb"} // What engines make of it is compared elsewhere.
	if long {
		servers = append(servers, struct{ name, variable string }{"MariaDB or MySQL of LIFELINE_TEST_MYSQL", "LIFELINE_TEST_MYSQL"})
		engines = append(engines, "postgres")
	}
	tables := sliceOfReal(t, readReal(t))
	e := expect(t, tables)
	lines := []string{fmt.Sprintf("%-40s %-9s %-10s %8s %8s", "server", "engine", "status", "rows", "seconds")}
	for _, s := range servers {
		address := os.Getenv(s.variable)
		if address == "" {
			lines = append(lines, fmt.Sprintf("%-40s could not be had", s.name))
			continue
		}
		u, err := url.Parse(address)
		require.NoError(t, err)
		name := fmt.Sprintf("matrix_%d", os.Getpid())
		u.Path = "/" + name
		admin := adminOf(t, address)
		t.Cleanup(func() { _, _ = admin.Exec("drop database if exists " + name) })
		loadReal(t, admin, u.String(), tables)
		for _, engine := range engines {
			dsn := "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")
			if engine == "postgres" {
				dsn = postgresDatabase(t)
			}
			began := time.Now()
			r := requirePublishedAsIs(t, at(entitiesOnly(t), u.String(), dsn), e)
			rows := int64(0)
			for _, table := range r.Tables {
				rows += table.Published
			}
			lines = append(lines, fmt.Sprintf("%-40s %-9s %-10s %8d %8.1f", s.name, engine, r.Status, rows, time.Since(began).Seconds()))
		}
	}
	fmt.Println(strings.Join(lines, "\n"))
}
