package sample

import "math/rand/v2"

// The food delivery sample: an app's database of orders in eight regions of two cities, half a year of it. An order with all its
// events, rating and tip is a pure function of seed and number, as a case of carepay is.

// Rows of each kind of record at scale 1; those of the other tables follow from them.
const (
	foodOrders      = 20_000
	foodCustomers   = 4_000
	foodDeliverers  = 320
	foodRestaurants = 240
	foodSessions    = 60_000
	foodRegions     = 8
	foodFirstOrder  = 700_001
	foodFirstPerson = 1_001
)

var (
	foodBegin = unix(2024, 1, 1, 0, 0, 0)
	foodEnd   = unix(2024, 6, 30, 19, 30, 0) // Nothing is known of later; orders under way stand open.
)

// What the dice of food delivery are thrown for.
const (
	diceFoodOrder = 1_000_000 + iota
	diceFoodEvent
	diceFoodSession
	diceFoodCustomer
	diceFoodDeliverer
	diceFoodRestaurant
	diceFoodMenu
	diceFoodPremium
	diceFoodDirt
)

// foodSize is how many of each there are.
type foodSize struct {
	orders, customers, deliverers, restaurants, sessions int64
}

func newFoodSize(scale float64) foodSize {
	n := func(of int64) int64 { return max(2*foodRegions, int64(float64(of)*scale+0.5)) }
	return foodSize{
		orders: n(foodOrders), customers: n(foodCustomers), deliverers: n(foodDeliverers), restaurants: n(foodRestaurants),
		sessions: n(foodSessions),
	}
}

// foodEvent is one step of an order; deliverer is 0 for what the customer does.
type foodEvent struct {
	name      string
	at        int64
	deliverer int64
}

// foodOrder is one order with all that follows from it. Times are noTime where the thing has not happened.
type foodOrder struct {
	number, id, customer, restaurant, deliverer, region int64
	status                                              string
	placed, amount                                      int64
	events                                              []foodEvent
	stars, rated                                        int64
	tip, tipped                                         int64
}

// regionOffset is what a region's clocks are ahead of UTC: five of the regions are in Nairobi, three in Lagos.
func regionOffset(region int64) int64 {
	if region > 5 {
		return 3600
	}
	return 3 * 3600
}

func foodCurrency(region int64) string {
	if region > 5 {
		return "NGN"
	}
	return "KES"
}

// inRegion picks one of n people or places that stand in a region; the k-th stands in region k mod foodRegions + 1.
func inRegion(r *rand.Rand, n, region int64) int64 {
	k := region - 1
	return foodFirstPerson + k + foodRegions*r.Int64N((n-k-1)/foodRegions+1)
}

// foodTime spreads number of count over the half year, at the hours of meals by the region's clocks.
func foodTime(r *rand.Rand, number, count, region int64) int64 {
	days := (foodEnd-foodBegin)/dayLong + 1
	hour := [...]int64{7, 8, 11, 12, 12, 12, 13, 13, 14, 16, 17, 18, 18, 19, 19, 19, 20, 20, 21, 22}[r.IntN(20)]
	at := foodBegin + number*days/count*dayLong + hour*3600 + r.Int64N(3600) - regionOffset(region)
	return min(at, foodEnd-r.Int64N(3600))
}

// foodOrder is the order of a number. Its events are reused by the next.
func (w *world) foodOrder(number int64, o *foodOrder) {
	r := w.dice(diceFoodOrder, number)
	x := r.Int64N(1 << 15)
	k := x * x * w.food.customers >> 30 // Few customers order often.
	region := k%foodRegions + 1
	*o = foodOrder{
		number: number, id: foodFirstOrder + number*3, customer: foodFirstPerson + k, region: region,
		restaurant: inRegion(r, w.food.restaurants, region), placed: foodTime(r, number, w.food.orders, region),
		amount: (40 + r.Int64N(900)) * 50_000, events: o.events[:0], rated: noTime, tipped: noTime,
	}
	w.deliver(r, o)
	for i, e := range o.events {
		if e.at > foodEnd {
			o.events = o.events[:i]
			break
		}
	}
	o.status, o.deliverer = "PLACED", 0
	for _, e := range o.events {
		o.apply(e)
	}
	if o.status != "DELIVERED" {
		return
	}
	done := o.events[len(o.events)-1].at
	if r.IntN(100) < 45 {
		o.stars, o.rated = [...]int64{1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5}[r.IntN(12)], done+60+r.Int64N(7200)
	}
	if r.IntN(100) < 25 {
		o.tip, o.tipped = (1+r.Int64N(20))*100_000, done+30+r.Int64N(3600)
	}
	if o.rated > foodEnd {
		o.rated = noTime
	}
	if o.tipped > foodEnd {
		o.tipped = noTime
	}
}

// apply is what an event makes of an order.
func (o *foodOrder) apply(e foodEvent) {
	switch e.name {
	case "accepted":
		o.status, o.deliverer = "ACCEPTED", e.deliverer
	case "deliverer_cancelled":
		o.status, o.deliverer = "PLACED", 0
	case "customer_cancelled":
		o.status = "CANCELLED"
	case "picked_up":
		o.status = "PICKED_UP"
	case "dropped_off":
		o.status = "DELIVERED"
	}
}

// deliver plays an order to its end: some are cancelled, some are handed from one deliverer to another, some are taken by nobody.
func (w *world) deliver(r *rand.Rand, o *foodOrder) {
	at := o.placed
	step := func(name string, deliverer, least, most int64) {
		at += least + r.Int64N(most-least)
		o.events = append(o.events, foodEvent{name, at, deliverer})
	}
	fate := r.IntN(100)
	if fate < 3 {
		return // Nobody takes it.
	}
	if fate < 6 {
		step("customer_cancelled", 0, 30, 900)
		return
	}
	who := inRegion(r, w.food.deliverers, o.region)
	step("accepted", who, 30, 600)
	if fate < 11 {
		step("deliverer_cancelled", who, 60, 900)
		who = inRegion(r, w.food.deliverers, o.region)
		step("accepted", who, 30, 600)
	}
	if fate > 96 {
		step("customer_cancelled", 0, 60, 900)
		return
	}
	step("arrived", who, 240, 1200)
	step("picked_up", who, 60, 1200)
	step("dropped_off", who, 420, 2700)
	step("received", 0, 1, 180)
}

// foodEach calls do with every order. The order is reused.
func (w *world) foodEach(do func(*foodOrder) bool) {
	o := &foodOrder{}
	for n := range w.food.orders {
		w.foodOrder(n, o)
		if !do(o) {
			return
		}
	}
}
