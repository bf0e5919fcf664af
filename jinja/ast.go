package jinja

import "errors"

// node is a part of a template that writes or does something.
type node interface{ exec(*frame) error }

// expr is a part of a template that has a value.
type expr interface {
	eval(*frame) (Value, error)
	place() span
}

// span is where an expression stands.
type span struct {
	source   *source
	from, to int
}

func (s span) place() span { return s }

// wrap gives an error its place, unless it has one.
func (s span) wrap(err error) error {
	var (
		ends   *signal
		placed *Error
		m      *missing
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ends), errors.As(err, &placed):
		return err
	case errors.As(err, &m):
		return &Error{Err: m.err, Try: m.try, Name: m.name, Pos: s.source.pos(s.from), Text: s.text()}
	}
	return &Error{Err: err, Pos: s.source.pos(s.from), Text: s.text()}
}

func (s span) text() string { return s.source.text[s.from:min(s.to, len(s.source.text))] }

type (
	dataNode   struct{ text string }
	outputNode struct{ expr expr }
	doNode     struct{ expr expr }
	ifNode     struct {
		tests  []expr
		bodies [][]node
		other  []node
	}
	forNode struct {
		span
		target    target
		over      expr
		filter    expr // Nil where there is none.
		recursive bool
		body      []node
		other     []node
	}
	setNode struct {
		span
		target target
		value  expr
	}
	setBlockNode struct {
		span
		target target
		filter *filterExpr // Its innermost operand is hole; nil where there is none.
		hole   *holeExpr
		body   []node
	}
	withNode struct {
		targets []target
		values  []expr
		body    []node
	}
	macroNode struct {
		span
		name     string
		params   []string
		defaults []expr // Of the last so many parameters.
		uses     map[string]bool
		body     []node
	}
	callNode struct {
		call   *callExpr
		caller *macroNode
	}
	filterNode struct {
		filter *filterExpr
		hole   *holeExpr
		body   []node
	}
	endNode struct {
		span
		word string // break or continue.
	}
)

// target is what a value is assigned to: a name, a namespace's attribute, or several of them.
type target struct {
	span
	name      string
	attribute string
	parts     []target
}

type (
	constExpr struct {
		span
		value Value
	}
	holeExpr struct {
		span
		value Value
	}
	nameExpr struct {
		span
		name string
	}
	listExpr struct {
		span
		items []expr
		tuple bool
	}
	dictExpr struct {
		span
		keys, values []expr
	}
	unaryExpr struct {
		span
		operator string
		operand  expr
	}
	binaryExpr struct {
		span
		operator    string
		left, right expr
	}
	concatExpr struct {
		span
		parts []expr
	}
	compareExpr struct {
		span
		first     expr
		operators []string
		others    []expr
	}
	condExpr struct {
		span
		test, yes, no expr // No may be nil.
	}
	attrExpr struct {
		span
		operand expr
		name    string
	}
	itemExpr struct {
		span
		operand, key expr
	}
	sliceExpr struct {
		span
		operand           expr
		start, stop, step expr // Each may be nil.
	}
	filterExpr struct {
		span
		operand expr
		name    string
		args    arguments
	}
	testExpr struct {
		span
		operand expr
		name    string
		negated bool
		args    arguments
	}
	callExpr struct {
		span
		callee expr
		args   arguments
	}
)

// arguments are those of a call as they stand.
type arguments struct {
	positional []expr
	names      []string
	named      []expr
	star       expr // *args; nil where there is none.
	doubleStar expr // **kwargs.
}
