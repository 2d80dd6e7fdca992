package main

import (
	"fmt"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// hint is what a host's NIC hears from the switch that it is wired to. Nothing is heard until the control address says
// so: the lab tells here what the lldpd of that host really heard.
type hint struct {
	CDP  *cdpHint  `json:"cdp,omitempty"`
	LLDP *lldpHint `json:"lldp,omitempty"`
}

type cdpHint struct {
	DevID            string `json:"devId"`
	PortID           string `json:"portId"`
	Address          string `json:"address,omitempty"`
	HardwarePlatform string `json:"hardwarePlatform,omitempty"`
	SoftwareVersion  string `json:"softwareVersion,omitempty"`
	SystemName       string `json:"systemName,omitempty"`
	MgmtAddr         string `json:"mgmtAddr,omitempty"`
	Vlan             int32  `json:"vlan,omitempty"`
	Mtu              int32  `json:"mtu,omitempty"`
	TTL              int32  `json:"ttl,omitempty"`
}

type lldpHint struct {
	ChassisID       string            `json:"chassisId"`
	PortID          string            `json:"portId"`
	SystemName      string            `json:"systemName,omitempty"`
	PortDescription string            `json:"portDescription,omitempty"`
	TTL             int32             `json:"ttl,omitempty"`
	Parameters      map[string]string `json:"parameters,omitempty"`
}

// hints are by host and device.
type hints struct {
	mu sync.Mutex
	by map[types.ManagedObjectReference]map[string]hint
}

func (s *hints) init() { s.by = map[types.ManagedObjectReference]map[string]hint{} }

func (s *hints) set(host types.ManagedObjectReference, device string, h hint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[host] == nil {
		s.by[host] = map[string]hint{}
	}
	s.by[host][device] = h
}

func (s *hints) get(host types.ManagedObjectReference, device string) hint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[host][device]
}

// listens tells which discovery protocol the virtual switch of a NIC listens to: "cdp", "lldp" or "".
func listens(n *types.HostNetworkInfo, device string) string {
	heard := func(c *types.LinkDiscoveryProtocolConfig) string {
		if c != nil && (c.Operation == "listen" || c.Operation == "both") {
			return c.Protocol
		}
		return ""
	}
	for _, s := range n.Vswitch {
		if b, ok := s.Spec.Bridge.(*types.HostVirtualSwitchBondBridge); ok && contains(b.NicDevice, device) {
			return heard(b.LinkDiscoveryProtocolConfig)
		}
	}
	for _, p := range n.ProxySwitch {
		if !contains(p.Pnic, keyPnic+device) {
			continue
		}
		for _, e := range simulator.Map.All("VmwareDistributedVirtualSwitch") {
			if s := e.(*simulator.DistributedVirtualSwitch); s.Uuid == p.DvsUuid {
				return heard(dvsConfig(s).LinkDiscoveryProtocolConfig)
			}
		}
	}
	return ""
}

// queryNetworkHint answers for the named devices, or for all. LLDP came with 5.0.
func (l *lab) queryNetworkHint(c *call) soap.HasFault {
	h, n := netHost(c.this)
	if h == nil {
		return notFound(c.this)
	}
	if h.Runtime.ConnectionState != types.HostSystemConnectionStateConnected {
		return fault(fmt.Sprintf("host %s is not connected", h.Name), &types.HostNotConnected{})
	}
	devices := c.body.(*types.QueryNetworkHint).Device
	res := &types.QueryNetworkHintResponse{}
	for _, p := range n.Pnic {
		if len(devices) > 0 && !contains(devices, p.Device) {
			continue
		}
		info := types.PhysicalNicHintInfo{Device: p.Device}
		heard, protocol := l.hints.get(h.Self, p.Device), listens(n, p.Device)
		if heard.CDP != nil && protocol == "cdp" {
			info.ConnectedSwitchPort = heard.CDP.info()
		}
		if heard.LLDP != nil && protocol == "lldp" && !l.versionOf(c.ctx).before("5.0") {
			info.LldpInfo = heard.LLDP.info()
		}
		res.Returnval = append(res.Returnval, info)
	}
	return &methods.QueryNetworkHintBody{Res: res}
}

func (c *cdpHint) info() *types.PhysicalNicCdpInfo {
	i := &types.PhysicalNicCdpInfo{Timeout: 60, Ttl: c.TTL, Samples: 9, DevId: c.DevID, Address: c.Address,
		PortId: c.PortID, SoftwareVersion: c.SoftwareVersion, HardwarePlatform: c.HardwarePlatform, Vlan: c.Vlan,
		FullDuplex: types.NewBool(true), Mtu: c.Mtu, SystemName: c.SystemName, MgmtAddr: c.MgmtAddr}
	if i.Ttl == 0 {
		i.Ttl = 120
	}
	return i
}

func (l *lldpHint) info() *types.LinkLayerDiscoveryProtocolInfo {
	i := &types.LinkLayerDiscoveryProtocolInfo{ChassisId: l.ChassisID, PortId: l.PortID, TimeToLive: l.TTL}
	if i.TimeToLive == 0 {
		i.TimeToLive = 120
	}
	add := func(key, value string) {
		if value != "" {
			i.Parameter = append(i.Parameter, types.KeyAnyValue{Key: key, Value: value})
		}
	}
	add("System Name", l.SystemName)
	add("Port Description", l.PortDescription)
	for k, v := range l.Parameters {
		add(k, v)
	}
	return i
}
