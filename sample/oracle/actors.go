package oracle

// actor is what is counted of a program or a provider.
type actor struct {
	treatments, claims, approved, rejected tally
	all, week, four                        purse // Approved amounts.
	withoutAmount                          int
}

const actorAmounts = " approved_amount_currency approved_amount_total approved_amount_last_7_days approved_amount_last_28_days " +
	"approved_claims_without_amount as_of"

func (a *analytics) countClaim(x *actor, k *claim) {
	a.count(&x.claims, k.created)
	if k.rejected() {
		a.count(&x.rejected, k.modified)
	}
	if !k.approved() {
		return
	}
	a.count(&x.approved, k.modified)
	if !k.amount.known || !k.currency.known {
		x.withoutAmount++
		return
	}
	x.all.add(k.amount, k.currency)
	if a.in(k.modified, a.week) {
		x.week.add(k.amount, k.currency)
	}
	if a.in(k.modified, a.four) {
		x.four.add(k.amount, k.currency)
	}
}

// recent is the total of a window: nothing where all has no one currency, 0 where the window is empty.
func (x *actor) recent(window purse) money {
	if !x.all.currency().known {
		return money{}
	}
	return money{}.plus(window.total())
}

func (a *analytics) programs() *Table {
	actors := map[int64]*actor{}
	of := func(id int64) *actor {
		if actors[id] == nil {
			actors[id] = &actor{}
		}
		return actors[id]
	}
	for _, r := range a.core.treatments {
		if r.program.known {
			a.count(&of(r.program.n).treatments, r.created)
		}
	}
	for _, k := range a.core.claims {
		if k.program.known {
			a.countClaim(of(k.program.n), k)
		}
	}
	return a.actorTable(actors)
}

func (a *analytics) providers() *Table {
	actors := map[int64]*actor{}
	for _, r := range a.core.treatments {
		if !r.provider.known {
			continue
		}
		if actors[r.provider.n] == nil {
			actors[r.provider.n] = &actor{}
		}
		x := actors[r.provider.n]
		a.count(&x.treatments, r.created)
		for _, k := range a.claimsOf[r.id] {
			a.countClaim(x, k)
		}
	}
	return a.actorTable(actors)
}

func (a *analytics) actorTable(actors map[int64]*actor) *Table {
	t := newTable("id" + counted("treatments", "claims", "approved_claims", "rejected_claims") + actorAmounts)
	for id, x := range actors {
		row := []any{id}
		for _, n := range []tally{x.treatments, x.claims, x.approved, x.rejected} {
			row = append(row, n.values()...)
		}
		t.add(append(row, x.all.currency(), x.all.total(), x.recent(x.week), x.recent(x.four), x.withoutAmount, a.asOf)...)
	}
	return t
}
