package jinja

import (
	"fmt"
	"slices"
)

var constants = []string{"true", "false", "none", "True", "False", "None"}

var constantValues = map[string]Value{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

// tuple reads an expression, or several with commas between: those make a tuple. one reads each of them.
func (p *parser) tuple(one func() (expr, error)) (expr, error) {
	from := p.peek().from
	first, err := one()
	if err != nil || !p.isOperator(",") {
		return first, err
	}
	items := []expr{first}
	for p.skipOperator(",") {
		if k := p.peek().kind; k == tokOutputEnd || k == tokBlockEnd || p.isOperator(")") || p.isOperator("]") {
			break
		}
		e, err := one()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return &listExpr{p.since(from), items, true}, nil
}

// expression reads `a if b else c` and all that binds closer.
func (p *parser) expression() (expr, error) {
	from := p.peek().from
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	for p.skipName("if") {
		test, err := p.or()
		if err != nil {
			return nil, err
		}
		c := &condExpr{test: test, yes: e}
		if p.skipName("else") {
			if c.no, err = p.expression(); err != nil {
				return nil, err
			}
		}
		c.span = p.since(from)
		e = c
	}
	return e, nil
}

// chain reads operands with left-binding operators between.
func (p *parser) chain(operand func() (expr, error), is func(token) bool) (expr, error) {
	from := p.peek().from
	left, err := operand()
	for err == nil && is(p.peek()) {
		operator := p.next().text
		var right expr
		if right, err = operand(); err == nil {
			left = &binaryExpr{p.since(from), operator, left, right}
		}
	}
	return left, err
}

func named(words ...string) func(token) bool {
	return func(t token) bool { return t.kind == tokName && slices.Contains(words, t.text) }
}

func operator(words ...string) func(token) bool {
	return func(t token) bool { return t.kind == tokOperator && slices.Contains(words, t.text) }
}

func (p *parser) or() (expr, error) { return p.chain(p.and, named("or")) }

func (p *parser) and() (expr, error) { return p.chain(p.not, named("and")) }

func (p *parser) not() (expr, error) {
	from := p.peek().from
	if !p.skipName("not") {
		return p.compare()
	}
	e, err := p.not()
	return &unaryExpr{p.since(from), "not", e}, err
}

func (p *parser) compare() (expr, error) {
	from := p.peek().from
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := &compareExpr{first: first}
	for {
		word := ""
		switch t := p.peek(); {
		case operator("==", "!=", "<", "<=", ">", ">=")(t), named("in")(t):
			word = p.next().text
		case named("not")(t) && named("in")(p.tokens[min(p.at+1, len(p.tokens)-1)]):
			p.next()
			p.next()
			word = "not in"
		}
		if word == "" {
			break
		}
		e, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.operators, c.others = append(c.operators, word), append(c.others, e)
	}
	if len(c.others) == 0 {
		return first, nil
	}
	c.span = p.since(from)
	return c, nil
}

func (p *parser) sum() (expr, error) { return p.chain(p.concat, operator("+", "-")) }

func (p *parser) concat() (expr, error) {
	from := p.peek().from
	first, err := p.product()
	if err != nil || !p.isOperator("~") {
		return first, err
	}
	parts := []expr{first}
	for p.skipOperator("~") {
		e, err := p.product()
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	return &concatExpr{p.since(from), parts}, nil
}

func (p *parser) product() (expr, error) { return p.chain(p.power, operator("*", "/", "//", "%")) }

func (p *parser) power() (expr, error) {
	return p.chain(func() (expr, error) { return p.unary(true) }, operator("**"))
}

// unary reads a sign, a value, what follows it, and filters and tests.
func (p *parser) unary(filters bool) (expr, error) {
	from := p.peek().from
	var e expr
	var err error
	switch {
	case p.isOperator("-"), p.isOperator("+"):
		sign := p.next().text
		if e, err = p.unary(false); err == nil {
			e = &unaryExpr{p.since(from), sign, e}
		}
	default:
		e, err = p.primary()
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	for err == nil && filters {
		switch {
		case p.skipOperator("|"):
			e, err = p.filter(e)
		case p.skipName("is"):
			e, err = p.test(e)
		case p.isOperator("("):
			e, err = p.call(e)
		default:
			return e, nil
		}
	}
	return e, err
}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	switch t.kind {
	case tokName:
		p.next()
		if slices.Contains(constants, t.text) {
			return &constExpr{p.since(t.from), constantValues[t.text]}, nil
		}
		for _, m := range p.macros {
			m.uses[t.text] = true
		}
		return &nameExpr{p.since(t.from), t.text}, nil
	case tokNumber:
		p.next()
		return &constExpr{p.since(t.from), t.value}, nil
	case tokString:
		text := ""
		for p.peek().kind == tokString {
			text += p.next().value.(string)
		}
		return &constExpr{p.since(t.from), text}, nil
	case tokOperator:
		switch t.text {
		case "(":
			return p.brackets()
		case "[":
			p.next()
			items, err := p.items("]")
			return &listExpr{p.since(t.from), items, false}, err
		case "{":
			return p.dict()
		}
	default: // The others begin no value.
	}
	return nil, p.expected("a value")
}

// brackets reads (a), which is a itself, or a tuple.
func (p *parser) brackets() (expr, error) {
	from := p.next().from
	if p.skipOperator(")") {
		return &listExpr{p.since(from), nil, true}, nil
	}
	e, err := p.tuple(p.expression)
	if err != nil {
		return nil, err
	}
	return e, p.expectOperator(")")
}

func (p *parser) items(end string) ([]expr, error) {
	var out []expr
	for !p.skipOperator(end) {
		if len(out) > 0 {
			if err := p.expectOperator(","); err != nil {
				return nil, err
			}
			if p.skipOperator(end) {
				break
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (p *parser) dict() (expr, error) {
	d := &dictExpr{}
	from := p.next().from
	for !p.skipOperator("}") {
		if len(d.keys) > 0 {
			if err := p.expectOperator(","); err != nil {
				return nil, err
			}
			if p.skipOperator("}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expectOperator(":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	d.span = p.since(from)
	return d, nil
}

func (p *parser) postfix(e expr) (expr, error) {
	for {
		var err error
		switch {
		case p.isOperator("."):
			e, err = p.attribute(e)
		case p.isOperator("["):
			e, err = p.subscript(e)
		case p.isOperator("("):
			e, err = p.call(e)
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) attribute(e expr) (expr, error) {
	p.next()
	t := p.peek()
	if t.kind == tokNumber {
		if n, ok := t.value.(int64); ok {
			p.next()
			return &itemExpr{p.since(e.place().from), e, &constExpr{p.since(t.from), n}}, nil
		}
	}
	if _, err := p.expectName(); err != nil {
		return nil, err
	}
	return &attrExpr{p.since(e.place().from), e, t.text}, nil
}

func (p *parser) subscript(e expr) (expr, error) {
	p.next()
	var start expr
	var err error
	if !p.isOperator(":") {
		if start, err = p.tuple(p.expression); err != nil {
			return nil, err
		}
		if p.skipOperator("]") {
			return &itemExpr{p.since(e.place().from), e, start}, nil
		}
	}
	s := &sliceExpr{operand: e, start: start}
	for _, part := range []*expr{&s.stop, &s.step} {
		if !p.skipOperator(":") {
			break
		}
		if !p.isOperator(":") && !p.isOperator("]") {
			if *part, err = p.expression(); err != nil {
				return nil, err
			}
		}
	}
	if err := p.expectOperator("]"); err != nil {
		return nil, err
	}
	s.span = p.since(e.place().from)
	return s, nil
}

func (p *parser) call(e expr) (expr, error) {
	args, err := p.arguments()
	return &callExpr{p.since(e.place().from), e, args}, err
}

func (p *parser) arguments() (arguments, error) {
	var a arguments
	p.next()
	for first := true; !p.skipOperator(")"); first = false {
		if !first {
			if err := p.expectOperator(","); err != nil {
				return a, err
			}
			if p.skipOperator(")") {
				break
			}
		}
		if err := p.argument(&a); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (p *parser) argument(a *arguments) (err error) {
	t := p.peek()
	switch {
	case p.skipOperator("*"):
		a.star, err = p.expression()
		return err
	case p.skipOperator("**"):
		a.doubleStar, err = p.expression()
		return err
	case t.kind == tokName && operator("=")(p.tokens[min(p.at+1, len(p.tokens)-1)]):
		p.next()
		p.next()
		if slices.Contains(a.names, t.text) {
			return p.fail(t.from, fmt.Sprintf("argument %q is given twice", t.text), "take one out")
		}
		e, err := p.expression()
		a.names, a.named = append(a.names, t.text), append(a.named, e)
		return err
	case len(a.names) > 0 || a.doubleStar != nil:
		return p.fail(t.from, "an argument without a name follows one with a name", "put it first, or name it")
	}
	e, err := p.expression()
	a.positional = append(a.positional, e)
	return err
}

func (p *parser) filter(e expr) (*filterExpr, error) {
	from := p.peek().from
	name, err := p.dotted()
	if err != nil {
		return nil, err
	}
	f := &filterExpr{operand: e, name: name}
	if p.isOperator("(") {
		if f.args, err = p.arguments(); err != nil {
			return nil, err
		}
	}
	f.span = p.since(from)
	if _, ok := filters[name]; !ok {
		return nil, unknownWord(f.span, "filter", name)
	}
	return f, nil
}

func (p *parser) dotted() (string, error) {
	t, err := p.expectName()
	name := t.text
	for err == nil && p.skipOperator(".") {
		t, err = p.expectName()
		name += "." + t.text
	}
	return name, err
}

func (p *parser) test(e expr) (expr, error) {
	t := &testExpr{operand: e, negated: p.skipName("not")}
	from := p.peek().from
	var err error
	if t.name, err = p.dotted(); err != nil {
		return nil, err
	}
	switch next := p.peek(); {
	case p.isOperator("("):
		if t.args, err = p.arguments(); err != nil {
			return nil, err
		}
	case named("is")(next):
		return nil, p.fail(next.from, "tests cannot be chained with is", "join them with and")
	case next.kind == tokName && !named("else", "or", "and")(next), next.kind == tokString, next.kind == tokNumber, operator("[", "{")(next):
		arg, err := p.primary()
		if err == nil {
			arg, err = p.postfix(arg)
		}
		if err != nil {
			return nil, err
		}
		t.args.positional = []expr{arg}
	}
	t.span = p.since(from)
	if _, ok := tests[t.name]; !ok {
		return nil, unknownWord(t.span, "test", t.name)
	}
	return t, nil
}

func unknownWord(s span, what, name string) error {
	return &Error{
		Err: fmt.Errorf("there is no %s %q", what, name), Try: "see the " + what + "s of Jinja 2",
		Pos: s.source.pos(s.from), Text: s.text(), Name: name, Syntax: true,
	}
}
