// Command release makes what users install, from one commit, into a folder: archives, Debian packages, a list of all parts (SBOM),
// checksums and their signature. Two clones of one commit give the same bytes, whatever folders they stand in.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// target is what one binary runs on, and the C++ compiler that links it.
type target struct{ os, arch, cc, cxx string }

var targets = []target{
	{"linux", "amd64", "x86_64-linux-gnu-gcc", "x86_64-linux-gnu-g++"},
	{"linux", "arm64", "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"},
}

// release is one run of this command.
type release struct {
	version string
	at      time.Time // Of the commit; the time of every file in archives and packages.
	out     string
	key     string // File of the private SSH key that signs; empty for none.
}

func main() {
	r := release{}
	flag.StringVar(&r.version, "version", "", "version, such as 0.1.0")
	flag.StringVar(&r.out, "out", "dist", "folder for what is made")
	flag.StringVar(&r.key, "key", os.Getenv("LIFELINE_SIGNING_KEY"), "private SSH key that signs the checksums")
	only := flag.String("only", "", "one architecture, such as amd64")
	flag.Parse()
	if err := r.make(*only); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func (r *release) make(only string) error {
	if r.version == "" || flag.NArg() > 0 {
		return errors.New("a version is wanted. Try: make release")
	}
	if err := r.clock(); err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	var made []string
	for _, t := range targets {
		if only != "" && t.arch != only {
			continue
		}
		if _, err := exec.LookPath(t.cxx); err != nil {
			fmt.Fprintf(os.Stderr, "left out %s/%s: there is no %s. Try: apt-get install g++-%s\n", t.os, t.arch, t.cxx,
				strings.TrimSuffix(t.cxx, "-g++"))
			continue
		}
		files, err := r.build(t)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", t.os, t.arch, err)
		}
		made = append(made, files...)
	}
	if len(made) == 0 {
		return errors.New("nothing was built")
	}
	sbom, err := r.sbom()
	if err != nil {
		return fmt.Errorf("list the parts: %w", err)
	}
	fmt.Fprintln(os.Stderr, "left out darwin: its binaries are linked with Apple's SDK, which cannot be had here. Try: make build on a Mac")
	return r.sums(append(made, sbom))
}

// clock takes the commit's time, or SOURCE_DATE_EPOCH where that is set.
func (r *release) clock() error {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return fmt.Errorf("the commit's time: %w", err)
		}
		text = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("the commit's time %q: %w", text, err)
	}
	r.at = time.Unix(seconds, 0).UTC()
	return nil
}

// build makes one target's binary, archive and package.
func (r *release) build(t target) ([]string, error) {
	folder := filepath.Join(r.out, "build", t.os+"-"+t.arch)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	binary := filepath.Join(folder, "lifeline")
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", binary,
		"-ldflags", "-s -w -buildid= -X main.version="+r.version, "./cmd/lifeline")
	c.Env = append(os.Environ(), "CGO_ENABLED=1", "GOOS="+t.os, "GOARCH="+t.arch, "CC="+t.cc, "CXX="+t.cxx, "GOFLAGS=")
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	if err := r.manual(t, folder); err != nil {
		return nil, fmt.Errorf("the manual page: %w", err)
	}
	archive, err := r.archive(t, folder)
	if err != nil {
		return nil, fmt.Errorf("the archive: %w", err)
	}
	deb, err := r.debian(t, folder)
	if err != nil {
		return nil, fmt.Errorf("the Debian package: %w", err)
	}
	return []string{archive, deb}, nil
}
