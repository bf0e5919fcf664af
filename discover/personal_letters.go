package discover

import (
	"slices"
	"strings"
)

// letterheads are the lines over a letter.
var letterheads = []string{"from", "to", "cc", "bcc", "reply to", "sender", "recipient", "mail from", "mail to"}

func last(words []string) string { return words[len(words)-1] }

// withoutLetter takes a single letter off the front of a name.
func withoutLetter(name string) string {
	if len(name) > 2 && name[1] == ' ' {
		return name[2:]
	}
	return name
}

// placeBeside reports whether an address stands in a table under the same front as a name: delivery_name beside delivery_street.
func placeBeside(t *Table, c *Column) bool {
	front := c.words[:len(c.words)-1]
	return slices.ContainsFunc(t.Columns, func(o *Column) bool {
		return o != c && startsWith(o.words, front) && has(o.words[len(front):], "street", "postcode", "zip", "phone", "telephone", "email")
	})
}

// letterTables hold what people write to each other.
var letterTables = []string{
	"reply", "mime", "article", "note", "entry", "message", "thread", "post", "comment", "followup", "mail", "chat", "event", "obs",
	"observation", "sms", "letter", "pnote", "conversation",
}

// letterBodies are the columns with what was written.
var letterBodies = []string{"body", "content", "message", "text", "hometext", "value text", "reply", "comment", "note"}

// written finds who wrote a letter, to whom, and what.
func written(t *Table, c *Column, name string) (mask, why string) {
	free := c.kind() == longText || c.kind() == text
	if !free {
		return "", ""
	}
	long := c.kind() == longText
	switch bare := withoutLetter(name); {
	case name == "author" && has(t.words, "comment", "post", "message", "review", "thread", "entry"):
		return "hash", "it says who wrote"
	case slices.Contains(letterheads, bare) && slices.ContainsFunc(t.Columns, func(o *Column) bool {
		return has(o.words, "subject", "body") && (o.kind() == text || o.kind() == longText)
	}):
		return "hash", "it stands in the head of a letter"
	case last(c.words) == "name" && len(c.words) > 1 && placeBeside(t, c):
		return "hash", "an address of the same front stands beside it"
	case slices.Contains(letterBodies, bare) && (long || bare != "note" && bare != "comment") &&
		(long || strings.HasPrefix(c.Type, "varchar(")) &&
		has(t.words, letterTables...) && !has(t.words, "template", "type"):
		return "drop", "it is what people write"
	case long && (name == "body" || name == "value text" || name == "hometext"):
		return "drop", "it is what people write"
	}
	return "", ""
}
