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

func TestWhatATypeCannotHoldIsNotCounted(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "claims.csv")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, c := range []struct{ old, bad string }{
		{"10,Approved,", "10,Approved\x00,"},
		{"4,40,9.0000,", "4,40,100000000.0000,"},
		{"4,40,2.0000,", "4,40,100000000.0001,"},
		{"0.2500", "1000000000000000.0000"},
		{"4,40,1.0000,", "4,40,abc,"},
		{"19,Submitted,Benefit,NULL,NULL,4,40,0.0000,", "19,Submitted,Benefit,NULL,NULL,4,40,NULL,"},
	} {
		require.Equal(t, 1, strings.Count(string(text), c.old), c.old)
		text = []byte(strings.Replace(string(text), c.old, c.bad, 1))
	}
	require.NoError(t, os.WriteFile(path, text, 0o644))
	end := time.Date(2019, 11, 25, 21, 0, 0, 0, time.UTC)
	tables, err := oracle.Compute(dir, end, end)
	require.NoError(t, err)
	claims := tables["core.claims"]
	ten := row(t, claims, "10")
	require.Equal(t, "Approved", ten["status_raw"], "a NUL byte is not part of a text")
	require.Equal(t, "approved", ten["status"])
	require.Equal(t, "source", ten["status_basis"])
	// One digit more than a decimal(19,4) has, no number, and more than is believed: the row is quarantined, not counted as nothing.
	require.Equal(t, []string{"10", "15", "18", "19"}, keys(claims))
	require.Equal(t, "100000000.0000", row(t, claims, "15")["amount"])
	require.Equal(t, "missing", row(t, claims, "19")["amount_basis"])
	require.NotContains(t, row(t, claims, "19"), "amount")
}
