package source

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
)

// A server that takes encrypted connections only says so with an error of its own, which cannot be made without changing all of it.
func TestAServerThatWantsTLSIsTold(t *testing.T) {
	t.Parallel()
	var p *change.Problem
	require.ErrorAs(t, address{}.explain("connect", errors.New("handleAuthResult: ERROR 3159 (HY000): Connections using insecure transport "+
		"are prohibited while --require_secure_transport=ON.")), &p)
	require.Equal(t, change.ClassUsage, p.Class)
	require.Contains(t, p.Try, "?tls=required")
}
