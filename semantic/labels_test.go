package semantic_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/semantic"
)

// A label is the text that was written, whatever it begins with: sources have states such as "? No show" and "- None".
func TestLabelsComeAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	labels := []string{
		"? No show", "- None", "> Checked out", "< In exam room", "# Ins/fin issue", "% Canceled < 24h", "@ Arrived", "! Left", "? ", "-",
		"a: b", "| x", "* x", "& x", `' x`, `" x`, "[x", "{x}", ", x", "yes", "1", "1e3", "0x1", "~", "null", "2024-01-02", " lead ", "Ünïcode ✓",
	}
	text := "states:\n"
	for i, label := range labels {
		quoted, err := json.Marshal(label)
		require.NoError(t, err)
		text += fmt.Sprintf("  s%d: {label: %s, tone: bad}\n", i, quoted)
	}
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "dashboards"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dashboards", "model.yml"), []byte(text), 0o644))
	d, err := semantic.ReadDefinition(dir)
	require.NoError(t, err)
	var got []string
	for _, s := range d.Model.StateInfos() {
		got = append(got, s.Label)
	}
	require.Equal(t, strings.Join(labels, "\n"), strings.Join(got, "\n"))
}
