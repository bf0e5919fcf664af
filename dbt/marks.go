package dbt

import (
	"fmt"
	"slices"
	"strings"
)

// marks stand for Jinja in SQL that Lifeline compiles: what else looks like Jinja there is a text that dbt must not read as such.
type marks struct{ jinja []string }

const markEnd = "\x02"

// of is a word that is free of Jinja and becomes the given text in restore.
func (m *marks) of(jinja string) string {
	i := slices.Index(m.jinja, jinja)
	if i < 0 {
		i = len(m.jinja)
		m.jinja = append(m.jinja, jinja)
	}
	return fmt.Sprintf("\x01%d%s", i, markEnd)
}

// escapeJinja writes a text so that dbt prints it as it is.
var escapeJinja = strings.NewReplacer("{{", "{{ '{{' }}", "{%", "{{ '{%' }}", "{#", "{{ '{#' }}")

// restore puts the Jinja back.
func (m *marks) restore(sql string) string {
	sql = escapeJinja.Replace(sql)
	for i, text := range m.jinja {
		sql = strings.ReplaceAll(sql, fmt.Sprintf("\x01%d%s", i, markEnd), text)
	}
	return sql
}
