package warehouse_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // A reader that is not ours.
	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// problem requires an error that says what to try.
func problem(t testing.TB, err error) *change.Problem {
	t.Helper()
	var p *change.Problem
	require.ErrorAs(t, err, &p)
	require.NotEmpty(t, p.Try)
	return p
}

func TestAddressesThatNameNoWarehouseAreRefused(t *testing.T) {
	t.Parallel()
	for dsn, says := range map[string]string{
		"":                        "no warehouse is named",
		"duckdb:":                 "has no path",
		"duckdb:///":              "is a folder",
		"duckdb:a?b":              "%, ? or #",
		"oracle://u:secret@h/d":   `no warehouse engine "oracle"`,
		"warehouse.duckdb":        "names no engine",
		"./secret:here":           "names no engine",
		"C.\\warehouse.duckdb:xx": "names no engine",
	} {
		_, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
		p := problem(t, err)
		require.Equal(t, change.ClassUsage, p.Class, dsn)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error()+p.Try, "secret")
	}
}

func TestAFileThatIsNotOursIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(path string) error{
		"text":   func(path string) error { return os.WriteFile(path, []byte("minutes of a meeting"), 0o600) },
		"empty":  func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"database": func(path string) error {
			db, err := sql.Open("duckdb", path)
			if err != nil {
				return err
			}
			_, err = db.Exec("create table mine (a int)")
			return errors.Join(err, db.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := warehousetest.DuckDB(t)
			require.NoError(t, make(p.Path))
			before, _ := os.ReadFile(p.Path)
			w := p.Open(t, warehouse.Options{})
			_, err := w.Begin(t.Context(), warehousetest.Me("test"), 0)
			require.ErrorContains(t, err, p.Path)
			require.Equal(t, change.ClassUsage, problem(t, err).Class)
			_, err = w.Published(t.Context())
			_ = problem(t, err)
			after, _ := os.ReadFile(p.Path)
			require.Equal(t, before, after)
		})
	}
}

func TestThePublishedFileStandsAlone(t *testing.T) {
	t.Parallel()
	p := warehousetest.DuckDB(t)
	w := p.Open(t, warehouse.Options{})
	r := warehousetest.Begin(t, w)
	numbered(t, r, 7)
	warehousetest.End(t, r)
	info, err := os.Stat(p.Path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o444), info.Mode())

	elsewhere := filepath.Join(t.TempDir(), "under another name.db")
	text, err := os.ReadFile(p.Path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(elsewhere, text, 0o600))
	db, err := sql.Open("duckdb", elsewhere+"?access_mode=read_only")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.Equal(t, []string{"7|7|7|7|1000|7|1000"}, warehousetest.Texts(t, db, whole))
	require.Equal(t, []string{"1|1|p7"}, warehousetest.Texts(t, db, "select version, run_id, project_hash from lifeline.version"))
	require.Equal(t, []string{"analytics", "core", "lifeline"}, warehousetest.Texts(t, db, `
select distinct table_schema
from information_schema.tables
order by 1`))
}

func TestAPublishedFileWithoutItsFolderGoesOn(t *testing.T) {
	t.Parallel()
	p := warehousetest.DuckDB(t)
	w := p.Open(t, warehouse.Options{})
	for n := range 3 {
		r := warehousetest.Begin(t, w)
		numbered(t, r, n)
		warehousetest.End(t, r)
	}
	require.NoError(t, os.RemoveAll(p.Path+".lifeline"))
	version, n := published(t, w)
	require.EqualValues(t, 3, version)
	require.Equal(t, 2, n)
	r := warehousetest.Begin(t, w)
	require.EqualValues(t, 4, r.ID(), "run numbers go on")
	require.EqualValues(t, 4, numbered(t, r, 9))
	back, err := r.Rollback(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, back.ID)
	warehousetest.End(t, r)
	_, n = published(t, w)
	require.Equal(t, 2, n)
}

func TestARemovedPublishedFileComesBack(t *testing.T) {
	t.Parallel()
	p := warehousetest.DuckDB(t)
	w := p.Open(t, warehouse.Options{})
	r := warehousetest.Begin(t, w)
	numbered(t, r, 5)
	warehousetest.End(t, r)
	require.NoError(t, os.Remove(p.Path))
	_, err := w.Published(t.Context())
	require.ErrorIs(t, err, warehouse.ErrNothingPublished)
	warehousetest.End(t, warehousetest.Begin(t, w))
	_, n := published(t, w)
	require.Equal(t, 5, n)
}

func TestDamagedFilesAreNamed(t *testing.T) {
	t.Parallel()
	p := warehousetest.DuckDB(t)
	w := p.Open(t, warehouse.Options{})
	r := warehousetest.Begin(t, w)
	numbered(t, r, 5)
	warehousetest.End(t, r)
	landing := filepath.Join(p.Path+".lifeline", "landing.duckdb")
	good, err := os.ReadFile(landing)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(landing, append(good[:8192:8192], make([]byte, len(good)-8192)...), 0o600))
	_, err = w.Begin(t.Context(), warehousetest.Me("test"), 0)
	_ = problem(t, err)
	require.ErrorContains(t, err, landing)
	_, n := published(t, w)
	require.Equal(t, 5, n, "what was published stays")
	require.NoError(t, os.WriteFile(landing, good, 0o600))
	warehousetest.End(t, warehousetest.Begin(t, w))
}

func TestAFolderThatCannotBeIsNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: "duckdb:" + filepath.Join(file, "w.duckdb")})
	require.NoError(t, err)
	_, err = w.Begin(t.Context(), warehousetest.Me("test"), 0)
	_ = problem(t, err)
	require.ErrorContains(t, err, file)
}

// TestChildFillsDisk is not a test: the test below runs it in a process whose files may not grow over a limit.
func TestChildFillsDisk(t *testing.T) {
	dsn := os.Getenv("LIFELINE_TEST_FULL")
	if dsn == "" {
		t.Skip("not a child")
	}
	var limit uint64
	_, err := fmt.Sscan(os.Getenv("LIFELINE_TEST_FULL_BYTES"), &limit)
	require.NoError(t, err)
	// A write over the limit then fails as one on a full disk does.
	signal.Ignore(syscall.SIGXFSZ)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}))
	w, err := warehouse.Open(t.Context(), warehouse.Options{DSN: dsn})
	require.NoError(t, err)
	err = oneRun(t.Context(), w, 2)
	fmt.Println("\nended:", strings.ReplaceAll(fmt.Sprint(err), "\n", " "))
	if err != nil {
		fmt.Println("try:", problem(t, err).Try)
	}
}

func TestAFullDiskLosesNothingAndPublishesNothingHalf(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	ran := false
	limits := []int{100 << 10, 700 << 10, 1800 << 10, 100 << 20}
	if os.Getenv("LIFELINE_SOAK") != "" {
		limits = append([]int{1200 << 10, 2600 << 10}, limits...)
	}
	for _, limit := range limits {
		p := warehousetest.DuckDB(t)
		w := p.Open(t, warehouse.Options{})
		require.NoError(t, oneRun(t.Context(), w, 1))
		cmd := exec.Command(os.Args[0], "-test.run", "^TestChildFillsDisk$")
		cmd.Env = append(os.Environ(), "LIFELINE_TEST_FULL="+p.DSN, fmt.Sprintf("LIFELINE_TEST_FULL_BYTES=%d", limit))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		t.Logf("%d KB: %s", limit>>10, out)
		if strings.Contains(string(out), "ended: <nil>") {
			ran = true
		} else {
			require.Contains(t, string(out), "try: ")
		}
		published(t, w)
		afterKill(t, w)
		require.NoError(t, oneRun(t.Context(), w, 3))
		afterKill(t, w)
		_, n := published(t, w)
		require.Equal(t, 3, n)
	}
	require.True(t, ran, "the last limit is high enough")
}
