package main

import (
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// members are the objects that a specification selects and has properties for, each once, in order; and the same as a
// selection.
func (l *lab) members(ctx *simulator.Context, spec types.PropertyFilterSpec,
	name string) ([]types.ManagedObjectReference, *selection) {
	s := &selection{known: map[types.ManagedObjectReference]bool{}, steps: map[types.ManagedObjectReference][]string{},
		missing: map[types.ManagedObjectReference]bool{}}
	w := walker{ctx: ctx, specs: map[string]*types.TraversalSpec{}, seen: s.known, selection: s}
	for _, p := range spec.PropSet {
		w.kinds = append(w.kinds, p.Type)
	}
	w.wanted = map[string]bool{}
	for _, o := range spec.ObjectSet {
		w.learn(o.SelectSet)
	}
	for _, o := range spec.ObjectSet {
		if o.Skip == nil || !*o.Skip || len(o.SelectSet) == 0 {
			w.take(o.Obj)
		}
		w.follow(o.Obj, o.SelectSet, map[string]bool{})
	}
	return l.visible(w.out, s, name), s
}

// visible leaves out what the rules hide: single objects, or all that is part of the inventory, which tasks and event
// collectors are not.
func (l *lab) visible(in []types.ManagedObjectReference, s *selection, name string) []types.ManagedObjectReference {
	hidden, empty := l.faults.objects("hidden"), l.faults.on("empty-inventory", name)
	if hidden == nil && !empty {
		return in
	}
	s.hiding = true
	var out []types.ManagedObjectReference
	for _, ref := range in {
		if hidden[ref.Value] || empty && ofType(ref, "ManagedEntity") {
			delete(s.known, ref)
		} else {
			out = append(out, ref)
		}
	}
	return out
}

// walker follows traversal specifications, which may name each other and run in circles.
type walker struct {
	ctx    *simulator.Context
	kinds  []string
	wanted map[string]bool // by type of object
	specs  map[string]*types.TraversalSpec
	seen   map[types.ManagedObjectReference]bool
	*selection
	out []types.ManagedObjectReference
}

func (w *walker) learn(set []types.BaseSelectionSpec) {
	for _, s := range set {
		if ts, ok := s.(*types.TraversalSpec); ok {
			if ts.Name != "" {
				w.specs[ts.Name] = ts
			}
			w.learn(ts.SelectSet)
		}
	}
}

func (w *walker) take(ref types.ManagedObjectReference) {
	if w.seen[ref] {
		return
	}
	want, ok := w.wanted[ref.Type]
	if !ok {
		for _, k := range w.kinds {
			want = want || ofType(ref, k)
		}
		w.wanted[ref.Type] = want
	}
	if want {
		if _, ok := simulator.GetObject(w.ctx, ref); !ok {
			w.missing[ref] = true
			return
		}
		w.seen[ref] = true
		w.out = append(w.out, ref)
	}
}

// follow walks each selection from an object; 'been' stops circles.
func (w *walker) follow(ref types.ManagedObjectReference, set []types.BaseSelectionSpec, been map[string]bool) {
	if len(set) == 0 {
		return
	}
	object, ok := simulator.GetObject(w.ctx, ref)
	if !ok {
		w.missing[ref] = true
		return
	}
	for i, s := range set {
		ts, ok := s.(*types.TraversalSpec)
		if !ok {
			if ts = w.specs[s.GetSelectionSpec().Name]; ts == nil {
				continue
			}
		}
		if !ofType(ref, ts.Type) {
			continue
		}
		key := ref.Type + ":" + ref.Value + ":" + ts.Name + ":" + ts.Path
		if ts.Name == "" {
			key += ":" + strconv.Itoa(i)
		}
		if been[key] {
			continue
		}
		been[key] = true
		w.steps[ref] = append(w.steps[ref], ts.Path)
		val, _ := simulator.FieldValue(object, ts.Path)
		for _, next := range references(val) {
			if ts.Skip == nil || !*ts.Skip {
				w.take(next)
			}
			w.follow(next, ts.SelectSet, been)
		}
	}
}

func references(val interface{}) []types.ManagedObjectReference {
	switch v := val.(type) {
	case types.ManagedObjectReference:
		return []types.ManagedObjectReference{v}
	case *types.ArrayOfManagedObjectReference:
		return v.ManagedObjectReference
	}
	return nil
}
