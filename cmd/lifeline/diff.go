package main

import (
	"fmt"
	"io"
	"strings"
)

// printDiff shows what a file would become, line by line, with two lines around each change.
func printDiff(w io.Writer, name, old, new string) {
	a, b := strings.Split(strings.TrimSuffix(old, "\n"), "\n"), strings.Split(strings.TrimSuffix(new, "\n"), "\n")
	fmt.Fprintf(w, "--- %s (as it is)\n+++ %s (as init would write it)\n", name, name)
	lines := diffLines(a, b)
	shown := -1
	for i, l := range lines {
		near := false
		for j := max(0, i-2); j < min(len(lines), i+3); j++ {
			near = near || lines[j][0] != ' '
		}
		if !near {
			continue
		}
		if shown >= 0 && i > shown+1 {
			fmt.Fprintln(w, "  …")
		}
		shown = i
		fmt.Fprintln(w, l)
	}
}

// diffLines marks each line as kept, removed or added, by the longest common subsequence between the common ends.
func diffLines(a, b []string) []string {
	var out []string
	front := 0
	for front < len(a) && front < len(b) && a[front] == b[front] {
		out = append(out, "  "+a[front])
		front++
	}
	back := 0
	for back < len(a)-front && back < len(b)-front && a[len(a)-1-back] == b[len(b)-1-back] {
		back++
	}
	x, y := a[front:len(a)-back], b[front:len(b)-back]
	if len(x)*len(y) > 4_000_000 {
		for _, l := range x {
			out = append(out, "- "+l)
		}
		for _, l := range y {
			out = append(out, "+ "+l)
		}
	} else {
		out = append(out, between(x, y)...)
	}
	for _, l := range a[len(a)-back:] {
		out = append(out, "  "+l)
	}
	return out
}

func between(x, y []string) []string {
	common := make([][]int, len(x)+1)
	for i := range common {
		common[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if x[i] == y[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			out = append(out, "  "+x[i])
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+x[i])
			i++
		default:
			out = append(out, "+ "+y[j])
			j++
		}
	}
	return out
}
