package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// activity is what the server does for some time: a task, the events that belong to it, and an end.
type activity struct {
	*lab
	task   *simulator.Task // nil: the server does this without one
	user   string
	chain  int32
	cancel chan struct{} // closed by CancelTask
}

// activities are those under way that can be cancelled, by their task.
type activities struct {
	mu sync.Mutex
	on map[types.ManagedObjectReference]*activity
}

func (a *activities) init() { a.on = map[types.ManagedObjectReference]*activity{} }

// newActivity makes a queued task on an object; no 'name': none.
func (l *lab) newActivity(on mo.Entity, name, lro, user string) *activity {
	a := &activity{lab: l, user: user, cancel: make(chan struct{})}
	if name == "" {
		return a
	}
	a.task = simulator.CreateTask(on, name, nil)
	info := &a.task.Info
	info.Name, info.DescriptionId, info.EntityName = name, lro, on.Entity().Name
	info.Cancelable = true
	info.Reason = &types.TaskReasonUser{UserName: user}
	return a
}

func (a *activity) taskRef() types.ManagedObjectReference {
	if a.task == nil {
		return types.ManagedObjectReference{}
	}
	return a.task.Self
}

// announce posts the event of the task, whose number all events of the activity carry. The world is locked.
func (a *activity) announce(event types.Event) {
	if a.task == nil {
		return
	}
	a.activities.mu.Lock()
	a.activities.on[a.task.Self] = a
	a.activities.mu.Unlock()
	first := &types.TaskEvent{Event: event, Info: a.task.Info}
	a.post(first)
	first.Info.EventChainId = a.chain
	update(a.task, set("info.eventChainId", a.chain))
}

func (a *activity) running() {
	if a.task != nil {
		update(a.task, set("info.startTime", time.Now()), set("info.state", types.TaskInfoStateRunning))
	}
}

func (a *activity) progress(percent int32) {
	if a.task != nil {
		update(a.task, set("info.progress", percent))
	}
}

// ended ends the task: with a fault, or well with a result, which may be nil.
func (a *activity) ended(f types.BaseMethodFault, result types.AnyType) {
	if a.task == nil {
		return
	}
	a.activities.mu.Lock()
	delete(a.activities.on, a.task.Self)
	a.activities.mu.Unlock()
	changes := []types.PropertyChange{set("info.completeTime", time.Now()), set("info.cancelable", false)}
	if f == nil {
		changes = append(changes, set("info.state", types.TaskInfoStateSuccess))
		if result != nil {
			changes = append(changes, set("info.result", result))
		}
	} else {
		changes = append(changes, set("info.state", types.TaskInfoStateError), set("info.error", localized(f)))
	}
	update(a.task, changes...)
}

func localized(f types.BaseMethodFault) types.LocalizedMethodFault {
	text := fmt.Sprintf("%T", f)
	if _, ok := f.(*types.RequestCanceled); ok {
		text = "The task was canceled by a user."
	}
	return types.LocalizedMethodFault{Fault: f, LocalizedMessage: text}
}

func (a *activity) cancelled() bool { return a.task != nil && a.task.Info.Cancelled }

// pause waits; false: the activity was cancelled meanwhile.
func (a *activity) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-a.cancel:
		return false
	case <-timer.C:
		return true
	}
}

// post posts an event of this activity: they all have the number of the first as chainId.
func (a *activity) post(e types.BaseEvent) {
	e.GetEvent().ChainId = a.chain
	a.context().PostEvent(e)
	if a.chain == 0 {
		a.chain = e.GetEvent().Key
	}
}

// context is in the name of the activity's user.
func (a *activity) context() *simulator.Context {
	ctx := labContext()
	ctx.Session = &simulator.Session{UserSession: types.UserSession{UserName: a.user}, Registry: labSession.Registry}
	return ctx
}

// cancelCall asks a task to end. It does so at once: the object stays as it was, and no further event tells of it.
func (l *lab) cancelCall(c *call) soap.HasFault {
	if failed := l.cancelTask(c.this); failed != nil {
		return fault("", failed)
	}
	return &methods.CancelTaskBody{Res: new(types.CancelTaskResponse)}
}

// cancelTask is for tasks under way. The world is locked.
func (l *lab) cancelTask(ref types.ManagedObjectReference) types.BaseMethodFault {
	l.activities.mu.Lock()
	defer l.activities.mu.Unlock()
	a := l.activities.on[ref]
	if a == nil {
		return &types.InvalidState{}
	}
	if !a.task.Info.Cancelled {
		close(a.cancel)
		update(a.task, set("info.cancelled", true))
	}
	return nil
}
