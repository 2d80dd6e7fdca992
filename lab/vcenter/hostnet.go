package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	keyPnic      = "key-vim.host.PhysicalNic-"
	keyVswitch   = "key-vim.host.VirtualSwitch-"
	keyPortgroup = "key-vim.host.PortGroup-"
	maxVlan      = 4095
)

// netHost is the host whose switches a HostNetworkSystem manages, and its network configuration.
func netHost(ns types.ManagedObjectReference) (*simulator.HostSystem, *types.HostNetworkInfo) {
	n, ok := simulator.Map.Get(ns).(*simulator.HostNetworkSystem)
	if !ok {
		return nil, nil
	}
	h := findHost(n.Host.Self)
	if h == nil {
		return nil, nil
	}
	return h, h.Config.Network
}

// publishNetwork tells the watchers of a host's switches, under both properties that show them. Lists are never changed
// in place, since a reply that is being written may still read them.
func publishNetwork(h *simulator.HostSystem) {
	n := h.Config.Network
	update(h, set("config.network.vswitch", n.Vswitch), set("config.network.portgroup", n.Portgroup),
		set("config.network.proxySwitch", n.ProxySwitch))
	update(networkSystem(h), set("networkInfo.vswitch", n.Vswitch), set("networkInfo.portgroup", n.Portgroup),
		set("networkInfo.proxySwitch", n.ProxySwitch))
}

func findVswitch(n *types.HostNetworkInfo, name string) int {
	for i := range n.Vswitch {
		if n.Vswitch[i].Name == name {
			return i
		}
	}
	return -1
}

func findPortgroup(n *types.HostNetworkInfo, name string) int {
	for i := range n.Portgroup {
		if n.Portgroup[i].Spec.Name == name {
			return i
		}
	}
	return -1
}

// bridgeDevices are the uplinks of a standard switch.
func bridgeDevices(b types.BaseHostVirtualSwitchBridge) []string {
	switch x := b.(type) {
	case *types.HostVirtualSwitchBondBridge:
		return x.NicDevice
	case *types.HostVirtualSwitchSimpleBridge:
		return []string{x.NicDevice}
	}
	return nil
}

// effective computes a port group's teaming: its own, where it has one, over the switch's, over all uplinks active.
func effective(s types.HostVirtualSwitchSpec, own types.HostNetworkPolicy) types.HostNetworkPolicy {
	p := types.HostNetworkPolicy{NicTeaming: &types.HostNicTeamingPolicy{
		Policy: "loadbalance_srcid", NotifySwitches: types.NewBool(true), RollingOrder: types.NewBool(false),
		NicOrder: &types.HostNicOrderPolicy{ActiveNic: bridgeDevices(s.Bridge)}}}
	layers := []*types.HostNicTeamingPolicy{own.NicTeaming}
	if s.Policy != nil {
		p.Security, p.OffloadPolicy, p.ShapingPolicy = s.Policy.Security, s.Policy.OffloadPolicy, s.Policy.ShapingPolicy
		layers = []*types.HostNicTeamingPolicy{s.Policy.NicTeaming, own.NicTeaming}
	}
	for _, t := range layers {
		if t == nil {
			continue
		}
		if t.Policy != "" {
			p.NicTeaming.Policy = t.Policy
		}
		if t.NicOrder != nil {
			p.NicTeaming.NicOrder = t.NicOrder
		}
	}
	return p
}

func newVswitch(name string, spec types.HostVirtualSwitchSpec) types.HostVirtualSwitch {
	return types.HostVirtualSwitch{Name: name, NumPorts: 1536, NumPortsAvailable: 1530, Mtu: 1500, Spec: spec}
}

// setVswitch replaces or appends a switch; setPortgroup and dropPortgroup work likewise.
func setVswitch(n *types.HostNetworkInfo, i int, s types.HostVirtualSwitch) {
	n.Vswitch = append([]types.HostVirtualSwitch(nil), n.Vswitch...)
	if i < 0 {
		n.Vswitch = append(n.Vswitch, s)
	} else {
		n.Vswitch[i] = s
	}
}

func setPortgroup(n *types.HostNetworkInfo, i int, p types.HostPortGroup) {
	n.Portgroup = append([]types.HostPortGroup(nil), n.Portgroup...)
	if i < 0 {
		n.Portgroup = append(n.Portgroup, p)
	} else {
		n.Portgroup[i] = p
	}
}

func dropPortgroup(n *types.HostNetworkInfo, i int) {
	n.Portgroup = append(append([]types.HostPortGroup(nil), n.Portgroup[:i]...), n.Portgroup[i+1:]...)
}

// relist recomputes what follows from the specifications: keys, members, effective teaming.
func relist(n *types.HostNetworkInfo) {
	for i := range n.Vswitch {
		s := n.Vswitch[i]
		s.Key, s.Pnic, s.Portgroup = keyVswitch+s.Name, nil, nil
		for _, d := range bridgeDevices(s.Spec.Bridge) {
			s.Pnic = append(s.Pnic, keyPnic+d)
		}
		for j := range n.Portgroup {
			p := n.Portgroup[j]
			if p.Spec.VswitchName == s.Name {
				p.Key, p.Vswitch = keyPortgroup+p.Spec.Name, s.Key
				p.ComputedPolicy = effective(s.Spec, p.Spec.Policy)
				s.Portgroup = append(s.Portgroup, p.Key)
				setPortgroup(n, j, p)
			}
		}
		setVswitch(n, i, s)
	}
}

// settle ends a change of a host's switches.
func settle(h *simulator.HostSystem) {
	relist(h.Config.Network)
	syncHostNetworks(h)
	publishNetwork(h)
}

// checkPortgroup refuses what a real host refuses.
func checkPortgroup(n *types.HostNetworkInfo, p types.HostPortGroupSpec) types.BaseMethodFault {
	switch {
	case p.Name == "":
		return &types.InvalidArgument{InvalidProperty: "portgrp.name"}
	case p.VlanId < 0 || p.VlanId > maxVlan:
		return &types.InvalidArgument{InvalidProperty: "portgrp.vlanId"}
	case findVswitch(n, p.VswitchName) < 0:
		return &types.NotFound{}
	}
	return nil
}

func (l *lab) addPortGroup(c *call) soap.HasFault {
	h, n := netHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	spec := c.body.(*types.AddPortGroup).Portgrp
	if f := checkPortgroup(n, spec); f != nil {
		return fault("", f)
	}
	if findPortgroup(n, spec.Name) >= 0 {
		return fault("", &types.AlreadyExists{Name: spec.Name})
	}
	setPortgroup(n, -1, types.HostPortGroup{Spec: spec})
	settle(h)
	return &methods.AddPortGroupBody{Res: &types.AddPortGroupResponse{}}
}

func (l *lab) updatePortGroup(c *call) soap.HasFault {
	h, n := netHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	r := c.body.(*types.UpdatePortGroup)
	i := findPortgroup(n, r.PgName)
	if i < 0 {
		return fault("", &types.NotFound{})
	}
	if f := checkPortgroup(n, r.Portgrp); f != nil {
		return fault("", f)
	}
	if r.Portgrp.Name != r.PgName && findPortgroup(n, r.Portgrp.Name) >= 0 {
		return fault("", &types.AlreadyExists{Name: r.Portgrp.Name})
	}
	p := n.Portgroup[i]
	p.Spec = r.Portgrp
	setPortgroup(n, i, p)
	settle(h)
	return &methods.UpdatePortGroupBody{Res: &types.UpdatePortGroupResponse{}}
}

func (l *lab) removePortGroup(c *call) soap.HasFault {
	h, n := netHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	name := c.body.(*types.RemovePortGroup).PgName
	i := findPortgroup(n, name)
	if i < 0 {
		return fault("", &types.NotFound{})
	}
	if portgroupInUse(h, name) {
		return fault("", &types.ResourceInUse{Type: "HostPortGroup", Name: name})
	}
	dropPortgroup(n, i)
	settle(h)
	return &methods.RemovePortGroupBody{Res: &types.RemovePortGroupResponse{}}
}

// portgroupInUse tells whether the host's own interfaces or a machine on it hang on a port group.
func portgroupInUse(h *simulator.HostSystem, name string) bool {
	for _, v := range h.Config.Network.Vnic {
		if v.Portgroup == name {
			return true
		}
	}
	for _, ref := range h.Vm {
		vm, ok := simulator.Map.Get(ref).(*simulator.VirtualMachine)
		if !ok {
			continue
		}
		for _, d := range vm.Config.Hardware.Device {
			b, ok := d.GetVirtualDevice().Backing.(*types.VirtualEthernetCardNetworkBackingInfo)
			if ok && b.DeviceName == name {
				return true
			}
		}
	}
	return false
}

// checkUplinks refuses NICs that the host does not have or that another switch holds.
func checkUplinks(n *types.HostNetworkInfo, vswitch string, devices []string) types.BaseMethodFault {
	for _, d := range devices {
		found := false
		for _, p := range n.Pnic {
			found = found || p.Device == d
		}
		if !found {
			return &types.NotFound{}
		}
		for _, s := range n.Vswitch {
			if s.Name != vswitch && contains(s.Pnic, keyPnic+d) {
				return &types.ResourceInUse{Type: "PhysicalNic", Name: d}
			}
		}
		for _, s := range n.ProxySwitch {
			if contains(s.Pnic, keyPnic+d) {
				return &types.ResourceInUse{Type: "PhysicalNic", Name: d}
			}
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// listenDefault gives a switch with uplinks what a real host gives it: it listens to CDP.
func listenDefault(spec *types.HostVirtualSwitchSpec) {
	if b, ok := spec.Bridge.(*types.HostVirtualSwitchBondBridge); ok && b.LinkDiscoveryProtocolConfig == nil {
		own := *b
		own.LinkDiscoveryProtocolConfig = &types.LinkDiscoveryProtocolConfig{Protocol: "cdp", Operation: "listen"}
		spec.Bridge = &own
	}
}

func (l *lab) addVirtualSwitch(c *call) soap.HasFault {
	h, n := netHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	r := c.body.(*types.AddVirtualSwitch)
	if findVswitch(n, r.VswitchName) >= 0 {
		return fault("", &types.AlreadyExists{Name: r.VswitchName})
	}
	spec := types.HostVirtualSwitchSpec{NumPorts: 128}
	if r.Spec != nil {
		spec = *r.Spec
	}
	if f := checkUplinks(n, r.VswitchName, bridgeDevices(spec.Bridge)); f != nil {
		return fault("", f)
	}
	listenDefault(&spec)
	setVswitch(n, -1, newVswitch(r.VswitchName, spec))
	settle(h)
	return &methods.AddVirtualSwitchBody{Res: &types.AddVirtualSwitchResponse{}}
}

func (l *lab) updateVirtualSwitch(c *call) soap.HasFault {
	h, n := netHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	r := c.body.(*types.UpdateVirtualSwitch)
	i := findVswitch(n, r.VswitchName)
	if i < 0 {
		return fault("", &types.NotFound{})
	}
	if f := checkUplinks(n, r.VswitchName, bridgeDevices(r.Spec.Bridge)); f != nil {
		return fault("", f)
	}
	s := n.Vswitch[i]
	s.Spec = r.Spec
	listenDefault(&s.Spec)
	setVswitch(n, i, s)
	settle(h)
	return &methods.UpdateVirtualSwitchBody{Res: &types.UpdateVirtualSwitchResponse{}}
}

func (l *lab) removeVirtualSwitch(c *call) soap.HasFault {
	h, n := netHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	name := c.body.(*types.RemoveVirtualSwitch).VswitchName
	i := findVswitch(n, name)
	if i < 0 {
		return fault("", &types.NotFound{})
	}
	for _, p := range n.Portgroup {
		if p.Spec.VswitchName == name && portgroupInUse(h, p.Spec.Name) {
			return fault("", &types.ResourceInUse{Type: "HostPortGroup", Name: p.Spec.Name})
		}
	}
	for j := len(n.Portgroup) - 1; j >= 0; j-- {
		if n.Portgroup[j].Spec.VswitchName == name {
			dropPortgroup(n, j)
		}
	}
	n.Vswitch = append(append([]types.HostVirtualSwitch(nil), n.Vswitch[:i]...), n.Vswitch[i+1:]...)
	settle(h)
	return &methods.RemoveVirtualSwitchBody{Res: &types.RemoveVirtualSwitchResponse{}}
}
