package discover

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unit is what a whole number counts since 1970.
type Unit string

// Seconds and milliseconds are what applications count times in.
const (
	Seconds      Unit = "seconds"
	Milliseconds Unit = "milliseconds"
)

// timeWords are words of times beside those of roles.
var timeWords = []string{
	"date", "time", "timestamp", "datetime", "at", "on", "when", "ts", "dt", "day", "since", "until", "last", "moved", "seen", "visit",
	"login",
}

// The times that numbers are taken for: from 1990 to 2099.
const (
	firstSecond = 631_152_000
	lastSecond  = 4_102_444_799
)

// mayCount reports whether a column's type and name allow for times that are counted since 1970. Its values decide.
func mayCount(c *Column) bool {
	if c.kind() != integer || c.Auto || !slices.Contains([]string{"int", "integer", "bigint"}, c.Base) {
		return false
	}
	return has(c.words, timeWords...) || slices.ContainsFunc(roles, func(r dateWords) bool { return has(c.words, r.words...) })
}

// unixTimes finds the columns of whole numbers that are times: all their numbers lie between 1990 and 2099.
func (l *look) unixTimes() {
	for _, t := range l.catalog.Tables {
		for _, c := range t.Columns {
			if c.Unix = unitOf(c, l.profile.stats(t, c.Name)); c.Unix != "" {
				l.out.Unix = append(l.out.Unix, counted(t, c, l.profile.stats(t, c.Name)))
			}
		}
	}
}

func unitOf(c *Column, s *ColumnStats) Unit {
	if !mayCount(c) || s.Filled == s.Zero || s.Filled == 0 {
		return ""
	}
	low, high := instantOf(s.Low), instantOf(s.Max)
	switch {
	case low >= firstSecond && high <= lastSecond:
		return Seconds
	case low >= firstSecond*1000 && high <= lastSecond*1000:
		return Milliseconds
	}
	return ""
}

// instantOf reads a whole number that may be too long for a float; 0 where it is none.
func instantOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func counted(t *Table, c *Column, s *ColumnStats) Flag {
	day := func(text string) string {
		n := instantOf(text)
		if c.Unix == Milliseconds {
			n /= 1000
		}
		return time.Unix(n, 0).UTC().Format(time.DateOnly)
	}
	return Flag{Table: t.Name, Column: c.Name, Guess: Guess{
		fmt.Sprintf("%s.%s counts %s since 1970", t.Name, c.Name, c.Unix), High,
		fmt.Sprintf("its name, and as such all its numbers are days from %s to %s", day(s.Low), day(s.Max)),
	}}
}

// asTime is an expression of a column's time in SQL that both engines know.
func asTime(c *Column, name string) string {
	if c == nil || c.Unix == "" {
		return "cast(" + name + " as timestamp)"
	}
	return fmt.Sprintf("{{ clean_value('%s', '%s') }}", jinjaText(strings.TrimSpace(name)), c.Unix)
}
