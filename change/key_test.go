package change_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/change"
)

// F36. A row in quarantine is found by its key as it is kept, as JSON, by the rules of CSV and by the digits of its bytes.
func TestAKeyIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for kept, written := range map[string][]string{
		`["é","5"]`:            {`["é","5"]`, `["é", 5]`, `é,5`, `"é",5`, `é, 5`},
		`["a,b","1"]`:          {`"a,b",1`, `["a,b",1]`},
		`["x",null]`:           {`x,`, `["x",null]`},
		`["say \"no\"","<&>"]`: {`"say ""no""",<&>`, `["say \"no\"","<&>"]`},
		`12`:                   {`12`, `[12]`},
		`a,b`:                  {`a,b`, `"a,b"`, `["a,b"]`},
		`\x005cff`:             {`\x005cff`, `0x005cff`, `x'005CFF'`, `\x005CFF`},
		`["\\x00ff","1"]`:      {`0x00ff,1`, `["0x00ff",1]`},
	} {
		for _, w := range written {
			require.Contains(t, change.KeySpellings(w), kept, w)
		}
	}
}

func TestAKeyOfSeveralColumnsIsReadByTheRulesOfCSVOrAsJSON(t *testing.T) {
	t.Parallel()
	text := func(values ...string) []*string {
		out := make([]*string, len(values))
		for i := range values {
			if values[i] != "null" {
				out[i] = &values[i]
			}
		}
		return out
	}
	for written, want := range map[string][]*string{
		`x,y`: text("x", "y"), `"x,y",1`: text("x,y", "1"), `["x,y",1]`: text("x,y", "1"), `x,`: text("x", "null"), `["",null]`: text("", "null"),
	} {
		got, err := change.ParseKey(written, 2)
		require.NoError(t, err, written)
		require.Equal(t, want, got, written)
	}
	for _, written := range []string{`x`, `x,y,1`, `["x"]`, `"x`} {
		_, err := change.ParseKey(written, 2)
		require.ErrorContains(t, err, "not a key of 2 values", written)
	}
	got, err := change.ParseKey("x, y", 1)
	require.NoError(t, err)
	require.Equal(t, text("x, y"), got)
}
