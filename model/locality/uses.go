package locality

import (
	"slices"
)

// uses gathers how leaves are read.
type uses struct {
	of map[*Leaf]*Use
}

func newUses() *uses { return &uses{of: map[*Leaf]*Use{}} }

func (u *uses) at(l *Leaf) *Use {
	if u.of[l] == nil {
		u.of[l] = &Use{Leaf: l}
	}
	return u.of[l]
}

func (u *uses) key(l *Leaf, expression string) {
	use := u.at(l)
	if !slices.Contains(use.Keys, expression) {
		use.Keys = append(use.Keys, expression)
	}
}

func (u *uses) whole(l *Leaf) { u.at(l).Whole = true }

func (u *uses) path(l *Leaf, p Path) {
	use := u.at(l)
	if !slices.ContainsFunc(use.Paths, func(q Path) bool { return q.Own == p.Own && slices.Equal(q.Steps, p.Steps) }) {
		use.Paths = append(use.Paths, p)
	}
}

// add takes over what others have gathered.
func (u *uses) add(other *uses) {
	for l, o := range other.of {
		for _, k := range o.Keys {
			u.key(l, k)
		}
		for _, p := range o.Paths {
			u.path(l, p)
		}
		if o.Whole {
			u.whole(l)
		}
	}
}

// addBehind takes over what others have gathered, where their keys are not ours yet but come to be by further steps.
func (u *uses) addBehind(other *uses, steps []Step) {
	for l, o := range other.of {
		for _, k := range o.Keys {
			u.path(l, Path{Own: k, Steps: steps})
		}
		for _, p := range o.Paths {
			u.path(l, Path{Own: p.Own, Steps: append(slices.Clone(p.Steps), steps...)})
		}
		if o.Whole {
			u.whole(l)
		}
	}
}

func (u *uses) sorted() []*Use {
	var out []*Use
	for l, use := range u.of {
		if !l.Relation.Static {
			out = append(out, use)
		}
	}
	slices.SortFunc(out, func(a, b *Use) int { return a.Leaf.At - b.Leaf.At })
	return out
}
