package model

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"lifeline/change"
)

// token is what SQL consists of, where it does not stand in a text, a quoted name or a comment.
var token = regexp.MustCompile(`(?is)--[^\n]*|/\*.*?\*/|e'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|[\pL_][\pL\d_$]*|\S`)

// dollars opens a text between dollars.
var dollars = regexp.MustCompile(`^\$(?:[\pL_][\pL\d_]*)?\$`)

// tokens are the words and signs of a text of SQL.
func tokens(sql string) (out []string) {
	for sql != "" {
		at := token.FindStringIndex(sql)
		if at == nil {
			break
		}
		text, rest := sql[at[0]:at[1]], sql[at[1]:]
		if tag := dollars.FindString(sql[at[0]:]); tag != "" {
			if _, after, closed := strings.Cut(sql[at[0]+len(tag):], tag); closed {
				text, rest = "''", after
			}
		}
		if !strings.HasPrefix(text, "--") && !strings.HasPrefix(text, "/*") {
			out = append(out, strings.ToLower(text))
		}
		sql = rest
	}
	return out
}

// changing are the words that begin a statement which changes something, or has no rows.
var changing = strings.Fields(`insert update delete merge replace truncate drop create alter grant revoke copy call set reset
	attach detach use install load pragma vacuum checkpoint export import begin start commit rollback abort do lock prepare execute
	deallocate comment reindex refresh cluster listen notify unlisten discard analyze analyse security`)

// oneSelect refuses, before anything is read, a model that is no select, more than one statement, or writes on its way. What it calls may
// still try to write: that is refused when it is built.
func oneSelect(n *Node, sql string) error {
	refuse := func(what, try string) error {
		return &change.Problem{
			Err: fmt.Errorf("model %s %s: a model is one select", n.Name, what), Where: n.Path, Class: change.ClassUsage, Try: try,
		}
	}
	if accepted.has(sql) {
		return nil
	}
	var before []string // The last words.
	ended := false
	for _, word := range tokens(sql) {
		switch {
		case ended && word != ";":
			return refuse("has several statements", "a model of its own for each select")
		case word == ";":
			ended = true
		case len(before) == 0 && slices.Contains(changing, word):
			return refuse("begins with "+word, "a select")
		case slices.Contains(changing[:4], word) && opensCTE(before):
			return refuse("has "+word+" in a with", "take what writes out of the model")
		case word == "into":
			return refuse("selects into something", "the select without into: what it gives becomes the table of the model")
		}
		before = append(before, word)
	}
	accepted.add(sql)
	return nil
}

// texts remembers some texts. A run makes its graph twice, and a follower once for each publication: most texts are the same.
type texts struct {
	mu  sync.Mutex
	all map[string]bool
}

// mostTexts is how many are remembered before it begins anew.
const mostTexts = 2000

// accepted are the texts that are one select.
var accepted texts

func (t *texts) has(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[text]
}

func (t *texts) add(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil || len(t.all) >= mostTexts {
		t.all = map[string]bool{}
	}
	t.all[text] = true
}

// opensCTE reports whether the words end as the head of a common table expression does: as (, as materialized (, as not materialized (.
func opensCTE(words []string) bool {
	n := len(words)
	if n == 0 || words[n-1] != "(" {
		return false
	}
	for n--; n > 0 && (words[n-1] == "materialized" || words[n-1] == "not"); n-- {
	}
	return n > 0 && words[n-1] == "as"
}
