package discover

import (
	"fmt"
	"slices"
	"strings"
)

// class says what a table is for, as far as its name, columns and keys tell.
type class struct {
	person    bool   // People or organisations.
	catalogue bool   // Things that are offered or set up, such as products, countries, shops.
	technical bool   // The application's own workings: sessions, caches, jobs, settings.
	log       bool   // What happened, by its name.
	detail    bool   // Lines and further parts of something else.
	copyOf    string // A table that holds the same again, or sums of it.
	eav       bool   // A row a value: attribute and value, or name and value.
	settings  bool   // Names and values of the application's settings.
	junction  bool   // Nothing but two keys.
	words     bool   // A translation of another table's names.
	lookup    bool   // A short list of words that others point at.
}

var personTable = []string{
	"user", "customer", "patient", "person", "employee", "staff", "member", "contact", "client", "doctor", "provider", "student", "teacher",
	"account", "company", "supplier",
	"vendor", "organisation", "organization", "admin", "guest", "visitor", "shipper", "physician", "nurse", "driver", "guardian", "author",
	"subscriber", "affiliate", "partner", "buyer", "seller", "agent", "operator", "usuario", "cliente", "kunde", "benutzer", "client",
	"fournisseur", "proveedor", "actor", "passenger", "holder", "beneficiary", "dependent", "tenant", "resident", "prospect", "artist",
	"manufacturer", "watcher", "recipient", "attendee", "participant", "signatory", "socpeople", "societe", "adherent", "personne",
	"mitarbeiter",
}

// concerned are people whom records are about.
var concerned = []string{
	"customer", "client", "patient", "person", "student", "passenger", "guest", "tenant", "beneficiary", "subscriber",
	"member", "buyer", "resident", "cliente", "kunde", "applicant", "contact",
}

var catalogueTable = []string{
	"product", "country", "currency", "language", "store", "shop", "website", "category", "zone", "region", "carrier", "tax", "page",
	"banner", "module", "plugin", "extension", "menu", "location", "facility",
	"department", "film", "track", "album", "city", "state", "province", "warehouse", "brand", "template", "group", "role", "permission",
	"privilege", "topic", "sla", "team", "calendar", "catalog", "theme", "layout", "widget", "attribute", "type", "class", "list", "setting",
	"option", "price", "rate", "rule", "coupon", "plan", "concept", "drug", "code", "unit", "field", "form",
	"timezone", "locale", "vehicle", "room", "equipment", "asset", "device", "material", "part", "course", "service", "queue", "filter",
	"schedule", "holiday", "lang", "tag", "attachment", "file", "image", "media", "document", "address", "phone", "note", "comment",
	"review", "rating", "wishlist", "cart", "basket", "quote_item", "newsletter", "poll", "survey", "campaign", "bank", "computer",
	"promo", "announcement", "promotion", "offer", "voucher", "discount", "printer", "monitor", "software", "network", "license",
	"certificate", "domain",
	"block", "kind", "level", "grade", "title", "genre",
}

var technicalTable = []string{
	"session", "cache", "config", "configuration", "setting", "index", "cron", "job", "lock", "migration", "token", "process", "scheduler",
	"worker", "version", "sequence", "draft", "flag", "preference", "global", "lockout", "captcha", "throttle", "tmp", "temp", "backup",
	"bak", "migrations", "background", "upgrade", "patch", "install",
	"acl", "oauth", "api", "api_key", "audit", "log", "tracker", "dataflow", "import", "export", "module", "plugin", "hook", "registry",
}

var logTable = []string{
	"history", "log", "audit", "aud", "event", "transition", "activity", "change", "journal", "trail", "revision", "tracking",
	"timeline", "hist", "historique", "historial", "verlauf", "protokoll", "movement",
}

var detailTable = []string{
	"item", "line", "detail", "product", "row", "option", "total", "entry", "part", "position", "component",
	"ligne", "det", "pos", "image", "description", "lang", "translation", "label", "attribute", "value", "property", "relation", "link",
	"payment", "refund", "shipment", "address", "comment", "note", "attachment", "file", "task", "followup", "solution", "cost",
	"validation", "template", "grid",
}

var copyWords = []string{
	"grid", "aggregated", "aggregate", "summary", "cache", "copy", "backup", "bak", "tmp", "temp", "idx", "index",
	"snapshot", "archive", "archived", "flat_cache", "mv", "staging", "old", "report", "stat", "statistic", "daily", "monthly", "yearly",
	"weekly", "replica",
}

// classes sorts every table.
func (l *look) classes() {
	l.class = map[*Table]*class{}
	for _, t := range l.catalog.Tables {
		l.class[t] = l.classify(t)
	}
}

func (l *look) classify(t *Table) *class {
	c := &class{}
	words := trimThing(t.words)
	if len(words) == 0 {
		return c
	}
	last := words[len(words)-1]
	c.person = slices.Contains(personTable, last) && !(last == "account" && has(words, "saving", "loan", "deposit", "bank", "ledger", "gl",
		"credit",
		"cash", "investment", "share", "current"))
	c.catalogue = slices.Contains(catalogueTable, last)
	c.technical = has(words, technicalTable...)
	c.log = slices.Contains(logTable, last) || len(words) > 1 && slices.Contains(logTable, words[len(words)-2])
	if c.log && !slices.Contains([]string{"log", "audit"}, last) {
		c.technical = false
	}
	if c.log && !slices.ContainsFunc(t.Columns, (*Column).isTime) {
		c.log = false // A list of what can happen.
	}
	if c.catalogue && slices.ContainsFunc(l.out.keysOf[t.Name], func(k *Key) bool { return l.concernsPerson(t, k) }) {
		c.catalogue = false
	}
	c.detail = len(words) > 1 && slices.Contains(detailTable, last)
	c.copyOf = l.original(t)
	c.eav, c.settings = l.isEAV(t)
	c.junction = l.isJunction(t)
	c.words = slices.ContainsFunc(t.Columns, func(col *Column) bool {
		return has(col.words, "language", "lang", "locale") && slices.Contains(t.Primary, col.Name)
	})
	c.lookup = !c.junction && !c.eav && !c.log && l.isLookup(t)
	return c
}

// isLookup reports whether a table is a short list of words that others point at: its label tells rows apart, and its rows belong to
// nobody.
func (l *look) isLookup(t *Table) bool {
	label := labelOf(t)
	if label == nil || len(t.Columns) > 16 || l.rowsOf(t) > 400 || len(l.out.keysTo[t.Name]) == 0 || len(l.out.keysOf[t.Name]) > 2 ||
		l.hasAmounts(t) {
		return false
	}
	if st, rows := l.profile.stats(t, label.Name), l.profile.rows(t); rows >= 20 && st.Distinct >= 0 && st.Distinct*4 < rows {
		return false // A word that many rows share is a state or a kind.
	}
	if happens(t) {
		return false
	}
	return !slices.ContainsFunc(l.out.keysOf[t.Name], func(k *Key) bool { return l.rows(t) && l.concernsPerson(t, k) })
}

// happens reports whether a table has a state and the day of something that happened to its rows, as no list of words has.
func happens(t *Table) bool {
	state := slices.ContainsFunc(t.Columns, func(c *Column) bool {
		return has(c.words, stateWords...) && !c.isFlag() || c.isFlag() && has(c.words, "open", "closed", "completed", "done", "finished",
			"resolved")
	})
	return state && slices.ContainsFunc(t.Columns, func(c *Column) bool {
		return c.isTime() && slices.ContainsFunc(roles, func(r dateWords) bool {
			return !slices.Contains([]string{"created", "updated", "deleted", "voided", "expires"}, r.role) && has(c.words, r.words...)
		})
	})
}

func (l *look) rows(t *Table) bool { return l.profile.rows(t) > 0 }

// concernsPerson reports whether a key points at a person whom the row is about, not at the clerk who wrote it.
func (l *look) concernsPerson(t *Table, k *Key) bool {
	p := l.catalog.Table(k.Parent)
	if p == nil || len(p.words) == 0 || k.Confidence == Low {
		return false
	}
	words := trimThing(p.words)
	last := words[len(words)-1]
	return slices.Contains(concerned, last) && has(t.Column(k.Column).words, last)
}

func (l *look) rowsOf(t *Table) int64 {
	if n := int64(l.profile.rows(t)); n > 0 && n >= t.Rows {
		return n
	}
	return t.Rows
}

func (l *look) hasAmounts(t *Table) bool {
	return slices.ContainsFunc(t.Columns, func(c *Column) bool { return c.kind() == decimal && has(c.words, "amount", "total", "price") })
}

// original finds the table that a grid, an aggregate or an index repeats.
func (l *look) original(t *Table) string {
	w := t.words
	at := slices.IndexFunc(w, func(s string) bool { return slices.Contains(copyWords, s) })
	if at <= 0 || w[len(w)-1] == "type" || w[len(w)-1] == "status" {
		return ""
	}
	if slices.Contains([]string{"report", "index", "stat", "old", "summary"}, w[at]) && at != len(w)-1 &&
		!has(w[at:], "tmp", "idx", "aggregated") {
		return ""
	}
	best, n := "", 0
	for _, p := range l.catalog.Tables {
		if p == t || has(p.words, copyWords...) {
			continue
		}
		if k := shared(w[:at], p.words); k == len(p.words) && k > n {
			best, n = p.Name, k
		}
	}
	if best == "" && has(w, "aggregated", "tmp", "idx", "grid") {
		return strings.Join(w[:at], "_")
	}
	return best
}

// labelOf is the column with a row's name.
func labelOf(t *Table) *Column {
	for _, want := range []string{
		"name", "label", "title", "libelle", "bezeichnung", "nombre", "nom", "description", "code", "status", "word", "text",
	} {
		for _, c := range t.Columns {
			if c.kind() == text && len(c.words) > 0 && c.words[len(c.words)-1] == want && len(c.words) <= 2+len(t.words) {
				return c
			}
		}
	}
	for _, c := range t.Columns {
		if c.kind() == text && len(c.words) > 0 && endsWith(t.words, c.words) {
			return c // The topic of help_topics.
		}
	}
	for _, c := range t.Columns {
		if c.kind() == text && !slices.Contains(t.Primary, c.Name) && !has(c.words, "id", "uuid", "color", "colour", "icon", "image",
			"module") && len(t.Columns) <= 4 {
			return c
		}
	}
	return nil
}

// isEAV reports whether each row is one value of something, and whether these are the application's settings.
func (l *look) isEAV(t *Table) (eav, settings bool) {
	if len(t.Columns) > 34 {
		return false, false
	}
	var value, attribute, name *Column
	values := 0
	for _, c := range t.Columns {
		switch {
		case len(c.words) > 0 && c.words[0] == "value" && !strings.Contains(strings.Join(c.words, " "), "value id"):
			values++
			value = c
		case has(c.words, "value") && has(c.words, "field", "setting", "property") && len(c.words) == 2, strings.Join(c.words, " ") == "text" &&
			len(t.Columns) <= 5 && has(t.words, "attribute"):
			value = c
		case has(c.words, "attribute", "field", "concept", "feature", "property") && (has(c.words, "id", "name", "type") || len(c.words) == 1):
			attribute = c
		case len(c.words) <= 2 && has(c.words, "name", "key", "setting", "path", "label", "property", "variable", "category", "content") &&
			c.kind() == text:
			name = c
		}
	}
	if values >= 3 && attribute != nil {
		return true, false
	}
	if len(t.Columns) > 14 {
		return false, false
	}
	if value == nil && attribute != nil && has(t.words, "feature", "attribute") && len(l.out.keysOf[t.Name]) >= 3 && len(t.Columns) <= 4 {
		return true, false
	}
	if value == nil {
		for _, c := range t.Columns {
			if c.kind() == longText && has(c.words, "content", "contents") && has(t.words, "preference", "setting", "config") {
				value = c
			}
		}
	}
	switch {
	case value == nil:
		return false, false
	case attribute != nil && !has(t.words, "option"):
		return true, false
	case name != nil && has(t.words, "config", "configuration", "setting", "global", "property", "preference", "variable", "option", "param",
		"parameter", "meta"):
		return true, true
	}
	return false, false
}

// isJunction reports whether a table only ties two others together.
func (l *look) isJunction(t *Table) bool {
	if len(t.Columns) < 2 || len(t.Columns) > 6 {
		return false
	}
	keys := map[string]bool{}
	for _, k := range l.out.keysOf[t.Name] {
		if k.Confidence != Low {
			keys[k.Column] = true
		}
	}
	if len(keys) < 2 {
		return false
	}
	for _, c := range t.Columns {
		if !keys[c.Name] && !slices.Contains(t.Primary, c.Name) && !c.isTime() && !c.isFlag() && !has(c.words, "sort", "order", "position",
			"main", "deleted") {
			return false
		}
	}
	return true
}

// polymorphic finds pairs of a type and an id, of which the first says what table the second points at.
func (l *look) polymorphic() {
	for _, t := range l.catalog.Tables {
		if t.View {
			continue
		}
		for _, id := range t.Columns {
			if k := id.kind(); k != integer && k != text || id.Auto || t.Key() == id.Name || !has(id.words, "id", "fk") {
				continue
			}
			kind := typeBeside(t, id)
			_, stem, _ := keyParts(id.words)
			if kind != nil && (len(stem) == 1 && slices.Contains(anyThing, stem[0]) || !slices.ContainsFunc(l.out.keysOf[t.Name],
				func(k *Key) bool { return k.Column == id.Name })) {
				l.out.Polymorphic = append(l.out.Polymorphic, Polymorphic{
					Table: t.Name, Type: kind.Name, ID: id.Name,
					Guess: Guess{
						fmt.Sprintf("%s.%s points at the table that %s says", t.Name, id.Name, kind.Name), Medium,
						"a type and an id of one name",
					},
				})
			}
		}
	}
	// What points at several tables is a key of none.
	l.out.Keys = slices.DeleteFunc(l.out.Keys, func(k Key) bool {
		return k.Evidence != "declared as a foreign key" && slices.ContainsFunc(l.out.Polymorphic,
			func(p Polymorphic) bool { return p.Table == k.Table && p.ID == k.Column })
	})
	l.out.finish()
}

// anyThing are names of things of any kind.
var anyThing = []string{"object", "item", "target", "entity", "record", "resource", "bean", "element", "subject", "model", "parent"}

func typeBeside(t *Table, id *Column) *Column {
	_, stem, _ := keyParts(id.words)
	for _, c := range t.Columns {
		n := len(c.words)
		if n == 0 || (c.kind() != text && c.kind() != enum) || c.words[n-1] != "type" && c.words[n-1] != "class" && c.words[n-1] != "itemtype" &&
			c.words[n-1] != "model" && c.words[n-1] != "module" {
			continue
		}
		if n > 1 && slices.Equal(c.words[:n-1], stem) {
			return c
		}
		if len(stem) == 1 && slices.Contains(anyThing, stem[0]) &&
			(n == 1 || strings.HasPrefix(c.Name, stem[0])) {
			return c
		}
	}
	return nil
}
