// Package dashboard serves a published version to people: a read-only JSON API, exports of all matches, live events and the built
// pages of the front end.
//
// What a page asks stands in the project's dashboards/*.yml and is answered by package semantic; how runs are made is left to package run.
package dashboard
