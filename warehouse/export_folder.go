package warehouse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const exportPrefix = "lifeline-export-"

// ExportFolder makes a folder for the files of one export, which only this user can read. The process is in its name, so that what a
// killed one left is removed by the next that exports.
func ExportFolder() (string, error) {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), exportPrefix+"*"))
	if err != nil {
		return "", fmt.Errorf("look for exports that were left: %w", err)
	}
	for _, dir := range left {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), exportPrefix), "-")
		// A folder of another user, or of a process that may live, is left alone.
		if pid, err := strconv.Atoi(number); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
	return os.MkdirTemp("", fmt.Sprintf("%s%d-", exportPrefix, os.Getpid()))
}
