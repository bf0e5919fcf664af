package discover

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"lifeline/change"
)

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// reservedWords are those that one of the engines keeps for itself.
var reservedWords = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`all analyse analyze and any array as asc asymmetric authorization between binary both by case cast ` +
		`check collate collation column concurrently constraint create cross
		cube current_catalog current_date current_role current_schema current_time current_timestamp current_user default deferrable desc
		    describe distinct do else end except exists false fetch filter for foreign freeze from full
		grant group having ilike in initially inner intersect into is isnull join lambda lateral leading left like limit localtime
		    localtimestamp natural not notnull null offset on only or order outer overlaps over
		pivot placing position primary qualify references returning right rollup row rows select session_user show similar some summarize
		    symmetric system_user table tablesample then to trailing true union unique unpivot user using
		variadic verbose values when where window with within glob semi anti positional interval map struct try_cast asof at key end_of index`) {
		reservedWords[w] = true
	}
}

// staged is a source column as it is called in staging, quoted where it must be.
func staged(column string) string {
	name := change.StagingName(column)
	if plainName.MatchString(name) && !reservedWords[name] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// safe makes a name that needs no quotes anywhere.
func safe(name string) string {
	var out []rune
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			out = append(out, r)
		} else if len(out) > 0 && out[len(out)-1] != '_' {
			out = append(out, '_')
		}
	}
	text := strings.Trim(string(out), " ")
	if strings.Trim(text, "_") == "" {
		text = "c"
	}
	if text[0] >= '0' && text[0] <= '9' || text[0] == '_' {
		text = "c" + text
		if text[1] != '_' {
			text = "c_" + text[1:]
		}
	}
	if reservedWords[text] {
		text += "_"
	}
	text = change.StagingName(text)
	if len(text) > 50 {
		text = strings.TrimRight(text[:50], "_")
	}
	return text
}

// namer gives every thing a safe name of its own.
type namer map[string]bool

func (n namer) name(want string) string {
	want = safe(want)
	out := want
	for i := 2; n[out]; i++ {
		out = fmt.Sprintf("%s_%d", want, i)
	}
	n[out] = true
	return out
}

// staged gives a table its name in staging: the source's own in small letters, where it can be written without quotes behind a schema.
func (n namer) staged(want string) string {
	if name := strings.ToLower(want); plainName.MatchString(name) && !n[name] {
		n[name] = true
		return name
	}
	return n.name(want)
}

// yamlText writes a text as a YAML scalar.
func yamlText(s string) string {
	s = strings.NewReplacer("{{", "{ {", "}}", "} }", "{%", "{ %", "%}", "% }", "{#", "{ #").Replace(s)
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

// sqlText writes a text as a literal.
func sqlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// plural is a word's plural, for headings.
func plural(w string) string {
	switch {
	case strings.HasSuffix(w, "y") && len(w) > 1 && !strings.ContainsAny(w[len(w)-2:len(w)-1], "aeiou"):
		return w[:len(w)-1] + "ies"
	case strings.HasSuffix(w, "s"), strings.HasSuffix(w, "x"), strings.HasSuffix(w, "ch"), strings.HasSuffix(w, "sh"):
		return w + "es"
	}
	return w + "s"
}

// heading makes "Purchase orders" of purchase_orders.
func heading(name string) string {
	text := strings.TrimSpace(strings.ReplaceAll(name, "_", " "))
	if text == "" {
		return name
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// title is how people read a table's name: without the prefix that all tables have, its words apart.
func (w *plan) title(t *planTable) string {
	words := split(t.t.Name[len(prefixOf(t.t.Name, w.Catalog.prefix)):])
	if len(words) == 0 {
		return heading(t.model)
	}
	return heading(strings.Join(words, "_"))
}

// aOrAn is a noun with its article.
func aOrAn(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) && !strings.HasPrefix(noun, "user") && !strings.HasPrefix(noun, "uni") {
		return "an " + noun
	}
	return "a " + noun
}

// relatedTitle is what people call someone concerned: a name in short is written out as its table has it.
func (w *plan) relatedTitle(r planRelated) string {
	words := strings.Split(r.name, "_")
	parent := split(r.parent.t.Name[len(prefixOf(r.parent.t.Name, w.Catalog.prefix)):])
	for i, word := range words {
		for _, long := range parent {
			if long = singular(long); len(word) < len(long) && abbreviates([]string{word}, []string{long}) {
				words[i] = long
			}
		}
		if len(words[i]) <= 4 && !strings.ContainsAny(words[i], "aeiouy") || acronyms[words[i]] {
			words[i] = strings.ToUpper(words[i])
		}
	}
	return heading(strings.Join(words, "_"))
}

// acronyms are read letter by letter although they have a vowel.
var acronyms = map[string]bool{
	"sla": true, "id": true, "api": true, "url": true, "ip": true, "vat": true, "isbn": true, "sku": true, "iban": true,
}

// lowerFirst is a title within a sentence; an acronym stays as it is.
func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:min(1, len(s))]) + s[min(1, len(s)):]
}
