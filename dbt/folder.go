package dbt

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeline/change"
)

// markFile says of a folder that lifeline wrote it, and what.
const markFile = ".lifeline-export.json"

type written struct {
	Project string            `json:"project"`
	Files   map[string]string `json:"files"` // Path to the digest of what was written.
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Write writes the export into a folder, which is there as a whole or not at all. A folder that something else made, and a file in it that
// somebody changed, is refused; files that lifeline did not write, such as target/, stay.
func (e *Export) Write(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find %s: %w", dir, err)
	}
	before, err := mayReplace(dir)
	if err != nil {
		return err
	}
	next, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-next-*")
	if err != nil {
		return fmt.Errorf("make a folder beside %s: %w", dir, err)
	}
	defer func() { _ = os.RemoveAll(next) }()
	if err := e.fill(next); err != nil {
		return err
	}
	if before == nil {
		_ = os.Remove(dir) // An empty folder.
		return renamed(os.Rename(next, dir))
	}
	return renamed(replace(dir, next, before))
}

func renamed(err error) error {
	if err != nil {
		return fmt.Errorf("put the export in its place: %w", err)
	}
	return nil
}

// mayReplace says what lifeline wrote into a folder before; nil where the folder is empty or not there.
func mayReplace(dir string) (*written, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look into %s: %w", dir, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, markFile))
	if err != nil {
		return nil, &change.Problem{
			Err: fmt.Errorf("%s is not empty, and lifeline did not write it", dir), Class: change.ClassUsage, Try: "--out with another folder",
		}
	}
	var w written
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, markFile), err)
	}
	var changed []string
	for name, sum := range w.Files {
		now, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err == nil && digest(now) != sum {
			changed = append(changed, name)
		}
	}
	if len(changed) > 0 {
		slices.Sort(changed)
		return nil, &change.Problem{
			Err:   fmt.Errorf("%s has changes that lifeline did not write: %s", dir, strings.Join(changed, ", ")),
			Class: change.ClassUsage, Try: "--out with another folder, or take the changes out",
		}
	}
	return &w, nil
}

// fill writes all files below a folder.
func (e *Export) fill(dir string) error {
	w := written{Project: e.project.Name, Files: map[string]string{}}
	for name, text := range e.Files {
		w.Files[name] = digest(text)
		if err := writeFile(dir, name, text); err != nil {
			return err
		}
	}
	mark, err := json.MarshalIndent(w, "", " ")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return fmt.Errorf("open the export to readers: %w", err)
	}
	return writeFile(dir, markFile, append(mark, '\n'))
}

func writeFile(dir, name string, text []byte) error {
	at := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", name, err)
	}
	if err := os.WriteFile(at, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// replace puts a finished folder in the place of one that lifeline wrote before, with the files there that are not lifeline's.
func replace(dir, next string, before *written) error {
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		if _, own := before.Files[filepath.ToSlash(name)]; own || name == markFile {
			return nil
		}
		to := filepath.Join(next, name)
		if _, err := os.Lstat(to); err == nil {
			return fmt.Errorf("%s is not lifeline's, and the export has a file of that name", at)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.Link(at, to)
	})
	if err != nil {
		return err
	}
	old := next + "-old"
	if err := os.Rename(dir, old); err != nil {
		return err
	}
	if err := os.Rename(next, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	return os.RemoveAll(old)
}
