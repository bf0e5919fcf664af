package project

import (
	"fmt"
	"slices"
	"strings"
)

func (r *lifeReader) counters() error {
	v, ok := r.o.take("counters")
	if !ok {
		return nil
	}
	o, err := v.object()
	if err != nil {
		return err
	}
	by, ok := o.take("by")
	if !ok {
		return v.problem("counters do not say whose", "by: [provider, program]")
	}
	items, err := by.list()
	if err != nil {
		return err
	}
	for _, item := range items {
		actor, err := item.texts()
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
	if w, ok := o.take("windows"); ok {
		if err := r.windows(w); err != nil {
			return err
		}
	}
	fields, err := fieldsOf(o, "count")
	if err != nil {
		return err
	}
	if len(fields) == 0 {
		return v.problem("counters that count nothing", "count: {"+r.Name+"s: {activity: "+r.Activities[0].Name+"}}")
	}
	for _, f := range fields {
		if err := r.count(f); err != nil {
			return err
		}
	}
	return o.finish(nil)
}

func (r *lifeReader) windows(v value) error {
	items, err := v.list()
	if err != nil {
		return err
	}
	r.Counters.Windows = nil
	for _, item := range items {
		if text, _ := item.text(); text == "total" {
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
func (r *lifeReader) concerned(v value, name, who string) error {
	known := append(namesOfColumns(r.Related), r.Name)
	if slices.Contains(known, name) {
		return nil
	}
	return v.problem(fmt.Sprintf("%s are by %q, which is not related", who, name), orElse(Nearest(name, known), "declare it under related:"))
}

func (r *lifeReader) count(f field) error {
	c := LifecycleCount{Name: f.name}
	o, err := f.object()
	if err != nil {
		return err
	}
	if err := firstError(o.text("activity", &c.Activity), o.texts("state", &c.States)); err != nil {
		return err
	}
	if c.Activity != "" {
		if err := r.step(f.value, c.Activity, fmt.Sprintf("count %q", f.name)); err != nil {
			return err
		}
	}
	for _, s := range c.States {
		if err := r.known(f.value, s, fmt.Sprintf("count %q", f.name)); err != nil {
			return err
		}
	}
	sums, err := fieldsOf(o, "sum")
	if err != nil {
		return err
	}
	for _, s := range sums {
		measure, err := s.text()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(r.Measures, func(m LifecycleMeasure) bool { return m.Name == measure }) {
			return s.problem(fmt.Sprintf("sum %q adds up %q, which is no measure", s.name, measure), orElse(Nearest(measure, r.measureNames()), "declare it under measures:"))
		}
		c.Sums = append(c.Sums, LifecycleSum{Name: s.name, Measure: measure})
	}
	r.Counters.Counts = append(r.Counters.Counts, c)
	return o.finish(nil)
}

func (r *lifeReader) backlog() error {
	v, ok := r.o.take("backlog")
	if !ok {
		return nil
	}
	o, err := v.object()
	if err != nil {
		return err
	}
	b := &LifecycleBacklog{Ages: []int{7, 14, 30, 60, 90}}
	if err := firstError(o.texts("enter", &b.Enter), o.text("leave", &b.Leave), o.texts("by", &b.By)); err != nil {
		return err
	}
	if len(b.Enter) == 0 || b.Leave == "" {
		return v.problem("a backlog says from which activity to which a record waits", "backlog: {enter: submitted, leave: decided}")
	}
	for _, step := range append(slices.Clone(b.Enter), b.Leave) {
		if err := r.step(v, step, "backlog"); err != nil {
			return err
		}
		if r.Activity(step).Each != "" && !r.Activity(step).InFlattened {
			return v.problem(fmt.Sprintf("backlog: activity %q is not in the flattened table", step), "take flattened: false out")
		}
	}
	for _, name := range b.By {
		if err := r.concerned(v, name, "the backlog's rows"); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(r.States, func(s LifecycleState) bool { return s.Open }) {
		return v.problem("a backlog, and no state that is open", "submitted: {open: true}")
	}
	if ages, ok := o.take("ages"); ok {
		if b.Ages, err = ascending(ages); err != nil {
			return err
		}
	}
	r.Backlog = b
	return o.finish(nil)
}

func ascending(v value) ([]int, error) {
	items, err := v.list()
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
			return nil, item.problem("the last days of the age buckets do not ascend", "ages: [7d, 14d, 30d]")
		}
		out = append(out, n)
	}
	return out, nil
}

func (r *lifeReader) names() error {
	r.Names = LifecycleNames{Time: "activity_date", Activity: "activity_status", Key: "dim_{}_id"}
	v, ok := r.o.take("names")
	if ok {
		o, err := v.object()
		if err != nil {
			return err
		}
		if err := firstError(o.text("time", &r.Names.Time), o.text("activity", &r.Names.Activity), o.text("key", &r.Names.Key), o.finish(nil)); err != nil {
			return err
		}
		if strings.Count(r.Names.Key, "{}") != 1 {
			return v.problem(fmt.Sprintf("key %q has no {} for the name", r.Names.Key), `key: "dim_{}_id"`)
		}
	}
	if err := r.o.text("colocate", &r.Colocate); err != nil || r.Colocate == "" {
		return err
	}
	at, _ := r.o.take("colocate")
	return r.concerned(at, r.Colocate, "the tables")
}

// KeyColumn is the column of the tables with the key of someone concerned.
func (l *Lifecycle) KeyColumn(name string) string { return strings.Replace(l.Names.Key, "{}", name, 1) }

func (r *lifeReader) tables() error {
	t := &r.Tables
	*t = LifecycleTables{Activity: "fct_" + r.Name + "_activity", Flattened: "dim_" + r.Name + "_lifecycle", Counters: "cnt_" + r.Name}
	if r.State != "" {
		t.Intervals = "fct_" + r.Name + "_states"
	}
	if r.Backlog != nil {
		t.Backlog = "fct_" + r.Name + "_backlog_daily"
	}
	if r.History != "" {
		t.Changes = r.Name + "_changes"
	}
	v, ok := r.o.take("tables")
	if !ok {
		return r.counterTables()
	}
	o, err := v.object()
	if err != nil {
		return err
	}
	for key, set := range map[string]*string{"activity": &t.Activity, "flattened": &t.Flattened, "intervals": &t.Intervals, "backlog": &t.Backlog, "changes": &t.Changes, "counters": &t.Counters} {
		f, ok := o.take(key)
		if !ok {
			continue
		}
		was := *set
		if *set, err = f.text(); err != nil {
			return err
		}
		switch {
		case *set == "false" && key != "changes" && key != "counters":
			*set = ""
		case !plainID.MatchString(*set):
			return f.problem(fmt.Sprintf("%q is no name: lower-case letters, digits and underscores", *set), key+": "+orElse(was, "a_name")+", or false for none")
		case was == "" && key != "activity" && key != "flattened":
			return f.problem(fmt.Sprintf("a table of %s, and the lifecycle declares none", key), "take it out")
		}
	}
	if t.Activity == "" && (t.Intervals != "") {
		return v.problem("intervals are made of the activity fact, which is switched off", "intervals: false")
	}
	if err := o.finish(nil); err != nil {
		return err
	}
	return r.counterTables()
}

// counterTables registers the counters of each actor. They are views: a dimension takes them in.
func (r *lifeReader) counterTables() error {
	for _, by := range r.Counters.By {
		name := r.CountersBy(by)
		if err := r.project.addGenerated(name, r.Path, ""); err != nil {
			return err
		}
		r.project.Model(name).Config.Materialized = "view"
	}
	return nil
}

func (p *Project) readStream(file string, o *object) error {
	s := &Stream{Path: file, Materialized: "view"}
	if err := firstError(o.text("stream", &s.Name), o.text("description", &s.Description), o.texts("of", &s.Of), o.texts("actors", &s.Actors),
		o.text("materialized", &s.Materialized), o.finish(p)); err != nil {
		return err
	}
	if err := requireIdentifier(o, "stream", s.Name); err != nil {
		return err
	}
	if len(s.Of) == 0 || len(s.Actors) == 0 {
		return o.value.problem("a stream says of which lifecycles and for whom", "of: [claim, treatment], actors: [provider]")
	}
	if s.Materialized != "view" && s.Materialized != "table" {
		return o.value.problem(fmt.Sprintf("materialized %q: a stream is a view or a table", s.Materialized), "materialized: view")
	}
	p.Streams = append(p.Streams, s)
	return nil
}

// settleStreams checks the streams once all lifecycles are read.
func (p *Project) settleStreams() error {
	for _, s := range p.Streams {
		for _, name := range s.Of {
			i := slices.IndexFunc(p.Lifecycles, func(l *Lifecycle) bool { return l.Name == name })
			if i < 0 {
				var known []string
				for _, l := range p.Lifecycles {
					known = append(known, l.Name)
				}
				return usage(s.Path, fmt.Sprintf("stream %s is of %q, which is no lifecycle", s.Name, name), orElse(Nearest(name, known), "add lifecycles/"+name+".yml"))
			}
			l := p.Lifecycles[i]
			for _, actor := range s.Actors {
				if actor != l.Name && !slices.Contains(namesOfColumns(l.Related), actor) {
					return usage(s.Path, fmt.Sprintf("stream %s has the actor %q, which lifecycle %s is not related to", s.Name, actor, l.Name),
						orElse(Nearest(actor, namesOfColumns(l.Related)), "declare it under related: of "+l.Path))
				}
			}
			if l.Tables.Activity == "" {
				return usage(s.Path, fmt.Sprintf("stream %s is of %s, whose activity fact is switched off", s.Name, name), "tables: {activity: fct_"+name+"_activity}")
			}
		}
		if err := p.addGenerated(s.Name, s.Path, s.Description); err != nil {
			return err
		}
		p.Model(s.Name).Config.Materialized = s.Materialized
	}
	return nil
}
