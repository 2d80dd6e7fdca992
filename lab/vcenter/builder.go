package main

import (
	"fmt"
	"os"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// builder makes the objects by the same methods that the calls use. The world is locked.
type builder struct {
	*lab
	ctx      *simulator.Context
	dc       *simulator.Datacenter
	clusters map[string]*simulator.ClusterComputeResource
}

func (b *builder) build(inv *inventory) error {
	b.dc = simulator.Map.Any("Datacenter").(*simulator.Datacenter)
	b.service = nil // new hosts are finished here, from the file
	defer func() { b.service = b.model.Service }()

	for _, h := range inv.Hosts {
		if err := b.host(inv, h); err != nil {
			return fmt.Errorf("host %q: %v", h.Name, err)
		}
	}
	if err := b.datastore(); err != nil {
		return err
	}
	for _, s := range inv.DVS {
		if err := b.dvs(s); err != nil {
			return fmt.Errorf("dvs %q: %v", s.Name, err)
		}
	}
	for _, h := range inv.Hosts {
		if err := b.vmknics(h); err != nil {
			return fmt.Errorf("host %q: %v", h.Name, err)
		}
	}
	for _, m := range inv.Machines {
		if err := b.machine(m); err != nil {
			return fmt.Errorf("machine %q: %v", m.Name, err)
		}
	}
	for _, h := range inv.Hosts {
		if h.State != "" {
			host, _ := findHostNamed(h.Name)
			setConnection(host, types.HostSystemConnectionState(h.State))
		}
	}
	b.dropDefaultNetwork()
	return nil
}

// taskOf is the task that an answer to an in-process call names, or the fault as an error.
func taskOf(res soap.HasFault, ref *types.ManagedObjectReference) (*simulator.Task, error) {
	if f := res.Fault(); f != nil {
		return nil, fmt.Errorf("%T %s", f.VimFault(), f.String)
	}
	t := simulator.Map.Get(*ref).(*simulator.Task)
	if t.Info.Error != nil {
		return nil, fmt.Errorf("%T", t.Info.Error.Fault)
	}
	return t, nil
}

func (b *builder) hostFolder() *simulator.Folder {
	return simulator.Map.Get(b.dc.HostFolder).(*simulator.Folder)
}

// host makes one host with its NICs and standard switches, and nothing of the template's.
func (b *builder) host(inv *inventory, spec invHost) error {
	if _, err := findHostNamed(spec.Name); err == nil || spec.Name == "" {
		return fmt.Errorf("a name is missing, or there twice")
	}
	cluster := inv.Cluster
	if spec.Cluster != nil {
		cluster = *spec.Cluster
	}
	var t *simulator.Task
	var err error
	connect := types.HostConnectSpec{HostName: spec.Name}
	if cluster == "" {
		r := b.hostFolder().AddStandaloneHostTask(b.ctx, &types.AddStandaloneHost_Task{Spec: connect, AddConnected: true})
		t, err = taskOf(r, &r.(*methods.AddStandaloneHost_TaskBody).Res.Returnval)
	} else {
		r := b.cluster(cluster).AddHostTask(&types.AddHost_Task{Spec: connect, AsConnected: true})
		t, err = taskOf(r, &r.(*methods.AddHost_TaskBody).Res.Returnval)
	}
	if err != nil {
		return err
	}
	h := findHost(t.Info.Result.(types.ManagedObjectReference))
	return b.hostNetwork(h, spec)
}

func (b *builder) cluster(name string) *simulator.ClusterComputeResource {
	if c := b.clusters[name]; c != nil {
		return c
	}
	r := b.hostFolder().CreateClusterEx(b.ctx, &types.CreateClusterEx{Name: name})
	ref := r.(*methods.CreateClusterExBody).Res.Returnval
	b.clusters[name] = simulator.Map.Get(ref).(*simulator.ClusterComputeResource)
	return b.clusters[name]
}

func (b *builder) hostNetwork(h *simulator.HostSystem, spec invHost) error {
	n := h.Config.Network
	template := n.Pnic[0]
	n.Pnic, n.Vswitch, n.Portgroup, n.Vnic = nil, nil, nil, nil
	for i, p := range spec.Pnics {
		nic := template
		nic.Key, nic.Device, nic.Pci = keyPnic+p.Device, p.Device, fmt.Sprintf("0000:%02x:00.0", 3+i)
		if p.Down {
			nic.LinkSpeed = nil
		}
		n.Pnic = append(n.Pnic, nic)
	}
	finishHost(h)
	for i, p := range spec.Pnics {
		if p.Mac != "" {
			n.Pnic[i].Mac = p.Mac
		}
	}
	for _, s := range spec.Vswitches {
		if err := addInvVswitch(n, s); err != nil {
			return err
		}
	}
	settle(h)
	return nil
}

func addInvVswitch(n *types.HostNetworkInfo, s invVswitch) error {
	if f := checkUplinks(n, s.Name, s.Uplinks); f != nil {
		return fmt.Errorf("vswitch %q: uplinks: %T", s.Name, f)
	}
	spec := types.HostVirtualSwitchSpec{NumPorts: 128, Policy: &types.HostNetworkPolicy{NicTeaming: s.Teaming.host()}}
	if len(s.Uplinks) > 0 {
		spec.Bridge = &types.HostVirtualSwitchBondBridge{NicDevice: s.Uplinks,
			LinkDiscoveryProtocolConfig: discovery(s.Discovery)}
	}
	listenDefault(&spec)
	setVswitch(n, -1, newVswitch(s.Name, spec))
	relist(n) // the next switch's uplinks are checked against it
	for _, p := range s.Portgroups {
		ps := types.HostPortGroupSpec{Name: p.Name, VlanId: p.Vlan, VswitchName: s.Name,
			Policy: types.HostNetworkPolicy{NicTeaming: p.Teaming.host()}}
		if f := checkPortgroup(n, ps); f != nil || findPortgroup(n, p.Name) >= 0 {
			return fmt.Errorf("port group %q: %T", p.Name, f)
		}
		setPortgroup(n, -1, types.HostPortGroup{Spec: ps})
	}
	return nil
}

// discovery parses "protocol/operation"; "" leaves the default.
func discovery(s string) *types.LinkDiscoveryProtocolConfig {
	for i := range s {
		if s[i] == '/' {
			return &types.LinkDiscoveryProtocolConfig{Protocol: s[:i], Operation: s[i+1:]}
		}
	}
	return nil
}

func (t *invTeaming) host() *types.HostNicTeamingPolicy {
	if t == nil {
		return nil
	}
	p := &types.HostNicTeamingPolicy{Policy: t.Policy}
	if len(t.Active)+len(t.Standby) > 0 {
		p.NicOrder = &types.HostNicOrderPolicy{ActiveNic: t.Active, StandbyNic: t.Standby}
	}
	return p
}

func (t *invTeaming) dvs() *types.VmwareUplinkPortTeamingPolicy {
	if t == nil {
		return nil
	}
	p := defaultTeaming(t.Active)
	if t.Policy != "" {
		p.Policy.Value = t.Policy
	}
	p.UplinkPortOrder.StandbyUplinkPort = t.Standby
	return p
}

// datastore gives all hosts the one that machines live on.
func (b *builder) datastore() error {
	hosts := allHosts()
	if len(hosts) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "datastore-")
	if err != nil {
		return err
	}
	for _, h := range hosts {
		ds := simulator.Map.Get(*h.ConfigManager.DatastoreSystem).(*simulator.HostDatastoreSystem)
		r := ds.CreateLocalDatastore(b.ctx, &types.CreateLocalDatastore{Name: "LocalDS_0", Path: dir})
		if f := r.Fault(); f != nil {
			return fmt.Errorf("datastore: %T", f.VimFault())
		}
	}
	return nil
}

func (b *builder) dvs(spec invDVS) error {
	config := &types.VMwareDVSConfigSpec{LinkDiscoveryProtocolConfig: discovery(spec.Discovery)}
	config.Name = spec.Name
	if len(spec.Uplinks) > 0 {
		config.UplinkPortPolicy = &types.DVSNameArrayUplinkPortPolicy{UplinkPortName: spec.Uplinks}
	}
	for _, p := range spec.Pvlan {
		config.PvlanConfigSpec = append(config.PvlanConfigSpec, types.VMwareDVSPvlanConfigSpec{Operation: "add",
			PvlanEntry: types.VMwareDVSPvlanMapEntry{PrimaryVlanId: p.Primary, SecondaryVlanId: p.Secondary, PvlanType: p.Type}})
	}
	folder := simulator.Map.Get(b.dc.NetworkFolder).(*simulator.Folder)
	r := folder.CreateDVSTask(b.ctx, &types.CreateDVS_Task{Spec: types.DVSCreateSpec{ConfigSpec: config}})
	t, err := taskOf(r, &r.(*methods.CreateDVS_TaskBody).Res.Returnval)
	if err != nil {
		return err
	}
	s := findDVS(t.Info.Result.(types.ManagedObjectReference))
	finishDVS(s, config)
	info := dvsConfig(s)
	info.DefaultPortConfig = mergeSetting(info.DefaultPortConfig, &types.VMwareDVSPortSetting{
		Vlan: &types.VmwareDistributedVirtualSwitchVlanIdSpec{VlanId: spec.Vlan}})
	setDVSConfig(s, info)
	if err := b.lags(s, spec.Lags); err != nil {
		return err
	}
	for _, p := range spec.Portgroups {
		if err := b.dvportgroup(s, p); err != nil {
			return fmt.Errorf("port group %q: %v", p.Name, err)
		}
	}
	return b.members(s, spec.Hosts)
}

func (b *builder) lags(s *simulator.DistributedVirtualSwitch, lags []invLag) error {
	info := dvsConfig(s)
	for _, lag := range lags {
		c := types.VMwareDvsLacpGroupConfig{Name: lag.Name, UplinkNum: lag.Ports, Mode: lag.Mode}
		if len(lag.Vlans) > 0 {
			c.Vlan = &types.VMwareDvsLagVlanConfig{VlanId: ranges(lag.Vlans)}
		}
		if f := changeLag(&info, types.VMwareDvsLacpGroupSpec{LacpGroupConfig: c, Operation: "add"}); f != nil {
			return fmt.Errorf("lag %q: %T", lag.Name, f)
		}
	}
	setDVSConfig(s, info)
	return nil
}

// ranges turns flat pairs into ranges.
func ranges(flat []int32) []types.NumericRange {
	var out []types.NumericRange
	for i := 0; i+1 < len(flat); i += 2 {
		out = append(out, types.NumericRange{Start: flat[i], End: flat[i+1]})
	}
	return out
}

func (b *builder) dvportgroup(s *simulator.DistributedVirtualSwitch, spec invDVPortgroup) error {
	setting := &types.VMwareDVSPortSetting{UplinkTeamingPolicy: spec.Teaming.dvs()}
	switch {
	case spec.Inherit:
		vlan := &types.VmwareDistributedVirtualSwitchVlanIdSpec{}
		vlan.Inherited = true
		setting.Vlan = vlan
	case len(spec.Trunk) > 0:
		setting.Vlan = &types.VmwareDistributedVirtualSwitchTrunkVlanSpec{VlanId: ranges(spec.Trunk)}
	case spec.Pvlan != 0:
		setting.Vlan = &types.VmwareDistributedVirtualSwitchPvlanSpec{PvlanId: spec.Pvlan}
	default:
		setting.Vlan = &types.VmwareDistributedVirtualSwitchVlanIdSpec{VlanId: spec.Vlan}
	}
	had := len(s.Portgroup)
	r := s.AddDVPortgroupTask(b.ctx, &types.AddDVPortgroup_Task{Spec: []types.DVPortgroupConfigSpec{
		{Name: spec.Name, NumPorts: 8, Type: "earlyBinding", DefaultPortConfig: setting}}})
	if _, err := taskOf(r, &r.(*methods.AddDVPortgroup_TaskBody).Res.Returnval); err != nil {
		return err
	}
	for _, ref := range s.Portgroup[had:] {
		finishDVPortgroup(s, findDVPortgroup(ref))
	}
	return nil
}

func (b *builder) members(s *simulator.DistributedVirtualSwitch, list []invMember) error {
	for _, m := range list {
		h, err := findHostNamed(m.Host)
		if err != nil {
			return err
		}
		backing := &types.DistributedVirtualSwitchHostMemberPnicBacking{}
		for _, p := range m.Pnics {
			backing.PnicSpec = append(backing.PnicSpec,
				pnicSpec{PnicDevice: p.Device, UplinkPortKey: p.Uplink})
		}
		f := changeMembers(s, []types.DistributedVirtualSwitchHostMemberConfigSpec{
			{Operation: "add", Host: h.Self, Backing: backing}})
		if f != nil {
			return fmt.Errorf("member %s: %T", m.Host, f)
		}
	}
	return nil
}

// dvportgroupNamed finds a distributed port group.
func dvportgroupNamed(name string) *simulator.DistributedVirtualPortgroup {
	for _, e := range simulator.Map.All("DistributedVirtualPortgroup") {
		if pg := e.(*simulator.DistributedVirtualPortgroup); pg.Name == name {
			return pg
		}
	}
	return nil
}

func portConnection(pg *simulator.DistributedVirtualPortgroup) types.DistributedVirtualSwitchPortConnection {
	return types.DistributedVirtualSwitchPortConnection{PortgroupKey: pg.Key,
		SwitchUuid: findDVS(*pg.Config.DistributedVirtualSwitch).Uuid}
}

// vmknics makes the host's own interfaces.
func (b *builder) vmknics(spec invHost) error {
	h, err := findHostNamed(spec.Name)
	if err != nil {
		return err
	}
	n := h.Config.Network
	roles := map[string][]string{}
	for _, v := range spec.Vmknics {
		nic := types.HostVirtualNic{Device: v.Device, Key: "key-vim.host.VirtualNic-" + v.Device,
			Spec: types.HostVirtualNicSpec{Mac: v.Mac, Mtu: 1500, Ip: &types.HostIpConfig{Dhcp: true}}}
		if nic.Spec.Mac == "" {
			nic.Spec.Mac = nextMachineMAC()
		}
		if findPortgroup(n, v.Portgroup) >= 0 {
			nic.Portgroup, nic.Spec.Portgroup = v.Portgroup, v.Portgroup
		} else if pg := dvportgroupNamed(v.Portgroup); pg != nil && hasRef(pg.Host, h.Self) {
			c := portConnection(pg)
			nic.Spec.DistributedVirtualPort = &c
		} else {
			return fmt.Errorf("vmknic %s: no port group %q", v.Device, v.Portgroup)
		}
		n.Vnic = append(n.Vnic, nic)
		if v.Role != "" {
			roles[v.Role] = append(roles[v.Role], nic.Key)
		}
	}
	info := &types.HostVirtualNicManagerInfo{}
	for _, role := range []string{"management", "vmotion", "vsan", "faultToleranceLogging", "vSphereReplication"} {
		if len(roles[role]) > 0 {
			info.NetConfig = append(info.NetConfig, types.VirtualNicManagerNetConfig{NicType: role,
				MultiSelectAllowed: true, CandidateVnic: n.Vnic, SelectedVnic: roles[role]})
		}
	}
	h.Config.VirtualNicManagerInfo = info
	settle(h)
	update(h, set("config.network.vnic", n.Vnic))
	return nil
}

// machineSpec is the call that makes a machine with one interface per network.
func machineSpec(spec invMachine, h *simulator.HostSystem) (*types.CreateVM_Task, error) {
	config := types.VirtualMachineConfigSpec{Name: spec.Name,
		GuestId: string(types.VirtualMachineGuestOsIdentifierOtherGuest),
		Files:   &types.VirtualMachineFileInfo{VmPathName: "[LocalDS_0]"}}
	for i, name := range spec.Networks {
		nic := &types.VirtualVmxnet3{}
		nic.Key = int32(-1 - i)
		nic.AddressType = "generated"
		if i < len(spec.Macs) && spec.Macs[i] != "" {
			nic.AddressType, nic.MacAddress = "manual", spec.Macs[i]
		}
		if pg := dvportgroupNamed(name); pg != nil && hasRef(pg.Host, h.Self) {
			nic.Backing = &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{Port: portConnection(pg)}
		} else if findPortgroup(h.Config.Network, name) >= 0 {
			nic.Backing = &types.VirtualEthernetCardNetworkBackingInfo{
				VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: name}}
		} else {
			return nil, fmt.Errorf("no network %q on host %s", name, h.Name)
		}
		config.DeviceChange = append(config.DeviceChange, &types.VirtualDeviceConfigSpec{Operation: "add", Device: nic})
	}
	return &types.CreateVM_Task{Config: config, Pool: *simulator.HostParent(&h.HostSystem).ResourcePool,
		Host: &h.Self}, nil
}

// machine makes a machine of the world, in the power state that it has there.
func (b *builder) machine(spec invMachine) error {
	h, err := findHostNamed(spec.Host)
	if err != nil {
		return err
	}
	request, err := machineSpec(spec, h)
	if err != nil {
		return err
	}
	folder := simulator.Map.Get(b.dc.VmFolder).(*simulator.Folder)
	r := folder.CreateVMTask(b.ctx, request)
	t, err := taskOf(r, &r.(*methods.CreateVM_TaskBody).Res.Returnval)
	if err != nil {
		return err
	}
	vm := findMachine(t.Info.Result.(types.ManagedObjectReference))
	welcomeMachine(vm)
	switch spec.Power {
	case "", "on", "suspended":
		vm.PowerOnVMTask(b.ctx, &types.PowerOnVM_Task{This: vm.Self})
	case "off", "template":
	default:
		return fmt.Errorf("power %q", spec.Power)
	}
	if spec.Power == "suspended" {
		vm.SuspendVMTask(b.ctx, &types.SuspendVM_Task{This: vm.Self})
	}
	if spec.Power == "template" {
		vm.MarkAsTemplate(&types.MarkAsTemplate{This: vm.Self})
	}
	return nil
}

// dropDefaultNetwork removes the simulator's "VM Network" if no host has such a port group.
func (b *builder) dropDefaultNetwork() {
	f := simulator.Map.Get(b.dc.NetworkFolder).(*simulator.Folder)
	for _, ref := range append([]types.ManagedObjectReference(nil), f.ChildEntity...) {
		if n, ok := simulator.Map.Get(ref).(*mo.Network); ok && len(n.Host) == 0 && len(n.Vm) == 0 {
			simulator.RemoveChild(b.ctx, &f.Folder, n)
		}
	}
}
