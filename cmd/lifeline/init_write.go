package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// writtenFile lists what init wrote, with the sums of the files as they were then: what still has its sum nobody has changed since.
const writtenFile = ".written"

// writtenBefore reads the list; it is empty where there is none.
func (c *initCommand) writtenBefore() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(c.Dir, writtenFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look at %s: %w", writtenFile, err)
	}
	sums := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if sum, name, ok := strings.Cut(line, "  "); ok {
			sums[name] = sum
		}
	}
	return sums, nil
}

func sumOfFile(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// secretFiles are for the owner alone, and never replaced.
var secretFiles = []string{".source", ".warehouse", ".masking-key"}

// writeFiles writes what is not there yet. A file that differs is kept, and the difference shown with --update; with --take one that
// nobody has changed since init wrote it is replaced, or removed where init would not write it any more.
func (c *initCommand) writeFiles(g *Globals, files map[string]string, r *initResult) error {
	before, err := c.writtenBefore()
	if err != nil {
		return err
	}
	sums := map[string]string{}
	for _, name := range sortedNames(files) {
		old, err := os.ReadFile(filepath.Join(c.Dir, filepath.FromSlash(name)))
		untouched := err == nil && before[name] == sumOfFile(string(old))
		switch {
		case err == nil && string(old) == files[name]:
			r.Kept = append(r.Kept, name)
			sums[name] = sumOfFile(files[name])
			continue
		case err == nil && strings.HasPrefix(name, "."):
			r.Kept = append(r.Kept, name)
			continue
		case err == nil && untouched && c.Take:
			r.Replaced = append(r.Replaced, name)
		case err == nil:
			r.Differ = append(r.Differ, name)
			sums[name] = before[name]
			if c.Update && !g.JSON {
				printDiff(g.terminal.out, name, string(old), files[name])
			}
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look at %s: %w", name, err)
		default:
			r.Written = append(r.Written, name)
		}
		if err := c.writeFile(name, files[name]); err != nil {
			return err
		}
		sums[name] = sumOfFile(files[name])
	}
	if err := c.leftOver(before, files, sums, r); err != nil || c.DryRun {
		return err
	}
	return c.writeFile(writtenFile, listOf(sums))
}

// listOf is the text of the list, without the secret files.
func listOf(sums map[string]string) string {
	var list strings.Builder
	for _, name := range sortedNames(sums) {
		if sums[name] != "" && !slices.Contains(secretFiles, name) {
			fmt.Fprintf(&list, "%s  %s\n", sums[name], name)
		}
	}
	return list.String()
}

func (c *initCommand) writeFile(name, text string) error {
	if c.DryRun {
		return nil
	}
	mode := os.FileMode(0o644)
	if slices.Contains(secretFiles, name) {
		mode = 0o600
	}
	path := filepath.Join(c.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the project: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		return fmt.Errorf("write the project: %w", err)
	}
	return nil
}

// leftOver finds the files that init wrote and would not write now, such as the model of a table that is gone.
func (c *initCommand) leftOver(before, files, sums map[string]string, r *initResult) error {
	for _, name := range sortedNames(before) {
		if _, made := files[name]; made || name == writtenFile || strings.HasPrefix(name, ".") {
			continue
		}
		path := filepath.Join(c.Dir, filepath.FromSlash(name))
		old, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
		if !c.Take || before[name] != sumOfFile(string(old)) {
			r.LeftOver = append(r.LeftOver, name)
			sums[name] = before[name]
			continue
		}
		r.Removed = append(r.Removed, name)
		if c.DryRun {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

func sortedNames(of map[string]string) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// told says what became of the files, and what is to do.
func (c *initCommand) told(g *Globals, r *initResult) {
	out := g.terminal.out
	verb := "written"
	if c.DryRun {
		verb = "would be written"
	}
	fmt.Fprintf(out, "%d files %s in %s; init.md says why.\n", len(r.Written), verb, c.Dir)
	for _, x := range []struct {
		files []string
		what  string
	}{
		{r.Replaced, "replaced, since nobody had changed them"},
		{r.Removed, "removed, since their tables are gone and nobody had changed them"},
		{r.Differ, "are there and differ; they were left as they are"},
		{r.LeftOver, "were written for what is gone or is no record any more"},
	} {
		if len(x.files) > 0 {
			fmt.Fprintf(out, "%d files %s: %s\n", len(x.files), x.what, strings.Join(x.files, ", "))
		}
	}
	weaker := ""
	if r.Weaker {
		weaker = " --allow-weaker"
	}
	switch {
	case c.DryRun || c.Serve:
	case c.Update && !c.Take && len(r.Differ)+len(r.LeftOver) > 0:
		fmt.Fprintf(out, "Next: take over what differs, for the new files need it. `lifeline init %s --update --take` does it for every file "+
			"that "+
			"nobody has changed, and leaves the others to you.\n", c.Dir)
	default:
		fmt.Fprintf(out, "Next: lifeline run --project %[1]s%[2]s, then lifeline serve --project %[1]s\n", c.Dir, weaker)
	}
}
