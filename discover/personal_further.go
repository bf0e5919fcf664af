package discover

import (
	"slices"
	"strconv"
	"strings"
)

// Three kinds of columns ask for a mask. Personal ones tell who somebody is. Secrets open a door and name nobody. Further ones say
// little by themselves, and more beside the first kind: each of them is masked where masks are in force, and named apart, so that
// whoever needs a postcode for a map, or a company's fax, finds it quickly.

// companyTable holds organisations, whose address and numbers are no person's.
var companyTable = []string{
	"company", "supplier", "shipper", "vendor", "organisation", "organization", "manufacturer", "carrier", "partner", "affiliate",
	"fournisseur", "proveedor", "societe", "facility", "branch", "office", "shop", "store", "warehouse", "bank", "agency", "insurer",
}

// passing says why a column is a secret that is no person's: a salt, a token for one occasion, an earlier password.
func passing(t *Table, c *Column) string {
	w := c.words
	switch {
	case has(w, "salt", "nonce", "otp", "totp", "answer", "csrf"):
		return "its name says an ingredient of a secret"
	case has(w, "history", "previous", "old") && has(w, secretWords...):
		return "its name says an earlier secret"
	case has(w, "token") && (len(w) == 1 || has(w, "forget", "forgot", "reset", "confirm", "confirmation", "cookie", "session", "remember",
		"activation", "verification", "verify", "opt", "unsubscribe", "invite", "invitation", "csrf", "refresh")):
		return "its name says a token for one occasion"
	case has(w, "hash") && !has(w, "password", "passwd", "pass", "user"), has(w, "dn") && has(w, "hash"):
		return "its name says a hash"
	}
	return ""
}

// further says why a column tells of a person only beside others, "" where it does by itself.
func (l *look) further(t *Table, c *Column) string {
	w := c.words
	switch {
	case has(w, "address", "addr", "street", "line", "zip", "name") && laterLine(t, c):
		return "a further line of what stands beside it"
	case has(w, "fax"):
		return "a fax is an office's more often than a person's"
	case has(w, "phone", "tel", "telephone", "mobile", "cell", "email", "mail", "address", "street", "postcode", "zip", "postal",
		"postalcode") && secondary(w) && mainBeside(t, c):
		return "another way to reach somebody whose first one stands beside it"
	case has(w, "ext", "extension") && has(w, "phone", "tel", "telephone"):
		return "an extension of a number"
	case has(w, "photo", "picture", "avatar", "portrait", "signature") && c.kind() != binary:
		return "it holds a name of a file, or a text to end letters with"
	case has(w, "agent") && has(w, "user", "browser"), has(w, "forwarded"):
		return "it tells of a program on the way"
	case has(w, "siret", "siren", "vat"):
		return "a number of a register of companies"
	case has(w, "cap", "caps", "upper", "lower", "canonical", "normalized", "normalised", "soundex", "metaphone"):
		return "another spelling of the column beside it"
	case l.company(t) && !has(w, "name", "firstname", "lastname", "email", "mail") && !has(w, "business", "work", "office", "contact") &&
		!birth(c):
		return "it is a company's"
	}
	return ""
}

func birth(c *Column) bool { return c.kind() == date || c.kind() == datetime }

// company reports whether a table holds organisations and no people's private life.
func (l *look) company(t *Table) bool {
	words := trimThing(t.words)
	return len(words) > 0 && slices.Contains(companyTable, words[len(words)-1])
}

// laterLine reports whether a column is the second line of an address, or a later one, whose first stands in the table.
func laterLine(t *Table, c *Column) bool {
	n, front := numbered(c)
	if n < 2 {
		return false
	}
	return slices.ContainsFunc(t.Columns, func(o *Column) bool {
		m, other := numbered(o)
		return o != c && other == front && m < n
	})
}

// numbered takes the number off the end of a column's name; 0 where it has none.
func numbered(c *Column) (int, string) {
	name := strings.Join(c.words, " ")
	front := strings.TrimRight(name, "0123456789")
	n, err := strconv.Atoi(name[len(front):])
	if err != nil {
		return 0, strings.TrimSpace(name)
	}
	return n, strings.TrimSpace(front)
}

// secondary reports whether words say another one of what somebody has.
func secondary(w []string) bool {
	return has(w, "other", "alt", "alternate", "secondary", "second", "assistant", "direct", "biz", "guardian", "mother", "father",
		"emergency", "spouse", "kin", "additional", "extra", "contact", "conttel")
}

// mainBeside reports whether a column of the same kind without such a word stands in the table.
func mainBeside(t *Table, c *Column) bool {
	kinds := [][]string{
		{"phone", "tel", "telephone", "mobile", "cell"}, {"email", "mail"}, {"address", "street", "postcode", "zip", "postal", "postalcode"},
	}
	for _, kind := range kinds {
		if !has(c.words, kind...) {
			continue
		}
		return slices.ContainsFunc(t.Columns, func(o *Column) bool {
			return o != c && has(o.words, kind...) && !secondary(o.words) && !o.isFlag()
		})
	}
	return false
}
