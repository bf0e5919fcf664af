package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// The built front end: make puts it into dist, which is not committed; dist.txt is, so that there is something to embed without it.
//
//go:embed all:dist*
var built embed.FS

// Built is the front end that was built into this program; nil where there is none.
func Built() fs.FS {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil
	}
	if _, err := fs.Stat(dist, "index.html"); err != nil {
		return nil
	}
	return dist
}

// asset is one file, kept plain and compressed.
type asset struct {
	kind  string
	tag   string
	plain []byte
	gzip  []byte
	fixed bool // Its name changes with its content, so browsers may keep it.
}

// static serves the front end; every path without a file is a page of it.
type static struct {
	assets map[string]*asset
	index  *asset
}

var hashed = regexp.MustCompile(`[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$`)

func newStatic(pages fs.FS) (*static, error) {
	s := &static{assets: map[string]*asset{}}
	if pages == nil {
		s.index = newAsset("index.html", []byte(notBuilt))
		return s, nil
	}
	err := fs.WalkDir(pages, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(pages, name)
		if err != nil {
			return err
		}
		s.assets["/"+name] = newAsset(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the built pages: %w", err)
	}
	if s.index = s.assets["/index.html"]; s.index == nil {
		return nil, errors.New("the built pages have no index.html")
	}
	return s, nil
}

func newAsset(name string, body []byte) *asset {
	sum := sha256.Sum256(body)
	a := &asset{plain: body, tag: `"` + hex.EncodeToString(sum[:8]) + `"`, kind: mime.TypeByExtension(path.Ext(name))}
	// The system's own table of types may be missing or wrong.
	for ext, kind := range map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
		".woff2": "font/woff2", ".json": "application/json", ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8",
		".png": "image/png",
	} {
		if path.Ext(name) == ext {
			a.kind = kind
		}
	}
	a.fixed = strings.HasPrefix(name, "assets/") && hashed.MatchString(name)
	if path.Ext(name) != ".woff2" && path.Ext(name) != ".png" {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = z.Write(body)
		if z.Close() == nil && b.Len() < len(body) {
			a.gzip = b.Bytes()
		}
	}
	return a
}

func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "read only", http.StatusMethodNotAllowed)
		return
	}
	a := s.assets[r.URL.Path]
	if a == nil {
		// A page's path may hold names with dots (schema.table); only files of the assets' folder are missed as files.
		if strings.HasPrefix(r.URL.Path, "/assets/") || r.URL.Path == "/favicon.ico" || r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		a = s.index
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("ETag", a.tag)
	h.Add("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "private, no-cache")
	if a.fixed {
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	if matches(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if a.gzip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// notBuilt is the page of a program without a front end.
const notBuilt = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Lifeline</title></head>
<body>
<h1>The pages are not in this program</h1>
<p>It was built without the front end. <code>make build</code> builds both; <code>npm</code> is needed for it.</p>
<p>The API is here all the same: <a href="/api/v1/meta">/api/v1/meta</a>, <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</body>
</html>
`
