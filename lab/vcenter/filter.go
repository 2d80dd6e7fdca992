package main

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// filter is our PropertyFilter: a specification, and the objects that the client was told of.
type filter struct {
	mo.PropertyFilter

	pc       *collector
	version  apiVersion
	selected *selection // nil: never looked
}

func (pc *collector) CreateFilter(ctx *simulator.Context, r *types.CreateFilter) soap.HasFault {
	pc.attach(ctx)
	if failed := pc.lab.checkSpec(ctx, r.Spec); failed != nil {
		return failed
	}
	f := &filter{pc: pc, version: pc.lab.versionOf(ctx)}
	f.Spec, f.PartialUpdates = r.Spec, r.PartialUpdates
	f.Self.Type = "PropertyFilter"
	ctx.Session.Put(f)
	pc.mu.Lock()
	pc.Filter = append(pc.Filter, f.Self)
	pc.filterSet = append(pc.filterSet, f)
	pc.mu.Unlock()
	pc.rouse()
	return &methods.CreateFilterBody{Res: &types.CreateFilterResponse{Returnval: f.Self}}
}

func (f *filter) DestroyPropertyFilter(ctx *simulator.Context, _ *types.DestroyPropertyFilter) soap.HasFault {
	pc := f.pc
	pc.mu.Lock()
	for i, o := range pc.filterSet {
		if o == f {
			pc.filterSet = append(pc.filterSet[:i:i], pc.filterSet[i+1:]...)
			pc.Filter = append(pc.Filter[:i:i], pc.Filter[i+1:]...)
			break
		}
	}
	rest := pc.pending[:0:0]
	for _, p := range pc.pending {
		if p.filter != f {
			rest = append(rest, p)
		}
	}
	pc.pending = rest
	pc.mu.Unlock()
	ctx.Session.Remove(f.Self)
	return &methods.DestroyPropertyFilterBody{Res: &types.DestroyPropertyFilterResponse{}}
}

// compute tells what the changes mean for the client of this filter. Objects are only selected anew where that may have
// changed; everything else costs in proportion to the changes.
func (f *filter) compute(ctx *simulator.Context, c *changes, call string) []pending {
	var out []pending
	tell := func(ref types.ManagedObjectReference, kind types.ObjectUpdateKind, paths []string) {
		out = append(out, pending{filter: f, object: ref, kind: kind, paths: paths})
	}
	was := f.selected
	if was == nil || !was.holds(c) || !f.rootsHold(ctx) {
		var members []types.ManagedObjectReference
		members, f.selected = f.pc.lab.members(ctx, f.Spec, call)
		for _, ref := range members {
			if was == nil || !was.known[ref] {
				tell(ref, types.ObjectUpdateKindEnter, nil)
			}
		}
	}
	if was == nil {
		return out
	}
	for _, ref := range c.order {
		if !was.known[ref] || !f.selected.known[ref] {
			continue
		}
		if paths := f.touched(ref, c.paths[ref]); len(paths) > 0 {
			tell(ref, types.ObjectUpdateKindModify, paths)
		}
	}
	if was != f.selected {
		for ref := range was.known {
			if !f.selected.known[ref] {
				tell(ref, types.ObjectUpdateKindLeave, nil)
			}
		}
	}
	return out
}

// rootsHold tells whether the objects that the specification begins with are there as they were. Those of a session come and
// go without a word.
func (f *filter) rootsHold(ctx *simulator.Context) bool {
	for _, o := range f.Spec.ObjectSet {
		if _, there := simulator.GetObject(ctx, o.Obj); there == f.selected.missing[o.Obj] {
			return false
		}
	}
	return true
}

// touched are the filter's paths of this object that lie above, below or at a changed one.
func (f *filter) touched(ref types.ManagedObjectReference, changed []string) []string {
	if len(changed) == 0 {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for _, p := range f.Spec.PropSet {
		if !ofType(ref, p.Type) {
			continue
		}
		paths := p.PathSet
		if p.All != nil && *p.All {
			paths = topLevel(changed)
		}
		for _, path := range paths {
			for _, c := range changed {
				if !seen[path] && overlap(path, c) {
					seen[path] = true
					out = append(out, path)
				}
			}
		}
	}
	return out
}

// overlap tells whether one path is the other, or lies above or below it.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(b, a+".") || strings.HasPrefix(a, b+".")
}

func topLevel(paths []string) []string {
	var out []string
	for _, p := range paths {
		top, _, _ := strings.Cut(p, ".")
		out = append(out, top)
	}
	return out
}

// build reads the properties of a page of updates, one set per filter. An empty page uses up no fault.
func (l *lab) build(ctx *simulator.Context, page []pending, call string) []types.PropertyFilterUpdate {
	if len(page) == 0 {
		return nil
	}
	deny := l.denials(ctx, call)
	var out []types.PropertyFilterUpdate
	at := map[*filter]int{}
	for _, p := range page {
		u := types.ObjectUpdate{Kind: p.kind, Obj: p.object}
		if p.kind != types.ObjectUpdateKindLeave {
			sets := p.filter.Spec.PropSet
			if p.kind == types.ObjectUpdateKindModify {
				sets = []types.PropertySpec{{Type: p.object.Type, PathSet: p.paths}}
			}
			content, ok := l.read(ctx, p.object, sets, p.filter.version, deny)
			if !ok {
				continue // gone since; the next answer says that it left
			}
			u.MissingSet = content.MissingSet
			for _, prop := range content.PropSet {
				u.ChangeSet = append(u.ChangeSet,
					types.PropertyChange{Name: prop.Name, Op: types.PropertyChangeOpAssign, Val: prop.Val})
			}
		}
		i, ok := at[p.filter]
		if !ok {
			i = len(out)
			at[p.filter] = i
			out = append(out, types.PropertyFilterUpdate{Filter: p.filter.Self})
		}
		out[i].ObjectSet = append(out[i].ObjectSet, u)
	}
	return out
}

// read collects the properties of one object. A property that is unset has a nil value when it changed, and is left
// out of the answer by the caller's encoder.
func (l *lab) read(ctx *simulator.Context, ref types.ManagedObjectReference, sets []types.PropertySpec,
	v apiVersion, deny denials) (types.ObjectContent, bool) {
	content := types.ObjectContent{Obj: ref}
	object, ok := simulator.GetObject(ctx, ref)
	if !ok {
		return content, false
	}
	seen := map[string]bool{}
	add := func(path string, val interface{}) {
		if seen[path] || v.lacksPath(ref.Type, path) {
			return
		}
		seen[path] = true
		if f := deny.fault(ref); f != nil {
			content.MissingSet = append(content.MissingSet,
				types.MissingProperty{Path: path, Fault: types.LocalizedMethodFault{Fault: f}})
			return
		}
		content.PropSet = append(content.PropSet, types.DynamicProperty{Name: path, Val: v.hide(own(val))})
	}

	for _, p := range sets {
		if !ofType(ref, p.Type) {
			continue
		}
		if p.All != nil && *p.All {
			simulator.AllFields(object, add)
			continue
		}
		for _, path := range p.PathSet {
			if val, known := simulator.FieldValue(object, path); known {
				add(path, val)
			}
		}
	}
	return content, true
}

// denials are why properties may not be read: the session is hollow, or the account lacks the right for an object.
type denials struct {
	hollow  bool
	objects map[string]bool
}

func (l *lab) denials(ctx *simulator.Context, call string) denials {
	return denials{ctx.Session == nil || l.faults.on("hollow-session", call), l.faults.objects("no-permission")}
}

func (d denials) fault(ref types.ManagedObjectReference) types.BaseMethodFault {
	lacks := types.NoPermission{Object: ref, PrivilegeId: "System.Read"}
	if d.hollow {
		return &types.NotAuthenticated{NoPermission: lacks}
	}
	if d.objects[ref.Value] {
		return &lacks
	}
	return nil
}

// own copies what is changed in place, since a reply is written after the lock is gone.
func own(val interface{}) interface{} {
	switch v := val.(type) {
	case *types.ArrayOfManagedObjectReference:
		return &types.ArrayOfManagedObjectReference{
			ManagedObjectReference: append([]types.ManagedObjectReference(nil), v.ManagedObjectReference...)}
	case types.HostConfigInfo:
		if v.Network != nil {
			network := *v.Network
			v.Network = &network
		}
		return v
	case types.HostListSummary:
		if v.Runtime != nil {
			runtime := *v.Runtime
			v.Runtime = &runtime
		}
		return v
	}
	return val
}

// moTypes are the property holders of package mo that our clients ask for, by the name on the wire.
var moTypes = map[string]reflect.Type{}

func init() {
	for _, o := range []interface{}{
		mo.ManagedEntity{}, mo.Folder{}, mo.Datacenter{}, mo.ComputeResource{}, mo.ClusterComputeResource{},
		mo.HostSystem{}, mo.ResourcePool{}, mo.VirtualApp{}, mo.VirtualMachine{}, mo.Datastore{}, mo.Network{},
		mo.OpaqueNetwork{}, mo.DistributedVirtualPortgroup{}, mo.DistributedVirtualSwitch{},
		mo.VmwareDistributedVirtualSwitch{}, mo.Task{}, mo.TaskManager{}, mo.EventManager{}, mo.EventHistoryCollector{},
		mo.HistoryCollector{}, mo.HostNetworkSystem{}, mo.ContainerView{}, mo.ListView{}, mo.ServiceInstance{},
		mo.SessionManager{}, mo.PropertyCollector{},
	} {
		t := reflect.TypeOf(o)
		moTypes[t.Name()] = t
	}
}

// ofType tells whether an object is of a type or of one of its subclasses.
func ofType(ref types.ManagedObjectReference, kind string) bool {
	if ref.Type == kind {
		return true
	}
	t, ok := moTypes[ref.Type]
	if !ok {
		return false
	}
	f, ok := t.FieldByName(kind)
	return ok && f.Anonymous
}

// checkSpec refuses what a real server refuses: types and properties that it does not know.
func (l *lab) checkSpec(ctx *simulator.Context, spec types.PropertyFilterSpec) soap.HasFault {
	v := l.versionOf(ctx)
	for _, p := range spec.PropSet {
		t, ok := moTypes[p.Type]
		if !ok {
			continue
		}
		for _, path := range p.PathSet {
			if !knownPath(t, path) || v.lacksPath(p.Type, path) {
				return fault("", &types.InvalidProperty{Name: path})
			}
		}
	}
	for _, o := range spec.ObjectSet {
		if _, ok := simulator.GetObject(ctx, o.Obj); !ok &&
			(spec.ReportMissingObjectsInResults == nil || !*spec.ReportMissingObjectsInResults) {
			return notFound(o.Obj)
		}
	}
	return nil
}
