package run

import (
	"context"
	"errors"

	"lifeline/change"
	"lifeline/project"
	"lifeline/source"
	"lifeline/warehouse"
)

// PlanReport says what a run would do; nothing has been changed to find out.
type PlanReport struct {
	Tables    []string `json:"tables"`  // Would be read.
	Models    []string `json:"models"`  // Would be built, in order.
	Carried   []string `json:"carried"` // Would be carried over from the version before.
	Checks    int      `json:"checks"`
	Published int64    `json:"published"` // The version published now; 0 for none.
}

// Plan checks project and source and says what a run would do.
func Plan(ctx context.Context, o Options) (p *PlanReport, err error) {
	w, err := newWalk(o)
	if err != nil {
		return nil, err
	}
	if err := w.openSource(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.closeSource()) }()
	if err := w.preflight(ctx); err != nil {
		return nil, err
	}
	p = &PlanReport{Tables: []string{}, Models: []string{}, Carried: []string{}}
	if w.opt.Source != nil {
		for _, s := range w.opt.Project.Sources {
			p.Tables = append(p.Tables, s.Name)
		}
	}
	for _, n := range w.works() {
		if w.builds(n) {
			p.Models = append(p.Models, n.Name)
		} else {
			p.Carried = append(p.Carried, n.Name)
		}
	}
	for _, t := range w.opt.Project.Tests {
		if !t.Disabled {
			p.Checks++
		}
	}
	r, err := w.opt.Warehouse.Published(ctx)
	if errors.Is(err, warehouse.ErrNothingPublished) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p.Published = r.Version
	return p, nil
}

// Contracts are the project's source tables as the source has to keep them.
func Contracts(p *project.Project) []source.Contract {
	out := make([]source.Contract, len(p.Sources))
	for i, s := range p.Sources {
		out[i] = source.Contract{Name: s.Name, Identifier: s.Identifier, File: s.File, Key: s.Key}
		if s.Shift != nil {
			out[i].Shift = &source.Shift{After: s.Shift.After, By: s.Shift.By, When: s.Shift.When, Where: s.Shift.Where}
		}
		out[i].Masks = p.Masks(s)
		for _, column := range s.MoneyOrder {
			out[i].Money = append(out[i].Money, change.Money{Column: column, Currency: s.Money[column]})
		}
		for _, c := range s.Columns {
			out[i].Columns = append(out[i].Columns, source.ContractColumn{Name: c.Name, DataType: c.DataType})
		}
	}
	return out
}
