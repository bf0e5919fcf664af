package semantic

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const scratchPrefix = "lifeline-"

// held keeps the locks of this process's folders; they are let go of when it ends, however it ends.
var held struct {
	sync.Mutex
	swept bool
	locks map[string]*os.File
}

// ScratchDir makes a folder that only this user can read, for data on its way to a reader. What processes that were killed left behind is
// removed first.
func ScratchDir(what string) (string, error) {
	held.Lock()
	defer held.Unlock()
	if !held.swept {
		held.swept = true
		SweepScratch()
	}
	dir, err := os.MkdirTemp("", scratchPrefix+what+"-")
	if err != nil {
		return "", fmt.Errorf("make room for answers: %w", err)
	}
	lock, err := lockFolder(dir, os.O_CREATE)
	if err != nil {
		return "", errors.Join(fmt.Errorf("make room for answers: %w", err), os.RemoveAll(dir))
	}
	if held.locks == nil {
		held.locks = map[string]*os.File{}
	}
	for old, f := range held.locks {
		if _, err := os.Stat(old); errors.Is(err, os.ErrNotExist) {
			_ = f.Close()
			delete(held.locks, old)
		}
	}
	held.locks[dir] = lock
	return dir, nil
}

func lockFolder(dir string, more int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|more, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// SweepScratch removes folders whose process has ended: nobody holds their lock.
func SweepScratch() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"sql-*"))
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() {
			continue
		}
		lock, err := lockFolder(dir, 0)
		if err != nil {
			continue // It is in use, somebody else's, or not such a folder.
		}
		if time.Since(info.ModTime()) > time.Minute {
			_ = os.RemoveAll(dir)
		}
		_ = lock.Close()
	}
}
