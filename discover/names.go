package discover

import (
	"slices"
	"strings"
	"unicode"
)

// Names come as order_id, OrderID, id_order, orders-id, tblOrder. They are compared by their words in lower case and in the singular.

// glued are words that stand at the end of longer words without a sign between, such as "closedate" and "apptstatus".
var glued = []string{
	"timestamp", "datetime", "address", "comment", "country", "update", "status", "amount", "number", "phone", "email", "price", "token",
	"total", "first", "state", "stage", "count", "group", "date", "time", "name", "code", "type", "mail", "uuid", "rate", "city", "key", "id",
	"by", "no", "ip", "det", "on", "at",
}

// leading are words that stand at the front of longer words, such as "isactive" and "datecreated".
var leading = []string{"is", "has", "date", "email", "total", "last", "first", "num", "user", "customer"}

// whole are words that look as if they were made of two and are not.
var whole = map[string]bool{
	"candidate": true, "mandate": true, "validate": true, "consolidate": true, "liquidate": true, "update": true, "sometime": true,
	"estate": true, "candid": true, "paid": true, "void": true, "valid": true, "invalid": true, "avoid": true, "prepaid": true, "unpaid": true,
	"grid": true, "bid": true, "android": true, "standby": true, "baby": true, "lobby": true, "hobby": true, "ruby": true, "nearby": true,
	"thereby": true,
	"rebate":  true, "debate": true, "certificate": true, "template": true, "discount": true, "account": true, "prototype": true,
	"monkey": true, "turkey": true,
	"casino": true, "piano": true, "volcano": true, "corporate": true, "separate": true, "generate": true, "operate": true, "moderate": true,
	"subtotal": true,
	"capacity": true, "velocity": true, "electricity": true, "publicity": true, "ethnicity": true, "decode": true, "barcode": true,
	"overstate": true,
	"postcode":  true, "zipcode": true, "username": true, "surname": true, "filename": true, "hostname": true, "nickname": true,
	"firstname": true,
	"lastname":  true, "realname": true, "fullname": true, "middlename": true, "fname": true, "lname": true, "mname": true, "pathname": true,
	"telephone": true,
	"cellphone": true, "microphone": true, "smartphone": true, "headphone": true, "reinstate": true, "tip": true, "zip": true, "ship": true,
	"trip":         true,
	"relationship": true, "membership": true, "ownership": true, "equip": true, "clip": true, "skip": true, "chip": true, "strip": true,
	"scholarship": true,
	"internship":  true, "township": true, "partnership": true, "dealership": true, "gossip": true, "slip": true, "paymentslip": true,
	"kid":       true,
	"birthdate": true, "lifetime": true, "overtime": true, "runtime": true, "uptime": true, "downtime": true, "realtime": true,
	"parttime": true,
	"solid":    true, "rapid": true, "liquid": true, "fluid": true, "hybrid": true, "covid": true, "steroid": true, "thyroid": true,
	"afraid": true, "raid": true,
	"laid": true, "maid": true, "aid": true, "said": true, "mid": true, "rigid": true, "acid": true, "amid": true, "asteroid": true,
	"opioid": true, "haemorrhoid": true,
	"uid": true, "guid": true, "pid": true, "sid": true, "gid": true, "cid": true, "tid": true, "oid": true, "nid": true, "vid": true,
	"eid": true, "did": true, "fid": true, "lid": true, "rid": true, "wid": true,
	"hotkey": true, "jockey": true, "hockey": true, "donkey": true, "whiskey": true, "encode": true,
}

// vocabulary splits names with the help of the other names of the same database.
type vocabulary struct{ known map[string]bool }

func newVocabulary(c *Catalog) *vocabulary {
	v := &vocabulary{known: map[string]bool{}}
	for _, t := range c.Tables {
		for _, w := range split(t.Name) {
			v.known[singular(w)] = true
		}
		for _, column := range t.Columns {
			for _, w := range split(column.Name) {
				v.known[singular(w)] = true
			}
		}
	}
	return v
}

// words splits a name, takes glued words apart, and puts each word in the singular.
func (v *vocabulary) words(name string) []string {
	var out []string
	for _, w := range split(name) {
		for _, part := range v.unglue(w) {
			out = append(out, singular(part))
		}
	}
	return out
}

// unglue takes "closedate" apart where its front is a word of three letters or more, and "isactive" at its front.
func (v *vocabulary) unglue(w string) []string {
	if whole[w] || len(w) < 5 {
		return []string{w}
	}
	for _, end := range glued {
		front, ok := strings.CutSuffix(w, end)
		if !ok || len(front) == 0 {
			continue
		}
		past := len(front) > 4 && strings.HasSuffix(front, "ed") // "submittedon", "lastmodifiedby".
		if (end == "on" || end == "at") && !past || len(end) <= 3 && !past && !v.known[singular(front)] &&
			!commonWords[front] {
			continue
		}
		if len(front) >= 3 || v.known[front] && len(front) >= 2 {
			return append(v.unglue(front), end)
		}
		break
	}
	for _, begin := range leading {
		rest, ok := strings.CutPrefix(w, begin)
		if ok && len(rest) >= 3 && (v.known[rest] || commonWords[rest]) {
			return append([]string{begin}, v.unglue(rest)...)
		}
	}
	return []string{w}
}

// commonWords are words that databases are full of; they help to take names apart.
var commonWords = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`active deleted closed open opened created updated modified added changed due paid start end begin ` +
		`finish order
		customer user client patient product item invoice payment account employee staff member person contact company supplier vendor ticket
		    case task
		parent owner author status state type stage enabled disabled visible hidden published default cancelled canceled approved answered
		    overdue locked
		verified confirmed archived removed retired voided last first expire expiry birth hire ship shipped delivery last_login login visit
		    project`) {
		commonWords[w] = true
	}
}

// split cuts a name at signs and where capitals or digits begin.
func split(name string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r):
			lowBefore := i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]))
			lowAfter := i > 0 && unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1]) && !pluralOfCapitals(runes, i)
			if lowBefore || lowAfter {
				flush()
			}
		case unicode.IsDigit(r) && i > 0 && unicode.IsLetter(runes[i-1]) && len(word) > 1:
			flush()
		}
		word = append(word, r)
	}
	flush()
	return out
}

// pluralOfCapitals reports whether an "s" that ends a run of capitals follows, as in "orderIDs".
func pluralOfCapitals(runes []rune, i int) bool {
	return i+1 < len(runes) && runes[i+1] == 's' && (i+2 == len(runes) || !unicode.IsLower(runes[i+2]))
}

var irregular = map[string]string{
	"people": "person", "persons": "person", "children": "child", "men": "man", "women": "woman", "data": "data", "media": "media",
	"news": "news", "series": "series",
	"pays": "pays", "ids": "id", "status": "status", "address": "address", "is": "is", "has": "has", "was": "was", "as": "as", "gas": "gas",
	"bus":  "bus",
	"plus": "plus", "sms": "sms", "gps": "gps", "dns": "dns", "cms": "cms", "https": "https", "rss": "rss",
	"sales": "sale", "cases": "case", "statuses": "status", "addresses": "address", "buses": "bus", "analyses": "analysis",
	"diagnoses": "diagnosis",
	"indices":   "index", "matrices": "matrix", "criteria": "criterion", "leaves": "leave", "movies": "movie", "cookies": "cookie",
	"wes":    "we",
	"houses": "house", "warehouses": "warehouse", "purchases": "purchase", "licenses": "license", "licences": "licence", "courses": "course",
	"nurses":   "nurse",
	"expenses": "expense", "responses": "response", "databases": "database", "phases": "phase", "releases": "release", "leases": "lease",
	"bases": "base", "causes": "cause", "clauses": "clause", "uses": "use", "senses": "sense", "doses": "dose", "purposes": "purpose",
	"exercises": "exercise", "enterprises": "enterprise", "premises": "premise",
	"cache": "cache", "caches": "cache", "axes": "axis", "sizes": "size", "prizes": "prize", "quizzes": "quiz", "lens": "lens",
	"chassis": "chassis", "basis": "basis", "thesis": "thesis",
}

// singular is a word's singular, by English rules.
func singular(w string) string {
	if s, ok := irregular[w]; ok {
		return s
	}
	switch {
	case len(w) > 4 && strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case len(w) > 4 && (strings.HasSuffix(w, "sses") || strings.HasSuffix(w, "xes") || strings.HasSuffix(w, "zes") ||
		strings.HasSuffix(w, "ches") || strings.HasSuffix(w, "shes")):
		return w[:len(w)-2]
	case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		return w[:len(w)-1]
	}
	return w
}

// has reports whether any of the words is one of the others.
func has(words []string, any ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(any, w) })
}

// endsWith reports whether the words end with the others.
func endsWith(words, end []string) bool {
	return len(end) > 0 && len(words) >= len(end) && slices.Equal(words[len(words)-len(end):], end)
}

// startsWith reports whether the words begin with the others.
func startsWith(words, front []string) bool {
	return len(front) > 0 && len(words) >= len(front) && slices.Equal(words[:len(front)], front)
}

// shared counts the words that both begin with.
func shared(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
