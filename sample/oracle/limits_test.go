package oracle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lifeline/sample/oracle"
)

func TestWhatATypeCannotHoldIsNone(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "claims.csv")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for old, bad := range map[string]string{
		"10,Approved,": "10,Approved\x00,", "100.5000": "1000000000000000.0000", "0.2500": "999999999999999.9999", "-1.0000": "abc",
	} {
		require.Contains(t, string(text), old)
		text = []byte(strings.Replace(string(text), old, bad, 1))
	}
	require.NoError(t, os.WriteFile(path, text, 0o644))
	end := time.Date(2019, 11, 25, 21, 0, 0, 0, time.UTC)
	tables, err := oracle.Compute(dir, end, end)
	require.NoError(t, err)
	claims := tables["core.claims"]
	ten := row(t, claims, "10")
	require.Equal(t, "Approved", ten["status_raw"], "a NUL byte is no part of a text")
	require.Equal(t, "approved", ten["status"])
	require.Equal(t, "source", ten["status_basis"])
	require.Equal(t, "missing", ten["amount_basis"], "one digit more than a decimal(19,4) has")
	require.NotContains(t, ten, "amount")
	require.Equal(t, "999999999999999.9999", row(t, claims, "11")["amount"])
	require.NotContains(t, row(t, claims, "12"), "amount")
}
