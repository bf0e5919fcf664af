package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/source/servertest"
)

// The brief's own tables from every server of the matrix into every engine: published with nothing edited, with the same counts and sums.
// What it prints is the table of README.md.
func TestTheBriefsDatabaseFromEveryServer(t *testing.T) {
	sources := []string{"LIFELINE_TEST_MYSQL56", "LIFELINE_TEST_MYSQL97", "LIFELINE_TEST_MARIADB118"}
	engines := []string{""} // DuckDB: what engines make of it is compared elsewhere.
	if os.Getenv(sources[0])+os.Getenv(sources[1])+os.Getenv(sources[2])+os.Getenv("LIFELINE_TEST_POSTGRES17")+
		os.Getenv("LIFELINE_TEST_POSTGRES18") == "" {
		t.Skip("no server of the matrix is set; make matrix starts them")
	}
	if long {
		sources = append(sources, "LIFELINE_TEST_MYSQL")
		engines = append(engines, "LIFELINE_TEST_POSTGRES", "LIFELINE_TEST_POSTGRES17", "LIFELINE_TEST_POSTGRES18")
	}
	tables := sliceOfReal(t, readReal(t))
	e := expect(t, tables)
	var lines []string
	for _, variable := range sources {
		if os.Getenv(variable) == "" {
			lines = append(lines, "| "+variable+" could not be had |")
			continue
		}
		servertest.Share(t, os.Getenv(variable))
		u, err := url.Parse(os.Getenv(variable))
		require.NoError(t, err)
		name := fmt.Sprintf("matrix_%d", os.Getpid())
		u.Path = "/" + name
		admin := adminOf(t, os.Getenv(variable))
		t.Cleanup(func() { _, _ = admin.Exec("drop database if exists " + name) })
		loadReal(t, admin, u.String(), tables)
		line := "| " + serverVersion(t, admin) + " |"
		for _, engine := range engines {
			if engine != "" && os.Getenv(engine) == "" {
				line += " not run |"
				continue
			}
			dsn := "duckdb:" + filepath.Join(t.TempDir(), "w.duckdb")
			if engine != "" {
				dsn = databaseAt(t, engine)
			}
			rows := int64(0)
			for _, table := range requirePublishedAsIs(t, at(entitiesOnly(t), u.String(), dsn), e).Tables {
				rows += table.Published
			}
			line += fmt.Sprintf(" published, %d rows |", rows)
		}
		lines = append(lines, line)
	}
	fmt.Printf("| source | %s |\n|---%s|\n%s\n", strings.Join(engineVersions(t, engines), " | "), strings.Repeat("|---", len(engines)),
		strings.Join(lines, "\n"))
}

// serverVersion is a source's name and version, as it says itself.
func serverVersion(t *testing.T, db *sql.DB) string {
	t.Helper()
	var version string
	require.NoError(t, db.QueryRow("select version()").Scan(&version))
	number, rest, _ := strings.Cut(version, "-")
	if strings.Contains(rest, "MariaDB") {
		return "MariaDB " + number
	}
	return "MySQL " + number
}

func engineVersions(t *testing.T, variables []string) []string {
	t.Helper()
	var out []string
	for _, v := range variables {
		driver, dsn, query, name := "pgx", os.Getenv(v), "show server_version", "PostgreSQL "
		if v == "" {
			driver, dsn, query, name = "duckdb", "", "select version()", "DuckDB "
		} else if dsn == "" {
			out = append(out, v)
			continue
		}
		db, err := sql.Open(driver, dsn)
		require.NoError(t, err)
		var version string
		require.NoError(t, db.QueryRow(query).Scan(&version))
		require.NoError(t, db.Close())
		out = append(out, name+strings.Fields(strings.TrimPrefix(version, "v"))[0])
	}
	return out
}

// databaseAt makes a database on the PostgreSQL that a variable names, which is dropped after the test.
func databaseAt(t *testing.T, variable string) string {
	t.Helper()
	u, err := url.Parse(os.Getenv(variable))
	require.NoError(t, err)
	db, err := sql.Open("pgx", u.String())
	require.NoError(t, err)
	name := strings.ToLower(fmt.Sprintf("matrix_%s_%d", variable[len("LIFELINE_TEST_"):], os.Getpid()))
	_, err = db.Exec("drop database if exists " + name + " with (force)")
	require.NoError(t, err)
	_, err = db.Exec("create database " + name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("drop database if exists " + name + " with (force)")
		require.NoError(t, errors.Join(err, db.Close()))
	})
	u.Path = "/" + name
	return u.String()
}
