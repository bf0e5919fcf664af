package discover

import (
	"slices"
	"strings"
)

// personal finds the columns that tell of a person, by their names and the table they stand in. Values are never kept.
func (l *look) personal() {
	for _, t := range l.catalog.Tables {
		if t.View {
			continue
		}
		for _, c := range t.Columns {
			mask, why, sure := l.sensitive(t, c)
			if mask == "" {
				continue
			}
			conf := Medium
			if sure {
				conf = High
			}
			one := Sensitive{Table: t.Name, Column: c.Name, Mask: mask, Guess: Guess{t.Name + "." + c.Name + " is personal", conf, why}}
			if why := passing(t, c); mask == "drop" && why != "" {
				one.Guess = Guess{t.Name + "." + c.Name + " is a secret", conf, why}
				l.out.Secrets = append(l.out.Secrets, one)
			} else if why := l.further(t, c); why != "" {
				one.Guess = Guess{t.Name + "." + c.Name + " tells of a person beside other columns", Medium, why}
				l.out.Further = append(l.out.Further, one)
			} else {
				l.out.Personal = append(l.out.Personal, one)
			}
		}
	}
}

var secretWords = []string{
	"password", "passwd", "pwd", "pw", "passwort", "passphrase", "secret", "salt", "pin", "cvv", "cvc", "totp",
	"otp",
}

// exact are names of one or two words that are personal wherever they stand.
var exact = map[string]string{}

func init() {
	add := func(mask, names string) {
		for _, n := range strings.Split(names, ",") {
			exact[strings.TrimSpace(n)] = mask
		}
	}
	add("hash", `first name, firstname, fname, given name, forename, prenom, nombre, vorname, last name, lastname, lname, surname, `+
		`family name, familyname, nachname, apellido, apellidos,
		middle name, middlename, mname, maiden name, full name, fullname, realname, real name, display name, nickname, nick name, nick,
		    nicename, username, agent name, delivery name,
		    user name, login, login name, screen name, contact name, customer name,
		patient name, client name, card holder, cardholder, card number, holder name, account holder, recipient name, ship name, bill name,
		    billing name, shipping name, mother name, father name, guardian name, spouse name, contname, conttel,
		alias name, poster, author name, sender name, reporter name, employee name, person name, driver name, guest name, student name,
		    contact, contact person, contactname, cust name, emergency contact, beneficiary name, insured name, subscriber name, payer name, `+
		`consignee name, consignee, addressee, next of kin, kin name, passenger name, tenant name,
		        donor name`)
	add("hash", `ssn, ss, sin, nin, national id, nationalid, id number, passport, passport number, passport no, tax id, drivers license, `+
		`driver license, drivers licence, driver licence, license number, licence number, iban, bic, bank account, account number, card no, `+
		`credit card, cc number, cc owner, cc last4, registration number, insurance number, policy number, medical record number, mrn, `+
		`national id no, insurance no, licence no, license no, `+
		`id card, id no, vat `+
		`number, siret, siren, dni, cpf, curp, rfc`)
	add("hash", `phone, phone2, telephone, tel, mobile, mobile phone, mobile number, mobile no, cell number, telephone number, cell, `+
		`cell phone, cellphone, fax, fax number, phone number, home `+
		`phone, business phone, work phone, phone home, phone mobile, phone work, phone cell, phone other, phone fax, phone biz, phone `+
		`contact, whatsapp, skype, gsm, telefon, telefono, handy, fon, portable`)
	add("hash", `email, mail, e mail, email address, mail address, emailaddress, alternative email, courriel, correo`)
	add("hash", `ip, ip address, remote ip, remote addr, remote address, forwarded ip, client ip, user ip, last ip, ipaddress, x `+
		`forwarded for, user agent, mac address`)
	add("drop", `street, street 1, street 2, street address, address 1, address 2, address1, address2, addr, addr 1, addr 2, address `+
		`line 1, address line 2, address line, line 1, line 2, strasse, rue, adresse, direccion, house number, postcode, post code, postal `+
		`code, zip, zip code, zipcode, plz, zip postal code, ship address, billing address, shipping address, bill address, home address, `+
		`work address, codigo postal, code postal`)
	add("drop", `photo, picture, avatar, portrait, signature, fingerprint, biometric, gender, sex, race, ethnicity, ethnic, religion, `+
		`nationality, marital status, blood group, blood type, sexual orientation, allergies, allergy, genero, geschlecht, sexo, sexe, civility`)
	add("year", `dob, birth date, birthdate, birthday, date of birth, birth day, date birth, date naissance, fecha nacimiento, `+
		`geburtsdatum, death date, deathdate, date of death, deceased date`)
}

func (l *look) sensitive(t *Table, c *Column) (mask, why string, sure bool) {
	k := c.kind()
	if c.isFlag() || short(c) && !has(c.words, "blood") || k == decimal ||
		k == enum && !has(c.words, "gender", "sex", "sexe", "genero", "race", "ethnicity") ||
		k == float || k == geometry || len(c.words) == 0 {
		return "", "", false
	}
	w := c.words
	name := strings.Join(w, " ")
	if k == integer && (!has(w, "phone", "mobile", "ssn", "telephone", "fax", "national") || has(w, "id", "count", "duration", "type",
		"length", "quantity")) {
		return "", "", false
	}
	if l.secret(t, c) {
		return "drop", "its name says a secret", true
	}
	if has(w, "cc", "country", "dial", "calling") && has(w, "phone", "mobile", "tel") && (last(w) == "cc" || has(w, "code")) {
		return "", "", false // The code of a country.
	}
	if k == date || k == datetime {
		if m := exact[name]; m == "year" || strings.HasSuffix(name, " dob") || has(w, "birthdate", "birthday", "dob") || has(w, "birth") &&
			has(w, "date") && !has(w, "estimated") {
			return "year", "its name says a day of birth or death", true
		}
		return "", "", false
	}
	if has(w, "type", "format", "template", "subject", "status", "sent", "count", "verified", "confirmed", "id", "key", "label", "validated",
		"enabled", "flag", "class", "icon", "regex", "pattern", "method", "prefix", "suffix", "estimated", "color", "notification", "notify",
		"server", "host", "port", "encryption") &&
		!slices.Contains([]string{"national id", "tax id", "id number", "address key"}, name) && exact[name] == "" {
		return "", "", false
	}
	if l.looks(t).settings {
		return "", "", false
	}
	// The longest run of words that is known, wherever it stands.
	for n := min(3, len(w)); n >= 1; n-- {
		for at := 0; at+n <= len(w); at++ {
			part := strings.Join(w[at:at+n], " ")
			m := exact[part]
			if m == "" || m == "year" {
				continue
			}
			if n == 1 && l.vague(t, c, part, at, len(w)) {
				continue
			}
			return m, "its name says " + part, true
		}
	}
	return l.byPlace(t, c)
}

// secret reports whether a column's name says that its values open a door.
func (l *look) secret(t *Table, c *Column) bool {
	w, k := c.words, c.kind()
	if k != text && k != longText && k != binary {
		return false
	}
	switch {
	case (has(w, secretWords...) || slices.ContainsFunc(w, func(s string) bool {
		return strings.HasSuffix(s, "passwd") || strings.HasSuffix(s, "password")
	})) && !has(w, "template", "type", "date", "expire", "expiry", "changed", "time", "forget", "reset", "link",
		"question"):
		return true
	case last(w) == "pass":
		return len(w) == 1 || len(w) == 2 && (has(w, "user", "admin", "login", "account") || l.looks(t).person)
	case w[0] == "pass" && has(w, "crypted", "hash", "hashed", "encrypted", "temp"):
		return true
	case last(w) == "token":
		return !l.looks(t).technical
	}
	return len(w) > 1 && last(w) == "hash" && has(w, "user", "password", "pass", "passwd")
}

// short reports whether a text has room for a yes or no at most.
func short(c *Column) bool {
	return strings.HasPrefix(c.Type, "varchar(1)") || strings.HasPrefix(c.Type, "varchar(2)") || strings.HasPrefix(c.Type, "varchar(3)") ||
		strings.HasPrefix(c.Type, "char(2)") || strings.HasPrefix(c.Type, "char(3)") || strings.HasPrefix(c.Type, "char(1)") &&
		!has(c.words, "gender", "sex", "sexe", "genero")
}

// vague reports whether a single word that can be personal is not, where it stands.
func (l *look) vague(t *Table, c *Column, part string, at, n int) bool {
	s := l.looks(t)
	switch part {
	case "ss", "sin", "nin", "pin", "dni", "rfc", "siren", "tel", "ip", "sex", "mail", "cell", "portable", "handy", "alias", "contact",
		"login", "race", "addr", "signature", "picture", "photo", "avatar", "nombre", "zip", "mobile", "line", "street", "fon", "poster", "fax",
		"phone":
		if n > 1 && (part == "ss" || part == "sin" || part == "contact" || part == "login" || part == "signature" || part == "race" ||
			part == "mobile" || part == "poster" || part == "nombre" || part == "cell" || part == "picture" && !s.person) {
			return true
		}
		return s.catalogue && !has(t.words, "address", "location", "facility", "store", "shop") && (part == "picture" || part == "photo" ||
			part == "mobile" || part == "zip" || part == "alias" || part == "nombre")
	}
	return false
}

// byPlace finds what is personal only because of the table: the name of a person, the body of a message.
func (l *look) byPlace(t *Table, c *Column) (string, string, bool) {
	w := c.words
	name := strings.Join(w, " ")
	s := l.looks(t)
	people := has(trimThing(t.words), personTable...)
	if mask, why := written(t, c, name); mask != "" {
		return mask, why, mask == "hash"
	}
	switch {
	case name == "name" && s.person && !has(t.words, "account", "company", "supplier", "organization", "organisation", "manufacturer",
		"vendor", "artist"):
		return "hash", "it is the name in a table of people", true
	case (name == "first" || name == "last") && t.hasWords("first") && t.hasWords("last"):
		return "hash", "it is half of a person's name", true
	case len(w) > 1 && last(w) == "name" && (slices.Contains(concerned, w[len(w)-2]) || slices.Contains(alsoConcerned, w[len(w)-2])):
		return "hash", "it is the name of a person", true
	case has(w, "address") && !has(w, "format", "city", "state", "country") && (c.kind() == text || c.kind() == longText) &&
		(len(w) == 1 || len(w) == 2):
		return "drop", "its name says an address", true
	case has(w, "postal", "postcode", "zip", "postalcode", "street"):
		return "drop", "its name says an address", true
	case s.eav && people && !s.settings && name == "value" && (c.kind() == text || c.kind() == longText):
		return "hash", "it is a free value of a person", false
	case name == "identifier" && people:
		return "hash", "it is what a person is known by", true
	case name == "company" && has(t.words, "customer", "client", "user", "contact") && slices.ContainsFunc(t.Columns,
		func(o *Column) bool { return exact[strings.Join(o.words, " ")] == "hash" && has(o.words, "firstname") }):
		return "hash", "it stands beside a person's name", false
	}
	if st := l.profile.stats(t, c.Name); c.kind() == text && st.Filled >= 5 && st.Mails*10 >= st.Filled*8 {
		return "hash", "its values look like addresses of mail", true
	}
	return "", "", false
}

// alsoConcerned are further people whose name may stand beside what a row tells of them.
var alsoConcerned = []string{
	"employee", "teacher", "doctor", "driver", "owner", "holder", "visitor", "guardian", "spouse", "father",
	"mother",
}

// hasWords reports whether a column's name is just these words.
func (t *Table) hasWords(words ...string) bool {
	return slices.ContainsFunc(t.Columns, func(c *Column) bool { return slices.Equal(c.words, words) })
}

func (l *look) looks(t *Table) *class {
	if c := l.class[t]; c != nil {
		return c
	}
	return &class{}
}
