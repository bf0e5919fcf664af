package project

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// constraintKeys are what a constraint of dbt may say.
var constraintKeys = []string{
	"type", "name", "columns", "expression", "to", "to_columns", "warn_unenforced", "warn_unsupported",
}

// constraint is one of a model or a column. dbt writes them into the table that it creates; here each is a check that every version passes
// before it is published, on every engine alike.
type constraint struct {
	kind, name, expression, to string
	columns, parents           []string
	where                      Value
}

// referenced is a foreign key's expression: schema.table (column).
var referenced = regexp.MustCompile(`^\s*(?:[\w"]+\.)*"?(\w+)"?\s*\(\s*([^()]+)\)\s*$`)

// readConstraints reads the constraints of a model or of one of its columns.
func (p *Project) readConstraints(o *Object, node, column string) error {
	return o.Each("constraints", func(c *Object) error {
		k := constraint{where: c.Value}
		var unenforced, unsupported bool
		if err := firstError(c.Text("type", &k.kind), c.Text("name", &k.name), c.Texts("columns", &k.columns),
			p.expanded(c, "expression", &k.expression), c.Text("to", &k.to), c.Texts("to_columns", &k.parents),
			c.Boolean("warn_unenforced", &unenforced), c.Boolean("warn_unsupported", &unsupported)); err != nil {
			return err
		}
		if rest := c.Rest(); len(rest) > 0 {
			return rest[0].Key.Problem(fmt.Sprintf("unknown key %q in a constraint", rest[0].Name),
				cmp.Or(Nearest(rest[0].Name, constraintKeys), strings.Join(constraintKeys, ", ")))
		}
		if column != "" {
			k.columns = []string{column}
		}
		tests, err := k.tests(node)
		if err != nil {
			return err
		}
		for _, t := range tests {
			if t.Kind != Singular {
				t.Node = node
			}
			t.of, t.Constraint, t.Severity, t.Named = node, strings.ToLower(k.kind), "error", true
			t.File, t.Line = c.Value.file, c.Value.firstLine()
			t.Description = "A constraint of the model's contract."
			t.Name = k.named(t, node, len(tests) > 1)
			t.full = t.Name
			p.Tests = append(p.Tests, t)
		}
		return nil
	})
}

// named is a check's name; several says that the constraint has more than one.
func (k *constraint) named(t *Test, node string, several bool) string {
	parts := append([]string{"constraint", t.Constraint, node}, k.columns...)
	switch {
	case t.Constraint == "check":
		parts = append(parts, cmp.Or(k.name, k.expression))
	case several && t.Kind == "not_null":
		parts = append(parts, t.Column, t.Kind)
	case several:
		parts = append(parts, "unique")
	}
	return strings.Trim(notNameChar.ReplaceAllString(strings.Join(parts, "_"), "_"), "_")
}

// tests are the checks that hold a table to the constraint. As in a database, a null repeats nothing and refers to nothing.
func (k *constraint) tests(node string) ([]*Test, error) {
	if len(k.columns) == 0 && k.kind != "check" && k.kind != "custom" {
		return nil, k.where.Problem(fmt.Sprintf("a constraint %s of a model needs its columns", cmp.Or(k.kind, "(without type)")),
			"{type: primary_key, columns: [id]}")
	}
	switch strings.ToLower(k.kind) {
	case "not_null":
		return k.each("not_null"), nil
	case "unique":
		return k.unique(), nil
	case "primary_key":
		return append(k.each("not_null"), k.unique()...), nil
	case "check":
		if k.expression == "" {
			return nil, k.where.Problem("a constraint check without an expression", `{type: check, expression: "amount >= 0"}`)
		}
		return []*Test{{Kind: "dbt_utils.expression_is_true", Args: map[string]any{"expression": k.expression}}}, nil
	case "foreign_key":
		return k.foreign(node)
	case "custom":
		return nil, k.where.Problem("a constraint of type custom is not supported: it is SQL of a table's creation", "a check, or a test")
	}
	return nil, k.where.Problem(fmt.Sprintf("unknown type of constraint %q", k.kind),
		"not_null, unique, primary_key, foreign_key or check")
}

func (k *constraint) each(kind string) []*Test {
	var out []*Test
	for _, c := range k.columns {
		out = append(out, &Test{Kind: kind, Column: c, Args: map[string]any{}})
	}
	return out
}

func (k *constraint) unique() []*Test {
	if len(k.columns) == 1 {
		return k.each("unique")
	}
	var known []string
	var columns []any
	for _, c := range k.columns {
		known, columns = append(known, c+" is not null"), append(columns, c)
	}
	return []*Test{{
		Kind: "dbt_utils.unique_combination_of_columns", Where: strings.Join(known, " and "),
		Args: map[string]any{"combination_of_columns": columns},
	}}
}

// foreign is a foreign key: to: ref('claims'), to_columns: [id], or an expression that names table and columns.
func (k *constraint) foreign(node string) ([]*Test, error) {
	if m := referenced.FindStringSubmatch(k.expression); k.to == "" && m != nil {
		k.to = "ref('" + m[1] + "')"
		for _, c := range strings.Split(m[2], ",") {
			k.parents = append(k.parents, strings.TrimSpace(c))
		}
	}
	if k.to == "" || len(k.parents) != len(k.columns) {
		return nil, k.where.Problem("a constraint foreign_key needs the table and as many columns of it as its own",
			"{type: foreign_key, columns: [claim_id], to: ref('claims'), to_columns: [id]}")
	}
	if len(k.columns) == 1 {
		return []*Test{{
			Kind: "relationships", Column: k.columns[0], Args: map[string]any{"to": k.to, "field": k.parents[0]},
		}}, nil
	}
	var known, same []string
	for i, c := range k.columns {
		known, same = append(known, "c."+c+" is not null"), append(same, "p."+k.parents[i]+" = c."+c)
	}
	return []*Test{{Kind: Singular, SQL: fmt.Sprintf(`select c.*
from {{ ref('%s') }} as c
where %s
    and not exists (
        select 1
        from {{ %s }} as p
        where %s
    )`, node, strings.Join(known, " and "), k.to, strings.Join(same, " and "))}}, nil
}

// SettleContract switches the constraints of a model on where its contract is enforced and it is a table, as dbt does, and tells where they
// have no effect. Its configuration is settled by then.
func (p *Project) SettleContract(m *Model, c ModelConfig) error {
	table := c.Materialized == "table" || c.Materialized == "incremental"
	for _, t := range p.Tests {
		if t.Constraint == "" || t.of != m.Name {
			continue
		}
		t.Disabled = !c.Enforced || !table || c.Disabled
		where := fmt.Sprintf("%s:%d", t.File, t.Line)
		switch {
		case c.Disabled:
		case !c.Enforced:
			p.ignore("constraints (without contract: {enforced: true})", where)
		case !table:
			p.ignore("constraints (of a view)", where)
		}
	}
	if !c.Enforced || c.Disabled {
		return nil
	}
	if c.Materialized == "ephemeral" {
		return usage(cmp.Or(m.patchedAt, m.Path), fmt.Sprintf("model %s is ephemeral, and has no table that a contract could hold", m.Name),
			"materialized: table, or take the contract out")
	}
	for _, column := range m.Columns {
		if column.DataType == "" {
			return usage(cmp.Or(m.patchedAt, m.Path), fmt.Sprintf("the contract of %s needs a data_type for every column: %s has none",
				m.Name, column.Name), "data_type: varchar")
		}
	}
	return nil
}
