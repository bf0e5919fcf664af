package run

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"lifeline/change"
	"lifeline/model"
)

// enforce holds a model to its described columns, where contract.enforced asks for it: the same names, and the same types where a
// data_type is given. The order is not compared, as in dbt.
func (w *walk) enforce(ctx context.Context, n *model.Node) error {
	if !n.Config.Enforced {
		return nil
	}
	refuse := func(what string) error {
		return &change.Problem{
			Err: fmt.Errorf("model %s breaks its contract: %s", n.Name, what), Where: n.Model.PatchedIn, Class: change.ClassBlocked,
			Try: "mend the model, or the columns that describe it",
		}
	}
	built, err := w.columnTypes(ctx, "select * from "+w.relation(n)+" where false")
	if err != nil {
		return err
	}
	var casts []string
	described := map[string]bool{}
	for _, c := range n.Model.Columns {
		name := strings.ToLower(c.Name)
		described[name] = true
		if _, there := built[name]; !there {
			return refuse("it has no column " + c.Name)
		}
		if c.DataType != "" {
			casts = append(casts, fmt.Sprintf(`cast(null as %s) as "%s"`, c.DataType, name))
		}
	}
	for name := range built {
		if !described[name] {
			return refuse("the column " + name + " is not described")
		}
	}
	if len(casts) == 0 {
		return nil
	}
	wanted, err := w.columnTypes(ctx, "select "+strings.Join(casts, ", "))
	if err != nil {
		return refuse("a data_type is not a type of the warehouse: " + firstLine(err.Error()))
	}
	for _, c := range n.Model.Columns {
		name := strings.ToLower(c.Name)
		if t, ok := wanted[name]; ok && t != built[name] {
			return refuse(fmt.Sprintf("the column %s is %s, not %s", c.Name, strings.ToLower(built[name]), c.DataType))
		}
	}
	return nil
}

// columnTypes are the columns of a select, by name in lower case, with their types as the database names them.
func (w *walk) columnTypes(ctx context.Context, query string) (map[string]string, error) {
	rows, err := w.build.DB().QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, t := range types {
		out[strings.ToLower(t.Name())] = typeText(t)
	}
	return out, rows.Err()
}

// typeText names a type as contracts compare it: as in dbt, text and varchar are one.
func typeText(t *sql.ColumnType) string {
	name := t.DatabaseTypeName()
	switch name {
	case "TEXT", "VARCHAR", "BPCHAR":
		return "TEXT"
	}
	if precision, scale, ok := t.DecimalSize(); ok && !strings.Contains(name, "(") && strings.Contains(strings.ToLower(name), "num") {
		return fmt.Sprintf("%s(%d,%d)", name, precision, scale)
	}
	return name
}
