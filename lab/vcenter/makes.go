package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// The calls that start or make a machine, when that takes time: -t-start, or a host that is named. Else the simulator
// does it in an instant.

// atOnce: also while the world is being made, with the simulator's own calls.
func (l *lab) atOnce() bool { return l.opt.start == 0 || l.service == nil }

func (l *lab) startTimes() moveTimes {
	t := l.opt.start
	return moveTimes{l.opt.times.queue, t / 2, t - t/2}
}

// powerOnCall starts or resumes a machine, on another host if one is named.
func (l *lab) powerOnCall(c *call) soap.HasFault {
	r := c.body.(*types.PowerOnVM_Task)
	vm := findMachine(c.this)
	if vm == nil || l.atOnce() && r.Host == nil {
		return c.next()
	}
	host, kind := *vm.Runtime.Host, "power-on"
	if r.Host != nil {
		host = *r.Host
	}
	if vm.Runtime.PowerState == types.VirtualMachinePowerStateSuspended {
		kind = "resume"
	}
	m, f := l.newMove(c.this, host, kind, c.ctx.Session.UserName)
	if f != nil {
		return fault("", f)
	}
	m.times = l.startTimes()
	return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{Returnval: m.start()}}
}

// powerOnMultiCall lets DRS place the machines: each on the host of its cluster that has the fewest.
func (l *lab) powerOnMultiCall(c *call) soap.HasFault {
	if l.atOnce() {
		return c.next()
	}
	dc, ok := simulator.Map.Get(c.this).(*simulator.Datacenter)
	if !ok {
		return notFound(c.this)
	}
	result := types.ClusterPowerOnVmResult{}
	for _, ref := range c.body.(*types.PowerOnMultiVM_Task).Vm {
		attempt, f := l.placeAndStart(ref)
		if f != nil {
			result.NotAttempted = append(result.NotAttempted,
				types.ClusterNotAttemptedVmInfo{Vm: ref, Fault: localized(f)})
			continue
		}
		result.Attempted = append(result.Attempted, types.ClusterAttemptedVmInfo{Vm: ref, Task: &attempt})
	}
	a := l.newActivity(dc, "PowerOnMultiVM_Task", "Datacenter.powerOnVm", c.ctx.Session.UserName)
	a.announce(types.Event{Datacenter: &types.DatacenterEventArgument{
		EntityEventArgument: types.EntityEventArgument{Name: dc.Name}, Datacenter: dc.Self}})
	a.running()
	a.ended(nil, result)
	return &methods.PowerOnMultiVM_TaskBody{Res: &types.PowerOnMultiVM_TaskResponse{Returnval: a.task.Self}}
}

func (l *lab) placeAndStart(ref types.ManagedObjectReference) (types.ManagedObjectReference, types.BaseMethodFault) {
	none := types.ManagedObjectReference{}
	vm := findMachine(ref)
	if vm == nil {
		return none, &types.ManagedObjectNotFound{Obj: ref}
	}
	dst := l.placement(vm, nil)
	if dst == nil {
		return none, &types.NoCompatibleHost{}
	}
	m, f := l.newMove(ref, dst.Self, "drs-power-on", labSession.UserName)
	if f != nil {
		return none, f
	}
	m.times = l.startTimes()
	return m.start(), nil
}

// placement is the host of the machine's cluster that can take it and has the fewest machines; never 'not'.
func (l *lab) placement(vm *simulator.VirtualMachine, not *simulator.HostSystem) *simulator.HostSystem {
	var best *simulator.HostSystem
	src := findHost(*vm.Runtime.Host)
	coming := l.moves.incoming()
	for _, ref := range simulator.HostParent(&src.HostSystem).Host {
		h := findHost(ref)
		if h == nil || h == not || l.leaving[ref] || fits(vm, src, h) != nil {
			continue
		}
		if best == nil || len(h.Vm)+coming[ref] < len(best.Vm)+coming[best.Self] {
			best = h
		}
	}
	return best
}

// making is a machine that does not exist yet, to be made on a host. The world is locked.
func (l *lab) making(kind, name, user string, dst *simulator.HostSystem, source *simulator.VirtualMachine,
	on mo.Entity) (*move, types.BaseMethodFault) {
	k := moveKinds[kind]
	if source != nil {
		if f := k.ready(source); f != nil {
			return nil, f
		}
		if f := fits(source, nil, dst); f != nil {
			return nil, f
		}
	}
	return &move{activity: l.newActivity(on, k.task, k.lro, user), kind: k, vm: source, name: name, dst: dst,
		ref:   simulator.NewReference(&simulator.VirtualMachine{}),
		times: l.startTimes()}, nil
}

// cloneCall makes a copy of a machine or of a template.
func (l *lab) cloneCall(c *call) soap.HasFault {
	if l.atOnce() {
		return l.cloneMachine(c)
	}
	r, source := c.body.(*types.CloneVM_Task), findMachine(c.this)
	if source == nil {
		return notFound(c.this)
	}
	host := *source.Runtime.Host
	if r.Spec.Location.Host != nil {
		host = *r.Spec.Location.Host
	}
	m, f := l.cloning(source, host, r, c.ctx.Session.UserName)
	if f != nil {
		return fault("", f)
	}
	return &methods.CloneVM_TaskBody{Res: &types.CloneVM_TaskResponse{Returnval: m.start()}}
}

func (l *lab) cloning(source *simulator.VirtualMachine, host types.ManagedObjectReference, r *types.CloneVM_Task,
	user string) (*move, types.BaseMethodFault) {
	dst := findHost(host)
	if dst == nil {
		return nil, &types.ManagedObjectNotFound{Obj: host}
	}
	kind := "clone"
	if source.Config.Template {
		kind = "deploy"
	}
	m, f := l.making(kind, r.Name, user, dst, source, source)
	if f != nil {
		return nil, f
	}
	r.Spec.Location.Host = &dst.Self
	if r.Spec.Location.Pool == nil && source.ResourcePool == nil {
		return nil, &types.InvalidArgument{InvalidProperty: "spec.location.pool"}
	}
	m.make = func(m *move) (*simulator.VirtualMachine, types.BaseMethodFault) {
		return m.makeBy(func(ctx *simulator.Context) types.ManagedObjectReference {
			return source.CloneVMTask(ctx, r).(*methods.CloneVM_TaskBody).Res.Returnval
		}, r.Spec.PowerOn)
	}
	return m, nil
}

// createCall makes a machine on a host that is named; without one the simulator chooses.
func (l *lab) createCall(c *call) soap.HasFault {
	r := c.body.(*types.CreateVM_Task)
	folder, ok := simulator.Map.Get(c.this).(*simulator.Folder)
	if l.atOnce() || r.Host == nil || !ok {
		return l.changeMachines(c)
	}
	m, f := l.creating("create", folder, r, c.ctx.Session.UserName, false)
	if f != nil {
		return fault("", f)
	}
	return &methods.CreateVM_TaskBody{Res: &types.CreateVM_TaskResponse{Returnval: m.start()}}
}

func (l *lab) creating(kind string, folder *simulator.Folder, r *types.CreateVM_Task, user string,
	on bool) (*move, types.BaseMethodFault) {
	dst := findHost(*r.Host)
	if dst == nil {
		return nil, &types.ManagedObjectNotFound{Obj: *r.Host}
	}
	m, f := l.making(kind, r.Config.Name, user, dst, nil, folder)
	if f != nil {
		return nil, f
	}
	m.make = func(m *move) (*simulator.VirtualMachine, types.BaseMethodFault) {
		return m.makeBy(func(ctx *simulator.Context) types.ManagedObjectReference {
			return folder.CreateVMTask(ctx, r).(*methods.CreateVM_TaskBody).Res.Returnval
		}, on)
	}
	return m, nil
}

// makeBy lets the simulator make the machine, under the reference that was announced, and hides how it does that: its
// own task, and the events that belong to it.
func (m *move) makeBy(f func(ctx *simulator.Context) types.ManagedObjectReference,
	on bool) (*simulator.VirtualMachine, types.BaseMethodFault) {
	tm := simulator.Map.Get(*simulator.Map.ServiceContent().TaskManager).(*simulator.TaskManager)
	before := append([]types.ManagedObjectReference(nil), tm.RecentTask...)
	simulator.NextMachine = m.ref
	simulator.EventHook = m.hears
	task := f(m.context())
	simulator.EventHook = nil
	simulator.NextMachine = types.ManagedObjectReference{}

	failed, vm := taskFault(task), resultMachine(task)
	for _, ref := range tm.RecentTask {
		if !hasRef(before, ref) {
			simulator.Map.Remove(ref)
		}
	}
	update(tm, set("recentTask", before))
	if failed == nil {
		welcomeMachine(vm)
		if on {
			nowRuns(vm)
		}
	}
	return vm, failed
}

// hears lets pass what the simulator says of a machine that it makes, but for what we say ourselves.
func (m *move) hears(e types.BaseEvent) bool {
	switch e.(type) {
	case *types.VmBeingCreatedEvent, *types.VmCreatedEvent, *types.VmBeingClonedEvent, *types.VmClonedEvent:
		return false
	}
	e.GetEvent().ChainId = m.chain
	return true
}

func (m *move) folder() types.FolderEventArgument {
	if m.vm.Parent != nil {
		if f, ok := simulator.Map.Get(*m.vm.Parent).(*simulator.Folder); ok {
			return simulator.FolderArgument(&f.Folder)
		}
	}
	return types.FolderEventArgument{}
}

// markCall tells the watchers of a template, which the simulator does not.
func (l *lab) markCall(c *call) soap.HasFault {
	res := c.next()
	if vm := findMachine(c.this); vm != nil {
		update(vm, set("config.template", vm.Config.Template), set("summary.config.template", vm.Config.Template))
	}
	return res
}
