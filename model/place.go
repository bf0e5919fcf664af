package model

import (
	"fmt"
	"regexp"
	"strings"
)

// Place maps a line of a model's compiled SQL, as a database names it in an error, back to the model's file as well as it can: the
// lines that a template takes over as they stand are known again, and a line that the template made is taken for the likeliest of the
// lines between them. Within an ephemeral model's CTE the place is in that model's file. Lines and the answer's count from 1.
func (g *Graph) Place(n *Node, compiled string, line int) string {
	lines := strings.Split(compiled, "\n")
	if line < 1 || line > len(lines) || n.Model.Generated {
		return n.Path
	}
	var own []string // The lines of the model itself, outside the CTEs.
	at := 0
	for begin := 0; begin < len(lines); begin++ {
		inner := g.cteOf(lines[begin])
		if inner == nil {
			own = append(own, lines[begin])
			if begin < line {
				at = len(own)
			}
			continue
		}
		end := begin + 1
		for end < len(lines) && !strings.HasPrefix(lines[end], ")") {
			end++
		}
		if begin < line && line <= end {
			return sourceLine(inner, lines[begin+1:end], max(line-begin-1, 1))
		}
		begin = end
	}
	return sourceLine(n, own, max(at, 1))
}

// cteOf is the ephemeral model whose CTE begins on a line; nil where none does.
func (g *Graph) cteOf(line string) *Node {
	_, rest, ok := strings.Cut(line, ephemeralPrefix)
	if !ok {
		return nil
	}
	name, ok := strings.CutSuffix(rest, " as (")
	if n := g.byName[name]; ok && n != nil && n.Model != nil {
		return n
	}
	return nil
}

// sourceLine finds the line of a model's file that became a line of its rendered text.
func sourceLine(n *Node, rendered []string, line int) string {
	source := strings.Split(n.Model.SQL, "\n")
	match := common(source, rendered)
	line = min(line, len(rendered))
	if s, ok := match[line-1]; ok {
		return fmt.Sprintf("%s:%d", n.Path, s+1)
	}
	// The template made this line: of the lines between the known ones around it, the one that looks most like it.
	from, to := 0, len(source)
	for r := line - 2; r >= 0 && from == 0; r-- {
		if s, ok := match[r]; ok {
			from = s + 1
		}
	}
	for r := line; r < len(rendered) && to == len(source); r++ {
		if s, ok := match[r]; ok {
			to = s
		}
	}
	best, most := min(from, len(source)-1), -1
	for i := from; i < to; i++ {
		if n := likeness(source[i], rendered[line-1]); n > most {
			best, most = i, n
		}
	}
	return fmt.Sprintf("%s:%d", n.Path, best+1)
}

var (
	wholeTag   = regexp.MustCompile(`\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}`)
	beyondTags = regexp.MustCompile(`\S`)
)

// likeness is how many letters of a template's line stand in a rendered one that could have come of it, or -1 where it could not.
func likeness(source, rendered string) int {
	parts := wholeTag.Split(strings.TrimSpace(source), -1)
	if len(parts) == 1 {
		return -1
	}
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	form, err := regexp.Compile("^" + strings.Join(parts, ".*") + "$")
	if err != nil || !form.MatchString(strings.TrimSpace(rendered)) {
		return -1
	}
	return len(beyondTags.FindAllString(wholeTag.ReplaceAllString(source, ""), -1))
}

// common pairs the lines of two texts that are the same but for blanks at their ends, in order: the longest such pairing.
func common(source, rendered []string) map[int]int {
	a, b := trimmed(source), trimmed(rendered)
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			length[i][j] = max(length[i+1][j], length[i][j+1])
			if a[i] == b[j] && a[i] != "" {
				length[i][j] = max(length[i][j], length[i+1][j+1]+1)
			}
		}
	}
	out := map[int]int{}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j] && a[i] != "" && length[i][j] == length[i+1][j+1]+1:
			out[j] = i
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

func trimmed(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimSpace(strings.TrimSuffix(l, ";"))
	}
	return out
}
