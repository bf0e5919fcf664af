package sample

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The shape of carepay's real tables, as counts and quantiles: which cases there are in each month, how many items they have, what
// things cost and how long they take. The files are made from the tables by the queries in testdata/shape (go test -run
// TestTheSampleHasTheShape -update).
//
//go:embed shape/*.csv
var shapeFiles embed.FS

type shape struct {
	kinds    []kind
	periods  []period
	hours    map[string]*clock
	items    map[string]*counts // By money, claimed and era of a case.
	statuses map[key]*counts    // Of items, by month, status of the invoice and whether the case has one or more.
	zeros    map[key]share      // Of items, by year and status: those with a price of 0.
	amounts  map[key]*prices    // Of items and of all claims of a case, by what they are of, the time and what became of the claims.
	lags     map[key]lag        // By what happens, to which cases and when.
	calendar map[string]dayCounts
	// submissions are, by period, how many closed cases were handed in on the day they began, some days after it, and on which days the
	// others.
	submissions map[string]submissions
}

// key names a row of a file by up to three words: no texts are put together for each row of a sample.
type key struct{ what, of, when string }

type submissions struct {
	first   int64 // The period's first day.
	sameDay int64
	soon    *counts // By days from the case's beginning.
	later   *counts // By days from the period's first.
}

// dayCounts are how much happened on each day from the first on.
type dayCounts struct {
	first int64
	n     []int64
}

// kind is a sort of case: which program, states, claims and invoices it has. A case without a treatment is a claim whose treatment is
// not there.
type kind struct {
	program   int64
	treatment string
	claims    []claimKind
	invoices  []string
	money     byte // How the claims stand to the live items: x no item, d no live one, e equal, m the claims are more, l the items are more.
	cells     map[string]int64
	state     string // What became of the first claim: approved, rejected, submitted or other.
	priced    string // The amounts that its claims have together.
}

// claimKind is a claim of a kind of case.
type claimKind struct {
	status, kind string
	sign         byte   // Of the amount: z, p or n.
	program      int64  // 0 where it is that of the treatment.
	pair         string // Its state and its treatment's.
}

// claimed says of a case's claims whether one has an amount: p, z for none, - where there is no claim.
func (k *kind) claimed() string {
	if len(k.claims) == 0 {
		return "-"
	}
	if slices.ContainsFunc(k.claims, func(c claimKind) bool { return c.sign != 'z' }) {
		return "p"
	}
	return "z"
}

// period is a month or a part of one.
type period struct {
	name    string
	first   time.Time // Its first day.
	firstID int64
	days    []int64 // Cases of each day, growing.
}

// share is a part and the whole it is of.
type share struct{ part, of int64 }

// counts are numbered words and how often each occurs, growing.
type counts struct {
	words []string
	upto  []int64
	ints  []int64 // The words as numbers, where they are.
}

// number is the number at a place in [0, total).
func (c *counts) number(place int64) int64 { return c.ints[c.index(place)] }

func (c *counts) total() int64 {
	if len(c.upto) == 0 {
		return 0
	}
	return c.upto[len(c.upto)-1]
}

// at is the word at a place in [0, total).
func (c *counts) at(place int64) string {
	return c.words[c.index(place)]
}

func (c *counts) index(place int64) int {
	i, _ := slices.BinarySearch(c.upto, place+1)
	return i
}

// prices are amounts: the common ones one by one, the rare ones by quantiles.
type prices struct {
	common *counts
	values []int64 // Of common, in ten-thousandths.
	rare   int64
	points []int64
}

// lag is how long something takes, in seconds: quantiles, and how often it has no date.
type lag struct {
	missing share
	points  []int64
}

var (
	lagPlaces   = []int64{5, 25, 50, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600, 650, 700, 750, 800, 850, 900, 950, 975, 995}
	pricePlaces = []int64{10, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950, 980, 995}
)

// quantile is the value at a place in [0, 1000000) between points whose places are in thousandths.
func quantile(places, points []int64, at int64) int64 {
	at = max(places[0]*1000, min(at, places[len(places)-1]*1000))
	i, _ := slices.BinarySearchFunc(places, at, func(p, x int64) int { return int(p*1000 - x) })
	if i == 0 {
		return points[0]
	}
	from, to := places[i-1]*1000, places[i]*1000
	return points[i-1] + ((points[i]-points[i-1])*(at-from)+(to-from)/2)/(to-from)
}

// realShape reads the files once. They are part of the program, so what they say holds.
var realShape = sync.OnceValue(func() *shape {
	s := &shape{
		hours: map[string]*clock{}, items: map[string]*counts{}, statuses: map[key]*counts{}, zeros: map[key]share{},
		amounts: map[key]*prices{}, lags: map[key]lag{}, calendar: map[string]dayCounts{},
		submissions: map[string]submissions{},
	}
	for _, r := range shapeRows("cases") {
		s.kinds = append(s.kinds, readKind(r))
	}
	for _, r := range shapeRows("days") {
		first, err := time.Parse(time.DateOnly, r[1])
		must(err)
		s.periods = append(s.periods, period{name: r[0], first: first, firstID: integer(r[2]), days: growing(integers(r[3]))})
	}
	for _, r := range shapeRows("hours") {
		s.hours[r[0]] = newClock(integers(r[1]))
	}
	for _, r := range shapeRows("items") {
		s.items[r[0]+r[1]+r[2]] = readCounts(r[3])
	}
	for _, r := range shapeRows("statuses") {
		s.statuses[key{r[0], r[1], r[2]}] = readCounts(r[3])
	}
	for _, r := range shapeRows("zeros") {
		s.zeros[key{r[0], r[1], ""}] = share{integer(r[2]), integer(r[3])}
	}
	for _, r := range shapeRows("amounts") {
		when, state := cutLast(r[1])
		s.amounts[key{r[0], state, when}] = readPrices(r[2:])
	}
	for _, r := range shapeRows("lags") {
		of, when := cutLast(r[1])
		if when != "old" && when != "new" {
			of, when = r[1], ""
		}
		s.lags[key{r[0], of, when}] = lag{missing: share{integer(r[2]), integer(r[3])}, points: integers(r[4])}
	}
	for _, r := range shapeRows("calendar") {
		first, err := time.Parse(time.DateOnly, r[1])
		must(err)
		s.calendar[r[0]] = dayCounts{first: first.Unix() / dayLong, n: integers(r[2])}
	}
	for _, r := range shapeRows("submissions") {
		first := slices.IndexFunc(s.periods, func(p period) bool { return p.name == r[0] })
		s.submissions[r[0]] = submissions{s.periods[first].first.Unix() / dayLong, integer(r[1]), readCounts(r[2]), readCounts(r[3])}
	}
	return s
})

// cutLast cuts a text at its last blank.
func cutLast(s string) (before, last string) {
	i := strings.LastIndexByte(s, ' ')
	return s[:max(i, 0)], s[i+1:]
}

func readPrices(r []string) *prices {
	p := &prices{common: readCounts(r[0]), rare: integer(r[1]), points: integers(r[2])}
	for _, word := range p.common.words {
		p.values = append(p.values, tenThousandths(word))
	}
	return p
}

func readKind(r []string) kind {
	k := kind{program: integer(r[0]), treatment: r[1], money: r[4][0], cells: map[string]int64{}}
	for _, c := range split(r[2], "+") {
		f := strings.Fields(c)
		claim := claimKind{status: f[0], kind: f[1], sign: f[2][0]}
		if len(f) > 3 {
			claim.program = integer(f[3])
		}
		claim.pair = claim.status + " " + k.treatment
		k.claims = append(k.claims, claim)
	}
	k.state, k.priced = "other", "claims "+strings.ReplaceAll(r[4], "d", "x")
	if len(k.claims) > 0 && slices.Contains([]string{"Approved", "Rejected", "Submitted"}, k.claims[0].status) {
		k.state = strings.ToLower(k.claims[0].status)
	}
	k.invoices = split(r[3], "+")
	for _, c := range strings.Fields(r[5]) {
		name, n, _ := strings.Cut(c, ":")
		k.cells[name] = integer(n)
	}
	return k
}

// shapeRows are the rows of a file without its header.
func shapeRows(name string) [][]string {
	text, err := shapeFiles.ReadFile("shape/" + name + ".csv")
	must(err)
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	must(err)
	return rows[1:]
}

func split(s, by string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, by)
}

func readCounts(s string) *counts {
	c := &counts{}
	var n []int64
	for _, part := range strings.Fields(s) {
		word, times, _ := strings.Cut(part, ":")
		c.words, n = append(c.words, word), append(n, integer(times))
	}
	c.upto = growing(n)
	for _, word := range c.words {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			c.ints = append(c.ints, n)
		}
	}
	return c
}

func growing(n []int64) []int64 {
	for i := 1; i < len(n); i++ {
		n[i] += n[i-1]
	}
	return n
}

func integers(s string) []int64 {
	var out []int64
	for _, f := range strings.Fields(s) {
		out = append(out, integer(f))
	}
	return out
}

func integer(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	must(err)
	return n
}

func tenThousandths(s string) int64 {
	whole, part, _ := strings.Cut(s, ".")
	return integer(whole)*10_000 + integer((part + "0000")[:4])
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("the sample's own shape: %v", err))
	}
}
