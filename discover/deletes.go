package discover

import (
	"slices"
	"strings"
)

// deletes finds the flags that say that a row counts no more.
func (l *look) deletes() {
	for _, t := range l.catalog.Tables {
		if t.View {
			continue
		}
		for _, c := range t.Columns {
			if conf, why := l.deleted(t, c); conf != "" {
				l.out.Deletes = append(l.out.Deletes, Flag{Table: t.Name, Column: c.Name, Guess: Guess{t.Name + "." + c.Name +
					" says that a row counts no more", conf, why}})
			}
		}
	}
}

func (l *look) deleted(t *Table, c *Column) (Confidence, string) {
	if !strings.HasPrefix(c.Base, "tinyint") && !strings.HasPrefix(c.Base, "smallint") && c.kind() != integer && !c.isFlag() {
		return "", ""
	}
	if c.Unix != "" {
		return "", ""
	}
	st := l.profile.stats(t, c.Name)
	if st.Filled > 0 && (number(st.Max) > 1 || number(st.Min) < 0) && c.Base != "bit" && c.kind() == integer {
		return "", ""
	}
	w := slices.DeleteFunc(slices.Clone(c.words), func(s string) bool { return s == "is" || s == "flag" || slices.Contains(t.words, s) })
	if len(w) != 1 {
		return "", ""
	}
	switch w[0] {
	case "deleted", "voided", "void", "retired", "removed", "discontinued", "archived", "trashed", "del", "supprime", "eliminado",
		"geloescht", "obsolete":
		return High, "its name, and it is 0 or 1"
	case "active", "inactive", "isactive", "enabled", "disabled", "activity", "activ", "actif", "activo", "aktiv":
		return Medium, "its name, and it is 0 or 1"
	case "status":
		if c.isFlag() || st.Filled > 0 && number(st.Max) <= 1 {
			return Medium, "a status of 0 or 1 switches a row on and off"
		}
	}
	return "", ""
}
