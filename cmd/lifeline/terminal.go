package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// terminal is where a command reads and prints: results on out, messages on err.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// interactive tells whether messages go to a person at a terminal.
func (t terminal) interactive() bool {
	f, ok := t.err.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// coloured follows the NO_COLOR convention.
func (t terminal) coloured() bool { return t.interactive() && os.Getenv("NO_COLOR") == "" }

func (t terminal) paint(code, s string) string {
	if !t.coloured() {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t terminal) red(s string) string   { return t.paint("31", s) }
func (t terminal) green(s string) string { return t.paint("32", s) }
func (t terminal) dim(s string) string   { return t.paint("2", s) }
func (t terminal) bold(s string) string  { return t.paint("1", s) }

// writeJSON prints one value, indented, with a final newline.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// grid prints rows under headers; columns named in right are aligned right.
func grid(w io.Writer, headers []string, rows [][]string, right ...string) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Options.SeparateHeader = true
	head := make(table.Row, len(headers))
	for i, h := range headers {
		head[i] = h
	}
	t.AppendHeader(head)
	var configs []table.ColumnConfig
	for _, name := range right {
		configs = append(configs, table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	for _, r := range rows {
		row := make(table.Row, len(r))
		for i, c := range r {
			row[i] = c
		}
		t.AppendRow(row)
	}
	t.Render()
}

// count writes a number of rows with separators: 1,234,567.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// seconds writes a duration as people read it.
func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}
