package sample_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql" // Reads what was loaded.
	"github.com/stretchr/testify/require"

	"lifeline/sample"
)

var databases atomic.Int64

// database gives the address of a database that does not exist yet and a handle to look at it; it is dropped after the test.
func database(t *testing.T) (string, *sql.DB) {
	t.Helper()
	dsn := os.Getenv("LIFELINE_TEST_MYSQL")
	if dsn == "" && os.Getenv("LIFELINE_TEST_REQUIRE") == "1" {
		require.Fail(t, "LIFELINE_TEST_MYSQL is not set, and LIFELINE_TEST_REQUIRE=1")
	}
	if dsn == "" {
		t.Skip("LIFELINE_TEST_MYSQL is not set")
	}
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	name := fmt.Sprintf("sample_%d_%d", os.Getpid(), databases.Add(1))
	password, _ := u.User.Password()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/", u.User.Username(), password, u.Host))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("drop database if exists " + name)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	u.Path = "/" + name
	return u.String(), db
}

// number reads one number; %s stands for the database.
func number(t *testing.T, db *sql.DB, dsn, query string) int {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	var n int
	require.NoError(t, db.QueryRow(fmt.Sprintf(query, u.Path[1:])).Scan(&n), query)
	return n
}

func TestTheDatabaseHoldsWhatTheFilesHold(t *testing.T) {
	t.Parallel()
	dsn, db := database(t)
	o := carepay(0.05)
	loaded, err := sample.Load(t.Context(), o, dsn)
	require.NoError(t, err)
	dir, written := write(t, o)
	require.Equal(t, written, loaded)
	for i, f := range files {
		rows := rowsOf(t, dir, f)
		name := loaded.Tables[i].Name
		require.Equal(t, len(rows), number(t, db, dsn, "select count(*) from %s."+name), name)
		for status, n := range count(rows, 1) {
			got := number(t, db, dsn, "select count(*) from %s."+name+" where binary status = '"+status+"'")
			require.Equal(t, n, got, "%s with status %q", name, status)
		}
	}
	invoices, claims := rowsOf(t, dir, "invoices.csv"), rowsOf(t, dir, "claims.csv")
	zero := number(t, db, dsn, "select count(*) from %s.INVOICE where date_created = '0000-00-00 00:00:00'")
	require.Equal(t, count(invoices, 2)["NULL"], zero, "a missing date arrives as the zero date")
	require.Zero(t, number(t, db, dsn, "select count(*) from %s.INVOICE where date_created is null"))
	require.Equal(t, count(claims, 6)["NULL"],
		number(t, db, dsn, "select count(*) from %s.CLAIM where program_id = 0"), "a missing number arrives as 0")

	again, err := sample.Load(t.Context(), o, dsn)
	require.NoError(t, err, "a second load makes the tables anew")
	require.Equal(t, loaded, again)
}

func TestShiftedTreatmentsDeclareATypeInTheDatabase(t *testing.T) {
	t.Parallel()
	dsn, db := database(t)
	o := carepay(0.02)
	o.ShiftTreatments = true
	_, err := sample.Load(t.Context(), o, dsn)
	require.NoError(t, err)
	declared := "select ordinal_position from information_schema.columns where table_schema = '%s' and table_name = '"
	require.Equal(t, 3, number(t, db, dsn, declared+"TREATMENT' and column_name = 'TYPE'"))
	// Every later column holds what belongs to the one before it: the type is a date, the program is nothing.
	shifted := number(t, db, dsn,
		"select count(*) from %s.TREATMENT where type regexp '^[0-9]{4}-' and date_treatment = '0000-00-00 00:00:00'")
	require.Positive(t, shifted)
	require.Zero(t, number(t, db, dsn, "select count(*) from %s.TREATMENT where coalesce(program_id, 0) <> 0"))
}

func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	_, err := sample.Load(t.Context(), carepay(0.01), "mysql://root:secret@127.0.0.1:1/carepay")
	require.ErrorContains(t, err, "127.0.0.1:1")
	require.NotContains(t, err.Error(), "secret")
}
