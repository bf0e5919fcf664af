package dbt

import (
	_ "embed"
	"strings"
)

//go:embed readme.md
var readmeText string

func (e *Export) readme() {
	notes := ""
	if len(e.Notes) > 0 {
		notes = "\nNot as in Lifeline:\n\n- " + strings.Join(e.Notes, "\n- ") + "\n"
	}
	e.add("README.md", strings.NewReplacer("{project}", e.project.Name, "{target}", defaultTarget(e.options), "{notes}", notes).
		Replace(readmeText))
}
