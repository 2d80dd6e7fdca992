package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// world makes a stand-in from an inventory without serving it.
func world(t *testing.T, inventory string) (*lab, error) {
	t.Setenv("TMPDIR", t.TempDir())
	file := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(file, []byte(inventory), 0600); err != nil {
		t.Fatal(err)
	}
	l, err := start(parseFlags([]string{"-inventory", file}))
	if err == nil {
		t.Cleanup(l.close)
	}
	return l, err
}

func TestInventoryErrorsNameTheirPlace(t *testing.T) {
	for inventory, want := range map[string]string{
		`{`: "world.json: unexpected end of JSON",
		`{"hosts": [{"name": "a"}, {"name": "a"}]}`:                                                             `host "a"`,
		`{"hosts": [{"name": "a", "vswitches": [{"name": "v", "uplinks": ["vmnic0"]}]}]}`:                       `vswitch "v": uplinks`,
		`{"hosts": [{"name": "a", "vswitches": [{"name": "v", "portgroups": [{"name": "p", "vlan": 4096}]}]}]}`: `port group "p"`,
		`{"hosts": [{"name": "a"}], "dvs": [{"name": "d", "hosts": [{"host": "b"}]}]}`:                          `dvs "d": no HostSystem "b"`,
		`{"hosts": [{"name": "a"}], "machines": [{"name": "m", "host": "a", "networks": ["n"]}]}`:               `machine "m": no network "n"`,
		`{"hosts": [{"name": "a", "vmknics": [{"device": "vmk0", "portgroup": "p"}]}]}`:                         `vmknic vmk0`,
	} {
		if _, err := world(t, inventory); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", inventory, err)
		}
	}
}

const two = `{"cluster": "c", "hosts": [
  {"name": "a", "pnics": [{"device": "vmnic0"}], "vswitches": [{"name": "v", "uplinks": ["vmnic0"], "portgroups": [{"name": "p", "vlan": 5}]}]},
  {"name": "b", "pnics": [{"device": "vmnic0"}]}],
  "machines": [{"name": "m", "host": "a", "networks": ["p"]}]}`

func TestMoveIsCheckedBeforeItStarts(t *testing.T) {
	l, err := world(t, two)
	if err != nil {
		t.Fatal(err)
	}
	vm, _ := findEntity("VirtualMachine", "m")
	host, _ := findHostNamed("b")
	l.world.Lock()
	defer l.world.Unlock()
	if _, f := l.newMove(vm.Reference(), host.Self, "manual", "u"); f == nil {
		t.Error("host b has no port group p")
	}
	setVswitch(host.Config.Network, -1, types.HostVirtualSwitch{Name: "v"})
	setPortgroup(host.Config.Network, -1, types.HostPortGroup{Spec: types.HostPortGroupSpec{Name: "p", VswitchName: "v"}})
	settle(host)
	if _, f := l.newMove(vm.Reference(), host.Self, "manual", "u"); f != nil {
		t.Errorf("now it has: %T", f)
	}
	setConnection(host, types.HostSystemConnectionStateDisconnected)
	if _, f := l.newMove(vm.Reference(), host.Self, "manual", "u"); f == nil {
		t.Error("a host that is not connected")
	}
}

func TestTraversalInCircles(t *testing.T) {
	l, err := world(t, two)
	if err != nil {
		t.Fatal(err)
	}
	ref := func(name string) *types.SelectionSpec { return &types.SelectionSpec{Name: name} }
	down := &types.TraversalSpec{SelectionSpec: *ref("down"), Type: "Folder", Path: "childEntity",
		SelectSet: []types.BaseSelectionSpec{ref("down"), ref("hosts"), ref("compute")}}
	hosts := &types.TraversalSpec{SelectionSpec: *ref("hosts"), Type: "Datacenter", Path: "hostFolder",
		SelectSet: []types.BaseSelectionSpec{ref("down")}}
	compute := &types.TraversalSpec{SelectionSpec: *ref("compute"), Type: "ComputeResource", Path: "host",
		SelectSet: []types.BaseSelectionSpec{ref("up")}}
	up := &types.TraversalSpec{SelectionSpec: *ref("up"), Type: "HostSystem", Path: "parent",
		SelectSet: []types.BaseSelectionSpec{ref("compute")}}
	spec := types.PropertyFilterSpec{
		PropSet: []types.PropertySpec{{Type: "HostSystem"}},
		ObjectSet: []types.ObjectSpec{{Obj: simulator.Map.ServiceContent().RootFolder,
			SelectSet: []types.BaseSelectionSpec{down, hosts, compute, up}}},
	}
	if got, _ := l.members(labContext(), spec, "test"); len(got) != 2 {
		t.Errorf("two hosts, each once: %v", got)
	}
}

func TestLeavesNoFiles(t *testing.T) {
	l, err := world(t, two)
	if err != nil {
		t.Fatal(err)
	}
	l.close()
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Error(left)
	}
}
