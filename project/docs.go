package project

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	docsBlock = regexp.MustCompile(`(?s)\{%-?\s*docs\s+(\w+)\s*-?%\}(.*?)\{%-?\s*enddocs\s*-?%\}`)
	docCall   = regexp.MustCompile(`\{\{\s*doc\(\s*(?:['"]([^'"]+)['"]\s*,\s*)?['"]([^'"]+)['"]\s*\)\s*\}\}`)
)

// readDocs reads the {% docs name %} blocks of the Markdown files below the model, seed, test and docs paths.
func (p *Project) readDocs() error {
	p.docs = map[string]string{}
	folders := append(append(append([]string{}, p.paths.models...), p.paths.seeds...), p.paths.tests...)
	files, err := p.Files(append(append(folders, p.paths.macros...), p.paths.docs...), ".md")
	if err != nil {
		return err
	}
	from := map[string]string{}
	for _, f := range files {
		text, err := p.read(f)
		if err != nil {
			return err
		}
		for _, m := range docsBlock.FindAllStringSubmatch(text, -1) {
			if other, twice := from[m[1]]; twice {
				return usage(f, fmt.Sprintf("docs block %q stands here and in %s", m[1], other), "rename one")
			}
			from[m[1]], p.docs[m[1]] = f, strings.TrimSpace(m[2])
		}
	}
	return nil
}

// describe reads a description, with the block of each {{ doc('name') }} in its place.
func (p *Project) describe(o *Object, set *string) error {
	v, ok := o.Take("description")
	if !ok {
		return nil
	}
	text, err := v.Text()
	if err != nil {
		return err
	}
	*set = docCall.ReplaceAllStringFunc(text, func(call string) string {
		name := docCall.FindStringSubmatch(call)[2]
		block, ok := p.docs[name]
		if !ok && err == nil {
			try := cmp.Or(Nearest(name, slices.Sorted(maps.Keys(p.docs))),
				"{% docs "+name+" %}…{% enddocs %} in a file that ends in .md, below the models")
			err = v.Problem(fmt.Sprintf("there is no docs block %q", name), try)
		}
		return block
	})
	return err
}
