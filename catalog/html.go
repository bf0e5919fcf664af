package catalog

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed pages
var pages embed.FS

var page = template.Must(template.New("").Funcs(template.FuncMap{
	"file": fileOf, "grain": grainText, "kind": kindText,
	"bare": func(t *Table) string { return t.Name[strings.IndexByte(t.Name, '.')+1:] },
}).ParseFS(pages, "pages/page.html"))

var notFile = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)

func fileOf(t *Table) string { return notFile.ReplaceAllString(t.Name, "_") + ".html" }

// view is what a page shows.
type view struct {
	*Catalog

	Title      string
	Table      *Table // nil on the first page.
	Groups     []group
	Missing    []string
	Of         int
	Documented string
}

// HTML writes the pages into a folder, which is made where it is not there: index.html, a page a table and one style sheet. They ask
// nothing of any other server and run no script. It returns how many files it wrote.
func (c *Catalog) HTML(dir string) (int, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fmt.Errorf("make the folder of the pages: %w", err)
	}
	style, err := pages.ReadFile("pages/style.css")
	if err != nil {
		return 0, fmt.Errorf("read the style sheet: %w", err)
	}
	v := view{Catalog: c, Title: c.Project, Groups: c.groups()}
	v.Missing, v.Of = c.Undocumented()
	v.Documented = documented(len(v.Missing))
	files := map[string][]byte{"style.css": style}
	if files["index.html"], err = render("index", v); err != nil {
		return 0, err
	}
	for _, t := range c.Tables {
		v.Table, v.Title = t, t.Name+" · "+c.Project
		if files[fileOf(t)], err = render("table", v); err != nil {
			return 0, err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return 0, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return len(files), nil
}

func render(name string, v view) ([]byte, error) {
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("render the page of %s: %w", v.Title, err)
	}
	return b.Bytes(), nil
}
