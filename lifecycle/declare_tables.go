package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lifeline/project"
)

func (r *reader) counters() error {
	v, ok := r.o.Take("counters")
	if !ok {
		return nil
	}
	o, err := v.Object()
	if err != nil {
		return err
	}
	by, ok := o.Take("by")
	if !ok {
		return v.Problem("counters do not say whose", "by: [provider, program]")
	}
	items, err := by.List()
	if err != nil {
		return err
	}
	for _, item := range items {
		actor, err := item.Texts()
		if err != nil {
			return err
		}
		for _, name := range actor {
			if err := r.concerned(item, name, "counters"); err != nil {
				return err
			}
		}
		r.Counters.By = append(r.Counters.By, actor)
	}
	r.Counters.Windows = []int{7, 28}
	if w, ok := o.Take("windows"); ok {
		if err := r.windows(w); err != nil {
			return err
		}
	}
	fields, err := fieldsOf(o, "count")
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return v.Problem("counters that count nothing", "count: {"+r.Name+"s: {activity: "+r.Activities[0].Name+"}}")
	}
	for _, f := range fields {
		if err := r.count(f); err != nil {
			return err
		}
	}
	return o.Finish(nil)
}

func (r *reader) windows(v project.Value) error {
	items, err := v.List()
	if err != nil {
		return err
	}
	r.Counters.Windows = nil
	for _, item := range items {
		if text, _ := item.Text(); text == "total" {
			continue // Always there.
		}
		n, err := days(item)
		if err != nil {
			return err
		}
		r.Counters.Windows = append(r.Counters.Windows, n)
	}
	return nil
}

// concerned refuses a name that is neither related nor the record's own.
func (r *reader) concerned(v project.Value, name, who string) error {
	known := append(namesOfColumns(r.Related), r.Name)
	if slices.Contains(known, name) {
		return nil
	}
	return v.Problem(fmt.Sprintf("%s are by %q, which is not related", who, name),
		cmp.Or(project.Nearest(name, known), "declare it under related:"))
}

func (r *reader) count(f project.Field) error {
	c := Count{Name: f.Name}
	o, err := f.Object()
	if err != nil {
		return err
	}
	if err := firstError(o.Text("activity", &c.Activity), o.Texts("state", &c.States)); err != nil {
		return err
	}
	if c.Activity != "" {
		if err := r.step(f.Value, c.Activity, fmt.Sprintf("count %q", f.Name)); err != nil {
			return err
		}
	}
	for _, s := range c.States {
		if err := r.known(f.Value, s, fmt.Sprintf("count %q", f.Name)); err != nil {
			return err
		}
	}
	sums, err := fieldsOf(o, "sum")
	if err != nil {
		return err
	}
	for _, s := range sums {
		measure, err := s.Text()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(r.Measures, func(m Measure) bool { return m.Name == measure }) {
			return s.Problem(fmt.Sprintf("sum %q adds up %q, which is not a measure", s.Name, measure),
				cmp.Or(project.Nearest(measure, r.measureNames()), "declare it under measures:"))
		}
		c.Sums = append(c.Sums, Sum{Name: s.Name, Measure: measure})
	}
	r.Counters.Counts = append(r.Counters.Counts, c)
	return o.Finish(nil)
}

func (r *reader) backlog() error {
	v, ok := r.o.Take("backlog")
	if !ok {
		return nil
	}
	o, err := v.Object()
	if err != nil {
		return err
	}
	b := &Backlog{Ages: []int{7, 14, 30, 60, 90}}
	if err := firstError(o.Texts("enter", &b.Enter), o.Text("leave", &b.Leave), o.Texts("by", &b.By)); err != nil {
		return err
	}
	if len(b.Enter) == 0 || b.Leave == "" {
		return v.Problem("a backlog says from which activity to which a record waits", "backlog: {enter: submitted, leave: decided}")
	}
	for _, step := range append(slices.Clone(b.Enter), b.Leave) {
		if err := r.step(v, step, "backlog"); err != nil {
			return err
		}
		if r.Activity(step).Each != "" && !r.Activity(step).InFlattened {
			return v.Problem(fmt.Sprintf("backlog: activity %q is not in the flattened table", step), "take flattened: false out")
		}
	}
	for _, name := range b.By {
		if err := r.concerned(v, name, "the backlog's rows"); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(r.States, func(s State) bool { return s.Open }) {
		return v.Problem("a backlog, and no state that is open", "submitted: {open: true}")
	}
	if ages, ok := o.Take("ages"); ok {
		if b.Ages, err = ascending(ages); err != nil {
			return err
		}
	}
	r.Backlog = b
	return o.Finish(nil)
}

func ascending(v project.Value) ([]int, error) {
	items, err := v.List()
	if err != nil {
		return nil, err
	}
	var out []int
	for _, item := range items {
		n, err := days(item)
		if err != nil {
			return nil, err
		}
		if len(out) > 0 && n <= out[len(out)-1] {
			return nil, item.Problem("the last days of the age buckets do not ascend", "ages: [7d, 14d, 30d]")
		}
		out = append(out, n)
	}
	return out, nil
}

func (r *reader) names() error {
	r.Names = Names{Time: "activity_date", Activity: "activity_status", Key: "dim_{}_id"}
	v, ok := r.o.Take("names")
	if ok {
		o, err := v.Object()
		if err != nil {
			return err
		}
		if err := firstError(o.Text("time", &r.Names.Time), o.Text("activity", &r.Names.Activity), o.Text("key", &r.Names.Key),
			o.Finish(nil)); err != nil {
			return err
		}
		if strings.Count(r.Names.Key, "{}") != 1 {
			return v.Problem(fmt.Sprintf("key %q has no {} for the name", r.Names.Key), `key: "dim_{}_id"`)
		}
	}
	if err := r.o.Text("colocate", &r.Colocate); err != nil || r.Colocate == "" {
		return err
	}
	at, _ := r.o.Take("colocate")
	r.ColocateAt = at.Where()
	return r.concerned(at, r.Colocate, "the tables")
}

// KeyColumn is the column of the tables with the key of someone concerned.
func (l *Declaration) KeyColumn(name string) string {
	return strings.Replace(l.Names.Key, "{}", name, 1)
}

func (r *reader) tables() error {
	t := &r.Tables
	*t = Tables{Activity: "fct_" + r.Name + "_activity", Flattened: "dim_" + r.Name + "_lifecycle", Counters: "cnt_" + r.Name}
	if r.State != "" {
		t.Intervals = "fct_" + r.Name + "_states"
	}
	if r.Backlog != nil {
		t.Backlog = "fct_" + r.Name + "_backlog_daily"
	}
	if r.seesChanges() {
		t.Changes = r.Name + "_changes"
	}
	v, ok := r.o.Take("tables")
	if !ok {
		return nil
	}
	o, err := v.Object()
	if err != nil {
		return err
	}
	for key, set := range map[string]*string{
		"activity": &t.Activity, "flattened": &t.Flattened, "intervals": &t.Intervals,
		"backlog": &t.Backlog, "changes": &t.Changes, "counters": &t.Counters,
	} {
		f, ok := o.Take(key)
		if !ok {
			continue
		}
		was := *set
		if *set, err = f.Text(); err != nil {
			return err
		}
		switch {
		case *set == "false" && key != "changes" && key != "counters":
			*set = ""
		case !plainID.MatchString(*set):
			return f.Problem(fmt.Sprintf("%q is not a name: lower-case letters, digits and underscores", *set), key+": "+cmp.Or(was, "a_name")+
				", or false for none")
		case was == "" && key != "activity" && key != "flattened":
			return f.Problem(fmt.Sprintf("a table of %s, and the lifecycle declares none", key), "take it out")
		}
	}
	if t.Activity == "" && (t.Intervals != "") {
		return v.Problem("intervals are made of the activity fact, which is switched off", "intervals: false")
	}
	if err := o.Finish(nil); err != nil {
		return err
	}
	return nil
}

func (d *declarations) readStream(file string, o *project.Object) error {
	s := &Stream{Path: file, Materialized: "view"}
	if err := firstError(o.Text("stream", &s.Name), o.Text("description", &s.Description), o.Texts("of", &s.Of), o.Texts("actors", &s.Actors),
		o.Text("materialized", &s.Materialized), o.Finish(d.project)); err != nil {
		return err
	}
	if err := requireIdentifier(o, "stream", s.Name); err != nil {
		return err
	}
	if len(s.Of) == 0 || len(s.Actors) == 0 {
		return o.Value.Problem("a stream says of which lifecycles and for whom", "of: [claim, treatment], actors: [provider]")
	}
	if s.Materialized != "view" && s.Materialized != "table" {
		return o.Value.Problem(fmt.Sprintf("materialized %q: a stream is a view or a table", s.Materialized), "materialized: view")
	}
	d.streams = append(d.streams, s)
	return nil
}

// validateStreams checks the streams once all lifecycles are read.
func (d *declarations) validateStreams() error {
	for _, s := range d.streams {
		for _, name := range s.Of {
			i := slices.IndexFunc(d.lifecycles, func(l *Declaration) bool { return l.Name == name })
			if i < 0 {
				var known []string
				for _, l := range d.lifecycles {
					known = append(known, l.Name)
				}
				return usage(s.Path, fmt.Sprintf("stream %s is of %q, which is not a lifecycle", s.Name, name),
					cmp.Or(project.Nearest(name, known), "add lifecycles/"+name+".yml"))
			}
			l := d.lifecycles[i]
			for _, actor := range s.Actors {
				if actor != l.Name && !slices.Contains(namesOfColumns(l.Related), actor) {
					return usage(s.Path, fmt.Sprintf("stream %s has the actor %q, which lifecycle %s is not related to", s.Name, actor, l.Name),
						cmp.Or(project.Nearest(actor, namesOfColumns(l.Related)), "declare it under related: of "+l.Path))
				}
			}
			if l.Tables.Activity == "" {
				return usage(s.Path, fmt.Sprintf("stream %s is of %s, whose activity fact is switched off", s.Name, name), "tables: {activity: fct_"+
					name+"_activity}")
			}
		}
	}
	return nil
}
