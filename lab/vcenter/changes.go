package main

import "github.com/vmware/govmomi/vim25/types"

// changes are what happened to the objects of a collector's filters since its last answer.
type changes struct {
	order []types.ManagedObjectReference            // as they first changed
	paths map[types.ManagedObjectReference][]string // what changed of each
	moved map[types.ManagedObjectReference]bool     // those that came or went
}

func newChanges() changes {
	return changes{paths: map[types.ManagedObjectReference][]string{}, moved: map[types.ManagedObjectReference]bool{}}
}

func (c *changes) none() bool { return len(c.order) == 0 }

// note adds changed paths of an object; no path at all means that it came or went.
func (c *changes) note(ref types.ManagedObjectReference, paths []string) {
	known, there := c.paths[ref]
	if !there {
		c.order = append(c.order, ref)
	}
	if len(paths) == 0 {
		c.moved[ref] = true
	}
next:
	for _, p := range paths {
		for _, k := range known {
			if k == p {
				continue next
			}
		}
		known = append(known, p)
	}
	c.paths[ref] = known
}

// selection is what a filter selected when it last looked, and what that depends on.
type selection struct {
	known   map[types.ManagedObjectReference]bool     // what the client was told of
	steps   map[types.ManagedObjectReference][]string // the paths by which the traversal went on from an object
	missing map[types.ManagedObjectReference]bool     // named on the way, but not there
	hiding  bool                                      // rules left something out
}

// concerns tells whether a change can matter: all else costs nothing. An object of the inventory that comes or goes matters
// always, as the simulator does not tell of every list that it stands in.
func (s *selection) concerns(ref types.ManagedObjectReference, moved bool) bool {
	return s.hiding || s.known[ref] || s.steps[ref] != nil ||
		moved && (s.missing[ref] || ofType(ref, "ManagedEntity"))
}

// holds tells whether the same objects are still selected after some changes.
func (s *selection) holds(c *changes) bool {
	if c.none() {
		return true
	}
	if s.hiding {
		return false
	}
	for _, ref := range c.order {
		if c.moved[ref] && s.concerns(ref, true) || meet(s.steps[ref], c.paths[ref]) {
			return false
		}
	}
	return true
}

func meet(paths, changed []string) bool {
	for _, path := range paths {
		for _, c := range changed {
			if overlap(path, c) {
				return true
			}
		}
	}
	return false
}
