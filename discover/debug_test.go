package discover

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestDebug(t *testing.T) {
	if os.Getenv("DEBUGT") == "" {
		t.Skip()
	}
	r, _ := OpenServer(context.Background(), os.Getenv("LIFELINE_TEST_MYSQL")+os.Getenv("SCHEMA"), 2*time.Second)
	l := &look{reader: r, left: func() bool { return true }, Options: Options{Rows: 10000, Progress: func(int, int, string) {}, hideForeign: true}}
	p, _ := l.all(context.Background())
	tab := l.catalog.Table(os.Getenv("DEBUGT"))
	fmt.Printf("%v %+v\n", tab.words, *l.class[tab])
	for _, c := range tab.Columns {
		fmt.Printf("  %s %v %+v\n", c.Name, c.words, *l.profile.stats(tab, c.Name))
	}
	for _, k := range p.keysOf[tab.Name] {
		fmt.Printf("  key %+v\n", *k)
	}
	for _, d := range p.Dates {
		if d.Table == tab.Name {
			fmt.Printf("  date %+v\n", d)
		}
	}
	for _, d := range p.Polymorphic {
		if d.Table == tab.Name {
			fmt.Printf("  poly %+v\n", d)
		}
	}
	rec, err := l.recordOf(context.Background(), tab)
	fmt.Printf("%+v %v\n", rec, err)
	for _, r := range p.Records {
		fmt.Println(r.Name, l.logOf(context.Background(), &r, tab))
	}
}
