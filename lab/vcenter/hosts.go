package main

import (
	"fmt"
	"sort"
	"sync/atomic"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

var (
	hostNumber    int64 // of hosts so far: makes their MACs
	machineNumber int64 // of machine interfaces so far
)

// nextMachineMAC takes from the range that vCenter itself generates: 00:50:56:80:00:00 to 00:50:56:bf:ff:ff.
func nextMachineMAC() string {
	n := atomic.AddInt64(&machineNumber, 1)
	return fmt.Sprintf("00:50:56:%02x:%02x:%02x", 0x80|n>>16&0x3f, n>>8&0xff, n&0xff)
}

// allHosts are the hosts in the order of their making.
func allHosts() []*simulator.HostSystem {
	var out []*simulator.HostSystem
	for _, e := range simulator.Map.All("HostSystem") {
		out = append(out, e.(*simulator.HostSystem))
	}
	sort.Slice(out, func(i, j int) bool { return refLess(out[i].Self, out[j].Self) })
	return out
}

// refLess orders references of one type by the number in them.
func refLess(a, b types.ManagedObjectReference) bool {
	if len(a.Value) != len(b.Value) {
		return len(a.Value) < len(b.Value)
	}
	return a.Value < b.Value
}

func findHost(ref types.ManagedObjectReference) *simulator.HostSystem {
	h, _ := simulator.Map.Get(ref).(*simulator.HostSystem)
	return h
}

// networkSystem is the manager through which a host's switches are changed.
func networkSystem(h *simulator.HostSystem) *simulator.HostNetworkSystem {
	return simulator.Map.Get(*h.ConfigManager.NetworkSystem).(*simulator.HostNetworkSystem)
}

// finishModel gives the hosts that the simulator's model made what all our hosts have.
func (l *lab) finishModel() error {
	l.world.Lock()
	defer l.world.Unlock()
	for _, e := range simulator.Map.All("VmwareDistributedVirtualSwitch") {
		finishDVS(e.(*simulator.DistributedVirtualSwitch), nil)
	}
	for _, h := range allHosts() {
		finishHost(h)
		for _, e := range simulator.Map.All("VmwareDistributedVirtualSwitch") {
			joinDVS(e.(*simulator.DistributedVirtualSwitch), h, []string{"vmnic1"})
		}
	}
	nameMachines()
	return nil
}

// finishHost makes a new host, a copy of the simulator's template, a host of its own: MAC addresses, networks.
func finishHost(h *simulator.HostSystem) {
	n := atomic.AddInt64(&hostNumber, 1)
	net := h.Config.Network
	for i := range net.Pnic {
		net.Pnic[i].Mac = pnicMAC(n, i)
		net.Pnic[i].FcoeConfiguration = nil
	}
	for i := range net.Vnic {
		net.Vnic[i].Spec.Mac = fmt.Sprintf("00:50:56:6%x:%02x:%02x", n>>16&0xf, n>>8&0xff, n&0xff)
		for j := range net.Portgroup {
			for k := range net.Portgroup[j].Port {
				net.Portgroup[j].Port[k].Mac = []string{net.Vnic[i].Spec.Mac}
			}
		}
	}
	ns := networkSystem(h)
	ns.NetworkInfo = net // one truth: both properties show the same
	h.Network = append([]types.ManagedObjectReference(nil), h.Network...)
	syncHostNetworks(h)
	publishNetwork(h)
	update(h, set("config.network.pnic", net.Pnic), set("config.network.vnic", net.Vnic),
		set("runtime.connectionState", h.Runtime.ConnectionState))
}

func pnicMAC(host int64, nic int) string {
	return fmt.Sprintf("b4:96:91:%02x:%02x:%02x", host>>8&0xff, host&0xff, nic)
}

// addHost lets the simulator add a host to a cluster or to a folder, then finishes it.
func (l *lab) addHost(c *call) soap.HasFault {
	res := c.next()
	var ref types.ManagedObjectReference
	connected := false
	switch r := res.(type) {
	case *methods.AddHost_TaskBody:
		if r.Res == nil {
			return res
		}
		ref, connected = r.Res.Returnval, c.body.(*types.AddHost_Task).AsConnected
	case *methods.AddStandaloneHost_TaskBody:
		if r.Res == nil {
			return res
		}
		ref, connected = r.Res.Returnval, c.body.(*types.AddStandaloneHost_Task).AddConnected
	}
	t, ok := simulator.Map.Get(ref).(*simulator.Task)
	if !ok || t.Info.Error != nil {
		return res
	}
	h := findHost(t.Info.Result.(types.ManagedObjectReference))
	if connected {
		h.Runtime.ConnectionState = types.HostSystemConnectionStateConnected
	}
	if l.service != nil { // else the model is being made, and finishModel comes later
		finishHost(h)
		reappear(h)
		c.ctx.PostEvent(&types.HostAddedEvent{HostEvent: h.Event()})
	}
	return res
}

func (l *lab) disconnectHost(c *call) soap.HasFault {
	return l.connectHost(c, "disconnect", types.HostSystemConnectionStateDisconnected)
}

func (l *lab) reconnectHost(c *call) soap.HasFault {
	return l.connectHost(c, "reconnect", types.HostSystemConnectionStateConnected)
}

func (l *lab) connectHost(c *call, name string, state types.HostSystemConnectionState) soap.HasFault {
	h := findHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	task := runTask(h, name, func() types.BaseMethodFault {
		if h.Runtime.ConnectionState == state {
			return &types.InvalidState{}
		}
		setConnection(h, state)
		if state == types.HostSystemConnectionStateConnected {
			c.ctx.PostEvent(&types.HostConnectedEvent{HostEvent: h.Event()})
		} else {
			c.ctx.PostEvent(&types.HostDisconnectedEvent{HostEvent: h.Event()})
		}
		return nil
	})
	if name == "disconnect" {
		return &methods.DisconnectHost_TaskBody{Res: &types.DisconnectHost_TaskResponse{Returnval: task}}
	}
	return &methods.ReconnectHost_TaskBody{Res: &types.ReconnectHost_TaskResponse{Returnval: task}}
}

// setConnection changes what vCenter knows of the link to a host, and with it of the host's machines.
func setConnection(h *simulator.HostSystem, state types.HostSystemConnectionState) {
	update(h, set("runtime.connectionState", state), set("summary.runtime.connectionState", state))
	machines := types.VirtualMachineConnectionStateConnected
	if state != types.HostSystemConnectionStateConnected {
		machines = types.VirtualMachineConnectionStateDisconnected
	}
	for _, ref := range h.Vm {
		if vm, ok := simulator.Map.Get(ref).(*simulator.VirtualMachine); ok {
			update(vm, set("runtime.connectionState", machines), set("summary.runtime.connectionState", machines))
		}
	}
}

// reappear lets container views find a new host: the simulator announces it before it hangs in the tree.
func reappear(h *simulator.HostSystem) {
	if parent := simulator.HostParent(&h.HostSystem); parent.Self.Type == "ComputeResource" && parent.ResourcePool != nil {
		simulator.Map.Put(simulator.Map.Get(*parent.ResourcePool))
	}
	simulator.Map.Put(h)
}
