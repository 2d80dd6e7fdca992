package main

import (
	"strconv"
	"sync/atomic"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// Hosts as members of distributed switches: what HostSystem.config.network.proxySwitch shows.

var idNumber int64

// nextID numbers what needs a number that is not used twice.
func nextID() int { return int(atomic.AddInt64(&idNumber, 1)) }

// changeMembers adds, removes and edits member hosts. It checks all before it changes anything.
func changeMembers(s *simulator.DistributedVirtualSwitch,
	list []types.DistributedVirtualSwitchHostMemberConfigSpec) types.BaseMethodFault {
	for _, m := range list {
		if f := checkMember(s, m); f != nil {
			return f
		}
	}
	for _, m := range list {
		h := findHost(m.Host)
		switch types.ConfigSpecOperation(m.Operation) {
		case types.ConfigSpecOperationAdd, types.ConfigSpecOperationEdit:
			joinMember(s, h, memberPnics(m.Backing))
		case types.ConfigSpecOperationRemove:
			leaveDVS(s, h)
		}
	}
	return nil
}

func checkMember(s *simulator.DistributedVirtualSwitch,
	m types.DistributedVirtualSwitchHostMemberConfigSpec) types.BaseMethodFault {
	h := findHost(m.Host)
	if h == nil {
		return &types.ManagedObjectNotFound{Obj: m.Host}
	}
	member := hasRef(s.Summary.HostMember, m.Host)
	switch types.ConfigSpecOperation(m.Operation) {
	case types.ConfigSpecOperationAdd:
		if member {
			return &types.AlreadyExists{Name: h.Name}
		}
	case types.ConfigSpecOperationEdit:
		if !member {
			return &types.NotFound{}
		}
	case types.ConfigSpecOperationRemove:
		if !member {
			return &types.NotFound{}
		}
		return dvsInUse(s, h)
	}
	var devices []string
	for _, p := range memberPnics(m.Backing) {
		held := false
		for _, x := range h.Config.Network.ProxySwitch {
			held = held || x.DvsUuid == s.Uuid && contains(x.Pnic, keyPnic+p.PnicDevice)
		}
		if !held {
			devices = append(devices, p.PnicDevice)
		}
	}
	return checkUplinks(h.Config.Network, "", devices)
}

// dvsInUse is the fault that keeps a host in the switch: a machine or an interface of the host hangs on it.
func dvsInUse(s *simulator.DistributedVirtualSwitch, h *simulator.HostSystem) types.BaseMethodFault {
	for _, ref := range h.Vm {
		vm, ok := simulator.Map.Get(ref).(*simulator.VirtualMachine)
		if !ok {
			continue
		}
		for _, net := range vm.Network {
			if hasRef(s.Portgroup, net) {
				return &types.ResourceInUse{Type: net.Type, Name: net.Value}
			}
		}
	}
	for _, v := range h.Config.Network.Vnic {
		if p := v.Spec.DistributedVirtualPort; p != nil && p.SwitchUuid == s.Uuid {
			return &types.ResourceInUse{Type: "HostVirtualNic", Name: v.Device}
		}
	}
	return nil
}

// pnicSpec is which NIC of a host sits on which uplink port.
type pnicSpec = types.DistributedVirtualSwitchHostMemberPnicSpec

func memberPnics(b types.BaseDistributedVirtualSwitchHostMemberBacking) []pnicSpec {
	if p, ok := b.(*types.DistributedVirtualSwitchHostMemberPnicBacking); ok {
		return p.PnicSpec
	}
	return nil
}

// joinDVS joins a host, or a member anew, with these NICs on the first free uplinks.
func joinDVS(s *simulator.DistributedVirtualSwitch, h *simulator.HostSystem, devices []string) {
	var specs []pnicSpec
	for _, d := range devices {
		specs = append(specs, pnicSpec{PnicDevice: d})
	}
	joinMember(s, h, specs)
}

func joinMember(s *simulator.DistributedVirtualSwitch, h *simulator.HostSystem,
	pnics []pnicSpec) {
	if !hasRef(s.Summary.HostMember, h.Self) {
		update(s, set("summary.hostMember", withRef(s.Summary.HostMember, h.Self)))
	}
	list := h.Network
	for _, ref := range s.Portgroup {
		pg := findDVPortgroup(ref)
		addRef(pg, "host", pg.Host, h.Self)
		if !hasRef(list, ref) {
			list = withRef(list, ref)
		}
	}
	if len(list) != len(h.Network) {
		setHostNetworks(h, list)
	}
	setProxy(s, h, pnics)
	publishNetwork(h)
	publishMembers(s, h, false)
}

// leaveDVS takes a host out of the switch.
func leaveDVS(s *simulator.DistributedVirtualSwitch, h *simulator.HostSystem) {
	update(s, set("summary.hostMember", withoutRef(s.Summary.HostMember, h.Self)))
	list := h.Network
	for _, ref := range s.Portgroup {
		pg := findDVPortgroup(ref)
		dropRef(pg, "host", pg.Host, h.Self)
		list = withoutRef(list, ref)
	}
	setHostNetworks(h, list)
	n := h.Config.Network
	var rest []types.HostProxySwitch
	for _, p := range n.ProxySwitch {
		if p.DvsUuid != s.Uuid {
			rest = append(rest, p)
		}
	}
	n.ProxySwitch = rest
	publishNetwork(h)
	publishMembers(s, h, true)
}

// publishMembers keeps the switch's own list of member hosts. A new one is only appended: readers of the old list do not
// see it, and the making of 1,000 members does not cost their square.
func publishMembers(s *simulator.DistributedVirtualSwitch, h *simulator.HostSystem, gone bool) {
	c := dvsConfig(s)
	at := -1
	for i, m := range c.Host {
		if m.Config.Host != nil && *m.Config.Host == h.Self {
			at = i
		}
	}
	if at >= 0 {
		c.Host = append(append([]types.DistributedVirtualSwitchHostMember(nil), c.Host[:at]...), c.Host[at+1:]...)
	}
	if !gone {
		m := types.DistributedVirtualSwitchHostMember{Status: "up"}
		m.Config.Host = &h.Self
		m.Config.Backing = proxyOf(s, h).Spec.Backing
		c.Host = append(c.Host, m)
	}
	s.Config = &c
	update(s, set("config.host", c.Host))
}

func proxyOf(s *simulator.DistributedVirtualSwitch, h *simulator.HostSystem) types.HostProxySwitch {
	for _, p := range h.Config.Network.ProxySwitch {
		if p.DvsUuid == s.Uuid {
			return p
		}
	}
	return types.HostProxySwitch{}
}

// setProxy computes a member's proxy switch: its uplink ports, one per uplink name and one per port of each LAG, and
// which NIC sits on which.
func setProxy(s *simulator.DistributedVirtualSwitch, h *simulator.HostSystem,
	pnics []pnicSpec) {
	old := proxyOf(s, h)
	c := dvsConfig(s)
	p := types.HostProxySwitch{DvsUuid: s.Uuid, DvsName: s.Name, Key: old.Key, NumPorts: 512, NumPortsAvailable: 500,
		Mtu: c.MaxMtu}
	if p.Key == "" {
		p.Key = "DvsPortset-" + strconv.Itoa(len(h.Config.Network.ProxySwitch))
	}
	p.UplinkPort = portKeys(uplinkNames(s), old.UplinkPort)
	for _, lag := range c.LacpGroupConfig {
		hl := types.HostProxySwitchHostLagConfig{LagKey: lag.Key, LagName: lag.Name}
		var before []types.KeyValue
		for _, o := range old.HostLag {
			if o.LagKey == lag.Key {
				before = o.UplinkPort
			}
		}
		hl.UplinkPort = portKeys(lag.UplinkName, before)
		p.HostLag = append(p.HostLag, hl)
	}

	group := ""
	if len(c.UplinkPortgroup) > 0 {
		group = c.UplinkPortgroup[0].Value
	}
	backing := &types.DistributedVirtualSwitchHostMemberPnicBacking{}
	for _, nic := range placePnics(pnics, p) {
		nic.UplinkPortgroupKey = group
		backing.PnicSpec = append(backing.PnicSpec, nic)
		p.Pnic = append(p.Pnic, keyPnic+nic.PnicDevice)
	}
	p.Spec.Backing = backing

	n := h.Config.Network
	list := append([]types.HostProxySwitch(nil), n.ProxySwitch...)
	for i := range list {
		if list[i].DvsUuid == s.Uuid {
			list[i] = p
			n.ProxySwitch = list
			return
		}
	}
	n.ProxySwitch = append(list, p)
}

// portKeys numbers ports by name, keeping the keys that names already have.
func portKeys(names []string, before []types.KeyValue) []types.KeyValue {
	var out []types.KeyValue
	for _, name := range names {
		key := ""
		for _, b := range before {
			if b.Value == name {
				key = b.Key
			}
		}
		if key == "" {
			key = strconv.Itoa(nextID())
		}
		out = append(out, types.KeyValue{Key: key, Value: name})
	}
	return out
}

// placePnics gives NICs that ask for no port, or for one by its name, a port. The name may be an uplink's, a LAG's or
// that of one port of a LAG.
func placePnics(pnics []pnicSpec,
	p types.HostProxySwitch) []pnicSpec {
	out := append([]pnicSpec(nil), pnics...)
	used := map[string]bool{}
	for i := range out {
		used[out[i].UplinkPortKey] = true
	}
	free := func(ports []types.KeyValue, name string) string {
		for _, port := range ports {
			if !used[port.Key] && (name == "" || port.Value == name) {
				used[port.Key] = true
				return port.Key
			}
		}
		return ""
	}
	for i := range out {
		want := out[i].UplinkPortKey
		if _, err := strconv.Atoi(want); want != "" && err == nil {
			continue
		}
		key := free(p.UplinkPort, want)
		for _, lag := range p.HostLag {
			if key == "" && want != "" {
				name := want
				if lag.LagName == want {
					name = ""
				}
				key = free(lag.UplinkPort, name)
			}
		}
		out[i].UplinkPortKey = key
	}
	return out
}

// refreshProxies recomputes all members' proxy switches after the switch's uplinks, LAGs or name changed.
func refreshProxies(s *simulator.DistributedVirtualSwitch) {
	for _, ref := range s.Summary.HostMember {
		if h := findHost(ref); h != nil {
			setProxy(s, h, memberPnics(proxyOf(s, h).Spec.Backing))
			publishNetwork(h)
		}
	}
}
