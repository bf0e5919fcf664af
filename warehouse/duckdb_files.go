package warehouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lifeline/change"
)

// duckPaths are the files of one warehouse. Readers meet published and ops only, and both only ever appear by a rename.
type duckPaths struct {
	published string // The published version, mode 0444: a hard link to its file in versions.
	folder    string // published + ".lifeline".
	landing   string // staging, history, ops and quarantine; held by a run or back-up, opened for a moment by OpenStaging.
	ops       string // A copy of ops and quarantine, as the last finished run left them.
	versions  string // The folder of kept versions.
	temp      string // Where the engine spills to; nothing in it outlives a run.
	lock      string // Locked by the run that holds the warehouse; says who.
	mode      os.FileMode
	looks     string // Locked, shared, by those who look at the landing file, and by a run that writes it.
}

func duckPathsOf(path string) duckPaths {
	folder := path + ".lifeline"
	return duckPaths{
		published: path, folder: folder,
		landing:  filepath.Join(folder, "landing.duckdb"),
		ops:      filepath.Join(folder, "ops.duckdb"),
		versions: filepath.Join(folder, "versions"),
		temp:     filepath.Join(folder, "tmp"),
		lock:     filepath.Join(folder, "lock"),
		looks:    filepath.Join(folder, "looks"),
		mode:     publishedMode,
	}
}

// LandingFile is the file that staging and history of a DuckDB warehouse are in, for programs that read it while no run holds it.
func LandingFile(path string) string { return duckPathsOf(path).landing }

// version is the file of a finished version.
func (p duckPaths) version(id int64) string {
	return filepath.Join(p.versions, fmt.Sprintf("v%d.duckdb", id))
}

// building is the file of a version under construction; the other name keeps a torn one from ever being taken for a whole one.
func (p duckPaths) building(id int64) string {
	return filepath.Join(p.versions, fmt.Sprintf("v%d.building", id))
}

// make creates the folders.
func (p duckPaths) make() error {
	for _, dir := range []string{p.folder, p.versions, p.temp} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return duckProblem("make the warehouse's folder", err)
		}
		// They hold raw rows, also where an earlier program made them for everybody to read.
		if err := os.Chmod(dir, 0o700); err != nil {
			return duckProblem("close the warehouse's folder to others", err)
		}
	}
	return p.oneFileSystem()
}

// finished lists the numbers of the version files that are whole.
func (p duckPaths) finished() (map[int64]bool, error) {
	entries, err := os.ReadDir(p.versions)
	if err != nil {
		return nil, duckProblem("list the kept versions", err)
	}
	found := map[int64]bool{}
	for _, e := range entries {
		number, isVersion := strings.CutSuffix(strings.TrimPrefix(e.Name(), "v"), ".duckdb")
		if id, err := strconv.ParseInt(number, 10, 64); isVersion && err == nil {
			found[id] = true
		}
	}
	return found, nil
}

// sweep removes what a killed run left: versions under construction, spilled data, links and copies not yet in place.
func (p duckPaths) sweep() error {
	var left []string
	for _, pattern := range []string{filepath.Join(p.versions, "*.building*"), filepath.Join(p.folder, "*.next*")} {
		// The folder's own name may hold characters that mean something in a pattern, so only base names are matched.
		entries, err := os.ReadDir(filepath.Dir(pattern))
		if err != nil {
			return duckProblem("look for left-over files", err)
		}
		for _, e := range entries {
			if match, _ := filepath.Match(filepath.Base(pattern), e.Name()); match {
				left = append(left, filepath.Join(filepath.Dir(pattern), e.Name()))
			}
		}
	}
	for _, path := range append(left, p.temp) {
		if err := os.RemoveAll(path); err != nil {
			return duckProblem("remove a left-over file", err)
		}
	}
	return p.make()
}

// publishedMode lets every client read the published file, and privateMode nobody else what holds raw rows.
const (
	publishedMode = 0o444
	privateMode   = 0o600
)

// seal makes a finished database file durable and unwritable.
func seal(path string, mode os.FileMode) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return f.Sync()
}

// syncFolder makes renames in a folder durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return f.Sync()
}

// move renames from to to and makes that durable.
func move(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// copyFile copies a file, durable and unwritable.
func copyFile(from, to string) error { return copyAs(from, to, publishedMode) }

// copyAs copies a file, durable, and gives the copy a mode.
func copyAs(from, to string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	if err := out.Close(); err != nil {
		return err
	}
	return seal(to, mode)
}

// hold takes the exclusive lock. The kernel frees it when the holder dies, so a killed run never blocks the next.
func (p duckPaths) hold(ctx context.Context, who Holder, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(p.lock, os.O_RDWR|os.O_CREATE, privateMode)
	if err != nil {
		return nil, duckProblem("open the warehouse's lock", err)
	}
	if err := p.flock(ctx, f, syscall.LOCK_EX, wait, 50*time.Millisecond); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, sign(f, who)
}

// flock locks a file, shared or exclusive, and tries anew at each interval. Where it cannot within wait, it gives a *HeldError with the run
// that holds the warehouse, as far as that is known.
func (p duckPaths) flock(ctx context.Context, f *os.File, how int, wait, interval time.Duration) error {
	deadline := time.Now().Add(wait)
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return duckProblem("lock "+f.Name(), err)
		}
		if !time.Now().Before(deadline) {
			held := &HeldError{}
			// The holder may be writing its name just now; then the error goes without it.
			if text, err := os.ReadFile(p.lock); err == nil {
				_ = json.Unmarshal(text, &held.By)
			}
			return held
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(interval, time.Until(deadline))):
		}
	}
}

// letGo frees the lock. Closing alone would not always do: a child process that is being started holds a copy of the file for a moment,
// and the lock lives as long as any copy does, unless it is given up by name.
func letGo(lock *os.File) error {
	return errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_UN), lock.Close())
}

// sign writes who holds the lock into its file.
func sign(f *os.File, who Holder) error {
	text, err := json.Marshal(who)
	if err != nil {
		return fmt.Errorf("name the warehouse's holder: %w", err)
	}
	if err := f.Truncate(0); err != nil {
		return duckProblem("name the warehouse's holder", err)
	}
	if _, err := f.WriteAt(text, 0); err != nil {
		return duckProblem("name the warehouse's holder", err)
	}
	return nil
}

// duckHints say what to do about an error of the engine or the file system, by what it says.
var duckHints = []struct{ says, try string }{
	{"no space left on device", "free space on the warehouse's disk, then run again"},
	{"file too large", "a file system, or a limit of the process (ulimit -f), that allows larger files"},
	{"disk quota exceeded", "free space or raise the quota, then run again"},
	{"permission denied", "give this user the right to read and write the warehouse's file, its folder PATH.lifeline and the folder they " +
		"are in"},
	{"not a directory", "a warehouse path whose folder is there and is a folder"},
	{"is a directory", "another path, or move that folder away"},
	{"read-only file system", "a warehouse path on a disk that can be written"},
	{"not a valid duckdb database file", "restore the file, or move it and its folder PATH.lifeline away and run again"},
	{"corrupt", "restore the file, or move it away and run again: the next run reads everything from the source"},
	{"checksum", "restore the file, or move it away and run again: the next run reads everything from the source"},
	{"could not set lock on file", "end the program that has the file open for writing; readers must open it read-only"},
	{"out of memory", "a higher warehouse.memory_limit"},
}

// duckProblem wraps an error of the engine or the file system, with a hint where there is one.
func duckProblem(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		if err == nil {
			return nil
		}
		return fmt.Errorf("%s: %w", doing, err)
	}
	wrapped := fmt.Errorf("%s: %w", doing, err)
	var known *change.Problem
	if errors.As(err, &known) {
		return wrapped
	}
	text := strings.ToLower(err.Error())
	for _, h := range duckHints {
		if strings.Contains(text, h.says) {
			return &change.Problem{Err: wrapped, Try: h.try, Class: change.ClassError}
		}
	}
	return wrapped
}
