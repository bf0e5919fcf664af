package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// sbom lists every Go module of the binary and every npm package that the pages were made with, as CycloneDX.
func (r *release) sbom() (string, error) {
	modules, err := goModules()
	if err != nil {
		return "", err
	}
	packages, err := npmPackages("web/package-lock.json")
	if err != nil {
		return "", err
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: r.at.Format("2006-01-02T15:04:05Z"),
		Component: &cyclonedx.Component{Type: cyclonedx.ComponentTypeApplication, Name: "lifeline", Version: r.version},
	}
	all := append(modules, packages...)
	bom.Components = &all
	var text bytes.Buffer
	e := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON)
	if err := e.SetPretty(true).Encode(bom); err != nil {
		return "", err
	}
	path := filepath.Join(r.out, "lifeline_"+r.version+".cdx.json")
	return path, os.WriteFile(path, text.Bytes(), 0o644)
}

// goModules asks go which modules the program's packages come from.
func goModules() ([]cyclonedx.Component, error) {
	c := exec.Command("go", "list", "-deps", "-json=Module", "./cmd/lifeline")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, err
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var list []cyclonedx.Component
	d := json.NewDecoder(bytes.NewReader(out))
	for {
		var p struct {
			Module *struct {
				Path, Version string
				Main          bool
			}
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module == nil || p.Module.Main || seen[p.Module.Path] {
			continue
		}
		seen[p.Module.Path] = true
		at := p.Module.Path + "@" + p.Module.Version
		if !bytes.Contains(sums, []byte(p.Module.Path+" "+p.Module.Version+" h1:")) {
			return nil, fmt.Errorf("go.sum does not hold %s", at)
		}
		list = append(list, component("pkg:golang/"+at, p.Module.Path, p.Module.Version))
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

// npmPackages reads npm's lock file, which names all that was installed to build and test the pages.
func npmPackages(path string) ([]cyclonedx.Component, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct {
			Version string
			Dev     bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var list []cyclonedx.Component
	for at, p := range lock.Packages {
		_, name, found := strings.Cut(at, "node_modules/")
		if !found {
			continue
		}
		if i := strings.LastIndex(name, "node_modules/"); i >= 0 {
			name = name[i+len("node_modules/"):]
		}
		c := component("pkg:npm/"+strings.Replace(name, "@", "%40", 1)+"@"+p.Version, name, p.Version)
		if p.Dev { // It made the pages and is not in them.
			c.Scope = cyclonedx.ScopeExcluded
		}
		c.BOMRef = c.PackageURL + "#" + at
		list = append(list, c)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].BOMRef < list[j].BOMRef })
	return list, nil
}

func component(url, name, version string) cyclonedx.Component {
	return cyclonedx.Component{
		BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: name, Version: version, PackageURL: url, Scope: cyclonedx.ScopeRequired,
	}
}

// sums writes SHA256SUMS over all files, and its signature where a key is given.
func (r *release) sums(files []string) error {
	sort.Strings(files)
	var text strings.Builder
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(&text, "%s  %s\n", hex.EncodeToString(sum[:]), filepath.Base(f))
	}
	path := filepath.Join(r.out, "SHA256SUMS")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		return err
	}
	fmt.Print(text.String())
	if r.key == "" {
		fmt.Fprintln(os.Stderr, "not signed: no key is given. Try: LIFELINE_SIGNING_KEY=~/.ssh/release make release")
		return nil
	}
	c := exec.Command("ssh-keygen", "-q", "-Y", "sign", "-n", "lifeline", "-f", r.key, path)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("sign with ssh-keygen: %w", err)
	}
	return nil
}
