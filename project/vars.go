package project

import (
	"fmt"

	"lifeline/change"
)

// ParseVars reads variables as dbt's --vars gives them: a mapping as YAML or JSON. An empty text is none.
func ParseVars(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	refused := func(err error) error {
		return &change.Problem{Err: fmt.Errorf("--vars is not a mapping: %w", err), Class: change.ClassUsage, Try: "--vars '{name: value}'"}
	}
	o, err := parseYAML("--vars", []byte(text))
	if err != nil {
		return nil, refused(err)
	}
	vars := map[string]any{}
	for _, f := range o.Fields {
		if f.Name == "as_of" || f.Name == "snapshot_at" {
			return nil, &change.Problem{
				Err: fmt.Errorf("--vars cannot give %s: a run settles it", f.Name), Class: change.ClassUsage, Try: "--as-of 2019-11-25",
			}
		}
		if f.node != nil {
			f.node = variables(f.node)
		}
		if vars[f.Name], err = f.Any(); err != nil {
			return nil, refused(err)
		}
	}
	return vars, nil
}
