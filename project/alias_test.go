package project

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAliasesAndMergeKeysAreResolved(t *testing.T) {
	t.Parallel()
	text := "\ufeffbase: &base {a: 1, b: [x, y]}\nlist: &list\n  - one\n  - {two: *base}\n" +
		"again: *list\nmerged:\n  b: own\n  <<: *base\nseveral:\n  <<: [{c: 3, a: 0}, *base]\nin: [*base, &late z, *late]\n"
	o, err := parseYAML("x.yml", []byte(text))
	require.NoError(t, err)
	get := func(name string) any {
		v, ok := o.Take(name)
		require.True(t, ok)
		x, err := v.Any()
		require.NoError(t, err)
		return x
	}
	base := map[string]any{"a": int64(1), "b": []any{"x", "y"}}
	require.Equal(t, []any{"one", map[string]any{"two": base}}, get("again"))
	require.Equal(t, map[string]any{"a": int64(1), "b": "own"}, get("merged"))
	require.Equal(t, map[string]any{"a": int64(0), "b": []any{"x", "y"}, "c": int64(3)}, get("several"))
	require.Equal(t, []any{base, "z", "z"}, get("in"))
}

func TestABrokenAliasNamesItsPlace(t *testing.T) {
	t.Parallel()
	f := func(text, says string) {
		t.Helper()
		_, err := parseYAML("x.yml", []byte(text))
		require.ErrorContains(t, err, says)
	}
	f("a: *none\n", "alias")
	f("a: &x 1\nb:\n  <<: *x\n", "only mappings can be merged")
	var bomb strings.Builder
	bomb.WriteString("l0: &l0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := 1; i < 10; i++ {
		prev := string(rune('0' + i - 1))
		bomb.WriteString("l" + string(rune('0'+i)) + ": &l" + string(rune('0'+i)) + " [" + strings.Repeat("*l"+prev+", ", 10) + "]\n")
	}
	f(bomb.String(), "too much")
}
