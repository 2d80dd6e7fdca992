package main

import (
	"fmt"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// defaultUplinks is what a switch made without a word about uplinks gets.
var defaultUplinks = []string{"Uplink 1", "Uplink 2", "Uplink 3", "Uplink 4"}

func findDVS(ref types.ManagedObjectReference) *simulator.DistributedVirtualSwitch {
	s, _ := simulator.Map.Get(ref).(*simulator.DistributedVirtualSwitch)
	return s
}

func findDVPortgroup(ref types.ManagedObjectReference) *simulator.DistributedVirtualPortgroup {
	p, _ := simulator.Map.Get(ref).(*simulator.DistributedVirtualPortgroup)
	return p
}

// dvsConfig is a copy of a switch's configuration; setDVSConfig makes a changed copy the new one.
func dvsConfig(s *simulator.DistributedVirtualSwitch) types.VMwareDVSConfigInfo {
	if c, ok := s.Config.(*types.VMwareDVSConfigInfo); ok {
		return *c
	}
	return types.VMwareDVSConfigInfo{}
}

func setDVSConfig(s *simulator.DistributedVirtualSwitch, c types.VMwareDVSConfigInfo) {
	n, _ := strconv.Atoi(c.ConfigVersion)
	c.ConfigVersion = strconv.Itoa(n + 1)
	s.Config = &c
	update(s, set("config", &c))
}

// uplinkNames are the names of a switch's plain uplinks.
func uplinkNames(s *simulator.DistributedVirtualSwitch) []string {
	if p, ok := dvsConfig(s).UplinkPortPolicy.(*types.DVSNameArrayUplinkPortPolicy); ok {
		return p.UplinkPortName
	}
	return nil
}

// defaultTeaming uses all uplinks.
func defaultTeaming(uplinks []string) *types.VmwareUplinkPortTeamingPolicy {
	yes, no := types.NewBool(true), types.NewBool(false)
	return &types.VmwareUplinkPortTeamingPolicy{
		Policy:         &types.StringPolicy{Value: "loadbalance_srcid"},
		ReversePolicy:  &types.BoolPolicy{Value: yes},
		NotifySwitches: &types.BoolPolicy{Value: yes},
		RollingOrder:   &types.BoolPolicy{Value: no},
		UplinkPortOrder: &types.VMwareUplinkPortOrderPolicy{
			ActiveUplinkPort: uplinks,
		},
	}
}

// finishDVS makes of the simulator's bare switch a usual one: named uplinks, a marked uplink port group, defaults.
func finishDVS(s *simulator.DistributedVirtualSwitch, spec types.BaseDVSConfigSpec) {
	c := dvsConfig(s)
	if p, ok := c.UplinkPortPolicy.(*types.DVSNameArrayUplinkPortPolicy); !ok || len(p.UplinkPortName) == 0 {
		c.UplinkPortPolicy = &types.DVSNameArrayUplinkPortPolicy{UplinkPortName: defaultUplinks}
	}
	s.Config = &c
	names := uplinkNames(s)
	if c.DefaultPortConfig == nil {
		c.DefaultPortConfig = &types.VMwareDVSPortSetting{
			Vlan: &types.VmwareDistributedVirtualSwitchVlanIdSpec{}, UplinkTeamingPolicy: defaultTeaming(names)}
	}
	c.LacpApiVersion = "multipleLag"
	c.LinkDiscoveryProtocolConfig = &types.LinkDiscoveryProtocolConfig{Protocol: "cdp", Operation: "listen"}
	c.MaxMtu = 1500
	c.ProductInfo = types.DistributedVirtualSwitchProductSpec{Name: "DVS", Vendor: "VMware, Inc.", Version: "6.5.0"}

	for _, ref := range s.Portgroup {
		pg := findDVPortgroup(ref)
		finishDVPortgroup(s, pg)
		if len(c.UplinkPortgroup) == 0 { // the simulator makes it first
			c.UplinkPortgroup = []types.ManagedObjectReference{ref}
			pg.Tag = []types.Tag{{Key: "SYSTEM/DVS.UPLINKPG"}}
			pg.Config.Uplink = types.NewBool(true)
			update(pg, set("tag", pg.Tag), set("config", pg.Config))
		}
	}
	if v, ok := spec.(*types.VMwareDVSConfigSpec); ok {
		applyVMwareSpec(&c, v)
	}
	setDVSConfig(s, c)
}

// applyVMwareSpec applies what the simulator drops: private VLANs and link discovery.
func applyVMwareSpec(c *types.VMwareDVSConfigInfo, v *types.VMwareDVSConfigSpec) {
	for _, p := range v.PvlanConfigSpec {
		var rest []types.VMwareDVSPvlanMapEntry
		for _, e := range c.PvlanConfig {
			if e.PrimaryVlanId != p.PvlanEntry.PrimaryVlanId || e.SecondaryVlanId != p.PvlanEntry.SecondaryVlanId {
				rest = append(rest, e)
			}
		}
		if p.Operation != string(types.ConfigSpecOperationRemove) {
			rest = append(rest, p.PvlanEntry)
		}
		c.PvlanConfig = rest
	}
	if v.LinkDiscoveryProtocolConfig != nil {
		c.LinkDiscoveryProtocolConfig = v.LinkDiscoveryProtocolConfig
	}
	if v.MaxMtu != 0 {
		c.MaxMtu = v.MaxMtu
	}
	if v.LacpApiVersion != "" {
		c.LacpApiVersion = v.LacpApiVersion
	}
}

func (l *lab) createDVS(c *call) soap.HasFault {
	res := c.next()
	body, ok := res.(*methods.CreateDVS_TaskBody)
	if !ok || body.Res == nil {
		return res
	}
	t, ok := simulator.Map.Get(body.Res.Returnval).(*simulator.Task)
	if !ok || t.Info.Error != nil || l.service == nil {
		return res
	}
	spec := c.body.(*types.CreateDVS_Task).Spec.ConfigSpec
	s := findDVS(t.Info.Result.(types.ManagedObjectReference))
	finishDVS(s, spec)
	if f := changeMembers(s, spec.GetDVSConfigSpec().Host); f != nil {
		failTask(t, f)
	}
	c.ctx.PostEvent(&types.DvsCreatedEvent{DvsEvent: dvsEvent(s), Parent: types.FolderEventArgument{Folder: c.this}})
	return res
}

func failTask(t *simulator.Task, f types.BaseMethodFault) {
	update(t, set("info.state", types.TaskInfoStateError),
		set("info.error", types.LocalizedMethodFault{Fault: f, LocalizedMessage: fmt.Sprintf("%T", f)}))
}

func dvsEvent(s *simulator.DistributedVirtualSwitch) types.DvsEvent {
	return types.DvsEvent{Event: types.Event{Dvs: &types.DvsEventArgument{
		EntityEventArgument: types.EntityEventArgument{Name: s.Name}, Dvs: s.Self}}}
}

// reconfigureDVS replaces the simulator's, which knows of members only and cannot edit them.
func (l *lab) reconfigureDVS(c *call) soap.HasFault {
	s := findDVS(c.this)
	if s == nil {
		return notFound(c.this)
	}
	base := c.body.(*types.ReconfigureDvs_Task).Spec
	spec := base.GetDVSConfigSpec()
	task := runTask(s, "reconfigureDvs", func() types.BaseMethodFault {
		info := dvsConfig(s)
		if spec.ConfigVersion != "" && info.ConfigVersion != "" && spec.ConfigVersion != info.ConfigVersion {
			return &types.ConcurrentAccess{}
		}
		if f := changeMembers(s, spec.Host); f != nil {
			return f
		}
		info = dvsConfig(s)
		if v, ok := base.(*types.VMwareDVSConfigSpec); ok {
			applyVMwareSpec(&info, v)
		}
		if spec.UplinkPortPolicy != nil {
			info.UplinkPortPolicy = spec.UplinkPortPolicy
		}
		if spec.DefaultPortConfig != nil {
			info.DefaultPortConfig = mergeSetting(info.DefaultPortConfig, spec.DefaultPortConfig)
		}
		setDVSConfig(s, info)
		if spec.Name != "" {
			s.Entity().Name = spec.Name
			update(s, set("name", spec.Name), set("summary.name", spec.Name), set("config.name", spec.Name))
		}
		if spec.Name != "" || spec.UplinkPortPolicy != nil {
			refreshProxies(s)
		}
		c.ctx.PostEvent(&types.DvsReconfiguredEvent{DvsEvent: dvsEvent(s), ConfigSpec: base})
		return nil
	})
	return &methods.ReconfigureDvs_TaskBody{Res: &types.ReconfigureDvs_TaskResponse{Returnval: task}}
}

// updateLags adds, edits and removes link aggregation groups.
func (l *lab) updateLags(c *call) soap.HasFault {
	s := findDVS(c.this)
	if s == nil {
		return notFound(c.this)
	}
	task := runTask(s, "updateDVSLacpGroupConfig", func() types.BaseMethodFault {
		info := dvsConfig(s)
		for _, spec := range c.body.(*types.UpdateDVSLacpGroupConfig_Task).LacpGroupSpec {
			if f := changeLag(&info, spec); f != nil {
				return f
			}
		}
		setDVSConfig(s, info)
		refreshProxies(s)
		return nil
	})
	return &methods.UpdateDVSLacpGroupConfig_TaskBody{
		Res: &types.UpdateDVSLacpGroupConfig_TaskResponse{Returnval: task}}
}

func changeLag(info *types.VMwareDVSConfigInfo, spec types.VMwareDvsLacpGroupSpec) types.BaseMethodFault {
	lag := spec.LacpGroupConfig
	at := -1
	list := append([]types.VMwareDvsLacpGroupConfig(nil), info.LacpGroupConfig...)
	for i := range list {
		if list[i].Key == lag.Key && lag.Key != "" || lag.Key == "" && list[i].Name == lag.Name {
			at = i
		}
	}
	switch types.ConfigSpecOperation(spec.Operation) {
	case types.ConfigSpecOperationAdd:
		if at >= 0 {
			return &types.AlreadyExists{Name: lag.Name}
		}
		lag.Key = strconv.Itoa(1000 + nextID())
		list = append(list, nameLag(lag))
	case types.ConfigSpecOperationEdit:
		if at < 0 {
			return &types.NotFound{}
		}
		lag.Key = list[at].Key
		list[at] = nameLag(lag)
	case types.ConfigSpecOperationRemove:
		if at < 0 {
			return &types.NotFound{}
		}
		list = append(list[:at], list[at+1:]...)
	}
	info.LacpGroupConfig = list
	return nil
}

// nameLag gives a group's ports their names, such as "lag1-0".
func nameLag(lag types.VMwareDvsLacpGroupConfig) types.VMwareDvsLacpGroupConfig {
	if lag.UplinkNum == 0 {
		lag.UplinkNum = 2
	}
	if lag.Mode == "" {
		lag.Mode = "active"
	}
	lag.UplinkName = nil
	for i := 0; i < int(lag.UplinkNum); i++ {
		lag.UplinkName = append(lag.UplinkName, fmt.Sprintf("%s-%d", lag.Name, i))
	}
	return lag
}
