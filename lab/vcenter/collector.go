package main

import (
	"strconv"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// collector is our PropertyCollector in place of the simulator's. It differs as real servers do: versions count and are
// checked, maxObjects and maxObjectUpdates page, unknown properties are a fault, a change below or above a filter's
// path reaches it, two sessions do not steal from each other, and nothing is lost between first state and first wait.
type collector struct {
	mo.PropertyCollector

	lab *lab

	// mu guards the rest. The world's lock, where both are held, is taken first.
	mu      sync.Mutex
	session string
	dead    bool
	cancel  chan struct{} // closed by CancelWaitForUpdates

	version string // the last one that we answered; "" before the first
	number  int    // the last complete version
	page    int    // pages since then
	last    *types.UpdateSet
	before  string // the version that 'last' was the answer to; "" if it cannot be asked again
	pending []pending
	news    changes
	wake    chan struct{}

	filterSet []*filter // parallel to Filter
	token     int
	tokens    map[string]*retrieval
}

// pending is an object update that is due but not yet sent.
type pending struct {
	filter *filter
	object types.ManagedObjectReference
	kind   types.ObjectUpdateKind
	paths  []string // of a modify
}

// Lock and Unlock are the simulator's lock of this object, which would let one wait block all other calls on it.
func (*collector) Lock()   {}
func (*collector) Unlock() {}

// attach gives a collector of a session what it needs to follow changes. The session's own default collector is a
// zero value that the simulator made from the type alone.
func (pc *collector) attach(ctx *simulator.Context) {
	root := simulator.Map.Get(simulator.Map.ServiceContent().PropertyCollector).(*collector)
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if pc.wake != nil {
		return
	}
	pc.lab = root.lab
	pc.session = ctx.Session.Key
	pc.wake = make(chan struct{}, 1)
	pc.news = newChanges()
	pc.tokens = map[string]*retrieval{}
	pc.lab.tracker.add(pc)
}

func (pc *collector) CreatePropertyCollector(ctx *simulator.Context, _ *types.CreatePropertyCollector) soap.HasFault {
	pc.attach(ctx)
	child := &collector{}
	child.Self.Type = "PropertyCollector"
	ref := ctx.Session.Put(child).Reference()
	child.attach(ctx)
	return &methods.CreatePropertyCollectorBody{Res: &types.CreatePropertyCollectorResponse{Returnval: ref}}
}

func (pc *collector) DestroyPropertyCollector(ctx *simulator.Context, r *types.DestroyPropertyCollector) soap.HasFault {
	pc.attach(ctx)
	pc.kill()
	for _, f := range pc.Filter {
		ctx.Session.Remove(f)
	}
	ctx.Session.Remove(pc.Self)
	return &methods.DestroyPropertyCollectorBody{Res: &types.DestroyPropertyCollectorResponse{}}
}

// kill ends a collector: its waits answer NotAuthenticated, and no change reaches it any more.
func (pc *collector) kill() {
	pc.lab.tracker.remove(pc)
	pc.mu.Lock()
	pc.dead = true
	pc.mu.Unlock()
	pc.rouse()
}

func (pc *collector) rouse() {
	select {
	case pc.wake <- struct{}{}:
	default:
	}
}

// changed notes that properties of an object changed; no path at all means that it came or went. What no filter has to do
// with wakes nobody.
func (pc *collector) changed(ref types.ManagedObjectReference, paths []string) {
	pc.mu.Lock()
	concerns := false
	for _, f := range pc.filterSet {
		concerns = concerns || f.selected != nil && f.selected.concerns(ref, len(paths) == 0)
	}
	if concerns {
		pc.news.note(ref, paths)
	}
	pc.mu.Unlock()
	if concerns {
		pc.rouse()
	}
}

func (pc *collector) CancelWaitForUpdates(ctx *simulator.Context, _ *types.CancelWaitForUpdates) soap.HasFault {
	pc.attach(ctx)
	pc.mu.Lock()
	if pc.cancel != nil {
		close(pc.cancel)
		pc.cancel = nil
	}
	pc.mu.Unlock()
	return &methods.CancelWaitForUpdatesBody{Res: new(types.CancelWaitForUpdatesResponse)}
}

// waitFor is how long and how much a caller wants.
type waitFor struct {
	call    string
	version string
	forever bool
	limit   time.Duration
	most    int // object updates in one answer; 0 = no limit
}

func (pc *collector) WaitForUpdatesEx(ctx *simulator.Context, r *types.WaitForUpdatesEx) soap.HasFault {
	w := waitFor{call: "WaitForUpdatesEx", version: r.Version, forever: true}
	if o := r.Options; o != nil {
		if o.MaxWaitSeconds != nil {
			if *o.MaxWaitSeconds < 0 {
				return fault("", &types.InvalidArgument{InvalidProperty: "options.maxWaitSeconds"})
			}
			w.forever, w.limit = false, time.Duration(*o.MaxWaitSeconds)*time.Second
		}
		if o.MaxObjectUpdates < 0 {
			return fault("", &types.InvalidArgument{InvalidProperty: "options.maxObjectUpdates"})
		}
		w.most = int(o.MaxObjectUpdates)
	}
	set, failed := pc.wait(ctx, w)
	if failed != nil {
		return failed
	}
	return &methods.WaitForUpdatesExBody{Res: &types.WaitForUpdatesExResponse{Returnval: set}}
}

func (pc *collector) WaitForUpdates(ctx *simulator.Context, r *types.WaitForUpdates) soap.HasFault {
	set, failed := pc.wait(ctx, waitFor{call: "WaitForUpdates", version: r.Version, forever: true})
	if failed != nil {
		return failed
	}
	return &methods.WaitForUpdatesBody{Res: &types.WaitForUpdatesResponse{Returnval: *set}}
}

func (pc *collector) CheckForUpdates(ctx *simulator.Context, r *types.CheckForUpdates) soap.HasFault {
	set, failed := pc.wait(ctx, waitFor{call: "CheckForUpdates", version: r.Version})
	if failed != nil {
		return failed
	}
	return &methods.CheckForUpdatesBody{Res: &types.CheckForUpdatesResponse{Returnval: set}}
}

// wait answers the changes since a version: at once if there are any, else when some come. No set: nothing came in
// time.
func (pc *collector) wait(ctx *simulator.Context, w waitFor) (*types.UpdateSet, soap.HasFault) {
	pc.attach(ctx)
	if pc.lab.versionOf(ctx).before("4.1") {
		w.most = 0 // pages came with WaitForUpdatesEx
	} else if max := pc.lab.opt.page; max > 0 && (w.most == 0 || w.most > max) {
		w.most = max
	}

	pc.mu.Lock()
	cancel := make(chan struct{})
	pc.cancel = cancel
	again, failed := pc.accept(w.version)
	pc.mu.Unlock()
	if failed != nil || again != nil {
		return again, failed
	}

	var gone <-chan struct{}
	if r := ctx.Request(); r != nil {
		gone = r.Context().Done()
	}
	end := time.NewTimer(w.limit)
	defer end.Stop()
	if w.forever {
		end.Stop()
	}

	for {
		if failed := pc.hold(w, cancel, gone); failed != nil {
			return nil, failed
		}
		set, failed := pc.answer(ctx, w)
		if set != nil || failed != nil {
			return set, failed
		}
		if !w.forever && w.limit == 0 {
			return nil, nil
		}
		select {
		case <-pc.wake:
			time.Sleep(pc.lab.opt.tick) // let a burst gather
		case <-end.C:
			if failed := pc.hold(w, cancel, gone); failed != nil {
				return nil, failed
			}
			return pc.answer(ctx, w)
		case <-cancel:
			return nil, fault("", new(types.RequestCanceled))
		case <-gone:
			return nil, fault("", new(types.RequestCanceled)) // nobody reads this; nothing was consumed
		}
	}
}

// hold lets a wait sit while answers are held back; what happens meanwhile comes in one answer afterwards.
func (pc *collector) hold(w waitFor, cancel chan struct{}, gone <-chan struct{}) soap.HasFault {
	for {
		left := pc.lab.faults.held("hold", w.call)
		if left <= 0 {
			return nil
		}
		if left > 50*time.Millisecond {
			left = 50 * time.Millisecond // the rule may be taken away
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-cancel:
			timer.Stop()
			return fault("", new(types.RequestCanceled))
		case <-gone:
			timer.Stop()
			return fault("", new(types.RequestCanceled))
		}
	}
}

// accept checks a version. A complete version may be asked again, then the last answer is repeated.
func (pc *collector) accept(version string) (*types.UpdateSet, soap.HasFault) {
	switch {
	case version == "":
		pc.version, pc.pending, pc.last, pc.before = "", nil, nil, ""
		for _, f := range pc.filterSet {
			f.selected = nil
		}
		return nil, nil
	case version == pc.version:
		return nil, nil
	case pc.last != nil && pc.before != "" && version == pc.before:
		return pc.last, nil
	}
	return nil, fault("", &types.InvalidCollectorVersion{})
}

// answer computes what is due now, and takes one page of it.
func (pc *collector) answer(ctx *simulator.Context, w waitFor) (*types.UpdateSet, soap.HasFault) {
	pc.lab.world.RLock()
	defer pc.lab.world.RUnlock()
	pc.mu.Lock()
	defer pc.mu.Unlock()

	if pc.dead {
		return nil, fault("The session is not authenticated.", pc.notAuthenticated())
	}
	if len(pc.pending) == 0 {
		pc.compute(ctx, w.call)
	}
	if len(pc.pending) == 0 && w.version != "" {
		return nil, nil
	}

	n := len(pc.pending)
	if w.most > 0 && n > w.most {
		n = w.most
	}
	page := pc.pending[:n]
	pc.pending = pc.pending[n:]

	set := &types.UpdateSet{FilterSet: pc.lab.build(ctx, page, w.call)}
	complete := len(pc.pending) == 0
	pc.before = ""
	if complete {
		if pc.page == 0 {
			pc.before = pc.version
		}
		pc.number, pc.page = pc.number+1, 0
		pc.version = strconv.Itoa(pc.number)
	} else {
		pc.page++
		pc.version = strconv.Itoa(pc.number) + "_" + strconv.Itoa(pc.page)
		set.Truncated = types.NewBool(true)
	}
	set.Version = pc.version
	pc.last = set
	return set, nil
}

// compute turns what happened since the last answer into pending updates.
func (pc *collector) compute(ctx *simulator.Context, call string) {
	news := pc.news
	if !news.none() {
		pc.news = newChanges()
	}
	for _, f := range pc.filterSet {
		pc.pending = append(pc.pending, f.compute(ctx, &news, call)...)
	}
}

func (pc *collector) notAuthenticated() types.BaseMethodFault {
	return &types.NotAuthenticated{NoPermission: types.NoPermission{Object: pc.Self, PrivilegeId: "System.View"}}
}
