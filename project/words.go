package project

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// wordBooleans are the words that are true or false to dbt, which reads YAML 1.1, and texts to YAML 1.2.
var wordBooleans = map[string]string{"yes": "true", "on": "true", "no": "false", "off": "false"}

// variables makes what dbt takes for a boolean one: as a text, `no` would be true in a condition.
func variables(n ast.Node) ast.Node {
	switch x := n.(type) {
	case *ast.MappingNode:
		for _, v := range x.Values {
			v.Value = variables(v.Value)
		}
	case *ast.MappingValueNode:
		x.Value = variables(x.Value)
	case *ast.SequenceNode:
		for i := range x.Values {
			x.Values[i] = variables(x.Values[i])
		}
	case *ast.StringNode:
		word, said := wordBooleans[strings.ToLower(x.Value)]
		t := *x.GetToken()
		quoted := strings.HasPrefix(strings.TrimSpace(t.Origin), "'") || strings.HasPrefix(strings.TrimSpace(t.Origin), `"`)
		// YAML 1.1 has them in small letters, in capitals, and with one capital in front.
		odd := x.Value != strings.ToLower(x.Value) && x.Value[1:] != strings.ToLower(x.Value[1:]) && x.Value != strings.ToUpper(x.Value)
		if said && !quoted && !odd {
			t.Value = word
			return ast.Bool(&t)
		}
	}
	return n
}
