package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/run"
	"lifeline/sample"
)

// common is what tests share and nobody writes to: samples, projects, and warehouses that were published once. It goes with the process.
var common = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "lifeline-common-") })

// sharedFolder makes a folder below common.
func sharedFolder(pattern string) (string, error) {
	root, err := common()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(root, pattern)
}

// leaveNothing removes what tests shared; what cannot be removed is for the server's owner to find.
func leaveNothing() {
	started.Range(func(_, made any) bool {
		if s, err := made.(func() (*start, error))(); err == nil && !strings.HasPrefix(s.dsn, "duckdb:") {
			_ = dropDatabase(s.dsn)
		}
		return true
	})
	if root, err := common(); err == nil {
		_ = os.RemoveAll(root)
	}
}

// coreOnly is carepay without its KPIs: a third of the models, for tests that ask nothing of the others. The soak builds all of them.
func coreOnly(t *testing.T) string {
	t.Helper()
	return partOf(t, withoutKPIs)
}

// entitiesOnly is what cleans carepay's tables and nothing more, for tests of what lands and what arrives in core.
func entitiesOnly(t *testing.T) string {
	t.Helper()
	return partOf(t, withoutFacts)
}

func partOf(t *testing.T, part func() (string, error)) string {
	t.Helper()
	if long {
		return carepay
	}
	dir, err := part()
	require.NoError(t, err)
	return dir
}

// long tells whether tests run at full size.
var long = os.Getenv("LIFELINE_SOAK") != ""

var (
	withoutKPIs  = carepayWithout("models/kpi", "dashboards")
	withoutFacts = carepayWithout("models/kpi", "dashboards", "models/analytics", "lifecycles", "tests")
)

// oneIn is how many of n like questions a test asks one of. DuckDB is asked all of them, as both are in the soak: the questions are the
// same on PostgreSQL, and that it answers each kind is enough.
func oneIn(n int, dsn string) int {
	if long || strings.HasPrefix(dsn, "duckdb:") {
		return 1
	}
	return n
}

// leaveToSoak skips a test on PostgreSQL but in the soak: for what two engines only do alike.
func leaveToSoak(t *testing.T, dsn string) {
	t.Helper()
	if oneIn(2, dsn) > 1 {
		t.Skip("DuckDB is asked, and PostgreSQL in the soak")
	}
}

func carepayWithout(folders ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir, err := sharedFolder("part-")
		if err != nil {
			return "", err
		}
		to := filepath.Join(dir, "carepay")
		err = os.CopyFS(to, os.DirFS(carepay))
		for _, f := range folders {
			err = errors.Join(err, os.RemoveAll(filepath.Join(to, filepath.FromSlash(f))))
		}
		return to, err
	})
}

// start is a warehouse after its first run, and what that run reported.
type start struct {
	dsn    string
	report run.Report
}

var started sync.Map // What a first run reads, and the engine, to a start: equal first runs are made once.

// firstRun is the first run into an empty warehouse. Where another test has had the same project and files, the warehouse becomes a copy
// of what that run left.
func firstRun(t *testing.T, flags []string) run.Report {
	t.Helper()
	project, source, dsn := flags[1], strings.TrimPrefix(flags[3], "csv:"), flags[5]
	engine, _, _ := strings.Cut(dsn, ":")
	key := engine + contentHash(t, project) + contentHash(t, source)
	made, _ := started.LoadOrStore(key, sync.OnceValues(func() (*start, error) {
		at, err := emptyLike(dsn)
		if err != nil {
			return nil, err
		}
		s := &start{dsn: at}
		args := append([]string{"run", "--json"}, flags[:4]...)
		s.report, err = runOnce(append(args, "--warehouse", at))
		return s, err
	}))
	s, err := made.(func() (*start, error))()
	require.NoError(t, err)
	if engine == "duckdb" {
		require.NoError(t, copyDuck(s.dsn, dsn))
	} else {
		require.NoError(t, copyPostgres(s.dsn, dsn))
	}
	return s.report
}

// contentHash tells folders apart by the names and the content of their files.
func contentHash(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path) // It is below dir.
		fmt.Fprintf(h, "%s %d\n%s", filepath.ToSlash(rel), len(text), text)
		return err
	}))
	return fmt.Sprintf(" %x", h.Sum(nil))
}

// runOnce runs the program outside any one test, whose end must not end it.
func runOnce(args []string) (run.Report, error) {
	o, err := execProgram(context.Background(), args...)
	if err != nil {
		return run.Report{}, err
	}
	r, err := reportOf(o)
	if err == nil && o.code != 0 {
		err = fmt.Errorf("the first run ended with %d: %s", o.code, o.out)
	}
	return r, err
}

// emptyLike is a warehouse that does not exist yet, of the engine of dsn.
func emptyLike(dsn string) (string, error) {
	if strings.HasPrefix(dsn, "duckdb:") {
		dir, err := sharedFolder("first-")
		return "duckdb:" + filepath.Join(dir, "first.duckdb"), err
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", err
	}
	u.Path = fmt.Sprintf("/cli_%d_first_%d", os.Getpid(), databases.Add(1))
	return u.String(), onServer(u.String(), func(db *sql.DB) error {
		_, err := db.Exec("create database " + strings.TrimPrefix(u.Path, "/"))
		return err
	})
}

// copyDuck copies a warehouse that nobody writes; a published file stays the link to its version that it is.
func copyDuck(from, to string) error {
	from, to = strings.TrimPrefix(from, "duckdb:"), strings.TrimPrefix(to, "duckdb:")
	beside := from + ".lifeline"
	err := filepath.WalkDir(beside, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(beside, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to+".lifeline", rel)
		if e.IsDir() {
			return os.MkdirAll(at, 0o755)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, text, info.Mode())
	})
	if err != nil {
		return err
	}
	versions, err := filepath.Glob(filepath.Join(filepath.Dir(to), filepath.Base(to)+".lifeline", "versions", "v*.duckdb"))
	if err != nil || len(versions) == 0 {
		return errors.Join(err, fmt.Errorf("%s has no version", from))
	}
	return os.Link(slices.Max(versions), to)
}

// onServer runs something in the maintenance database of a server.
func onServer(dsn string, do func(*sql.DB) error) error {
	u, err := url.Parse(dsn)
	if err != nil {
		return err
	}
	u.Path = "/postgres"
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

func databaseOf(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}

func dropDatabase(dsn string) error {
	return onServer(dsn, func(db *sql.DB) error {
		_, err := db.Exec("drop database if exists " + databaseOf(dsn) + " with (force)")
		return err
	})
}

// copyPostgres puts a copy of a database in the place of an empty one.
func copyPostgres(from, to string) error {
	return errors.Join(dropDatabase(to), onServer(to, func(db *sql.DB) error {
		_, err := db.Exec("create database " + databaseOf(to) + " template " + databaseOf(from))
		return err
	}))
}

// execProgram runs the program to its end, whatever its exit code.
func execProgram(ctx context.Context, args ...string) (outcome, error) {
	var out, errs strings.Builder
	c := command(ctx, args...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return outcome{}, err
	}
	return outcome{
		code: c.ProcessState.ExitCode(), out: out.String(), errors: errs.String(),
		processor: c.ProcessState.UserTime() + c.ProcessState.SystemTime(),
	}, nil
}

var samples sync.Map // Options to folder: a sample is made once for all tests.

// sampleFolder gives a folder with a sample's files. Tests that change them copy them first.
func sampleFolder(t *testing.T, o sample.Options) string {
	t.Helper()
	leaveToMakeTest(t)
	made, _ := samples.LoadOrStore(fmt.Sprintf("%+v", o), sync.OnceValues(func() (string, error) {
		dir, err := sharedFolder("csv-")
		if err != nil {
			return "", err
		}
		_, err = sample.Write(context.Background(), o, dir)
		return dir, err
	}))
	dir, err := made.(func() (string, error))()
	require.NoError(t, err)
	return dir
}
