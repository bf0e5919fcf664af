package sample

import (
	"math/rand/v2"
	"strconv"
)

// foodTables are the tables of food delivery, in the order in which they are written.
func foodTables() []table {
	return []table{
		{
			name: "regions", file: "regions.csv", about: foodRegions, stream: (*world).foodRegions,
			header: "id,name,city", ddl: "id int primary key, name varchar(60), city varchar(60)",
		},
		{
			name: "customers", file: "customers.csv", about: foodCustomers, stream: (*world).foodCustomers,
			header: "id,name,region_id,signed_up_at",
			ddl:    "id int primary key, name varchar(60), region_id int, signed_up_at datetime",
		},
		{
			name: "premium_periods", file: "premium_periods.csv", about: foodCustomers / 3, stream: (*world).foodPremium,
			header: "id,customer_id,starts_at,ends_at",
			ddl:    "id int primary key, customer_id int, starts_at datetime, ends_at datetime",
		},
		{
			name: "restaurants", file: "restaurants.csv", about: foodRestaurants, stream: (*world).foodRestaurants,
			header: "id,name,category,region_id,opening_hours",
			ddl:    "id int primary key, name varchar(60), category varchar(30), region_id int, opening_hours varchar(60)",
		},
		{
			name: "menu_items", file: "menu_items.csv", about: foodRestaurants * 12, stream: (*world).foodMenu,
			header: "id,restaurant_id,name,price,currency",
			ddl:    "id int primary key, restaurant_id int, name varchar(60), price decimal(19,4), currency varchar(4)",
		},
		{
			name: "deliverers", file: "deliverers.csv", about: foodDeliverers, stream: (*world).foodDeliverers,
			header: "id,name,vehicle,region_id,hired_at",
			ddl:    "id int primary key, name varchar(60), vehicle varchar(20), region_id int, hired_at datetime",
		},
		{
			name: "orders", file: "orders.csv", about: foodOrders, stream: (*world).foodOrders,
			header: "id,customer_id,restaurant_id,deliverer_id,region_id,status,placed_at,amount,currency",
			ddl: "id int primary key, customer_id int, restaurant_id int, deliverer_id int, region_id int, status varchar(25), " +
				"placed_at datetime, amount decimal(19,4), currency varchar(4)",
		},
		{
			name: "order_events", file: "order_events.csv", about: foodOrders * 5, stream: (*world).foodEvents,
			header: "id,order_id,event,deliverer_id,happened_at",
			ddl:    "id int primary key, order_id int, event varchar(30), deliverer_id int, happened_at varchar(40)",
		},
		{
			name: "session_events", file: "session_events.csv", about: foodSessions, stream: (*world).foodSessionEvents,
			header: "id,account_type,account_id,event,happened_at",
			ddl:    "id int primary key, account_type varchar(20), account_id int, event varchar(30), happened_at varchar(40)",
		},
		{
			name: "ratings", file: "ratings.csv", about: foodOrders * 2 / 5, stream: (*world).foodRatings,
			header: "id,order_id,stars,rated_at",
			ddl:    "id int primary key, order_id int, stars smallint, rated_at datetime",
		},
		{
			name: "tips", file: "tips.csv", about: foodOrders / 5, stream: (*world).foodTips,
			header: "id,order_id,amount,currency,tipped_at",
			ddl:    "id int primary key, order_id int, amount decimal(19,4), currency varchar(4), tipped_at datetime",
		},
	}
}

func (w *world) foodRegions(l *lines) error {
	names := [...]string{"Kilimani", "Westlands", "Karen", "Eastleigh", "Kasarani", "Ikeja", "Lekki", "Yaba"}
	for k, name := range names {
		if !l.row() {
			break
		}
		l.id(int64(k) + 1)
		l.text(name)
		if k < 5 {
			l.text("Nairobi")
		} else {
			l.text("Lagos")
		}
	}
	return l.err
}

func (w *world) foodCustomers(l *lines) error {
	for k := range w.food.customers {
		if !l.row() {
			break
		}
		r := w.dice(diceFoodCustomer, k)
		signed := foodBegin - r.Int64N(700)*dayLong + r.Int64N(dayLong)
		l.id(foodFirstPerson + k)
		l.text("Customer " + strconv.FormatInt(k+1, 10))
		l.id(k%foodRegions + 1)
		w.foodDate(l, k, faultFoodSigned, 150, signed)
	}
	return l.err
}

// foodPremium gives a third of the customers premium periods, some of them two, most of them not ended.
func (w *world) foodPremium(l *lines) error {
	id := int64(1)
	for k := range w.food.customers {
		r := w.dice(diceFoodPremium, k)
		if r.IntN(4) > 0 {
			continue
		}
		from := foodBegin + (r.Int64N(150)-60)*dayLong
		for range 1 + r.IntN(2) {
			to := from + (20+r.Int64N(60))*dayLong
			if to > foodEnd || r.IntN(3) == 0 {
				to = noTime
			}
			if w.oneIn(faultFoodPremium, id, 60) && to != noTime {
				from, to = to, from // It ends before it begins.
			}
			if !l.row() {
				return l.err
			}
			l.id(id)
			l.id(foodFirstPerson + k)
			l.time(from)
			l.time(to)
			id++
			if to == noTime {
				break
			}
			from = max(from, to) + (1+r.Int64N(20))*dayLong
			if from > foodEnd {
				break
			}
		}
	}
	return l.err
}

func (w *world) foodRestaurants(l *lines) error {
	categories := [...]string{"Swahili", "Pizza", "Burgers", "Indian", "Grill", "Vegetarian", "Sushi", "Jollof"}
	for k := range w.food.restaurants {
		if !l.row() {
			break
		}
		r := w.dice(diceFoodRestaurant, k)
		category := categories[r.IntN(len(categories))]
		if w.oneIn(faultFoodWord, k, 15) {
			category = misspell(r, category)
		}
		l.id(foodFirstPerson + k)
		l.text("Restaurant " + strconv.FormatInt(k+1, 10))
		l.text(category)
		l.id(k%foodRegions + 1)
		l.text([...]string{"Mo-Su 09:00-22:00", "Mo-Sa 11:00-23:00", "Tu-Su 12:00-21:30", "Mo-Su 00:00-24:00"}[r.IntN(4)])
	}
	return l.err
}

func (w *world) foodMenu(l *lines) error {
	dishes := [...]string{"Chapati", "Pilau", "Nyama choma", "Margherita", "Cheeseburger", "Samosa", "Jollof rice", "Ugali", "Salad"}
	id := int64(1)
	for k := range w.food.restaurants {
		r := w.dice(diceFoodMenu, k)
		for range 6 + r.IntN(13) {
			if !l.row() {
				return l.err
			}
			l.id(id)
			l.id(foodFirstPerson + k)
			l.text(dishes[r.IntN(len(dishes))])
			w.foodMoney(l, id, faultFoodPrice, 200, (10+r.Int64N(200))*50_000)
			l.text(foodCurrency(k%foodRegions + 1))
			id++
		}
	}
	return l.err
}

func (w *world) foodDeliverers(l *lines) error {
	for k := range w.food.deliverers {
		if !l.row() {
			break
		}
		r := w.dice(diceFoodDeliverer, k)
		vehicle := [...]string{"bicycle", "motorbike", "motorbike", "car"}[r.IntN(4)]
		if w.oneIn(faultFoodWord, k, 20) {
			vehicle = misspell(r, vehicle)
		}
		l.id(foodFirstPerson + k)
		l.text("Deliverer " + strconv.FormatInt(k+1, 10))
		l.text(vehicle)
		l.id(k%foodRegions + 1)
		w.foodDate(l, k, faultFoodSigned, 100, foodBegin-r.Int64N(500)*dayLong+r.Int64N(dayLong))
	}
	return l.err
}

func (w *world) foodOrders(l *lines) error {
	w.foodEach(func(o *foodOrder) bool {
		if !l.row() {
			return false
		}
		customer, restaurant := o.customer, o.restaurant
		if w.oneIn(faultFoodOrphan, o.number, 450) {
			if o.number%2 == 0 {
				customer = nowhere
			} else {
				restaurant = nowhere
			}
		}
		l.id(o.id)
		l.id(customer)
		l.id(restaurant)
		l.id(o.deliverer)
		l.id(o.region)
		l.text(w.foodStatus(o))
		w.foodDate(l, o.number, faultFoodPlaced, 300, o.placed)
		w.foodMoney(l, o.number, faultFoodAmount, 250, o.amount)
		l.text(foodCurrency(o.region))
		return true
	})
	return l.err
}

func (w *world) foodEvents(l *lines) error {
	id := int64(1)
	w.foodEach(func(o *foodOrder) bool {
		for _, e := range o.events {
			for again := true; again; {
				if !l.row() {
					return false
				}
				// One more row for the same event, as an app sends it that had no answer to the first.
				r := w.dice(diceFoodEvent, id)
				order := o.id
				if w.oneIn(faultFoodEventOrphan, id, 2500) {
					order = nowhere
				}
				l.id(id)
				l.id(order)
				l.text(w.foodWord(r, e.name))
				l.id(e.deliverer)
				w.foodStamp(l, r, id, e.at, o.region)
				again = w.oneIn(faultFoodTwice, id, 90)
				id++
			}
		}
		return true
	})
	return l.err
}

func (w *world) foodSessionEvents(l *lines) error {
	for n := range w.food.sessions {
		if !l.row() {
			break
		}
		r := w.dice(diceFoodSession, n)
		kind, account, words := "customer", r.Int64N(w.food.customers), [...]string{"login", "update_account_info", "available_to_order"}
		if n%4 == 0 {
			kind, account, words = "deliverer", r.Int64N(w.food.deliverers), [...]string{"login", "update_account_info", "available_to_pickup"}
		}
		region := account%foodRegions + 1
		word := words[[...]int{0, 0, 0, 0, 0, 1, 2, 2, 2, 2}[r.IntN(10)]]
		at := foodTime(r, n, w.food.sessions, region)
		l.id(n + 1)
		l.text(kind)
		if w.oneIn(faultFoodEventOrphan, n, 2500) {
			l.id(nowhere)
		} else {
			l.id(foodFirstPerson + account)
		}
		l.text(w.foodWord(r, word))
		w.foodStamp(l, r, n, at, region)
	}
	return l.err
}

func (w *world) foodRatings(l *lines) error {
	id := int64(1)
	w.foodEach(func(o *foodOrder) bool {
		if o.rated == noTime {
			return true
		}
		if !l.row() {
			return false
		}
		stars := o.stars
		if w.oneIn(faultFoodStars, id, 400) {
			stars = 11
		}
		l.id(id)
		l.id(o.id)
		l.id(stars)
		w.foodDate(l, id, faultFoodRated, 500, o.rated)
		id++
		return true
	})
	return l.err
}

func (w *world) foodTips(l *lines) error {
	id := int64(1)
	w.foodEach(func(o *foodOrder) bool {
		if o.tipped == noTime {
			return true
		}
		if !l.row() {
			return false
		}
		l.id(id)
		l.id(o.id)
		w.foodMoney(l, id, faultFoodTip, 300, o.tip)
		l.text(foodCurrency(o.region))
		w.foodDate(l, id, faultFoodRated, 500, o.tipped)
		id++
		return true
	})
	return l.err
}

// foodStatus is the word of an order's status, which two versions of the app spell each in their own way.
func (w *world) foodStatus(o *foodOrder) string {
	r := w.dice(diceFoodDirt, o.number)
	if w.Dirt == "none" || r.IntN(5) > 0 {
		return o.status
	}
	other := map[string]string{
		"PLACED": "placed", "ACCEPTED": "Accepted", "PICKED_UP": "picked-up", "DELIVERED": "COMPLETED", "CANCELLED": "CANCELED",
	}
	return other[o.status]
}

// foodWord is the name of an event, in one row of thirty in the older app's spelling.
func (w *world) foodWord(r *rand.Rand, name string) string {
	x := r.IntN(90)
	switch {
	case w.Dirt == "none" || x > 2:
		return name
	case x == 0:
		return misspell(r, name)
	}
	older := map[string]string{
		"accepted": "ACCEPT", "arrived": "arrived-at-restaurant", "picked_up": "PickedUp", "dropped_off": "Drop Off", "received": "RECEIVED",
		"deliverer_cancelled": "deliverer_canceled", "customer_cancelled": "customer_canceled", "login": "sign_in",
	}
	if word, ok := older[name]; ok {
		return word
	}
	return name
}
