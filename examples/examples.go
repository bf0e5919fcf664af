// Package examples carries the shipped projects inside the binary, so that the demo needs no checkout.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// What runs leave beside a project, such as target/, is not part of it.
//
//go:embed carepay/*.yml all:carepay/dashboards all:carepay/lifecycles all:carepay/macros
//go:embed all:carepay/models all:carepay/seeds all:carepay/tests
//go:embed fooddelivery/*.yml all:fooddelivery/dashboards all:fooddelivery/lifecycles all:fooddelivery/macros
//go:embed all:fooddelivery/models all:fooddelivery/seeds all:fooddelivery/tests
var shipped embed.FS

// Extract writes a shipped project into dir, which must not exist or be empty of it: a file that is already there is left as it
// is, so that a user's change to a model survives. It returns the project's folder.
func Extract(name, dir string) (string, error) {
	root := filepath.Join(dir, name)
	err := fs.WalkDir(shipped, name, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(path))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if _, err := os.Stat(target); err == nil {
			return nil
		}
		text, err := shipped.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		return "", fmt.Errorf("write project %s to %s: %w", name, dir, err)
	}
	return root, nil
}
