package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// evacuation is a host on its way into maintenance mode: its machines are moved away, so many at once. It ends when none
// runs there any more, however long that takes.
type evacuation struct {
	*activity
	host  *simulator.HostSystem
	most  int
	times moveTimes
	off   bool      // move those that are off, too
	limit time.Time // zero: none
	tried map[types.ManagedObjectReference]bool
	going int
	stir  chan struct{} // a move has ended
}

func (l *lab) maintenanceCall(c *call) soap.HasFault {
	r := c.body.(*types.EnterMaintenanceMode_Task)
	h := findHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	if h.Runtime.InMaintenanceMode || l.leaving[h.Self] {
		return fault("", &types.InvalidState{})
	}
	e := l.newEvacuation(h, c.ctx.Session.UserName)
	e.off = r.EvacuatePoweredOffVms != nil && *r.EvacuatePoweredOffVms
	if r.Timeout > 0 {
		e.limit = time.Now().Add(time.Duration(r.Timeout) * time.Second)
	}
	return &methods.EnterMaintenanceMode_TaskBody{Res: &types.EnterMaintenanceMode_TaskResponse{Returnval: e.start()}}
}

func (l *lab) newEvacuation(h *simulator.HostSystem, user string) *evacuation {
	return &evacuation{activity: l.newActivity(h, "EnterMaintenanceMode_Task", "HostSystem.enterMaintenanceMode", user),
		host: h, most: l.opt.evacuate, times: l.opt.times, tried: map[types.ManagedObjectReference]bool{},
		stir: make(chan struct{}, 1)}
}

// start enters at once if nothing is in the way. The world is locked.
func (e *evacuation) start() types.ManagedObjectReference {
	e.leaving[e.host.Self] = true
	e.announce(e.host.Event().Event)
	e.running()
	e.post(&types.EnteringMaintenanceModeEvent{HostEvent: e.host.Event()})
	if !e.turn() {
		go e.run()
	}
	return e.task.Self
}

func (e *evacuation) run() {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-e.cancel:
		case <-e.stir:
		case <-tick.C: // machines come and go without us
		}
		e.world.Lock()
		over := e.turn()
		e.world.Unlock()
		if over {
			return
		}
	}
}

// turn starts what moves it may; true: the host is in maintenance, or will never be.
func (e *evacuation) turn() bool {
	staying := e.staying()
	switch {
	case e.cancelled():
		return e.over(&types.RequestCanceled{})
	case findHost(e.host.Self) == nil:
		return e.over(&types.ManagedObjectNotFound{Obj: e.host.Self})
	case len(staying) == 0:
		update(e.host, set("runtime.inMaintenanceMode", true), set("summary.runtime.inMaintenanceMode", true))
		e.post(&types.EnteredMaintenanceModeEvent{HostEvent: e.host.Event()})
		return e.over(nil)
	case !e.limit.IsZero() && time.Now().After(e.limit):
		return e.over(&types.Timedout{})
	}
	for _, vm := range staying {
		if e.going < e.most && !e.tried[vm.Self] {
			e.away(vm)
		}
	}
	return false
}

func (e *evacuation) over(f types.BaseMethodFault) bool {
	delete(e.leaving, e.host.Self)
	e.ended(f, nil)
	return true
}

// staying are the machines that are in the way.
func (e *evacuation) staying() []*simulator.VirtualMachine {
	var out []*simulator.VirtualMachine
	for _, ref := range e.host.Vm {
		vm := findMachine(ref)
		if vm != nil && (vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn || e.off && !vm.Config.Template) {
			out = append(out, vm)
		}
	}
	return out
}

// away lets DRS move one machine; one that moves already will be gone anyhow.
func (e *evacuation) away(vm *simulator.VirtualMachine) {
	dst := e.placement(vm, e.host)
	if dst == nil || e.moves.busy(vm.Self) {
		return
	}
	kind := "drs"
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		kind = "cold"
	}
	m, f := e.newMove(vm.Self, dst.Self, kind, labSession.UserName)
	if f != nil {
		return
	}
	e.tried[vm.Self] = true
	e.going++
	m.times, m.parent = e.times, e.task.Self.Value
	m.finished = func(*move) {
		e.going--
		select {
		case e.stir <- struct{}{}:
		default:
		}
	}
	m.start()
}

// exitMaintenanceCall tells the watchers, which the simulator does not.
func (l *lab) exitMaintenanceCall(c *call) soap.HasFault {
	res := c.next()
	if h := findHost(c.this); h != nil {
		update(h, set("runtime.inMaintenanceMode", false), set("summary.runtime.inMaintenanceMode", false))
		c.ctx.PostEvent(&types.ExitMaintenanceModeEvent{HostEvent: h.Event()})
	}
	return res
}

// failHost is a host that dies: vCenter loses it, and the other hosts of its cluster restart its machines.
func (l *lab) failHost(h *simulator.HostSystem, times moveTimes) []*move {
	setConnection(h, types.HostSystemConnectionStateNotResponding)
	ctx := labContext()
	ctx.PostEvent(&types.HostConnectionLostEvent{HostEvent: h.Event()})
	ctx.PostEvent(&types.DasHostFailedEvent{ClusterEvent: types.ClusterEvent{Event: h.Event().Event},
		FailedHost: h.EventArgument()})
	var out []*move
	for _, ref := range append([]types.ManagedObjectReference(nil), h.Vm...) {
		vm := findMachine(ref)
		if vm == nil || isOn(vm) != nil {
			continue
		}
		dst := l.placement(vm, h)
		if dst == nil {
			continue // nobody can take it
		}
		if m, f := l.newMove(ref, dst.Self, "ha", ""); f == nil {
			m.times = times
			m.start()
			out = append(out, m)
		}
	}
	return out
}
