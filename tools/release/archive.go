package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
)

// manual writes the manual page, which the program itself prints; one for another machine cannot be asked.
func (r *release) manual(t target, folder string) error {
	c := exec.Command(filepath.Join(folder, "lifeline"), "man")
	if t.os != runtime.GOOS || t.arch != runtime.GOARCH {
		c = exec.Command("go", "run", "-ldflags", "-X main.version="+r.version, "./cmd/lifeline", "man")
	}
	c.Stderr = os.Stderr
	page, err := c.Output()
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(page); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "lifeline.1.gz"), packed.Bytes(), 0o644)
}

// archive packs the binary with what people read and the units, as root's files of the commit's time.
func (r *release) archive(t target, folder string) (string, error) {
	name := "lifeline_" + r.version + "_" + t.os + "_" + t.arch
	path := filepath.Join(r.out, name+".tar.gz")
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	z := gzip.NewWriter(file)
	w := tar.NewWriter(z)
	add := func(from, to string, mode int64) error {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: name + "/" + to, Mode: mode, Size: int64(len(text)), ModTime: r.at, Format: tar.FormatPAX}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	err = add(filepath.Join(folder, "lifeline"), "lifeline", 0o755)
	for _, f := range []string{"README.md", "LICENSE", "CHANGELOG.md"} {
		if err == nil {
			err = add(f, f, 0o644)
		}
	}
	if err == nil {
		err = add(filepath.Join(folder, "lifeline.1.gz"), "man/lifeline.1.gz", 0o644)
	}
	for _, tree := range [][2]string{
		{"cmd/lifeline/completions", "completions"},
		{"packaging/systemd", "systemd"},
		{"examples/carepay", "examples/carepay"},
		{"examples/fooddelivery", "examples/fooddelivery"},
	} {
		if err == nil {
			err = filepath.WalkDir(tree[0], func(p string, d fs.DirEntry, err error) error { // In the order of names.
				if err != nil || d.IsDir() {
					return err
				}
				return add(p, tree[1]+strings.TrimPrefix(filepath.ToSlash(p), tree[0]), 0o644)
			})
		}
	}
	for _, c := range []interface{ Close() error }{w, z, file} {
		if e := c.Close(); err == nil {
			err = e
		}
	}
	return path, err
}

// debian packs the Debian package that packaging/deb/nfpm.yaml describes.
func (r *release) debian(t target, folder string) (string, error) {
	values := map[string]string{"ARCH": t.arch, "VERSION": r.version, "OUT": folder}
	config, err := nfpm.ParseFileWithEnvMapping("packaging/deb/nfpm.yaml", func(name string) string { return values[name] })
	if err != nil {
		return "", err
	}
	info, err := config.Get("deb")
	if err != nil {
		return "", err
	}
	info = nfpm.WithDefaults(info)
	info.MTime = r.at
	for _, c := range info.Contents {
		if c.FileInfo != nil {
			c.FileInfo.MTime = r.at
		}
	}
	path := filepath.Join(r.out, deb.Default.ConventionalFileName(info))
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	err = deb.Default.Package(info, file)
	if e := file.Close(); err == nil {
		err = e
	}
	return path, err
}
