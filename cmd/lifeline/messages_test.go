package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// commandLine is the whole command line as its parser knows it: every command's path, every flag's name.
func commandLine(t *testing.T) (paths, flags []string) {
	t.Helper()
	var cli commands
	k, err := kong.New(&cli, helpWords)
	require.NoError(t, err)
	var walk func(n *kong.Node, path string)
	walk = func(n *kong.Node, path string) {
		for _, f := range n.Flags {
			flags = append(flags, f.Name)
		}
		for _, c := range n.Children {
			at := strings.TrimSpace(path + " " + c.Name)
			paths = append(paths, at)
			walk(c, at)
		}
	}
	walk(k.Model.Node, "")
	return paths, flags
}

// literals are all texts of the program, each with its place.
func literals(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files := token.NewFileSet()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "node_modules", "web", "tools", "testdata"}, d.Name()) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, err := strconv.Unquote(l.Value)
				require.NoError(t, err)
				out[files.Position(l.Pos()).String()] = text
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(out), 1000)
	return out
}

var (
	flagWord    = regexp.MustCompile("(?:^|[\\s(\\[`\"',])--([a-z][a-z0-9-]*)")
	commandWord = regexp.MustCompile("(?:^|[\\s`\"'(:])lifeline ([a-z]+(?: [a-z]+)?)")
	comment     = regexp.MustCompile(`(?m)^\s*-- .*$`)
)

// Other programs' flags that our texts name.
var foreignFlags = []string{"user", "datadir", "single-transaction", "git", "single-process", "profiles-dir"}

// Words that follow the program's name in a sentence.
var sentences = regexp.MustCompile(`^(is|has|needs|does|knows|made|writes|keeps|reads|cannot|can|in|of|and|` +
	`holds|was|wrote|did|with|on|for|to|project|warehouse|version|takes)\b`)

// What a message tells people to type is there: every flag and every command in a text of the program exists.
func TestMessagesNameFlagsAndCommandsThatExist(t *testing.T) {
	t.Parallel()
	paths, flags := commandLine(t)
	found := 0
	for place, text := range literals(t) {
		text = comment.ReplaceAllString(text, "")
		for _, m := range flagWord.FindAllStringSubmatch(text, -1) {
			found++
			if !slices.Contains(flags, m[1]) && !slices.Contains(foreignFlags, m[1]) && !startsServer(place) {
				t.Errorf("%s: there is no flag --%s: %q", place, m[1], text)
			}
		}
		for _, m := range commandWord.FindAllStringSubmatch(text, -1) {
			first, _, _ := strings.Cut(m[1], " ")
			// A table: export TABLE is export's default.
			if strings.HasPrefix(m[1], "export ") && strings.Contains(text, m[0]+".") {
				m[1] = first
			}
			if sentences.MatchString(m[1]) || strings.Contains(place, "/warehouse/") && text == m[0] { // The name of a session.
				continue
			}
			found++
			isGroup := slices.ContainsFunc(paths, func(p string) bool { return strings.HasPrefix(p, first+" ") })
			if !slices.Contains(paths, first) || isGroup && m[1] != first && !slices.Contains(paths, m[1]) {
				t.Errorf("%s: there is no command %q: %q", place, m[1], text)
			}
		}
	}
	require.Greater(t, found, 100, "the texts were read")
}

// startsServer tells whether a text is in a file that starts a database's own programs, whose flags are theirs.
func startsServer(place string) bool {
	return slices.ContainsFunc([]string{"warehouse/postgres_backup.go", "cmd/lifeline/demo_server.go", "scripts/"}, func(part string) bool {
		return strings.Contains(place, part)
	})
}

// Every flag has an effect: the field that it fills is read somewhere (promise 11).
func TestEveryFlagIsRead(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				read[s.Sel.Name] = true
			}
			return true
		})
	}
	seen := 0
	var walk func(s reflect.Type)
	walk = func(s reflect.Type) {
		for i := range s.NumField() {
			f := s.Field(i)
			_, isCommand := f.Tag.Lookup("cmd")
			switch {
			case f.Type.Kind() == reflect.Struct && (f.Anonymous || isCommand):
				walk(f.Type)
			case f.IsExported() && f.Tag.Get("kong") != "-":
				seen++
				require.True(t, read[f.Name], "%s.%s is filled by a flag and never read", s.Name(), f.Name)
			}
		}
	}
	walk(reflect.TypeFor[commands]())
	require.Greater(t, seen, 40)
}
