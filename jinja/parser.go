package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

type parser struct {
	source *source
	tokens []token
	at     int
	macros []*macroNode // Those that are open: which special names they use is noted.
	open   []openTag
}

// openTag is a block that waits for its end.
type openTag struct {
	word string
	at   int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if p.at < len(p.tokens)-1 {
		p.at++
	}
	return t
}

func (p *parser) isOperator(text string) bool {
	t := p.peek()
	return t.kind == tokOperator && t.text == text
}

func (p *parser) isName(text string) bool {
	t := p.peek()
	return t.kind == tokName && t.text == text
}

// skipOperator passes an operator where it stands next.
func (p *parser) skipOperator(text string) bool {
	if p.isOperator(text) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipName(text string) bool {
	if p.isName(text) {
		p.next()
		return true
	}
	return false
}

func (p *parser) fail(at int, what, try string) error {
	return &Error{Err: errors.New(what), Try: try, Pos: p.source.pos(at), Syntax: true}
}

func describe(t token) string {
	switch t.kind {
	case tokEnd:
		return "the end of the file"
	case tokOutputEnd, tokBlockEnd:
		return "the end of the tag"
	case tokString:
		return "a text"
	case tokData, tokOutput, tokBlock:
		return "the text after the tag"
	default:
		return fmt.Sprintf("%q", t.text)
	}
}

func (p *parser) expected(what string) error {
	t := p.peek()
	return p.fail(t.from, fmt.Sprintf("expected %s and found %s", what, describe(t)), "mind the brackets, commas and quotes there")
}

func (p *parser) expectOperator(text string) error {
	if !p.skipOperator(text) {
		return p.expected(fmt.Sprintf("%q", text))
	}
	return nil
}

func (p *parser) expectName() (token, error) {
	if p.peek().kind != tokName {
		return token{}, p.expected("a name")
	}
	return p.next(), nil
}

func (p *parser) expectEnd() error {
	if p.peek().kind != tokBlockEnd {
		return p.expected("the end of the tag")
	}
	p.next()
	return nil
}

func (p *parser) since(from int) span {
	to := from
	if p.at > 0 {
		to = p.tokens[p.at-1].to
	}
	return span{p.source, from, to}
}

// body reads nodes up to a block that begins with one of the words, which it leaves to be read.
func (p *parser) body(until ...string) ([]node, error) {
	var out []node
	for {
		t := p.peek()
		switch t.kind {
		case tokEnd:
			if len(until) == 0 {
				return out, nil
			}
			o := p.open[len(p.open)-1]
			return nil, p.fail(o.at, fmt.Sprintf("{%% %s %%} has no end", o.word), "{% end"+o.word+" %}")
		case tokData:
			p.next()
			out = append(out, &dataNode{t.text})
		case tokOutput:
			p.next()
			e, err := p.tuple(p.expression)
			if err != nil {
				return nil, err
			}
			if p.peek().kind != tokOutputEnd {
				return nil, p.expected("}}")
			}
			p.next()
			out = append(out, &outputNode{e})
		default:
			word := p.tokens[min(p.at+1, len(p.tokens)-1)]
			if word.kind == tokName && slices.Contains(until, word.text) {
				return out, nil
			}
			p.next()
			n, err := p.statement(t.from)
			if err != nil {
				return nil, err
			}
			if n != nil {
				out = append(out, n)
			}
		}
	}
}

// block reads a body and the word of the tag that ends it.
func (p *parser) block(word string, begin int, until ...string) ([]node, string, error) {
	p.open = append(p.open, openTag{word, begin})
	body, err := p.body(until...)
	if err != nil {
		return nil, "", err
	}
	p.open = p.open[:len(p.open)-1]
	p.next()
	return body, p.next().text, nil
}

// whole reads a body up to its one end.
func (p *parser) whole(word string, begin int) ([]node, error) {
	if err := p.expectEnd(); err != nil {
		return nil, err
	}
	body, _, err := p.block(word, begin, "end"+word)
	if err != nil {
		return nil, err
	}
	if word == "macro" && p.peek().kind == tokName { // {% endmacro name %} is allowed.
		p.next()
	}
	return body, p.expectEnd()
}

func (p *parser) statement(begin int) (node, error) {
	word, err := p.expectName()
	if err != nil {
		return nil, err
	}
	switch word.text {
	case "if":
		return p.ifTag(begin)
	case "for":
		return p.forTag(begin)
	case "set":
		return p.setTag(begin)
	case "with":
		return p.withTag(begin)
	case "macro":
		return p.macroTag(begin, "macro", "")
	case "test", "data_test":
		return p.macroTag(begin, word.text, "test_")
	case "call":
		return p.callTag(begin)
	case "filter":
		return p.filterTag(begin)
	case "do":
		e, err := p.tuple(p.expression)
		if err != nil {
			return nil, err
		}
		return &doNode{e}, p.expectEnd()
	case "print":
		e, err := p.tuple(p.expression)
		if err != nil {
			return nil, err
		}
		return &outputNode{e}, p.expectEnd()
	case "break", "continue":
		return &endNode{p.since(word.from), word.text}, p.expectEnd()
	}
	return nil, p.unknownTag(begin, word)
}

func (p *parser) unknownTag(begin int, word token) error {
	ends := strings.HasPrefix(word.text, "end") || word.text == "else" || word.text == "elif"
	if ends && len(p.open) > 0 {
		o := p.open[len(p.open)-1]
		return p.fail(begin, fmt.Sprintf("{%% %s %%} stands where {%% end%s %%} is expected", word.text, o.word), "{% end"+o.word+" %}")
	}
	if ends {
		return p.fail(begin, fmt.Sprintf("{%% %s %%} ends nothing", word.text), "take it out, or open the block before it")
	}
	const try = "there are if, for, set, macro, call, filter, do, with and raw"
	err := fmt.Errorf("there is no tag {%% %s %%}", word.text)
	return &Error{Err: err, Try: try, Name: word.text, Pos: p.source.pos(word.from), Syntax: true}
}

func (p *parser) ifTag(begin int) (node, error) {
	n := &ifNode{}
	for {
		test, err := p.tuple(p.or)
		if err != nil {
			return nil, err
		}
		if err := p.expectEnd(); err != nil {
			return nil, err
		}
		body, word, err := p.block("if", begin, "elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.tests, n.bodies = append(n.tests, test), append(n.bodies, body)
		if word == "elif" {
			continue
		}
		if word == "else" {
			if err := p.expectEnd(); err != nil {
				return nil, err
			}
			if n.other, _, err = p.block("if", begin, "endif"); err != nil {
				return nil, err
			}
		}
		return n, p.expectEnd()
	}
}

func (p *parser) forTag(begin int) (node, error) {
	n := &forNode{}
	var err error
	if n.target, err = p.targets(false); err != nil {
		return nil, err
	}
	if !p.skipName("in") {
		return nil, p.expected(`"in"`)
	}
	if n.over, err = p.tuple(p.or); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if n.filter, err = p.expression(); err != nil {
			return nil, err
		}
	}
	n.recursive = p.skipName("recursive")
	n.span = p.since(begin)
	if err := p.expectEnd(); err != nil {
		return nil, err
	}
	body, word, err := p.block("for", begin, "else", "endfor")
	if err != nil {
		return nil, err
	}
	n.body = body
	if word == "else" {
		if err := p.expectEnd(); err != nil {
			return nil, err
		}
		if n.other, _, err = p.block("for", begin, "endfor"); err != nil {
			return nil, err
		}
	}
	return n, p.expectEnd()
}

// targets reads names to assign to, separated by commas; with attributes of a namespace where those may stand.
func (p *parser) targets(attributes bool) (target, error) {
	from := p.peek().from
	var out []target
	many := false
	for {
		if len(out) > 0 && p.peek().kind != tokName && !p.isOperator("(") {
			break
		}
		t, err := p.oneTarget(attributes)
		if err != nil {
			return t, err
		}
		out = append(out, t)
		if !p.skipOperator(",") {
			break
		}
		many = true
		if p.isName("in") {
			break
		}
	}
	if !many {
		return out[0], nil
	}
	return target{span: p.since(from), parts: out}, nil
}

func (p *parser) oneTarget(attributes bool) (target, error) {
	from := p.peek().from
	if p.skipOperator("(") {
		t, err := p.targets(attributes)
		if err != nil {
			return t, err
		}
		return t, p.expectOperator(")")
	}
	name, err := p.expectName()
	if err != nil {
		return target{}, err
	}
	if slices.Contains(constants, name.text) {
		return target{}, p.fail(name.from, fmt.Sprintf("cannot assign to %q", name.text), "take another name")
	}
	t := target{name: name.text}
	if attributes && p.skipOperator(".") {
		attribute, err := p.expectName()
		if err != nil {
			return t, err
		}
		t.attribute = attribute.text
	}
	t.span = p.since(from)
	return t, nil
}

func (p *parser) setTag(begin int) (node, error) {
	t, err := p.targets(true)
	if err != nil {
		return nil, err
	}
	if p.skipOperator("=") {
		v, err := p.tuple(p.expression)
		if err != nil {
			return nil, err
		}
		return &setNode{p.since(begin), t, v}, p.expectEnd()
	}
	n := &setBlockNode{target: t, hole: &holeExpr{}}
	if p.isOperator("|") {
		if n.filter, err = p.filters(n.hole); err != nil {
			return nil, err
		}
	}
	n.span = p.since(begin)
	n.body, err = p.whole("set", begin)
	return n, err
}

// filters reads `| a | b(1)` over an operand that is known later.
func (p *parser) filters(hole *holeExpr) (*filterExpr, error) {
	hole.span = p.since(p.peek().from)
	var e expr = hole
	for p.skipOperator("|") {
		f, err := p.filter(e)
		if err != nil {
			return nil, err
		}
		e = f
	}
	return e.(*filterExpr), nil
}

func (p *parser) withTag(begin int) (node, error) {
	n := &withNode{}
	for p.peek().kind != tokBlockEnd {
		if len(n.targets) > 0 {
			if err := p.expectOperator(","); err != nil {
				return nil, err
			}
		}
		t, err := p.oneTarget(false)
		if err != nil {
			return nil, err
		}
		if err := p.expectOperator("="); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.targets, n.values = append(n.targets, t), append(n.values, v)
	}
	var err error
	n.body, err = p.whole("with", begin)
	return n, err
}

func (p *parser) macroTag(begin int, word, prefix string) (node, error) {
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	m := &macroNode{name: prefix + name.text, uses: map[string]bool{}}
	if err := p.signature(m); err != nil {
		return nil, err
	}
	m.span = p.since(begin)
	p.macros = append(p.macros, m)
	m.body, err = p.whole(word, begin)
	p.macros = p.macros[:len(p.macros)-1]
	return m, err
}

func (p *parser) signature(m *macroNode) error {
	if err := p.expectOperator("("); err != nil {
		return err
	}
	for !p.isOperator(")") {
		if len(m.params) > 0 {
			if err := p.expectOperator(","); err != nil {
				return err
			}
			if p.isOperator(")") {
				break
			}
		}
		if p.isOperator("*") || p.isOperator("**") {
			return p.fail(p.peek().from, "a macro names no *args or **kwargs", "read them as varargs and kwargs")
		}
		name, err := p.expectName()
		if err != nil {
			return err
		}
		m.params = append(m.params, name.text)
		if p.skipOperator("=") {
			d, err := p.expression()
			if err != nil {
				return err
			}
			m.defaults = append(m.defaults, d)
		} else if len(m.defaults) > 0 {
			return p.fail(name.from, fmt.Sprintf("argument %q without a default follows one that has one", name.text), name.text+"=none")
		}
	}
	return p.expectOperator(")")
}

func (p *parser) callTag(begin int) (node, error) {
	m := &macroNode{name: "caller", uses: map[string]bool{}}
	if p.isOperator("(") {
		if err := p.signature(m); err != nil {
			return nil, err
		}
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	call, ok := e.(*callExpr)
	if !ok {
		return nil, p.fail(e.place().from, "{% call %} wants a call", "{% call name() %}")
	}
	m.span = p.since(begin)
	m.body, err = p.whole("call", begin)
	return &callNode{call, m}, err
}

func (p *parser) filterTag(begin int) (node, error) {
	n := &filterNode{hole: &holeExpr{}}
	n.hole.span = p.since(p.peek().from)
	f, err := p.filter(n.hole)
	if err != nil {
		return nil, err
	}
	for p.skipOperator("|") {
		if f, err = p.filter(f); err != nil {
			return nil, err
		}
	}
	n.filter = f
	n.body, err = p.whole("filter", begin)
	return n, err
}
