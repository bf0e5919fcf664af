package main

import (
	"context"
	"errors"
	"fmt"

	"lifeline/change"
	"lifeline/sample"
)

type sampleCommand struct {
	Project         string  `arg:"" enum:"carepay,fooddelivery" help:"Which project's source to make: carepay or fooddelivery."`
	Scale           float64 `default:"1" help:"1 is 333,951 rows in four tables, as the real ones (fooddelivery: 200,000 in eleven); linear."`
	Seed            uint64  `default:"1" help:"The same seed gives the same bytes."`
	Dirt            string  `enum:"none,real,heavy" default:"real" help:"none, real (published, with warnings) or heavy (refused)."`
	Out             string  `placeholder:"DIR" help:"Write the CSV files into DIR."`
	Into            string  `placeholder:"DSN" help:"Create and load the database mysql://user:pass@host:port/db."`
	ShiftTreatments bool    `help:"Repeat the loader's fault: treatments declared with a TYPE after STATUS that the data lacks."`
	Invoices        string  `placeholder:"FILE" help:"Build the other tables around this invoices file."`
}

func (sampleCommand) Help() string {
	return `Examples:
  lifeline sample carepay --out carepay-csv
  lifeline sample carepay --scale 30 --seed 7 --into mysql://root:password@127.0.0.1:3306/carepay
  lifeline sample fooddelivery --out food-csv`
}

func (c *sampleCommand) Run(ctx context.Context, g *Globals) error {
	if (c.Out == "") == (c.Into == "") {
		return &change.Problem{
			Err:   errors.New("say where the sample goes: --out DIR or --into DSN, one of them"),
			Class: change.ClassUsage, Try: "lifeline sample carepay --out carepay-csv",
		}
	}
	bars := newProgress(g)
	defer bars.Close()
	bars.Begin("sample")
	o := sample.Options{
		Project: c.Project, Scale: c.Scale, Seed: c.Seed, Dirt: c.Dirt,
		ShiftTreatments: c.ShiftTreatments, InvoicesFile: c.Invoices,
		Progress: func(table string, rows, total int64) { bars.Advance("sample", rows, total, table+" rows") },
	}
	var s sample.Summary
	var err error
	if c.Out != "" {
		s, err = sample.Write(ctx, o, c.Out)
	} else {
		s, err = sample.Load(ctx, o, c.Into)
	}
	if err != nil {
		return err
	}
	bars.End("sample", "")
	if g.JSON {
		return writeJSON(g.terminal.out, s)
	}
	for _, t := range s.Tables {
		fmt.Fprintf(g.terminal.out, "%-14s %12s rows\n", t.Name, count(t.Rows))
	}
	return nil
}
