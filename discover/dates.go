package discover

import (
	"fmt"
	"slices"
	"strings"
)

// dateWords are the words that say a role.
type dateWords struct {
	role  string
	words []string
}

// roles gives each role of a date the words that say it, the telling ones first.
var roles = []dateWords{
	{"voided", []string{"voided", "void"}},
	{"deleted", []string{"deleted", "delete", "removed", "trashed", "suppression"}},
	{"reopened", []string{"reopened", "reopen"}},
	{"cancelled", []string{
		"cancelled", "canceled", "cancel", "cancellation", "rejected", "rejection", "declined", "denied", "refused",
		"withdrawn",
	}},
	{"expires", []string{"expire", "expires", "expiry", "expiration", "expired", "exp", "validity", "validite", "vencida"}},
	{"due", []string{
		"due", "deadline", "expected", "expect", "promised", "target", "next", "required", "needed", "planned", "estimated",
		"est", "echeance", "vencimiento", "faellig", "livraison", "lim", "limit", "limite",
	}},
	{"paid", []string{"paid", "payment", "pay", "disbursed", "disbursement"}},
	{"shipped", []string{"shipped", "ship", "shipment", "shipping", "dispatched", "dispatch", "delivery", "delivered", "despatch"}},
	{"submitted", []string{"submitted", "submit", "submission", "transmitted", "sent", "filed", "bill", "billed", "referred"}},
	{"accepted", []string{
		"accepted", "accept", "acknowledged", "acknowledgement", "takeintoaccount", "confirmed", "confirmation", "assigned",
		"response", "responded",
	}},
	{"decided", []string{
		"decided", "decision", "approved", "approval", "solved", "solve", "resolved", "resolution", "processed", "process",
		"adjudicated", "judged", "validated", "validation", "valid", "converted", "checked",
	}},
	{"closed", []string{
		"closed", "close", "closing", "completed", "complete", "completion", "finished", "finish", "ended", "end", "stopped",
		"stop", "returned", "return", "done", "terminated", "termination", "concluded", "checkout", "discharge", "discharged", "cloture",
		"cierre", "fin",
	}},
	{"started", []string{
		"started", "start", "begin", "began", "activated", "activation", "collected", "enrolled", "enrolment", "enrollment",
		"admission", "admitted", "checkin", "debut", "inicio", "beginning", "commenced",
	}},
	{"scheduled", []string{"scheduled", "schedule", "event", "appointment", "appt", "booking"}},
	{"updated", []string{
		"updated", "update", "modified", "modify", "modification", "mod", "changed", "change", "upd", "edited", "edit",
		"lastmod", "tms", "aktualisiert", "geaendert", "actualizado", "mtime", "lastupdate",
	}},
	{"created", []string{
		"created", "create", "creation", "creat", "added", "add", "entered", "entry", "inserted", "insert", "registered",
		"registration", "signup", "joined", "placed", "ordered", "opened", "open", "requested", "request", "posted", "post", "raised",
		"reported", "booked", "received", "logged", "crt", "crtd", "erstellt", "angelegt", "creado", "creacion", "c", "ctime", "datec", "issue",
		"issued", "recorded", "made", "commande", "purchased", "purchase",
	}},
}

// dateRoles gives every date column a role, by its name, its table and its values.
func (l *look) dateRoles() {
	for _, t := range l.catalog.Tables {
		if t.View {
			continue
		}
		l.out.Dates = append(l.out.Dates, l.rolesOf(t)...)
	}
}

func (l *look) rolesOf(t *Table) []DateRole {
	var out []DateRole
	taken := map[string]bool{}
	for _, c := range t.Columns {
		if !c.isTime() || len(c.words) == 0 || slices.ContainsFunc(l.out.Personal, func(s Sensitive) bool {
			return s.Table == t.Name &&
				s.Column == c.Name
		}) {
			continue
		}
		role, conf, why := l.roleOf(t, c)
		if role == "" {
			continue
		}
		taken[role] = true
		out = append(out, DateRole{Table: t.Name, Column: c.Name, Role: role, Guess: Guess{fmt.Sprintf("%s.%s says when a row was %s", t.Name,
			c.Name, role), conf, why}})
	}
	for i := range out {
		d := &out[i]
		c := t.Column(d.Column)
		// A date of the record's own name is the time that it carries, where another says when it was entered.
		if d.Role == "own" {
			d.Role = "created"
			if taken["created"] {
				d.Role = "dated"
			}
			d.What = fmt.Sprintf("%s.%s says when a row was %s", t.Name, c.Name, d.Role)
		}
	}
	out = l.publication(t, out)
	surestBeginning(t, out)
	// The plain date is when it began; another that says the row was created is the clerk's.
	if i := slices.IndexFunc(out, func(d DateRole) bool { return d.Role == "plain" }); i >= 0 {
		out[i].Role = "created"
		out[i].What = fmt.Sprintf("%s.%s says when a row was created", t.Name, out[i].Column)
		for j := range out {
			if j != i && out[j].Role == "created" {
				out[j].Role = "recorded"
			}
		}
	}
	return out
}

// publication takes the day of a publication for the beginning, where no other date says one.
func (l *look) publication(t *Table, dates []DateRole) []DateRole {
	if slices.ContainsFunc(dates, func(d DateRole) bool {
		return slices.Contains([]string{"created", "started", "submitted", "plain", "own"}, d.Role)
	}) {
		return dates
	}
	for _, c := range t.Columns {
		if c.isTime() && has(c.words, "pub", "published", "publish", "publication") {
			return append(dates, DateRole{Table: t.Name, Column: c.Name, Role: "created", Guess: Guess{
				fmt.Sprintf("%s.%s says when a row was created", t.Name, c.Name), Medium, "its name says a publication, and no other date a beginning",
			}})
		}
	}
	return dates
}

// surestBeginning leaves one of several dates of creation sure: the one whose name says that the row was made.
func surestBeginning(t *Table, dates []DateRole) {
	made := func(d DateRole) bool {
		return has(t.Column(d.Column).words, "created", "create", "creation", "added", "add", "inserted", "entered", "opened")
	}
	if !slices.ContainsFunc(dates, func(d DateRole) bool { return d.Role == "created" && made(d) }) {
		return
	}
	for i := range dates {
		if dates[i].Role == "created" && !made(dates[i]) {
			dates[i].Confidence = Medium
		}
	}
}

func (l *look) roleOf(t *Table, c *Column) (string, Confidence, string) {
	w := slices.DeleteFunc(slices.Clone(c.words), func(s string) bool {
		return slices.Contains([]string{
			"date", "time", "at", "on", "datetime", "timestamp", "dt", "ts", "the", "was", "day", "fecha", "datum",
			"utc", "gmt", "effective", "internal",
		}, s)
	})
	s := l.profile.stats(t, c.Name)
	name := strings.Join(c.words, " ")
	if len(w) == 0 {
		return "plain", High, "it is the only date without a further name"
	}
	if strings.Contains(strings.Join(c.words, ""), "takeinto") {
		return "accepted", Medium, "its name says taken into account"
	}
	if startsWith(c.words, []string{"time", "to"}) {
		return "due", Medium, "its name says by when"
	}
	if strings.HasSuffix(name, "waiting date") || has(w, "reminder", "sync", "login", "token", "password", "pwd", "seen", "visit", "access",
		"cron", "run", "activity") && !has(w, "created") {
		return "", "", ""
	}
	if i := slices.IndexFunc(w, func(s string) bool { return s == "valid" }); i >= 0 && has(w, "to", "until", "thru") {
		return "expires", Medium, "its name says until when it holds"
	}
	if has(w, "last") && has(w, "update", "updated", "modified", "change", "changed") || name == "last update" {
		return "updated", High, "its name"
	}
	own := len(w) > 0 && (slices.Equal(w, trimThing(t.words)) || endsWith(t.words, w))
	for _, r := range roles {
		word := slices.IndexFunc(w, func(s string) bool { return slices.Contains(r.words, s) })
		if word < 0 {
			continue
		}
		role := r.role
		conf := High
		why := "its name says " + w[word]
		if (role == "shipped" || role == "paid" || role == "submitted" || role == "created" || role == "accepted") && own &&
			!slices.Contains([]string{"created", "added"}, w[word]) {
			return "own", Medium, "it has the table's own name"
		}
		switch role {
		case "closed":
			if l.liesAhead(t, c, s) {
				return "due", Medium, why + ", yet open rows have it and it lies ahead: it is the expected day"
			}
		case "started":
			if has(t.words, "call", "meeting", "appointment", "event", "visit_schedule", "session", "shift", "booking", "reservation") &&
				c.isInstant() {
				return "scheduled", Medium, why + ", of something that is planned"
			}
		case "shipped":
			if has(w, "expected", "planned", "estimated") {
				role = "due"
			}
		}
		return role, conf, why
	}
	if own {
		return "own", Medium, "it has the table's own name"
	}
	if has(w, "order", "invoice", "rental", "hire", "encounter", "transaction", "purchase", "sale", "obs", "claim", "treatment", "service",
		"case", "incident") {
		if has(w, t.words...) {
			return "own", Medium, "it has the table's own name"
		}
		if has(w, "invoice") && !has(t.words, "invoice") {
			return "invoiced", Medium, "its name says invoice"
		}
		return "dated", Low, "its name"
	}
	return "", "", ""
}

// liesAhead reports whether a date that should say when something ended stands on nearly every row and often in the future.
func (l *look) liesAhead(t *Table, c *Column, s *ColumnStats) bool {
	rows := l.profile.rows(t)
	if rows == 0 || c.kind() != date {
		return false
	}
	full := s.Filled-s.Zero >= rows*95/100
	status := slices.ContainsFunc(t.Columns, func(o *Column) bool {
		return len(o.words) > 0 && has(o.words[len(o.words)-1:], "status", "state", "stage", "phase")
	})
	return full && (s.Future > 0 || status)
}
