package main

import (
	"testing"

	"github.com/vmware/govmomi/vim25/types"
)

func TestFindVersion(t *testing.T) {
	for name, want := range map[string]apiVersion{"4.0": "4.0", "8.0": "8.0.3.0", "8": "8.0.3.0", "6.7": "6.7"} {
		if v, err := findVersion(name); v != want || err != nil {
			t.Errorf("%s: %s, %v", name, v, err)
		}
	}
	for _, name := range []string{"", "2.5", "4.2", "x"} {
		if _, err := findVersion(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestOrderOfReleases(t *testing.T) {
	for i := 1; i < len(releases); i++ {
		if !apiVersion(releases[i-1].api).before(releases[i].api) {
			t.Errorf("%s is not before %s", releases[i-1].api, releases[i].api)
		}
	}
	if apiVersion("").before("4.1") {
		t.Error("this program's own calls know everything")
	}
}

func TestLacks(t *testing.T) {
	old, new := apiVersion("4.0"), apiVersion("4.1")
	if !old.lacksCall("WaitForUpdatesEx") || new.lacksCall("WaitForUpdatesEx") || old.lacksCall("WaitForUpdates") {
		t.Error("WaitForUpdatesEx came with 4.1")
	}
	if !new.lacksPath("HostSystem", "config.network.opaqueSwitch") ||
		!new.lacksPath("HostSystem", "config.network.opaqueSwitch.key") ||
		apiVersion("5.5").lacksPath("HostSystem", "config.network.opaqueSwitch") ||
		new.lacksPath("HostSystem", "config.network") {
		t.Error("opaqueSwitch came with 5.5")
	}
	if !apiVersion("5.1").lacksPath("VmwareDistributedVirtualSwitch", "config.lacpGroupConfig") {
		t.Error("LAGs came with 5.5, under either type's name")
	}
}

func TestKnownPath(t *testing.T) {
	for path, want := range map[string]bool{
		"name": true, "config.network.pnic": true, "runtime.connectionState": true, "configManager.networkSystem": true,
		"config.network.nonsense": false, "": false, "name.x": false, "config..network": false,
	} {
		if got := knownPath(moTypes["HostSystem"], path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
	if !knownPath(moTypes["DistributedVirtualPortgroup"], "config.defaultPortConfig.vlan") {
		t.Error("below a base class anything goes")
	}
}

func TestHideLeavesTheOriginal(t *testing.T) {
	proxy := &types.ArrayOfHostProxySwitch{HostProxySwitch: []types.HostProxySwitch{
		{HostLag: []types.HostProxySwitchHostLagConfig{{LagName: "lag1"}}}}}
	old := apiVersion("5.1").hide(proxy).(*types.ArrayOfHostProxySwitch)
	if old.HostProxySwitch[0].HostLag != nil || proxy.HostProxySwitch[0].HostLag == nil {
		t.Error("5.1 has no LAGs, and the world keeps them")
	}
	if got := apiVersion("5.5").hide(proxy).(*types.ArrayOfHostProxySwitch); got.HostProxySwitch[0].HostLag == nil {
		t.Error("5.5 has LAGs")
	}
}
