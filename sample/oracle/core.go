package oracle

import "time"

// core is what the core schema must hold: rows that pass, in the order of their keys.
type core struct {
	before time.Time // Times from here on are not believed.

	treatments []*treatment
	claims     []*claim
	invoices   []*invoice
	items      []*item

	treatmentByID map[int64]*treatment
	invoiceByID   map[int64]*invoice
}

type record struct {
	id            int64
	raw           word
	status, basis string
	created       moment
	lower, upper  moment
}

type treatment struct {
	record
	modified, submitted, treated moment
	provider, program            number
}

type claim struct {
	record
	treatment             number
	kindRaw, kind         word
	modified              moment
	program               number
	amount                money
	amountText            string
	currencyRaw, currency word
	currencyBasis         string
}

type invoice struct {
	record
	treatment   number
	imputed     moment
	imputedFrom string
}

type item struct {
	record
	invoice               number
	treatment             int64
	product               number
	amount                money
	amountText            string
	currencyRaw, currency word
	currencyBasis         string
	imputed               moment
	imputedFrom           string
}

func (c *core) read(dir string) error {
	for _, read := range []func(string) error{c.readTreatments, c.readClaims, c.readInvoices, c.readItems} {
		if err := read(dir); err != nil {
			return err
		}
	}
	return nil
}

// time reads a date column of a row.
func (c *core) time(s *sheet, row []string, name string) moment {
	return parseTime(s.get(row, name)).within(c.before)
}

func (c *core) record(s *sheet, r keyedRow) record {
	return record{id: r.id, raw: parseText(s.get(r.row, "status")), created: c.time(s, r.row, "date_created")}
}

func (c *core) readTreatments(dir string) error {
	s, err := readSheet(dir, "treatments.csv")
	if err != nil {
		return err
	}
	c.treatmentByID = map[int64]*treatment{}
	var all []*record
	for _, r := range s.keyed() {
		t := &treatment{
			record:    c.record(s, r),
			modified:  c.time(s, r.row, "date_modified"),
			submitted: c.time(s, r.row, "date_submitted"),
			treated:   c.time(s, r.row, "date_treatment"),
			provider:  parseID(s.get(r.row, "provider_id")),
			program:   parseID(s.get(r.row, "program_id")),
		}
		all = append(all, &t.record)
		c.treatments = append(c.treatments, t)
		c.treatmentByID[t.id] = t
	}
	above := laterDates(all)
	for i, t := range c.treatments {
		t.bound(moment{}, earliest(above[i], t.modified, t.submitted))
		t.status, t.basis = stateOf("treatment", t.raw, first(t.created, t.upper))
	}
	return nil
}

func (c *core) readClaims(dir string) error {
	s, err := readSheet(dir, "claims.csv")
	if err != nil {
		return err
	}
	var all []*record
	var claims []*claim
	for _, r := range s.keyed() {
		k := &claim{
			record:      c.record(s, r),
			treatment:   parseID(s.get(r.row, "treatment_id")),
			kindRaw:     parseText(s.get(r.row, "type")),
			modified:    c.time(s, r.row, "date_modified"),
			program:     parseID(s.get(r.row, "program_id")),
			amount:      parseMoney(s.get(r.row, "amount")),
			amountText:  s.get(r.row, "amount"),
			currencyRaw: parseText(s.get(r.row, "currency")),
		}
		k.kind, k.currency = kindOf(k.kindRaw), k.currencyRaw.clean().upper()
		all = append(all, &k.record)
		claims = append(claims, k)
	}
	// The bounds come from all rows that have a key: a claim without its treatment still has a number and a time.
	above := laterDates(all)
	said := onlyCurrencies(claims)
	for i, k := range claims {
		parent := c.treatmentByID[k.treatment.n]
		if !k.treatment.known || parent == nil {
			continue
		}
		k.bound(parent.created, earliest(above[i], k.modified))
		k.status, k.basis = stateOf("claim", k.raw, first(k.created, k.upper))
		k.currency, k.currencyBasis = currencyOf(k.currencyRaw, k.currency, k.amount, said[k.program])
		if withheld(k.amount, k.currency, k.amountText) {
			continue
		}
		c.claims = append(c.claims, k)
	}
	return nil
}

// kindOf is a claim's type in its proper spelling.
func kindOf(raw word) word {
	k := raw.clean()
	for _, proper := range []string{"Benefit", "Voucher"} {
		if k.known && k.upper().s == (word{s: proper}).upper().s {
			k.s = proper
		}
	}
	return k
}

func (c *core) readInvoices(dir string) error {
	s, err := readSheet(dir, "invoices.csv")
	if err != nil {
		return err
	}
	c.invoiceByID = map[int64]*invoice{}
	var all []*record
	var invoices []*invoice
	for _, r := range s.keyed() {
		v := &invoice{record: c.record(s, r), treatment: parseID(s.get(r.row, "treatment_id"))}
		all = append(all, &v.record)
		invoices = append(invoices, v)
	}
	above := laterDates(all)
	for i, v := range invoices {
		parent := c.treatmentByID[v.treatment.n]
		if !v.treatment.known || parent == nil {
			continue
		}
		v.bound(parent.created, above[i])
		v.status, v.basis = stateOf("invoice", v.raw, first(v.created, v.upper))
		v.imputed = first(v.created, parent.created)
		switch {
		case v.created.known:
			v.imputedFrom = "invoice"
		case v.imputed.known:
			v.imputedFrom = "treatment"
		}
		c.invoices = append(c.invoices, v)
		c.invoiceByID[v.id] = v
	}
	return nil
}

func (c *core) readItems(dir string) error {
	s, err := readSheet(dir, "invoice_items.csv")
	if err != nil {
		return err
	}
	said := onlyCurrencies(c.claims)
	for _, r := range s.keyed() {
		i := &item{
			record:      c.record(s, r),
			invoice:     parseID(s.get(r.row, "invoice_id")),
			product:     parseID(s.get(r.row, "product_id")),
			amount:      parseMoney(s.get(r.row, "amount")),
			amountText:  s.get(r.row, "amount"),
			currencyRaw: parseText(s.get(r.row, "currency")),
		}
		parent := c.invoiceByID[i.invoice.n]
		if !i.invoice.known || parent == nil {
			continue
		}
		i.treatment, i.currency = parent.treatment.n, i.currencyRaw.clean().upper()
		i.currency, i.currencyBasis = currencyOf(i.currencyRaw, i.currency, i.amount, said[c.treatmentByID[i.treatment].program])
		if withheld(i.amount, i.currency, i.amountText) {
			continue
		}
		i.status, i.basis = stateOf("invoice_item", i.raw, i.created)
		if !i.created.known {
			i.lower = first(parent.created, parent.lower)
		}
		i.imputed, i.imputedFrom = first(i.created, parent.imputed), parent.imputedFrom
		if i.created.known {
			i.imputedFrom = "invoice_item"
		}
		c.items = append(c.items, i)
	}
	return nil
}

// laterDates are, for records in the order of ids, the earliest known time of any higher id.
func laterDates(all []*record) []moment {
	above := make([]moment, len(all))
	for i := len(all) - 2; i >= 0; i-- {
		above[i] = earliest(all[i+1].created, above[i+1])
	}
	return above
}

// bound sets the bounds of an undated record, unless they contradict each other.
func (r *record) bound(lower, upper moment) {
	if r.created.known || lower.known && upper.known && lower.t.After(upper.t) {
		return
	}
	r.lower, r.upper = lower, upper
}
