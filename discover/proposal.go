package discover

import (
	"slices"
	"strings"
)

// Proposal is what is believed of a database.
type Proposal struct {
	Catalog  *Catalog
	Profile  *Profile
	Keys     []Key
	Records  []Record
	Dates    []DateRole
	Money    []Amount
	Personal []Sensitive // What tells who somebody is, or something of them that is nobody's business.
	Secrets  []Sensitive // What opens a door and names nobody: salts, tokens that expire, answers to questions.
	Further  []Sensitive // What tells of a person only beside what is in Personal: a second line, a fax, a company's address.
	Deletes  []Flag
	Shifted  []Flag // Tables whose values may lie a column off.
	Unix     []Flag // Whole numbers that are times.
	Logs     []Log
	LeftOut  []LeftOut

	Polymorphic []Polymorphic
	Currency    string
	TimeZone    string

	keysOf map[string][]*Key // By the child's table.
	keysTo map[string][]*Key // By the parent's table.
}

// Flag is a column that switches a row off.
type Flag struct {
	Table, Column string
	Guess
}

// Asked is what the user says of a record: its name, its table, the column with its state.
type Asked struct{ Name, Table, State string }

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

// Polymorphic is a key into the table that another column names.
type Polymorphic struct {
	Table, Type, ID string
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

// sensitive are all columns that ask for a mask.
func (p *Proposal) sensitive() []Sensitive { return slices.Concat(p.Personal, p.Secrets, p.Further) }

// WithoutView names the tables that land and whose engine gives no view of one point in time: MyISAM and the like.
func (p *Proposal) WithoutView() []string {
	var out []string
	for _, t := range p.Catalog.Tables {
		if !t.View && t.Engine != "" && !strings.EqualFold(t.Engine, "InnoDB") && !strings.EqualFold(t.Engine, "RocksDB") && !p.leftOut(t.Name) {
			out = append(out, t.Name+" ("+t.Engine+")")
		}
	}
	return out
}
