//go:build unix

// Package servertest keeps the tests of several packages, which run beside each other, apart on a MySQL server that they share: who changes
// its settings is alone on it.
package servertest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Share holds the settings of the server at an address as they are until the test ends.
func Share(tb testing.TB, address string) {
	tb.Helper()
	lock(tb, address, syscall.LOCK_SH)
}

// Alone waits until no other test shares the server at an address, and holds others off until the test ends.
func Alone(tb testing.TB, address string) {
	tb.Helper()
	lock(tb, address, syscall.LOCK_EX)
}

func lock(tb testing.TB, address string, how int) {
	tb.Helper()
	u, err := url.Parse(address)
	require.NoError(tb, err)
	name := fnv.New64a()
	_, _ = name.Write([]byte(u.Host)) // It never fails.
	f, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("lifeline-tests-%x.lock", name.Sum64())), os.O_CREATE|os.O_RDWR, 0o666)
	require.NoError(tb, err)
	for err = syscall.Flock(int(f.Fd()), how); errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), how)
	}
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = f.Close() }) // Which ends the lock, as the end of the process does.
}
