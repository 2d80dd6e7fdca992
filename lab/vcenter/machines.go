package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func findMachine(ref types.ManagedObjectReference) *simulator.VirtualMachine {
	vm, _ := simulator.Map.Get(ref).(*simulator.VirtualMachine)
	return vm
}

// resultMachine is the machine that a finished task made, or nil.
func resultMachine(task types.ManagedObjectReference) *simulator.VirtualMachine {
	t, ok := simulator.Map.Get(task).(*simulator.Task)
	if !ok || t.Info.Error != nil {
		return nil
	}
	ref, ok := t.Info.Result.(types.ManagedObjectReference)
	if !ok {
		return nil
	}
	return findMachine(ref)
}

// changeMachines lets the simulator create, register or unregister a machine, and puts the lists right that it forgets:
// the networks' of machines, and the host's.
func (l *lab) changeMachines(c *call) soap.HasFault {
	gone := findMachine(c.this)
	var networks []types.ManagedObjectReference
	if gone != nil {
		networks = gone.Network // the simulator empties it
	}
	res := c.next()
	if l.service == nil {
		return res
	}
	switch r := res.(type) {
	case *methods.CreateVM_TaskBody:
		if r.Res != nil {
			welcomeMachine(resultMachine(r.Res.Returnval))
		}
	case *methods.RegisterVM_TaskBody:
		if r.Res != nil {
			welcomeMachine(resultMachine(r.Res.Returnval))
		}
	}
	if gone != nil && findMachine(gone.Self) == nil {
		forgetMachine(gone, networks)
	}
	return res
}

// welcomeMachine ends the making of a machine.
func welcomeMachine(vm *simulator.VirtualMachine) {
	if vm == nil {
		return
	}
	syncNetworks(vm)
	if h := findHost(*vm.Runtime.Host); h != nil {
		update(h, set("vm", append([]types.ManagedObjectReference(nil), h.Vm...)))
	}
	update(vm, set("runtime.host", vm.Runtime.Host), set("config.name", vm.Config.Name))
}

// forgetMachine takes a machine that is gone off its networks and its host.
func forgetMachine(vm *simulator.VirtualMachine, networks []types.ManagedObjectReference) {
	for _, ref := range networks {
		changeNetworkVM(ref, vm.Self, false)
	}
	if h := findHost(*vm.Runtime.Host); h != nil {
		update(h, set("vm", withoutRef(h.Vm, vm.Self)))
	}
}

// cloneMachine also heeds powerOn, which the simulator ignores.
func (l *lab) cloneMachine(c *call) soap.HasFault {
	res := c.next()
	r, ok := res.(*methods.CloneVM_TaskBody)
	if !ok || r.Res == nil {
		return res
	}
	vm := resultMachine(r.Res.Returnval)
	welcomeMachine(vm)
	if vm != nil && c.body.(*types.CloneVM_Task).Spec.PowerOn {
		vm.PowerOnVMTask(c.ctx, &types.PowerOnVM_Task{This: vm.Self})
	}
	return res
}

// reconfigMachine checks what makes the simulator panic, and puts the networks right.
func (l *lab) reconfigMachine(c *call) soap.HasFault {
	for _, change := range c.body.(*types.ReconfigVM_Task).Spec.DeviceChange {
		d := change.GetVirtualDeviceConfigSpec().Device
		if d == nil || d.GetVirtualDevice() == nil {
			return fault("", &types.InvalidDeviceSpec{InvalidVmConfig: types.InvalidVmConfig{Property: "deviceChange"}})
		}
	}
	res := c.next()
	if vm := findMachine(c.this); vm != nil {
		syncNetworks(vm)
		update(vm, set("name", vm.Name), set("config.name", vm.Config.Name))
	}
	return res
}

// destroy handles the kinds of object whose end leaves traces elsewhere.
func (l *lab) destroy(c *call) soap.HasFault {
	switch o := simulator.Map.Get(c.this).(type) {
	case *simulator.DistributedVirtualPortgroup:
		return l.destroyDVPortgroup(c, o)
	case *simulator.DistributedVirtualSwitch:
		return l.destroyDVS(c, o)
	case *simulator.HostSystem:
		return l.destroyHost(c, o)
	case *mo.ComputeResource:
		if len(o.Host) == 1 { // a host outside clusters is removed by removing its compute resource
			return l.destroyHost(c, findHost(o.Host[0]))
		}
	}
	return l.changeMachines(c)
}

func failedDestroy(o mo.Reference, f types.BaseMethodFault) soap.HasFault {
	return destroyed(runTask(o, "destroy", func() types.BaseMethodFault { return f }))
}

func destroyed(task types.ManagedObjectReference) soap.HasFault {
	return &methods.Destroy_TaskBody{Res: &types.Destroy_TaskResponse{Returnval: task}}
}

func (l *lab) destroyDVS(c *call, s *simulator.DistributedVirtualSwitch) soap.HasFault {
	if len(s.Summary.HostMember) > 0 {
		return failedDestroy(s, &types.ResourceInUse{Type: s.Self.Type, Name: s.Name})
	}
	f := networkFolder(s)
	for _, ref := range append([]types.ManagedObjectReference(nil), s.Portgroup...) {
		simulator.RemoveChild(c.ctx, &f.Folder, ref)
	}
	return c.next()
}

// destroyHost removes a host from the inventory: a disconnected one or one in maintenance with its machines, another
// one only when it is empty.
func (l *lab) destroyHost(c *call, h *simulator.HostSystem) soap.HasFault {
	away := h.Runtime.ConnectionState != types.HostSystemConnectionStateConnected || h.Runtime.InMaintenanceMode
	if len(h.Vm) > 0 && !away {
		return failedDestroy(h, &types.ResourceInUse{Type: h.Self.Type, Name: h.Name})
	}
	return destroyed(runTask(h, "destroy", func() types.BaseMethodFault {
		c.ctx.PostEvent(&types.HostRemovedEvent{HostEvent: h.Event()})
		for _, ref := range append([]types.ManagedObjectReference(nil), h.Vm...) {
			dropMachine(c.ctx, findMachine(ref))
		}
		for _, e := range simulator.Map.All("VmwareDistributedVirtualSwitch") {
			if s := e.(*simulator.DistributedVirtualSwitch); hasRef(s.Summary.HostMember, h.Self) {
				leaveDVS(s, h)
			}
		}
		f := networkFolder(h)
		for _, ref := range h.Network {
			if n, ok := simulator.Map.Get(ref).(*mo.Network); ok {
				leaveNetwork(f, n, h.Self)
			}
		}
		removeHostObject(c.ctx, h)
		return nil
	}))
}

// dropMachine unregisters a machine in whatever state it is.
func dropMachine(ctx *simulator.Context, vm *simulator.VirtualMachine) {
	if vm == nil {
		return
	}
	networks := vm.Network
	vm.Runtime.PowerState = types.VirtualMachinePowerStatePoweredOff
	vm.UnregisterVM(ctx, &types.UnregisterVM{This: vm.Self})
	forgetMachine(vm, networks)
}

// removeHostObject takes the host out of its parent; a compute resource of this host alone goes too.
func removeHostObject(ctx *simulator.Context, h *simulator.HostSystem) {
	parent := simulator.HostParent(&h.HostSystem)
	if parent.Self.Type == "ComputeResource" {
		folder := simulator.Map.Get(*parent.Parent).(*simulator.Folder)
		simulator.Map.Remove(h.Self)
		simulator.RemoveChild(ctx, &folder.Folder, parent)
		return
	}
	update(simulator.Map.Get(parent.Self), set("host", withoutRef(parent.Host, h.Self)))
	simulator.Map.Remove(h.Self)
}
