package main

import (
	"reflect"
	"testing"

	"github.com/vmware/govmomi/vim25/types"
)

func TestEffectiveTeaming(t *testing.T) {
	spec := types.HostVirtualSwitchSpec{Bridge: &types.HostVirtualSwitchBondBridge{NicDevice: []string{"vmnic0", "vmnic1"}}}
	order := func(p types.HostNetworkPolicy) []string { return p.NicTeaming.NicOrder.ActiveNic }

	if got := order(effective(spec, types.HostNetworkPolicy{})); !reflect.DeepEqual(got, []string{"vmnic0", "vmnic1"}) {
		t.Error("no policy anywhere: all uplinks", got)
	}
	spec.Policy = &types.HostNetworkPolicy{NicTeaming: &types.HostNicTeamingPolicy{Policy: "failover_explicit",
		NicOrder: &types.HostNicOrderPolicy{ActiveNic: []string{"vmnic0"}, StandbyNic: []string{"vmnic1"}}}}
	got := effective(spec, types.HostNetworkPolicy{NicTeaming: &types.HostNicTeamingPolicy{}})
	if !reflect.DeepEqual(order(got), []string{"vmnic0"}) || got.NicTeaming.Policy != "failover_explicit" {
		t.Error("an empty policy of the port group inherits", got.NicTeaming)
	}
	got = effective(spec, types.HostNetworkPolicy{NicTeaming: &types.HostNicTeamingPolicy{
		NicOrder: &types.HostNicOrderPolicy{ActiveNic: []string{"vmnic1"}}}})
	if !reflect.DeepEqual(order(got), []string{"vmnic1"}) || got.NicTeaming.NicOrder.StandbyNic != nil {
		t.Error("the port group's own order wins as a whole", got.NicTeaming)
	}
}

func TestRelistNeverChangesAListInPlace(t *testing.T) {
	n := &types.HostNetworkInfo{
		Vswitch:   []types.HostVirtualSwitch{{Name: "vSwitch0"}},
		Portgroup: []types.HostPortGroup{{Spec: types.HostPortGroupSpec{Name: "a", VswitchName: "vSwitch0"}}},
	}
	vswitches, portgroups := n.Vswitch, n.Portgroup
	relist(n)
	if vswitches[0].Key != "" || portgroups[0].Key != "" {
		t.Error("a reply that was being written would have changed")
	}
	if n.Vswitch[0].Portgroup[0] != "key-vim.host.PortGroup-a" || n.Portgroup[0].Vswitch != "key-vim.host.VirtualSwitch-vSwitch0" {
		t.Error(n)
	}
}

func TestPlacePnics(t *testing.T) {
	p := types.HostProxySwitch{
		UplinkPort: []types.KeyValue{{Key: "10", Value: "up1"}, {Key: "11", Value: "up2"}},
		HostLag: []types.HostProxySwitchHostLagConfig{{LagName: "lag1",
			UplinkPort: []types.KeyValue{{Key: "12", Value: "lag1-0"}, {Key: "13", Value: "lag1-1"}}}},
	}
	for _, c := range []struct{ want, key []string }{
		{[]string{"", ""}, []string{"10", "11"}},
		{[]string{"up2", ""}, []string{"11", "10"}},
		{[]string{"11", ""}, []string{"11", "10"}},
		{[]string{"lag1", "lag1"}, []string{"12", "13"}},
		{[]string{"lag1-1", "lag1"}, []string{"13", "12"}},
		{[]string{"", "", ""}, []string{"10", "11", ""}},
	} {
		var specs []pnicSpec
		for _, w := range c.want {
			specs = append(specs, pnicSpec{UplinkPortKey: w})
		}
		var got []string
		for _, s := range placePnics(specs, p) {
			got = append(got, s.UplinkPortKey)
		}
		if !reflect.DeepEqual(got, c.key) {
			t.Errorf("%q: %q, want %q", c.want, got, c.key)
		}
	}
}

func TestPortKeysStay(t *testing.T) {
	first := portKeys([]string{"a", "b"}, nil)
	again := portKeys([]string{"b", "c"}, first)
	if again[0] != first[1] || again[1].Key == first[0].Key || first[0].Key == first[1].Key {
		t.Error(first, again)
	}
}

func TestChangeLag(t *testing.T) {
	info := types.VMwareDVSConfigInfo{}
	spec := func(op string) types.VMwareDvsLacpGroupSpec {
		return types.VMwareDvsLacpGroupSpec{Operation: op, LacpGroupConfig: types.VMwareDvsLacpGroupConfig{Name: "lag1"}}
	}
	if f := changeLag(&info, spec("add")); f != nil || len(info.LacpGroupConfig) != 1 {
		t.Fatal(f)
	}
	if got := info.LacpGroupConfig[0]; got.Key == "" || !reflect.DeepEqual(got.UplinkName, []string{"lag1-0", "lag1-1"}) {
		t.Error(got)
	}
	if _, ok := changeLag(&info, spec("add")).(*types.AlreadyExists); !ok {
		t.Error("a second one of that name")
	}
	if f := changeLag(&info, spec("remove")); f != nil || len(info.LacpGroupConfig) != 0 {
		t.Error(f)
	}
	if _, ok := changeLag(&info, spec("edit")).(*types.NotFound); !ok {
		t.Error("nothing to edit")
	}
}

func TestMachineMACs(t *testing.T) {
	seen := map[string]bool{}
	for i := 0; i < 70000; i++ {
		mac := nextMachineMAC()
		if seen[mac] {
			t.Fatal("twice: ", mac)
		}
		seen[mac] = true
	}
	if got := pnicMAC(300, 2); got != "b4:96:91:01:2c:02" {
		t.Error(got)
	}
}
