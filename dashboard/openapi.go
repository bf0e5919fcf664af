package dashboard

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"lifeline/semantic"
)

// object keeps JSON documents readable to write.
type object = map[string]any

// OpenAPI writes the document of the API from its routes and the Go types of their answers, so that neither can drift from the other.
func OpenAPI(build string, routes []route) ([]byte, error) {
	g := &schemas{done: object{}}
	problem := g.of(reflect.TypeFor[semantic.Problem]())
	paths := object{}
	for _, r := range routes {
		item := object{}
		for method := range strings.FieldsSeq(r.methods) {
			item[strings.ToLower(method)] = g.operation(r, method, problem)
		}
		path := r.pattern
		paths[path] = item
	}
	g.of(reflect.TypeFor[LiveEvent]())
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Lifeline dashboard", "version": "1", "x-build": cmp.Or(build, "dev"),
			"description": "Read-only. Every answer comes from one published version; decimals are strings; days are business days; times are UTC.",
		},
		"paths": paths,
		"components": object{
			"schemas": g.done,
			"securitySchemes": object{
				"basic": object{"type": "http", "scheme": "basic"}, "bearer": object{"type": "http", "scheme": "bearer"},
			},
		},
		"security": []any{object{}, object{"basic": []any{}}, object{"bearer": []any{}}},
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return append(text, '\n'), nil
}

func (g *schemas) operation(r route, method string, problem any) object {
	name := strings.NewReplacer("/api/v1/", "", "{", "", "}", "", "/", "_", ".", "_").Replace(r.pattern)
	op := object{"summary": r.summary, "operationId": strings.ToLower(method) + "_" + name, "x-role": r.role}
	params := []any{}
	for _, p := range r.params {
		params = append(params, parameter(p))
	}
	if len(params) > 0 {
		op["parameters"] = params
	}
	content := object{}
	switch {
	case r.data != nil:
		content["application/json"] = object{"schema": g.envelope(reflect.TypeOf(r.data), r.list)}
	case strings.HasSuffix(r.pattern, "/events"):
		content["text/event-stream"] = object{"schema": object{"type": "string"}}
	case strings.HasSuffix(r.pattern, ".json"):
		content["application/json"] = object{"schema": object{"type": "object"}}
	}
	if r.files {
		for _, kind := range slices.Sorted(maps.Keys(semantic.ExportTypes)) {
			media, _, _ := strings.Cut(semantic.ExportTypes[kind], ";")
			content[media] = object{"schema": object{"type": "string", "format": "binary"}}
		}
	}
	ok := object{"description": "The answer.", "content": content}
	headers := object{"X-Request-Id": object{"schema": object{"type": "string"}}}
	if r.files {
		headers["X-Row-Count"] = object{"description": "Rows of the file.", "schema": object{"type": "integer"}}
	}
	ok["headers"] = headers
	fault := object{
		"description": "What cannot be done, and what to try.",
		"content":     object{"application/problem+json": object{"schema": problem}},
	}
	op["responses"] = object{"200": ok, "default": fault}
	if r.data != nil {
		op["responses"].(object)["304"] = object{"description": "The answer that the asker has is the same."}
	}
	if method == "POST" && r.body != nil {
		op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": g.of(reflect.TypeOf(r.body))}}}
	}
	return op
}

func parameter(p param) object {
	schema := object{"type": p.kind}
	if p.kind == "date" {
		schema = object{"type": "string", "format": "date"}
	}
	if len(p.values) > 0 {
		schema["enum"] = p.values
	}
	if p.many {
		schema = object{"type": "array", "items": schema}
	}
	out := object{"name": p.name, "in": cmp.Or(p.in, "query"), "description": p.about, "schema": schema}
	if p.in == "path" {
		out["required"] = true
	}
	if p.many {
		out["explode"] = true
	}
	return out
}

// schemas collects the types that answers are made of.
type schemas struct{ done object }

func (g *schemas) envelope(data reflect.Type, list bool) object {
	properties := object{"data": g.of(data), "meta": g.of(reflect.TypeFor[Meta]())}
	required := []string{"data", "meta"}
	if list {
		properties["page"] = g.of(reflect.TypeFor[semantic.Page]())
		required = append(required, "page")
	}
	return object{"type": "object", "properties": properties, "required": required}
}

// of is the schema of a type; named structs are written once and referred to.
func (g *schemas) of(t reflect.Type) any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		inner := g.of(t.Elem())
		return object{"anyOf": []any{inner, object{"type": "null"}}}
	}
	switch t.Kind() {
	case reflect.Struct:
		if t.Name() == "" {
			return g.fields(t)
		}
		if _, is := g.done[t.Name()]; !is {
			g.done[t.Name()] = object{} // A type may hold itself.
			g.done[t.Name()] = g.fields(t)
		}
		return object{"$ref": "#/components/schemas/" + t.Name()}
	case reflect.Slice:
		return object{"type": "array", "items": g.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": g.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Interface:
		return object{"description": "Text (decimals too), number, boolean or null."}
	default:
		return object{"type": "integer"}
	}
}

func (g *schemas) fields(t reflect.Type) object {
	properties, required := object{}, []string{}
	g.add(t, properties, &required)
	slices.Sort(required)
	return object{"type": "object", "properties": properties, "required": required}
}

func (g *schemas) add(t reflect.Type, properties object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			g.add(f.Type, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		name = cmp.Or(name, f.Name)
		properties[name] = g.of(f.Type)
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, name)
		}
	}
}
