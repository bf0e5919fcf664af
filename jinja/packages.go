package jinja

// A package's macros are known by their names within the package, and by PACKAGE.NAME to whoever asks Call.PackageMacro.

// packaged finds a macro of a package; ok is false where it has none of that name.
func (c *Context) packaged(pack, name string) (Value, bool, error) {
	m, ok := c.packages[pack][name]
	if !ok {
		return nil, false, nil
	}
	return m.value(c, name)
}

// value is a macro of a module, whose text is run once before.
func (m *moduleFrame) value(c *Context, name string) (Value, bool, error) {
	if m.frame == nil {
		m.frame = &frame{context: c, pack: m.pack, vars: map[string]Value{}, out: silent()}
		if err := m.frame.run(m.template.body); err != nil {
			return nil, false, err
		}
	}
	v, ok := m.frame.vars[name]
	return v, ok, nil
}

// PackageMacro is the macro of a package; nil where it has none of that name.
func (c *Call) PackageMacro(pack, name string) (Value, error) {
	v, ok, err := c.context.packaged(pack, name)
	if !ok {
		return nil, err
	}
	return v, err
}

// Package is the package in whose macro the call stands; empty for the project's own text.
func (c *Call) Package() string { return c.pack }
