package main

import (
	"sort"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// In a vCenter one Network object stands for all standard port groups of one name in a datacenter. It is there while a
// host has such a port group for machines; a port group that carries the host's own interface has none.

// labContext is the session in whose name this program itself acts.
func labContext() *simulator.Context {
	return &simulator.Context{Context: background, Map: simulator.Map, Session: labSession}
}

// networkFolder is the folder of the networks of an object's datacenter.
func networkFolder(e mo.Entity) *simulator.Folder {
	return simulator.Map.Get(simulator.EntityDatacenter(e).NetworkFolder).(*simulator.Folder)
}

// standardNetwork finds the Network object of a name.
func standardNetwork(f *simulator.Folder, name string) *mo.Network {
	for _, ref := range f.ChildEntity {
		if ref.Type == "Network" {
			if n, ok := simulator.Map.Get(ref).(*mo.Network); ok && n.Name == name {
				return n
			}
		}
	}
	return nil
}

// syncHostNetworks makes the Network objects, and the lists that name them, agree with a host's port groups.
func syncHostNetworks(h *simulator.HostSystem) {
	own := map[string]bool{}
	for _, v := range h.Config.Network.Vnic {
		own[v.Portgroup] = true
	}
	f := networkFolder(h)
	var list []types.ManagedObjectReference
	for _, p := range h.Config.Network.Portgroup {
		if own[p.Spec.Name] {
			continue
		}
		n := standardNetwork(f, p.Spec.Name)
		if n == nil {
			n = &mo.Network{Name: p.Spec.Name}
			n.Entity().Name = n.Name
			simulator.PutChild(labContext(), &f.Folder, n)
		}
		addRef(n, "host", n.Host, h.Self)
		list = append(list, n.Self)
	}

	before := h.Network
	for _, ref := range before {
		if ref.Type != "Network" {
			list = append(list, ref)
		}
	}
	setHostNetworks(h, list)
	for _, ref := range before {
		if n, ok := simulator.Map.Get(ref).(*mo.Network); ok && !hasRef(list, ref) {
			leaveNetwork(f, n, h.Self)
		}
	}
}

// leaveNetwork takes a host off a Network; the last one takes the object with it, unless a machine hangs on it.
func leaveNetwork(f *simulator.Folder, n *mo.Network, host types.ManagedObjectReference) {
	dropRef(n, "host", n.Host, host)
	if len(n.Host) == 0 && len(n.Vm) == 0 {
		simulator.RemoveChild(labContext(), &f.Folder, n)
	}
}

// setHostNetworks sets a host's list of networks and its cluster's, the union of those of its hosts.
func setHostNetworks(h *simulator.HostSystem, list []types.ManagedObjectReference) {
	update(h, set("network", list))
	cr := simulator.HostParent(&h.HostSystem)
	if cr == nil {
		return
	}
	if len(cr.Host) > 1 { // large clusters: only grow or shrink by what this host changed
		for _, ref := range list {
			if !hasRef(cr.Network, ref) {
				update(simulator.Map.Get(cr.Self), set("network", withRef(cr.Network, ref)))
			}
		}
		for _, ref := range cr.Network {
			if !hasRef(list, ref) && !anyHostHas(cr.Host, ref) {
				update(simulator.Map.Get(cr.Self), set("network", withoutRef(cr.Network, ref)))
			}
		}
		return
	}
	update(simulator.Map.Get(cr.Self), set("network", list))
}

func anyHostHas(hosts []types.ManagedObjectReference, network types.ManagedObjectReference) bool {
	for _, ref := range hosts {
		if h := findHost(ref); h != nil && hasRef(h.Network, network) {
			return true
		}
	}
	return false
}

// syncNetworks makes a machine's list of networks, and the networks' lists of machines, agree with its interfaces.
func syncNetworks(vm *simulator.VirtualMachine) {
	var list []types.ManagedObjectReference
	for _, d := range vm.Config.Hardware.Device {
		if ref, ok := backingNetwork(d.GetVirtualDevice().Backing); ok && !hasRef(list, ref) {
			list = append(list, ref)
		}
	}
	before := vm.Network
	if !sameRefs(before, list) {
		update(vm, set("network", list))
	}
	for _, ref := range list {
		changeNetworkVM(ref, vm.Self, true)
	}
	for _, ref := range before {
		if !hasRef(list, ref) {
			changeNetworkVM(ref, vm.Self, false)
		}
	}
}

// nameMachines sets all networks' lists of machines at once: one by one costs the square of 10,000.
func nameMachines() {
	members := map[types.ManagedObjectReference][]types.ManagedObjectReference{}
	for _, e := range simulator.Map.All("VirtualMachine") {
		vm := e.(*simulator.VirtualMachine)
		for _, ref := range vm.Network {
			members[ref] = append(members[ref], vm.Self)
		}
	}
	for ref, list := range members {
		sort.Slice(list, func(i, j int) bool { return refLess(list[i], list[j]) })
		switch n := simulator.Map.Get(ref).(type) {
		case *mo.Network:
			update(n, set("vm", list))
		case *simulator.DistributedVirtualPortgroup:
			update(n, set("vm", list))
		}
	}
}

// backingNetwork is the network that an interface's backing names.
func backingNetwork(b types.BaseVirtualDeviceBackingInfo) (types.ManagedObjectReference, bool) {
	switch x := b.(type) {
	case *types.VirtualEthernetCardNetworkBackingInfo:
		if x.Network != nil {
			return *x.Network, true
		}
	case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
		return types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: x.Port.PortgroupKey}, true
	}
	return types.ManagedObjectReference{}, false
}

func changeNetworkVM(ref, vm types.ManagedObjectReference, add bool) {
	change := dropRef
	if add {
		change = addRef
	}
	switch n := simulator.Map.Get(ref).(type) {
	case *mo.Network:
		change(n, "vm", n.Vm, vm)
		if !add && len(n.Host) == 0 && len(n.Vm) == 0 {
			simulator.RemoveChild(labContext(), &networkFolder(n).Folder, n)
		}
	case *simulator.DistributedVirtualPortgroup:
		change(n, "vm", n.Vm, vm)
	}
}

// References in lists: never in place, see publishNetwork.

func hasRef(list []types.ManagedObjectReference, ref types.ManagedObjectReference) bool {
	for _, r := range list {
		if r == ref {
			return true
		}
	}
	return false
}

func withRef(list []types.ManagedObjectReference, ref types.ManagedObjectReference) []types.ManagedObjectReference {
	return append(append([]types.ManagedObjectReference(nil), list...), ref)
}

func withoutRef(list []types.ManagedObjectReference, ref types.ManagedObjectReference) []types.ManagedObjectReference {
	out := []types.ManagedObjectReference{}
	for _, r := range list {
		if r != ref {
			out = append(out, r)
		}
	}
	return out
}

func sameRefs(a, b []types.ManagedObjectReference) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func addRef(o mo.Reference, name string, list []types.ManagedObjectReference, ref types.ManagedObjectReference) {
	if !hasRef(list, ref) {
		update(o, set(name, withRef(list, ref)))
	}
}

func dropRef(o mo.Reference, name string, list []types.ManagedObjectReference, ref types.ManagedObjectReference) {
	if hasRef(list, ref) {
		update(o, set(name, withoutRef(list, ref)))
	}
}
