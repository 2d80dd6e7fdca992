package main

import (
	"context"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

var (
	background = context.Background()

	// labSession is in whose name the server itself acts: DRS, and the control address.
	labSession = &simulator.Session{
		UserSession: types.UserSession{Key: "lab", UserName: `VSPHERE.LOCAL\vpxd`},
		Registry:    simulator.NewRegistry(),
	}
)

// moves knows which machine is on its way.
type moves struct {
	mu sync.Mutex
	on map[types.ManagedObjectReference]*move
}

func (m *moves) init() { m.on = map[types.ManagedObjectReference]*move{} }

func (m *moves) of(vm types.ManagedObjectReference) *move {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on[vm]
}

func (m *moves) busy(vm types.ManagedObjectReference) bool { return m.of(vm) != nil }

// task is the task that moves a machine.
func (m *moves) task(vm types.ManagedObjectReference) types.ManagedObjectReference {
	if on := m.of(vm); on != nil {
		return on.taskRef()
	}
	return types.ManagedObjectReference{}
}

func (m *moves) begin(on *move) {
	m.mu.Lock()
	m.on[on.ref] = on
	m.mu.Unlock()
}

func (m *moves) end(on *move) {
	m.mu.Lock()
	delete(m.on, on.ref)
	m.mu.Unlock()
}

func (m *moves) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.on)
}

// incoming counts the machines on their way to each host.
func (m *moves) incoming() map[types.ManagedObjectReference]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[types.ManagedObjectReference]int{}
	for _, on := range m.on {
		out[on.dst.Self]++
	}
	return out
}

// moveTimes are the pauses of a move: from queued to running, from the announcement to the middle (of a migration: the
// emigrating event), and from there to the switch-over.
type moveTimes struct{ queue, pre, run time.Duration }

// move is one machine on its way to a host: a migration, or the start or the making of a machine.
type move struct {
	*activity
	kind     *moveKind
	vm       *simulator.VirtualMachine    // of a clone: the source; nil while it is not made
	ref      types.ManagedObjectReference // of the machine that comes to 'dst'
	name     string
	src, dst *simulator.HostSystem // src is nil where the machine comes from nowhere
	times    moveTimes
	fail     bool
	label    string // what the lab calls it, if not by its kind
	parent   string // key of the task that this one is part of
	make     func(*move) (*simulator.VirtualMachine, types.BaseMethodFault)
	finished func(*move) // called when it has ended, the world being locked
	record   *moveRecord
}

func (l *lab) migrateCall(c *call) soap.HasFault {
	r := c.body.(*types.MigrateVM_Task)
	if r.Host == nil {
		return fault("", &types.InvalidArgument{InvalidProperty: "host"})
	}
	m, f := l.newMove(c.this, *r.Host, "manual", c.ctx.Session.UserName)
	if f != nil {
		return fault("", f)
	}
	return &methods.MigrateVM_TaskBody{Res: &types.MigrateVM_TaskResponse{Returnval: m.start()}}
}

// relocateCall moves the machine's storage, and the machine if a host is named.
func (l *lab) relocateCall(c *call) soap.HasFault {
	r := c.body.(*types.RelocateVM_Task)
	vm := findMachine(c.this)
	if vm == nil {
		return notFound(c.this)
	}
	dst := *vm.Runtime.Host
	if r.Spec.Host != nil {
		dst = *r.Spec.Host
	}
	m, f := l.newMove(c.this, dst, "relocate", c.ctx.Session.UserName)
	if f != nil {
		return fault("", f)
	}
	return &methods.RelocateVM_TaskBody{Res: &types.RelocateVM_TaskResponse{Returnval: m.start()}}
}

// newMove checks the move of a machine that exists, as a real server does before it makes the task. The world is locked.
func (l *lab) newMove(vmRef, hostRef types.ManagedObjectReference, kind, user string) (*move, types.BaseMethodFault) {
	vm, dst := findMachine(vmRef), findHost(hostRef)
	switch {
	case vm == nil:
		return nil, &types.ManagedObjectNotFound{Obj: vmRef}
	case dst == nil:
		return nil, &types.ManagedObjectNotFound{Obj: hostRef}
	case l.moves.busy(vmRef):
		return nil, &types.TaskInProgress{Task: l.moves.task(vmRef)}
	}
	k := moveKinds[kind]
	if f := k.ready(vm); f != nil {
		return nil, f
	}
	src := findHost(*vm.Runtime.Host)
	if f := fits(vm, src, dst); f != nil {
		return nil, f
	}
	if kind == "manual" && vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOff {
		k = moveKinds["cold"]
	}
	m := &move{activity: l.newActivity(vm, k.task, k.lro, user), kind: k, vm: vm, ref: vm.Self, name: vm.Name,
		src: src, dst: dst, times: l.opt.times}
	if k.drs {
		m.task.Info.Reason = &types.TaskReasonSystem{}
	}
	return m, nil
}

// fits tells why a machine cannot run on a host.
func fits(vm *simulator.VirtualMachine, src, dst *simulator.HostSystem) types.BaseMethodFault {
	if dst.Runtime.ConnectionState != types.HostSystemConnectionStateConnected || dst.Runtime.InMaintenanceMode {
		return &types.InvalidState{}
	}
	for _, ref := range vm.Network {
		if src != dst && !hasRef(dst.Network, ref) {
			ref := ref
			return &types.CannotAccessNetwork{Network: &ref}
		}
	}
	return nil
}

// start queues the task and lets the move run. The world is locked; each step of the run locks it again.
func (m *move) start() types.ManagedObjectReference {
	m.queue()
	go m.run()
	return m.taskRef()
}

func (m *move) queue() {
	m.moves.begin(m)
	r := moveRecord{Machine: m.name, Ref: m.ref.Value, To: m.dst.Name, Kind: m.kind.name, Task: m.taskRef().Value}
	if m.label != "" {
		r.Kind = m.label
	}
	if m.src != nil {
		r.From = m.src.Name
	}
	m.record = m.journal.add(r)
	if m.task == nil {
		return
	}
	m.task.Info.ParentTaskKey = m.parent
	m.announce(m.event(m.from()).Event)
	m.journal.note(m.record, func(r *moveRecord) { r.Chain = m.chain })
	if m.vm != nil {
		recent := withRef(m.vm.RecentTask, m.task.Self)
		if len(recent) > 5 {
			recent = recent[len(recent)-5:]
		}
		update(m.vm, set("recentTask", recent))
	}
}

// from is where the machine is before the move; where it comes from nowhere, its events name its new host.
func (m *move) from() *simulator.HostSystem {
	if m.src == nil {
		return m.dst
	}
	return m.src
}

// run is the life of a move. The destination stands in the announcement only, never in the task.
func (m *move) run() {
	half := m.times.run / 2
	for _, s := range []struct {
		after time.Duration
		do    func()
	}{
		{m.times.queue, m.begin}, {m.times.pre, m.middle}, {half, func() { m.progress(60) }}, {m.times.run - half, m.finish},
	} {
		if !m.step(m.pause(s.after), s.do) {
			return
		}
	}
}

// step runs 'f' with the world locked, unless the move was cancelled, or its machine or a host went meanwhile.
func (m *move) step(on bool, f func()) bool {
	m.world.Lock()
	defer m.world.Unlock()
	switch {
	case !on || m.cancelled():
		m.close("cancelled", &types.RequestCanceled{})
		return false
	case m.vm != nil && findMachine(m.vm.Self) == nil || findHost(m.dst.Self) == nil ||
		m.src != nil && findHost(m.src.Self) == nil:
		m.close("error", &types.ManagedObjectNotFound{Obj: m.ref})
		return false
	}
	f()
	return true
}

func (m *move) begin() {
	m.running()
	m.journal.note(m.record, func(r *moveRecord) { r.Started = nowMS() })
	if m.kind.announce != nil {
		m.post(m.kind.announce(m))
	}
}

func (m *move) middle() {
	if m.kind.emigrates {
		m.post(&types.VmEmigratingEvent{VmEvent: m.event(m.src)})
	}
	m.progress(20)
}

func (m *move) finish() {
	var f types.BaseMethodFault
	if m.fail || m.dst.Runtime.ConnectionState != types.HostSystemConnectionStateConnected {
		f = &types.MigrationFault{}
	} else {
		f = m.kind.arrive(m)
	}
	if f != nil {
		if m.kind.failed != nil {
			m.post(m.kind.failed(m, localized(f)))
		}
		m.close("error", f)
		return
	}
	for _, e := range m.kind.done(m) {
		m.post(e)
	}
	m.close("success", nil)
}

// close ends the move, well or not.
func (m *move) close(outcome string, f types.BaseMethodFault) {
	var result types.AnyType
	if f == nil && m.make != nil {
		result = m.ref
	}
	m.moves.end(m)
	m.ended(f, result)
	m.journal.note(m.record, func(r *moveRecord) { r.Ended, r.Outcome, r.Chain = nowMS(), outcome, m.chain })
	if m.finished != nil {
		m.finished(m)
	}
}

// event is the part that all events of the move share; 'h' is where the machine is.
func (m *move) event(h *simulator.HostSystem) types.VmEvent {
	e := types.VmEvent{Event: h.Event().Event}
	e.Vm = &types.VmEventArgument{EntityEventArgument: types.EntityEventArgument{Name: m.name}, Vm: m.ref}
	return e
}

// machineOf names another machine than the one that moves.
func machineOf(vm *simulator.VirtualMachine) types.VmEventArgument {
	return types.VmEventArgument{EntityEventArgument: types.EntityEventArgument{Name: vm.Name}, Vm: vm.Self}
}
