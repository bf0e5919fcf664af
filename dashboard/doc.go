// Package dashboard serves a published version to people: a read-only JSON API, exports of all matches, live events and the built
// pages of the front end.
//
// Every number comes from one published version (a snapshot), and a card, its rows and its export read one filter grammar (filter.go).
// What a page asks stands in the project's dashboards/*.yml; how runs are made is left to package run.
package dashboard
