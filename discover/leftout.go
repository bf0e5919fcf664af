package discover

import (
	"context"
	"fmt"
	"strings"
)

// leaveOut names the tables that do not land: views, copies and sums of other tables, and the application's own short memory.
func (l *look) leaveOut() {
	add := func(t *Table, conf Confidence, why string) {
		l.out.LeftOut = append(l.out.LeftOut, LeftOut{Table: t.Name, Guess: Guess{t.Name + " is left out", conf, why}})
	}
	used := map[string]bool{}
	for _, g := range l.out.Logs {
		used[g.Table] = true
		if g.Through != nil {
			used[g.Through.Table] = true
		}
	}
	for _, r := range l.out.Records {
		used[r.Table] = true
		if r.Lookup != nil {
			used[r.Lookup.Parent] = true
		}
	}
	for _, t := range l.catalog.Tables {
		s := l.looks(t)
		switch {
		case t.View:
			add(t, High, "a view; what it shows is in the tables it reads")
		case used[t.Name] || matches(t.Name, l.Tables):
		case s.copyOf != "" && len(l.out.keysTo[t.Name]) == 0:
			add(t, Medium, "its name says that it repeats or sums "+s.copyOf)
		case len(t.words) > 0 && has(t.words[len(t.words)-1:], "session", "cache", "tmp", "temp", "captcha", "lock") &&
			len(l.out.keysTo[t.Name]) == 0:
			add(t, Medium, "its name says that the application forgets it again")
		}
	}
}

// eventNames reads what did happen in the logs of events.
func (l *look) eventNames(ctx context.Context) {
	for i := range l.out.Records {
		g := l.out.Records[i].Log
		if g == nil || g.Event == "" || g.State != "" || g.New != "" || g.Names == nil {
			continue
		}
		names := l.catalog.Table(g.Names.Parent)
		label := labelOf(names)
		words, _, err := l.reader.Words(ctx, l.catalog.Table(g.Table), g.Event, 60)
		if err != nil || label == nil {
			continue
		}
		rows, err := l.reader.Rows(ctx, names, []string{g.Names.Key, label.Name}, 300)
		if err != nil {
			continue
		}
		of := map[string]string{}
		for _, r := range rows {
			of[r[g.Names.Key]] = r[label.Name]
		}
		for _, w := range words {
			if name := strings.TrimSpace(of[w.Text]); name != "" {
				g.Events = append(g.Events, name)
			}
		}
		g.Evidence += fmt.Sprintf("; %d kinds of event did happen", len(g.Events))
	}
}
