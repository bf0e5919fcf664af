package warehouse_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
	"lifeline/warehouse"
	"lifeline/warehouse/warehousetest"
)

// publishNumber lands and publishes one row with a number, and gives what the run had to say.
func publishNumber(t *testing.T, w warehouse.Warehouse, n int) []string {
	t.Helper()
	r := warehousetest.Begin(t, w)
	notices := r.Notices()
	table := warehousetest.Table("t", "id* int32", "s text")
	warehousetest.Land(t, r, noon, []*change.Table{table}, warehousetest.Source{table: {{n, strings.Repeat("x", 100_000)}}})
	b, err := r.Build(t.Context())
	require.NoError(t, err)
	_, err = b.Create(t.Context(), warehouse.Model{Schema: "core", Name: "t", SQL: "select * from staging.t"})
	require.NoError(t, err)
	_, _, err = b.Previous(t.Context(), "core", "t")
	require.NoError(t, err)
	require.NoError(t, b.Publish(t.Context(), warehouse.Publication{Run: r.ID(), AsOf: noon}))
	warehousetest.End(t, r)
	return notices
}

func publishedNumber(t *testing.T, w warehouse.Warehouse) string {
	t.Helper()
	r, err := w.Published(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	return warehousetest.Texts(t, r.DB, "select id from core.t")[0]
}

// A8. A kept version is read whole before it is published again.
func TestADamagedVersionIsNotPublishedAgain(t *testing.T) {
	t.Parallel()
	damages := map[string]func(path string, file []byte) []byte{
		"cut":     func(_ string, file []byte) []byte { return file[:len(file)/2] },
		"emptied": func(string, []byte) []byte { return nil },
		"zeros": func(_ string, file []byte) []byte {
			for i := 3 * 4096; i < len(file); i++ {
				file[i] = 0
			}
			return file
		},
		"a bit": func(_ string, file []byte) []byte {
			at := strings.LastIndex(string(file), "xxxx")
			file[at] ^= 1
			return file
		},
		"another": func(path string, _ []byte) []byte {
			other, err := os.ReadFile(strings.Replace(path, "v1", "v2", 1))
			if err != nil {
				panic(err)
			}
			return other
		},
	}
	p := warehousetest.DuckDB(t)
	w := p.Open(t, warehouse.Options{})
	publishNumber(t, w, 1)
	publishNumber(t, w, 2)
	path := filepath.Join(p.Path+".lifeline", "versions", "v1.duckdb")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, damage := range damages {
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.WriteFile(path, damage(path, append([]byte{}, whole...)), 0o444))
		r := warehousetest.Begin(t, w)
		_, err := r.Rollback(t.Context())
		require.ErrorContains(t, err, "version 1 cannot be published again", name)
		require.NoError(t, r.Close(t.Context()), name)
		require.Equal(t, "2", publishedNumber(t, w), name)
	}
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, whole, 0o444))
	r := warehousetest.Begin(t, w)
	_, err = r.Rollback(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.Close(t.Context()))
	require.Equal(t, "1", publishedNumber(t, w))
}

// A20. A path that is a link stays one, and the file behind it is the warehouse.
func TestAPathThatIsALinkStaysALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "disk"), 0o755))
	link := filepath.Join(dir, "link.duckdb")
	require.NoError(t, os.Symlink("disk/real.duckdb", link))
	w := warehousetest.Place{Engine: "duckdb", DSN: "duckdb:" + link, Path: link}.Open(t, warehouse.Options{})
	for n := range 2 {
		publishNumber(t, w, n+1)
		info, err := os.Lstat(link)
		require.NoError(t, err)
		require.NotZero(t, info.Mode()&os.ModeSymlink)
	}
	require.FileExists(t, filepath.Join(dir, "disk", "real.duckdb"))
	require.DirExists(t, filepath.Join(dir, "disk", "real.duckdb.lifeline"))
	require.NoDirExists(t, link+".lifeline")
	require.Equal(t, "2", publishedNumber(t, w))
	round := filepath.Join(dir, "round")
	require.NoError(t, os.Symlink("round", round))
	_, err := warehouse.Open(t.Context(), warehouse.Options{DSN: "duckdb:" + round})
	require.ErrorContains(t, err, "circle")
}

// A20. Only the published file is for others to read; a folder that an earlier program left open is closed.
func TestRawRowsAreForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	p := warehousetest.DuckDB(t)
	require.NoError(t, os.Mkdir(p.Path+".lifeline", 0o755))
	w := p.Open(t, warehouse.Options{})
	publishNumber(t, w, 1)
	info, err := os.Stat(p.Path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o444), info.Mode().Perm())
	require.NoError(t, filepath.Walk(p.Path+".lifeline", func(path string, info os.FileInfo, err error) error {
		require.NoError(t, err)
		switch {
		case info.IsDir():
			require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), path)
		case strings.Contains(path, "versions"): // The published file itself, in a folder that nobody else enters.
		default:
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)
		}
		return nil
	}))
}

// A20, A21. What somebody took away is told, and the next run publishes again.
func TestWhatWasTakenAwayIsToldAndMadeAnew(t *testing.T) {
	t.Parallel()
	leaveToMakeTest(t)
	cases := []struct {
		name  string
		gone  func(path string) []string
		tells string
	}{
		{"nothing", func(string) []string { return nil }, ""},
		{"the folder", func(path string) []string { return []string{path + ".lifeline"} }, "is gone, and with it history"},
		{"path", func(path string) []string { return []string{path} }, "is back in its place"},
		{"path and versions", func(path string) []string { return []string{path, path + ".lifeline/versions"} }, "is built anew"},
		{"path and landing", func(path string) []string { return []string{path, path + ".lifeline/landing.duckdb"} }, ""},
		{"landing", func(path string) []string { return []string{path + ".lifeline/landing.duckdb"} }, "is gone, and with it history"},
		{"ops", func(path string) []string { return []string{path + ".lifeline/ops.duckdb"} }, ""},
		{"everything", func(path string) []string { return []string{path, path + ".lifeline"} }, ""},
	}
	for _, c := range cases {
		p := warehousetest.DuckDB(t)
		w := p.Open(t, warehouse.Options{})
		publishNumber(t, w, 1)
		for _, path := range c.gone(p.Path) {
			require.NoError(t, os.RemoveAll(path))
		}
		notices := publishNumber(t, w, 2)
		if c.tells == "" {
			require.Empty(t, notices, c.name)
		} else {
			require.Len(t, notices, 1, c.name)
			require.Contains(t, notices[0], c.tells, c.name)
		}
		require.Equal(t, "2", publishedNumber(t, w), c.name)
	}
}

// A22. A rename cannot cross file systems, so a folder on another one is refused with what to do.
func TestAFolderOnAnotherFileSystemIsRefused(t *testing.T) {
	t.Parallel()
	p := warehousetest.DuckDB(t)
	other, err := os.MkdirTemp("/dev/shm", "lifeline-test-")
	var here, there syscall.Stat_t
	if err != nil || syscall.Stat(filepath.Dir(p.Path), &here) != nil || syscall.Stat(other, &there) != nil || here.Dev == there.Dev {
		t.Skip("there is no other file system")
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(other)) })
	require.NoError(t, os.Symlink(other, p.Path+".lifeline"))
	_, err = p.Open(t, warehouse.Options{}).Begin(t.Context(), warehousetest.Me("test"), 0)
	var problem *change.Problem
	require.ErrorAs(t, err, &problem)
	require.ErrorContains(t, err, "on another file system")
	require.NotEmpty(t, problem.Try)
}

// A20. An export that was killed leaves nothing for long, and nobody else's is touched.
func TestAnExportRemovesWhatAKilledOneLeft(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	dead := exec.Command("true")
	require.NoError(t, dead.Run())
	left := filepath.Join(dir, fmt.Sprintf("lifeline-export-%d-1", dead.Process.Pid))
	alive := filepath.Join(dir, fmt.Sprintf("lifeline-export-%d-1", os.Getppid()))
	for _, path := range []string{left, alive} {
		require.NoError(t, os.Mkdir(path, 0o700))
	}
	own, err := warehouse.ExportFolder()
	require.NoError(t, err)
	info, err := os.Stat(own)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.NoDirExists(t, left)
	require.DirExists(t, alive)
}
