package oracle

func (c *core) treatmentTable() *Table {
	t := newTable(`id treatment_id status status_basis status_raw provider_id program_id date_created date_created_basis
		date_created_upper date_modified date_modified_basis date_submitted date_submitted_basis date_treatment
		date_treatment_basis`)
	for _, r := range c.treatments {
		t.add(r.id, r.id, r.status, r.basis, r.raw, r.provider, r.program, r.created, given(r.created.known),
			r.upper, r.modified, given(r.modified.known), r.submitted, given(r.submitted.known), r.treated,
			given(r.treated.known))
	}
	return t
}

func (c *core) claimTable() *Table {
	t := newTable(`id treatment_id status status_basis status_raw type type_basis program_id amount amount_basis currency currency_basis
		date_created date_created_basis date_created_lower date_created_upper date_modified date_modified_basis`)
	for _, r := range c.claims {
		t.add(r.id, r.treatment, r.status, r.basis, r.raw, r.kind, basisOf(r.kindRaw, r.kind), r.program, r.amount, given(r.amount.known),
			r.currency, r.currencyBasis, r.created, given(r.created.known), r.lower, r.upper, r.modified,
			given(r.modified.known))
	}
	return t
}

func (c *core) invoiceTable() *Table {
	t := newTable(`id treatment_id status status_basis status_raw date_created date_created_basis date_created_lower date_created_upper
		date_created_imputed date_created_imputed_basis date_created_imputed_from`)
	for _, r := range c.invoices {
		t.add(r.id, r.treatment, r.status, r.basis, r.raw, r.created, given(r.created.known), r.lower, r.upper,
			r.imputed, imputedBasis(r.created, r.imputed), r.imputedFrom)
	}
	return t
}

func (c *core) itemTable() *Table {
	t := newTable(`id treatment_id invoice_id product_id status status_basis status_raw amount amount_basis currency currency_basis
		date_created date_created_basis date_created_lower date_created_imputed date_created_imputed_basis date_created_imputed_from`)
	for _, r := range c.items {
		t.add(r.id, r.treatment, r.invoice, r.product, r.status, r.basis, r.raw, r.amount, given(r.amount.known), r.currency,
			r.currencyBasis, r.created, given(r.created.known), r.lower, r.imputed,
			imputedBasis(r.created, r.imputed), r.imputedFrom)
	}
	return t
}

func imputedBasis(own, imputed moment) string {
	switch {
	case own.known:
		return "source"
	case imputed.known:
		return "imputed"
	}
	return "missing"
}
