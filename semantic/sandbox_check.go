package semantic

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/project"
)

// maxStatement is how long a statement may be, in bytes.
const maxStatement = 100_000

// checkStatement lets one select through that reads the version's tables and calls functions that compute. It is the second wall: the
// process has nothing else to give away, and on PostgreSQL the role may read nothing else. It runs in the process too, for a parser can
// be attacked.
func checkStatement(ctx context.Context, parser *sql.Conn, engine, text string, tables map[string]bool) error {
	if err := checkText(engine, text); err != nil {
		return err
	}
	var tree string
	if err := parser.QueryRowContext(ctx, "select cast(json_serialize_sql("+QuoteText(text)+") as varchar)").Scan(&tree); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return refused("it cannot be parsed: " + sandboxErrorOf(err).Detail)
	}
	var root struct {
		Error      bool   `json:"error"`
		Message    string `json:"error_message"`
		Statements []any  `json:"statements"`
	}
	d := json.NewDecoder(strings.NewReader(tree))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		return refused("it cannot be parsed")
	}
	if root.Error {
		message, _, _ := strings.Cut(root.Message, "\n")
		return refused(message)
	}
	if len(root.Statements) != 1 {
		return refused(fmt.Sprintf("there are %d statements", len(root.Statements)))
	}
	return (&checker{engine: engine, tables: tables}).walk(root.Statements[0], nil)
}

// checkText refuses what the two engines' rules read differently, so that what was looked at is what runs.
func checkText(engine, text string) error {
	switch {
	case len(text) > maxStatement:
		return refused("the text is longer than 100,000 characters")
	case strings.TrimSpace(text) == "":
		return refused("there is no statement")
	case strings.ContainsRune(text, 0):
		return refused("the text holds a zero byte")
	case engine != "postgres":
		return nil
	case strings.ContainsAny(text, `\$`), strings.Contains(text, "--"), strings.Contains(text,
		"/*"), strings.Contains(strings.ToLower(text), `u&`):
		return refused(`comments, backslashes, dollar quotes and U& texts are not taken on PostgreSQL`)
	}
	return nil
}

// checker walks a statement's tree with the names that common table expressions give at each place.
type checker struct {
	engine string
	tables map[string]bool
}

// scope is the names of common table expressions that can be seen at a place.
type scope struct {
	name  string
	outer *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.name == name {
			return true
		}
	}
	return false
}

func (c *checker) walk(node any, seen *scope) error {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			if err := c.walk(child, seen); err != nil {
				return err
			}
		}
	case map[string]any:
		return c.node(n, seen)
	}
	return nil
}

// node looks at one node and at what is in it. A common table expression is seen by those after it and by what the node selects; by itself
// only where it is recursive, and there by the part that repeats.
func (c *checker) node(n map[string]any, seen *scope) error {
	if err := c.one(n, seen); err != nil {
		return err
	}
	inner, err := c.expressions(n, seen)
	if err != nil {
		return err
	}
	kind, _ := n["type"].(string)
	for _, key := range slices.Sorted(maps.Keys(n)) {
		at := inner
		if key == "cte_map" {
			continue
		}
		if kind == "RECURSIVE_CTE_NODE" && key == "right" {
			if at, err = c.named(n["cte_name"], inner); err != nil {
				return err
			}
		}
		if err := c.walk(n[key], at); err != nil {
			return err
		}
	}
	return nil
}

// expressions walks a node's common table expressions and returns the names that its own select sees.
func (c *checker) expressions(n map[string]any, seen *scope) (*scope, error) {
	m, _ := n["cte_map"].(map[string]any)
	list, _ := m["map"].([]any)
	for _, item := range list {
		e, _ := item.(map[string]any)
		if err := c.walk(e["value"], seen); err != nil {
			return nil, err
		}
		var err error
		if seen, err = c.named(e["key"], seen); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// named adds a name to a scope. Engines differ in when two spellings are one name, so on PostgreSQL only names are taken whose spelling
// does not matter.
func (c *checker) named(key any, seen *scope) (*scope, error) {
	name := TextOf(key)
	if c.engine == "postgres" && (name != strings.ToLower(name) || len(name) > 63) {
		return nil, refused(fmt.Sprintf("the name %s is not in lower case, or is long", name))
	}
	return &scope{strings.ToLower(name), seen}, nil
}

// tableFunctions are the only functions that may stand in a from clause.
var tableFunctions = []string{
	"unnest", "generate_series", "range", "json_each", "json_tree", "generate_subscripts", "jsonb_each",
	"jsonb_array_elements",
	"json_array_elements", "regexp_split_to_table", "string_to_table",
}

func (c *checker) one(n map[string]any, seen *scope) error {
	kind, _ := n["type"].(string)
	switch kind {
	case "BASE_TABLE":
		return c.relation(n, seen)
	case "TABLE_FUNCTION":
		f, _ := n["function"].(map[string]any)
		if name := strings.ToLower(TextOf(f["function_name"])); !slices.Contains(tableFunctions, name) {
			return refused(fmt.Sprintf("the function %s may not stand in a from clause", name))
		}
	case "SHOW_REF", "COLUMN_DATA", "DELIM_GET", "TABLE_REF":
		return refused("only tables can be read")
	case "PARAMETER", "VALUE_PARAMETER":
		return refused("parameters are not taken")
	}
	if name, is := n["function_name"].(string); is {
		return c.function(n, strings.ToLower(name))
	}
	return nil
}

// function lets the functions of the list through, and operators.
func (c *checker) function(n map[string]any, name string) error {
	// The parser writes [1] as main.list_value(1).
	if schema := TextOf(n["schema"]); schema != "" && schema != "main" || TextOf(n["catalog"]) != "" {
		return refused(fmt.Sprintf("the function %s is named with a schema", name))
	}
	if operator, _ := n["is_operator"].(bool); operator || mayCall(c.engine, name) || slices.Contains(tableFunctions, name) {
		return nil
	}
	p := refused(fmt.Sprintf("the function %s is not on the list of functions that may be called", name))
	if near := project.Nearest(name, callable(c.engine)); near != "" {
		p.Hint = near
	}
	return p
}

// relation allows names of common table expressions in their scope, tables of the version and the standard's lists of them.
func (c *checker) relation(n map[string]any, seen *scope) error {
	catalog, schema, name := strings.ToLower(TextOf(n["catalog_name"])), strings.ToLower(TextOf(n["schema_name"])), TextOf(n["table_name"])
	lower := strings.ToLower(name)
	full := schema + "." + lower
	switch {
	case catalog != "" && (catalog != "warehouse" || c.engine == "postgres"):
		return refused("only the published version can be read")
	case n["at_clause"] != nil:
		return refused("only the published version can be read")
	case schema == "" && seen.has(lower) && (c.engine != "postgres" || name == lower):
		return nil
	case schema == "information_schema" && slices.Contains([]string{"tables", "columns", "schemata"}, lower):
		return nil
	case c.tables[full]:
		return nil
	}
	p := refused(fmt.Sprintf("there is no table %s", strings.TrimPrefix(full, ".")))
	if near := project.Nearest(full, slices.Sorted(maps.Keys(c.tables))); near != "" {
		p.Hint = near
	}
	return p
}

//go:embed sandbox_functions.txt
var functionsText string

// functions are the names that may be called, by the engine that has them; "both" for those of both.
var functions = parseFunctions(functionsText)

func parseFunctions(text string) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	engine := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, is := strings.CutPrefix(line, "#"); is {
			if word, rest, _ := strings.Cut(strings.TrimSpace(name), ":"); rest == "" && word != "" && !strings.Contains(word, " ") {
				engine = word
				out[engine] = map[string]bool{}
			}
			continue
		}
		for name := range strings.FieldsSeq(line) {
			out[engine][name] = true
		}
	}
	return out
}

func mayCall(engine, name string) bool { return functions["both"][name] || functions[engine][name] }

func callable(engine string) []string {
	return append(slices.Sorted(maps.Keys(functions["both"])), slices.Sorted(maps.Keys(functions[engine]))...)
}
