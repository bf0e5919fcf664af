package discover

// Proposal is what is believed of a database.
type Proposal struct {
	Catalog  *Catalog
	Profile  *Profile
	Keys     []Key
	Records  []Record
	Dates    []DateRole
	Money    []Amount
	Personal []Sensitive
	Deletes  []Column2
	Logs     []Log
	LeftOut  []LeftOut
	Currency string
	TimeZone string

	keysOf map[string][]*Key // By the child's table.
	keysTo map[string][]*Key // By the parent's table.
}

// Column2 is a column with what is believed of it.
type Column2 struct {
	Table, Column string
	Guess
}

// Record is a kind of record that has a life.
type Record struct {
	Name, Table string
	State       string
}

// DateRole says what a date column tells.
type DateRole struct {
	Table, Column, Role string
	Guess
}

// Amount is a column of money.
type Amount struct {
	Table, Column, Currency string
	Guess
}

// Sensitive is a column that tells of a person.
type Sensitive struct {
	Table, Column, Mask string
	Guess
}

// Log is a table that says how records changed.
type Log struct {
	Table string
	Guess
}

// LeftOut is a table that is not landed, and why.
type LeftOut struct {
	Table string
	Guess
}

func (p *Proposal) finish() {
	p.keysOf, p.keysTo = map[string][]*Key{}, map[string][]*Key{}
	for i := range p.Keys {
		k := &p.Keys[i]
		p.keysOf[k.Table] = append(p.keysOf[k.Table], k)
		p.keysTo[k.Parent] = append(p.keysTo[k.Parent], k)
	}
}
