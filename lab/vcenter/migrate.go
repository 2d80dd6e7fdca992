package main

import (
	"context"
	"fmt"
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

// The ways in which a machine moves; see README.md.
const (
	moveManual    = "manual"
	moveDRS       = "drs"
	moveEncrypted = "encrypted"
	moveCold      = "cold"
	moveRelocate  = "relocate"
)

var moveKinds = map[string]bool{moveManual: true, moveDRS: true, moveEncrypted: true, moveCold: true, moveRelocate: true}

// moves knows which machine is on its way, and the task that moves it.
type moves struct {
	mu sync.Mutex
	on map[types.ManagedObjectReference]types.ManagedObjectReference
}

func (m *moves) init() { m.on = map[types.ManagedObjectReference]types.ManagedObjectReference{} }

func (m *moves) busy(vm types.ManagedObjectReference) bool { return m.task(vm).Value != "" }

func (m *moves) task(vm types.ManagedObjectReference) types.ManagedObjectReference {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on[vm]
}

func (m *moves) begin(vm, task types.ManagedObjectReference) {
	m.mu.Lock()
	m.on[vm] = task
	m.mu.Unlock()
}

func (m *moves) end(vm types.ManagedObjectReference) {
	m.mu.Lock()
	delete(m.on, vm)
	m.mu.Unlock()
}

func (m *moves) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.on)
}

// move is one migration under way.
type move struct {
	*lab
	vm       *simulator.VirtualMachine
	src, dst *simulator.HostSystem
	task     *simulator.Task
	kind     string
	fail     bool
	user     string
	chain    int32
}

func (l *lab) migrateCall(c *call) soap.HasFault {
	r := c.body.(*types.MigrateVM_Task)
	if r.Host == nil {
		return fault("", &types.InvalidArgument{InvalidProperty: "host"})
	}
	m, f := l.newMove(c.this, *r.Host, moveManual, "migrateVm")
	if f != nil {
		return fault("", f)
	}
	m.user = c.ctx.Session.UserName
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
	m, f := l.newMove(c.this, dst, moveRelocate, "relocateVm")
	if f != nil {
		return fault("", f)
	}
	m.user = c.ctx.Session.UserName
	return &methods.RelocateVM_TaskBody{Res: &types.RelocateVM_TaskResponse{Returnval: m.start()}}
}

// newMove checks a move as a real server does before it makes the task. The world is locked.
func (l *lab) newMove(vmRef, hostRef types.ManagedObjectReference, kind, desc string) (*move, types.BaseMethodFault) {
	vm, dst := findMachine(vmRef), findHost(hostRef)
	switch {
	case vm == nil:
		return nil, &types.ManagedObjectNotFound{Obj: vmRef}
	case dst == nil:
		return nil, &types.ManagedObjectNotFound{Obj: hostRef}
	case l.moves.busy(vmRef):
		return nil, &types.TaskInProgress{Task: l.moves.task(vmRef)}
	case dst.Runtime.ConnectionState != types.HostSystemConnectionStateConnected:
		return nil, &types.InvalidState{}
	case dst.Runtime.InMaintenanceMode:
		return nil, &types.InvalidState{}
	}
	src := findHost(*vm.Runtime.Host)
	for _, ref := range vm.Network {
		if src != dst && !hasRef(dst.Network, ref) {
			ref := ref
			return nil, &types.CannotAccessNetwork{Network: &ref}
		}
	}
	if kind == moveManual && vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOff {
		kind = moveCold
	}

	t := simulator.CreateTask(vm, desc, nil)
	t.Info.EntityName = vm.Name
	t.Info.Name, t.Info.DescriptionId = "MigrateVM_Task", "VirtualMachine.migrate"
	if desc == "relocateVm" {
		t.Info.Name, t.Info.DescriptionId = "RelocateVM_Task", "VirtualMachine.relocate"
	}
	if kind == moveDRS {
		t.Info.DescriptionId = "Drm.ExecuteVMotionLRO"
		t.Info.Reason = &types.TaskReasonSystem{}
	}
	return &move{lab: l, vm: vm, src: src, dst: dst, task: t, kind: kind, user: labSession.UserName}, nil
}

// start queues the task and lets the move run. The world is locked; each step of the run locks it again.
func (m *move) start() types.ManagedObjectReference {
	m.moves.begin(m.vm.Self, m.task.Self)
	first := &types.TaskEvent{Event: m.event(m.src).Event, Info: m.task.Info}
	m.post(first)
	first.Info.EventChainId = m.chain
	recent := withRef(m.vm.RecentTask, m.task.Self)
	if len(recent) > 5 {
		recent = recent[len(recent)-5:]
	}
	update(m.task, set("info.eventChainId", m.chain))
	update(m.vm, set("recentTask", recent))
	go m.run()
	return m.task.Self
}

// run is the life of a move. The destination stands in the start event only, never in the task.
func (m *move) run() {
	defer m.moves.end(m.vm.Self)
	t := m.opt.times
	time.Sleep(t.queue)
	if !m.step(func() {
		update(m.task, set("info.startTime", time.Now()), set("info.state", types.TaskInfoStateRunning))
		m.post(m.startEvent())
	}) {
		return
	}
	time.Sleep(t.pre)
	if !m.step(func() {
		if m.kind != moveCold {
			m.post(&types.VmEmigratingEvent{VmEvent: m.event(m.src)})
		}
		update(m.task, set("info.progress", int32(20)))
	}) {
		return
	}
	time.Sleep(t.run / 2)
	if !m.step(func() { update(m.task, set("info.progress", int32(60))) }) {
		return
	}
	time.Sleep(t.run - t.run/2)
	m.step(m.finish)
}

// step runs 'f' with the world locked, unless the machine or a host went meanwhile: then the move has failed.
func (m *move) step(f func()) bool {
	m.world.Lock()
	defer m.world.Unlock()
	if findMachine(m.vm.Self) == nil || findHost(m.dst.Self) == nil || findHost(m.src.Self) == nil {
		m.failed(&types.ManagedObjectNotFound{Obj: m.vm.Self})
		return false
	}
	f()
	return true
}

func (m *move) finish() {
	if m.fail || m.dst.Runtime.ConnectionState != types.HostSystemConnectionStateConnected {
		reason := types.LocalizedMethodFault{Fault: &types.MigrationFault{}, LocalizedMessage: "migration failed"}
		if m.kind == moveRelocate {
			m.post(&types.VmRelocateFailedEvent{VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: m.event(m.src)},
				DestHost: m.dst.EventArgument(), Reason: reason})
		} else {
			m.post(&types.VmFailedMigrateEvent{VmEvent: m.event(m.src), DestHost: m.dst.EventArgument(), Reason: reason})
		}
		m.failed(reason.Fault)
		return
	}
	if m.src != m.dst {
		update(m.src, set("vm", withoutRef(m.src.Vm, m.vm.Self)))
		addRef(m.dst, "vm", m.dst.Vm, m.vm.Self)
		ref := m.dst.Self
		update(m.vm, set("runtime.host", &ref), set("summary.runtime.host", &ref))
	}
	m.post(m.endEvent())
	update(m.task, set("info.completeTime", time.Now()), set("info.state", types.TaskInfoStateSuccess))
}

func (m *move) failed(f types.BaseMethodFault) {
	update(m.task, set("info.completeTime", time.Now()), set("info.state", types.TaskInfoStateError),
		set("info.error", types.LocalizedMethodFault{Fault: f, LocalizedMessage: fmt.Sprintf("%T", f)}))
}

func (m *move) startEvent() types.BaseEvent {
	dc := simulator.DatacenterArgument(m.dst)
	switch m.kind {
	case moveEncrypted:
		return &types.EventEx{Event: m.event(m.src).Event, Severity: "info",
			EventTypeId: "com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent",
			Arguments: []types.KeyAnyValue{{Key: "destHost", Value: m.dst.Name},
				{Key: "destDatacenter", Value: dc.Name}, {Key: "destDatastore", Value: "LocalDS_0"}},
			ObjectId: m.vm.Self.Value, ObjectType: "VirtualMachine", ObjectName: m.vm.Name}
	case moveCold:
		return &types.VmBeingMigratedEvent{VmEvent: m.event(m.src), DestHost: m.dst.EventArgument(), DestDatacenter: dc}
	case moveRelocate:
		return &types.VmBeingRelocatedEvent{
			VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: m.event(m.src)},
			DestHost:            m.dst.EventArgument(), DestDatacenter: dc}
	}
	return &types.VmBeingHotMigratedEvent{VmEvent: m.event(m.src), DestHost: m.dst.EventArgument(), DestDatacenter: dc}
}

func (m *move) endEvent() types.BaseEvent {
	if m.kind == moveRelocate {
		return &types.VmRelocatedEvent{VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: m.event(m.dst)},
			SourceHost: m.src.EventArgument()}
	}
	done := types.VmMigratedEvent{VmEvent: m.event(m.dst), SourceHost: m.src.EventArgument()}
	if m.kind == moveDRS {
		return &types.DrsVmMigratedEvent{VmMigratedEvent: done}
	}
	return &done
}

// event is the part that all events of the move share; 'h' is where the machine is.
func (m *move) event(h *simulator.HostSystem) types.VmEvent {
	e := m.vm.Event()
	host := h.EventArgument()
	e.Host = &host
	return e
}

// post posts an event of this move: they all have the number of the first as chainId.
func (m *move) post(e types.BaseEvent) {
	e.GetEvent().ChainId = m.chain
	ctx := labContext()
	ctx.Session = &simulator.Session{UserSession: types.UserSession{UserName: m.user}, Registry: labSession.Registry}
	ctx.PostEvent(e)
	if m.chain == 0 {
		m.chain = e.GetEvent().Key
	}
}
