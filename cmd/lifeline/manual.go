package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type manualCommand struct{}

func (manualCommand) Help() string {
	return `Prints the manual page, made from the same words as --help.

Example:
  lifeline man | man -l -`
}

func (manualCommand) Run(_ context.Context, g *Globals, app *kong.Kong) error {
	_, err := fmt.Fprint(g.terminal.out, manual(app.Model))
	return err
}

// exitCodes are what scripts may rely on.
var exitCodes = [][2]string{
	{"0", "Published, or nothing to do."},
	{"1", "An error."},
	{"2", "Usage or configuration."},
	{"3", "Stopped by a check, a broken contract of the source, or the books."},
	{"4", "The source's position is gone, and a new snapshot is needed."},
	{"5", "Another run holds the warehouse."},
}

// manual is the manual page in the man macros of roff. It has no date, so that two builds of one version are equal.
func manual(app *kong.Application) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH LIFELINE 1 \"\" \"lifeline %s\"\n.SH NAME\nlifeline \\- %s\n", roff(version), roff(lowerFirst(app.Help)))
	b.WriteString(".SH SYNOPSIS\n.B lifeline\n\\fICOMMAND\\fR [\\fB\\-\\-project\\fR \\fIDIR\\fR] [\\fB\\-\\-source\\fR \\fIDSN\\fR] " +
		"[\\fB\\-\\-warehouse\\fR \\fIDSN\\fR]\n")
	b.WriteString(".SH OPTIONS\n")
	manualFlags(&b, app.Flags)
	b.WriteString(".SH COMMANDS\n")
	for _, c := range app.Children {
		manualCommandOf(&b, c)
	}
	b.WriteString(".SH ENVIRONMENT\nEach flag beats its variable, and a variable beats lifeline.yml.\n")
	for _, f := range app.Flags {
		for _, name := range f.Envs {
			fmt.Fprintf(&b, ".TP\n.B %s\nAs \\fB\\-\\-%s\\fR.\n", name, roff(f.Name))
		}
	}
	b.WriteString(".TP\n.B NO_COLOR\nNo colours.\n.SH EXIT STATUS\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", e[0], roff(e[1]))
	}
	return b.String()
}

func manualCommandOf(b *strings.Builder, c *kong.Node) {
	if c.Hidden {
		return
	}
	fmt.Fprintf(b, ".SS %s\n%s\n", roff(strings.TrimPrefix(c.FullPath(), "lifeline ")), roff(c.Help))
	text, examples, _ := strings.Cut(c.Detail, "\n\nExample")
	if text != "" && !strings.HasPrefix(text, "Example") {
		fmt.Fprintf(b, ".PP\n%s\n", roff(text))
	}
	for _, p := range c.Positional {
		fmt.Fprintf(b, ".TP\n.I %s\n%s\n", roff(p.Name), roff(cmp.Or(p.Help, "-")))
	}
	manualFlags(b, c.Flags)
	if strings.HasPrefix(c.Detail, "Example") {
		examples = strings.TrimPrefix(c.Detail, "Example")
	}
	if _, lines, ok := strings.Cut(examples, "\n"); ok {
		fmt.Fprintf(b, ".PP\n.nf\n%s\n.fi\n", roff(lines))
	}
	for _, child := range c.Children {
		manualCommandOf(b, child)
	}
}

func manualFlags(b *strings.Builder, flags []*kong.Flag) {
	for _, f := range flags {
		if !f.Hidden {
			fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(f.String()), roff(cmp.Or(f.Help, "-")))
		}
	}
}

// roff escapes a text: no backslash, hyphen or leading dot of it is a command.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func lowerFirst(text string) string {
	if text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}
