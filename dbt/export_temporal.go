package dbt

import (
	"fmt"
	"regexp"
	"strings"

	"lifeline/model"
)

var (
	temporalCall = regexp.MustCompile(`\btemporal_(join|aggregate)\s*\(`)
	// temporalText is a whole call: it ends where its braces do.
	temporalText = regexp.MustCompile(`(?s)\{\{-?\s*temporal_(?:join|aggregate)\s*\(.*?\)\s*-?\}\}`)
)

// referred is a node as dbt refers to it.
func (e *Export) referred(n *model.Node) string {
	if n.Kind == model.KindSource {
		return e.marks.of(fmt.Sprintf("{{ source('%s', '%s') }}", n.Source.Source, n.Name))
	}
	return e.marks.of("{{ ref('" + n.Name + "') }}")
}

// sql is a model's text with its temporal joins written out: they are no macros of dbt, and their SQL names relations that the text itself
// defines.
func (e *Export) sql(n *model.Node) (string, error) {
	var failed error
	text := temporalText.ReplaceAllStringFunc(n.Model.SQL, func(call string) string {
		out, err := e.graph.CompileText(n.Path, call, model.Env{Relation: e.referred})
		if err == nil && !strings.HasPrefix(out, "select") {
			err = refuse(n.Path, "a temporal join reads an ephemeral model by ref(), and an export cannot hold it",
				"select from the model in a CTE, and name that in the join")
		}
		if err != nil && failed == nil {
			failed = err
		}
		return e.marks.restore(out)
	})
	if failed == nil && temporalCall.MatchString(text) {
		call := strings.TrimRight(temporalCall.FindString(text), " (")
		failed = refuse(n.Path, call+" does not stand in braces of its own, so an export cannot write it out", "{{ "+call+"(…) }}")
	}
	return text, failed
}
