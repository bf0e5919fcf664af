package dashboard

import (
	"net/http"

	"lifeline/semantic"
)

// route is one address of the API with what is said of it in the OpenAPI document.
type route struct {
	methods string
	pattern string
	summary string
	params  []param
	data    any    // A value of the type of the answer's data; nil for other answers.
	list    bool   // The answer has a page.
	body    any    // Of POST.
	files   bool   // format= gives files.
	role    string // Needed to ask.
	handle  func(*request) error
}

type param struct {
	name, kind, about string
	in                string // "query" where empty.
	many              bool
	values            []string
}

var filterParams = []param{
	{name: "basis", kind: "string", about: "Date basis, by name of /meta."},
	{name: "range", kind: "string", about: "Days that end at the newest data, such as 30d, or all."},
	{name: "from", kind: "date", about: "First business day."},
	{name: "to", kind: "date", about: "Last business day, inclusive."},
	{name: "undated", kind: "string", about: "Rows without a date on the basis.", values: []string{"exclude", "include", "only"}},
	{name: "currency", kind: "string", about: "One currency; a page uses the main one where none is named.", many: true},
	{name: "filter", kind: "string", about: "Any filter of /meta or column of the table by its own name: name=value repeated for a list, " +
		"name!=value, name>=value, name<=value, name~=text; is:null stands for no value.", many: true},
}

var versusParam = param{name: "vs", kind: "string", about: "Period compared with.", values: []string{"prev", "year", "none"}}

func formatParam(values ...string) param {
	return param{name: "format", kind: "string", about: "A file of all matches, streamed; X-Row-Count says how many.", values: values}
}

func pathParam(name, about string) param {
	return param{name: name, kind: "string", about: about, in: "path"}
}

func limitParam(name, about string) param { return param{name: name, kind: "integer", about: about} }

func with(a []param, more ...param) []param { return append(append([]param{}, a...), more...) }

var lineageParams = []param{
	{name: "table", kind: "string", about: "schema.table, or source.table."},
	limitParam("up", "Steps to what it reads; 1 where none is given."),
	limitParam("down", "Steps to what reads it."),
	{name: "column", kind: "string", about: "Column to follow."},
}

// table lists every route; the OpenAPI document is made of it.
func (s *Server) table() []route {
	const api = "/api/v1"
	value := func(c *request, name string) string { return c.r.PathValue(name) }
	get := func(pattern, summary string, params []param, data any, handle func(*request) error) route {
		return route{
			methods: http.MethodGet, pattern: api + pattern, summary: summary, params: params, data: data, role: RoleViewer,
			handle: handle,
		}
	}
	rows := get("/tables/{table}/rows", "Rows of a table by the filter grammar, a page at a time, or all matches as a file.",
		with(filterParams, pathParam("table", "schema.table"), param{name: "sort", kind: "string", about: "Column, with - for descending."},
			param{name: "fields", kind: "string", about: "Columns by comma."}, limitParam("limit", "Rows a page, at most 1000."),
			param{name: "after", kind: "string", about: "Cursor: next of the page before."},
			param{name: "histogram", kind: "string", about: "1 adds counts over the dates.", values: []string{"1"}},
			formatParam("json", "csv", "parquet", "ndjson")),
		semantic.RowsData{}, func(c *request) error { return c.rows(value(c, "table")) })
	rows.list, rows.files = true, true
	card := get("/pages/{page}/cards/{card}", "The full table of one card as a file.",
		with(filterParams, versusParam, pathParam("page", "Name of a page."), pathParam("card", "Id of a card."),
			formatParam("csv", "parquet", "ndjson")),
		nil, func(c *request) error { return c.cardFile(value(c, "page"), value(c, "card")) })
	card.files = true
	check := get("/checks/{name}", "One check: history and failing rows.",
		[]param{pathParam("name", "Name of a check."), formatParam("json", "csv", "ndjson", "parquet")},
		CheckData{}, func(c *request) error { return c.check(value(c, "name")) })
	check.files = true
	aside := get("/quarantine", "Rows in quarantine, with their reasons.", []param{
		{name: "table", kind: "string", about: "Table of the source."},
		{name: "reason", kind: "string", about: "Reason."},
		{name: "check", kind: "string", about: "Name of a check."},
		{
			name: "state", kind: "string", about: "State of the row; open, which is held or quarantined, where none is given.",
			values: []string{"open", "held", "quarantined", "superseded", "released", "fixed_at_source", "expired", "all"},
		},
		limitParam("limit", "Rows a page, at most 1000."),
		{name: "after", kind: "string", about: "Cursor."},
		formatParam("json", "csv", "ndjson", "parquet"),
	}, QuarantineData{}, func(c *request) error { return c.quarantine() })
	aside.list, aside.files = true, true
	statement := get("/sql", "One select over the published version, in a sandbox. Nothing that stands in an address is run.", nil, SQLData{},
		(*request).sqlRequest)
	statement.methods, statement.body, statement.role, statement.files = http.MethodPost, SQLRequest{}, RoleData, true
	return []route{
		get("/meta", "What a front end needs before it draws: pages, filters, currencies, freshness, the asker.", nil, MetaData{},
			func(c *request) error { return c.metaData() }),
		get("/pages/{page}", "One page with all its cards, from one version.",
			with(filterParams, versusParam, pathParam("page", "Name of a page."), param{name: "card", kind: "string", about: "Only this card."}),
			semantic.PageData{}, func(c *request) error { return c.page(value(c, "page")) }),
		card,
		get("/dimensions/{name}", "Values of one filter with their rows under the other filters.",
			with(filterParams, pathParam("name", "Name of a filter."), param{name: "q", kind: "string", about: "Part of a value."},
				param{name: "table", kind: "string", about: "Table to count; the main one where none is named."},
				limitParam("limit", "Values, at most 500.")),
			semantic.DimensionData{}, func(c *request) error { return c.dimension(value(c, "name")) }),
		get("/tables", "Every table of the published version.", nil, []TableInfo{}, func(c *request) error { return c.tables() }),
		get("/tables/{table}", "One table: columns with what is in them, checks, lineage.", []param{pathParam("table", "schema.table")},
			TableData{}, func(c *request) error { return c.tableData(value(c, "table")) }),
		rows,
		get("/records/{kind}", "One record of the first kind, by key.", []param{pathParam("kind", "Key of the record.")}, semantic.RecordData{},
			func(c *request) error { return c.record("", value(c, "kind")) }),
		get("/records/{kind}/{key}", "One record: times, related rows, checks, where it came from.",
			[]param{pathParam("kind", "Kind of record, by name of /meta."), pathParam("key", "Its key.")}, semantic.RecordData{},
			func(c *request) error { return c.record(value(c, "kind"), value(c, "key")) }),
		get("/runs", "The newest runs with their steps, and how fresh each table is.", []param{limitParam("limit", "Runs, at most 500.")},
			RunsData{}, func(c *request) error { return c.runs() }),
		get("/runs/{id}", "One run in full.", []param{pathParam("id", "Number of the run.")}, RunData{},
			func(c *request) error { return c.run(value(c, "id")) }),
		get("/checks", "All checks, and what is new, resolved and persisting.", nil, ChecksData{}, func(c *request) error { return c.checks() }),
		check, aside,
		get("/lineage", "What a table is made of and what reads it, laid out.", lineageParams, LineageData{},
			func(c *request) error { return c.lineage() }),
		statement,
		get("/search", "What a few letters may mean.", []param{{name: "q", kind: "string", about: "Letters or a key."}}, SearchData{},
			func(c *request) error { return c.search() }),
		get("/events", "Server-sent events: new versions, and the steps of runs that this server makes.", nil, nil,
			func(c *request) error { return c.live() }),
		get("/openapi.json", "This document.", nil, nil, func(c *request) error { return c.document() }),
	}
}
