package main

import (
	"testing"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// follower is a client of its own collector, which waits for nothing: it asks for what is there.
type follower struct {
	t       *testing.T
	pc      *collector
	ctx     *simulator.Context
	version string
}

func follow(t *testing.T, l *lab, specs ...types.PropertyFilterSpec) *follower {
	ctx := labContext()
	ctx.Session = &simulator.Session{UserSession: types.UserSession{Key: "follower"}, Registry: simulator.NewRegistry()}
	f := &follower{t: t, ctx: ctx, pc: &collector{}}
	f.pc.attach(ctx)
	t.Cleanup(func() { l.tracker.remove(f.pc) })
	for _, spec := range specs {
		if _, ok := f.pc.CreateFilter(ctx, &types.CreateFilter{Spec: spec}).(*methods.CreateFilterBody); !ok {
			t.Fatal("no filter")
		}
	}
	return f
}

// ask gives the kinds of updates by object.
func (f *follower) ask() map[string]types.ObjectUpdateKind {
	set, failed := f.pc.wait(f.ctx, waitFor{call: "CheckForUpdates", version: f.version})
	if failed != nil {
		f.t.Fatal(failed)
	}
	out := map[string]types.ObjectUpdateKind{}
	if set == nil {
		return out
	}
	f.version = set.Version
	for _, filter := range set.FilterSet {
		for _, o := range filter.ObjectSet {
			out[o.Obj.Value] = o.Kind
		}
	}
	return out
}

func (f *follower) expect(what string, want map[string]types.ObjectUpdateKind) {
	f.t.Helper()
	got := f.ask()
	same := len(got) == len(want)
	for ref, kind := range want {
		same = same && got[ref] == kind
	}
	if !same {
		f.t.Errorf("%s: %v, not %v", what, got, want)
	}
}

// hostsByFolders selects all hosts by way of the folders, without a view.
func hostsByFolders() types.PropertyFilterSpec {
	ref := func(name string) *types.SelectionSpec { return &types.SelectionSpec{Name: name} }
	down := &types.TraversalSpec{SelectionSpec: *ref("down"), Type: "Folder", Path: "childEntity",
		SelectSet: []types.BaseSelectionSpec{ref("down"), ref("hosts"), ref("compute")}}
	hosts := &types.TraversalSpec{SelectionSpec: *ref("hosts"), Type: "Datacenter", Path: "hostFolder",
		SelectSet: []types.BaseSelectionSpec{ref("down")}}
	compute := &types.TraversalSpec{SelectionSpec: *ref("compute"), Type: "ComputeResource", Path: "host"}
	return types.PropertyFilterSpec{
		PropSet: []types.PropertySpec{{Type: "HostSystem", PathSet: []string{"name", "runtime.connectionState"}}},
		ObjectSet: []types.ObjectSpec{{Obj: simulator.Map.ServiceContent().RootFolder,
			SelectSet: []types.BaseSelectionSpec{down, hosts, compute}}},
	}
}

func tasksOfManager() types.PropertyFilterSpec {
	return types.PropertyFilterSpec{
		PropSet: []types.PropertySpec{{Type: "Task", PathSet: []string{"info.state"}}},
		ObjectSet: []types.ObjectSpec{{Obj: *simulator.Map.ServiceContent().TaskManager,
			SelectSet: []types.BaseSelectionSpec{&types.TraversalSpec{Type: "TaskManager", Path: "recentTask"}}}},
	}
}

// looked is what the one filter of a follower had selected when it last looked: the same again if it did not look anew.
func (f *follower) looked() *selection { return f.pc.filterSet[0].selected }

func TestOnlyWhatChangedIsLookedAt(t *testing.T) {
	l, err := world(t, two)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := findHostNamed("a")
	b, _ := findHostNamed("b")
	f := follow(t, l, hostsByFolders())
	f.expect("at first", map[string]types.ObjectUpdateKind{a.Self.Value: "enter", b.Self.Value: "enter"})
	first := f.looked()

	simulator.CreateTask(a, "noise", nil)
	f.expect("a task", nil)
	update(a, set("summary.overallStatus", types.ManagedEntityStatusRed))
	f.expect("a property that was not asked for", nil)
	setConnection(a, types.HostSystemConnectionStateDisconnected)
	f.expect("one that was", map[string]types.ObjectUpdateKind{a.Self.Value: "modify"})
	if f.looked() != first {
		t.Error("the traversal went over everything again")
	}

	parent := simulator.HostParent(&b.HostSystem)
	update(simulator.Map.Get(parent.Self), set("host", []types.ManagedObjectReference{a.Self}))
	f.expect("no longer on the way", map[string]types.ObjectUpdateKind{b.Self.Value: "leave"})
	update(simulator.Map.Get(parent.Self), set("host", []types.ManagedObjectReference{a.Self, b.Self}))
	f.expect("on the way again", map[string]types.ObjectUpdateKind{b.Self.Value: "enter"})
}

func TestTasksEnterAndChange(t *testing.T) {
	l, err := world(t, two)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := findHostNamed("a")
	f := follow(t, l, tasksOfManager())
	f.ask()
	task := simulator.CreateTask(a, "work", nil)
	f.expect("a new task", map[string]types.ObjectUpdateKind{task.Self.Value: "enter"})
	seen := f.looked()
	update(task, set("info.state", types.TaskInfoStateRunning))
	f.expect("it runs", map[string]types.ObjectUpdateKind{task.Self.Value: "modify"})
	if f.looked() != seen {
		t.Error("the traversal went over everything again")
	}
	simulator.Map.Remove(task.Self)
	f.expect("it is gone", map[string]types.ObjectUpdateKind{task.Self.Value: "leave"})
}

func TestWhatRulesHideComesBack(t *testing.T) {
	l, err := world(t, two)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := findHostNamed("a")
	f := follow(t, l, hostsByFolders())
	f.ask()
	id, _ := l.faults.add(faultRule{Kind: "hidden", Object: a.Self.Value})
	l.stirAll()
	f.expect("hidden", map[string]types.ObjectUpdateKind{a.Self.Value: "leave"})
	setConnection(a, types.HostSystemConnectionStateDisconnected)
	f.expect("nobody hears of it", nil)
	l.faults.clear(id)
	l.stirAll()
	f.expect("back", map[string]types.ObjectUpdateKind{a.Self.Value: "enter"})
}
