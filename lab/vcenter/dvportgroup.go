package main

import (
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func dvportgroupEvent(pg *simulator.DistributedVirtualPortgroup) types.DVPortgroupEvent {
	return types.DVPortgroupEvent{Event: types.Event{Net: &types.NetworkEventArgument{
		EntityEventArgument: types.EntityEventArgument{Name: pg.Name}, Network: pg.Self}}}
}

// finishDVPortgroup fills in what a new port group inherits: the switch's VLAN and teaming.
func finishDVPortgroup(s *simulator.DistributedVirtualSwitch, pg *simulator.DistributedVirtualPortgroup) {
	base := &types.VMwareDVSPortSetting{
		Vlan:                &types.VmwareDistributedVirtualSwitchVlanIdSpec{},
		UplinkTeamingPolicy: defaultTeaming(uplinkNames(s)),
	}
	c := pg.Config
	c.DefaultPortConfig = mergeSetting(base, c.DefaultPortConfig)
	if t := c.DefaultPortConfig.(*types.VMwareDVSPortSetting).UplinkTeamingPolicy; t != nil && t.UplinkPortOrder == nil {
		own := *t
		own.UplinkPortOrder = &types.VMwareUplinkPortOrderPolicy{ActiveUplinkPort: uplinkNames(s)}
		c.DefaultPortConfig.(*types.VMwareDVSPortSetting).UplinkTeamingPolicy = &own
	}
	c.ConfigVersion = "1"
	if c.Type == "" {
		c.Type = string(types.DistributedVirtualPortgroupPortgroupTypeEarlyBinding)
	}
	update(pg, set("config", c))
}

// mergeSetting lays the parts that 'over' has over 'base'.
func mergeSetting(base, over types.BaseDVPortSetting) types.BaseDVPortSetting {
	o, ok := over.(*types.VMwareDVSPortSetting)
	b, is := base.(*types.VMwareDVSPortSetting)
	if !is || b == nil {
		return over
	}
	if !ok || o == nil {
		return base
	}
	m := *b
	if o.Vlan != nil {
		m.Vlan = o.Vlan
	}
	if o.UplinkTeamingPolicy != nil {
		m.UplinkTeamingPolicy = o.UplinkTeamingPolicy
	}
	if o.LacpPolicy != nil {
		m.LacpPolicy = o.LacpPolicy
	}
	if o.SecurityPolicy != nil {
		m.SecurityPolicy = o.SecurityPolicy
	}
	return &m
}

func (l *lab) addDVPortgroup(c *call) soap.HasFault {
	s := findDVS(c.this)
	if s == nil {
		return notFound(c.this)
	}
	had := len(s.Portgroup)
	res := c.next()
	if l.service != nil {
		l.welcomePortgroups(c, s, s.Portgroup[had:])
	}
	return res
}

// createDVPortgroup is the form since 5.1: one port group, and the task names it.
func (l *lab) createDVPortgroup(c *call) soap.HasFault {
	s := findDVS(c.this)
	if s == nil {
		return notFound(c.this)
	}
	had := len(s.Portgroup)
	spec := c.body.(*types.CreateDVPortgroup_Task).Spec
	res := s.AddDVPortgroupTask(c.ctx, &types.AddDVPortgroup_Task{This: s.Self, Spec: []types.DVPortgroupConfigSpec{spec}})
	body, ok := res.(*methods.AddDVPortgroup_TaskBody)
	if !ok || body.Res == nil {
		return res
	}
	added := s.Portgroup[had:]
	l.welcomePortgroups(c, s, added)
	if len(added) == 1 {
		update(simulator.Map.Get(body.Res.Returnval), set("info.result", added[0]))
	}
	return &methods.CreateDVPortgroup_TaskBody{
		Res: &types.CreateDVPortgroup_TaskResponse{Returnval: body.Res.Returnval}}
}

// welcomePortgroups finishes new port groups and tells of them: theirs, and the member hosts' lists of networks.
func (l *lab) welcomePortgroups(c *call, s *simulator.DistributedVirtualSwitch, added []types.ManagedObjectReference) {
	for _, ref := range append([]types.ManagedObjectReference(nil), added...) {
		pg := findDVPortgroup(ref)
		finishDVPortgroup(s, pg)
		update(pg, set("name", pg.Name), set("host", pg.Host), set("key", pg.Key))
		for _, m := range s.Summary.HostMember {
			if h := findHost(m); h != nil {
				update(h, set("network", append([]types.ManagedObjectReference(nil), h.Network...)))
			}
		}
		c.ctx.PostEvent(&types.DVPortgroupCreatedEvent{DVPortgroupEvent: dvportgroupEvent(pg)})
	}
}

// reconfigureDVPortgroup replaces the simulator's, which tells nobody and blanks what the caller left out.
func (l *lab) reconfigureDVPortgroup(c *call) soap.HasFault {
	pg := findDVPortgroup(c.this)
	if pg == nil {
		return notFound(c.this)
	}
	spec := c.body.(*types.ReconfigureDVPortgroup_Task).Spec
	task := runTask(pg, "reconfigureDvPortgroup", func() types.BaseMethodFault {
		info := pg.Config
		if spec.ConfigVersion != "" && spec.ConfigVersion != info.ConfigVersion {
			return &types.ConcurrentAccess{}
		}
		info.DefaultPortConfig = mergeSetting(info.DefaultPortConfig, spec.DefaultPortConfig)
		if spec.Policy != nil {
			info.Policy = spec.Policy
		}
		if spec.NumPorts != 0 {
			info.NumPorts = spec.NumPorts
		}
		if spec.Type != "" {
			info.Type = spec.Type
		}
		if spec.Description != "" {
			info.Description = spec.Description
		}
		n, _ := strconv.Atoi(info.ConfigVersion)
		info.ConfigVersion = strconv.Itoa(n + 1)
		if spec.Name != "" && spec.Name != info.Name {
			info.Name = spec.Name
			pg.Entity().Name = spec.Name
			update(pg, set("name", spec.Name))
		}
		update(pg, set("config", info))
		c.ctx.PostEvent(&types.DVPortgroupReconfiguredEvent{DVPortgroupEvent: dvportgroupEvent(pg), ConfigSpec: spec})
		return nil
	})
	return &methods.ReconfigureDVPortgroup_TaskBody{Res: &types.ReconfigureDVPortgroup_TaskResponse{Returnval: task}}
}

// destroyDVPortgroup takes it off the hosts too.
func (l *lab) destroyDVPortgroup(c *call, pg *simulator.DistributedVirtualPortgroup) soap.HasFault {
	if f := portgroupHeld(pg); f != nil {
		return failedDestroy(pg, f)
	}
	hosts, event := pg.Host, dvportgroupEvent(pg)
	s := findDVS(*pg.Config.DistributedVirtualSwitch)
	s.Portgroup = append([]types.ManagedObjectReference(nil), s.Portgroup...) // the simulator takes it out in place
	s.Summary.PortgroupName = append([]string(nil), s.Summary.PortgroupName...)
	res := c.next()
	update(s, set("portgroup", s.Portgroup), set("summary.portgroupName", s.Summary.PortgroupName))
	for _, ref := range hosts {
		if h := findHost(ref); h != nil && hasRef(h.Network, pg.Self) {
			setHostNetworks(h, withoutRef(h.Network, pg.Self))
		}
	}
	c.ctx.PostEvent(&types.DVPortgroupDestroyedEvent{DVPortgroupEvent: event})
	return res
}

// portgroupHeld is the fault that keeps a port group: it is the uplink group, or something hangs on it.
func portgroupHeld(pg *simulator.DistributedVirtualPortgroup) types.BaseMethodFault {
	if pg.Config.Uplink != nil && *pg.Config.Uplink {
		return &types.InvalidArgument{InvalidProperty: "uplink port group"}
	}
	if len(pg.Vm) > 0 {
		return &types.ResourceInUse{Type: pg.Self.Type, Name: pg.Name}
	}
	for _, ref := range pg.Host {
		h := findHost(ref)
		if h == nil {
			continue
		}
		for _, v := range h.Config.Network.Vnic {
			if p := v.Spec.DistributedVirtualPort; p != nil && p.PortgroupKey == pg.Key {
				return &types.ResourceInUse{Type: pg.Self.Type, Name: pg.Name}
			}
		}
	}
	return nil
}
