package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// moveRequest is one move that the lab asks for; times are milliseconds, nil = as the flags say.
type moveRequest struct {
	VM       string   `json:"vm"`
	Host     string   `json:"host"`
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`     // of a copy
	Networks []string `json:"networks"` // of a machine that is made, or comes from elsewhere
	User     string   `json:"user"`
	Off      bool     `json:"off"` // a machine that is made stays off
	Fail     bool     `json:"fail"`
	Queue    *float64 `json:"queue"`
	Pre      *float64 `json:"pre"`
	Run      *float64 `json:"run"`
}

// moveAnswer says what became of a request.
type moveAnswer struct {
	ID    int    `json:"id,omitempty"`
	Task  string `json:"task,omitempty"`
	Error string `json:"error,omitempty"`
}

// ctlMigrate starts the move of the query, or all those of a list in the body; README.md has the words.
func (l *lab) ctlMigrate(r *http.Request) (interface{}, error) {
	if r.Method == http.MethodPost && r.ContentLength != 0 {
		var list []moveRequest
		if err := decode(r, &list); err != nil {
			return nil, err
		}
		return l.moveAll(list), nil
	}
	q, err := moveOfQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	answer := l.moveAll([]moveRequest{q})[0]
	if answer.Error != "" {
		return nil, fmt.Errorf("%s", answer.Error)
	}
	return answer, nil
}

func moveOfQuery(q url.Values) (moveRequest, error) {
	r := moveRequest{VM: q.Get("vm"), Host: q.Get("host"), Kind: q.Get("kind"), Name: q.Get("name"), User: q.Get("user"),
		Networks: q["network"], Off: q.Get("off") == "1", Fail: q.Get("fail") == "1"}
	for name, into := range map[string]**float64{"queue": &r.Queue, "pre": &r.Pre, "run": &r.Run} {
		if q.Get(name) == "" {
			continue
		}
		ms, err := strconv.ParseFloat(q.Get(name), 64)
		if err != nil {
			return r, fmt.Errorf("%s: %v", name, err)
		}
		*into = &ms
	}
	return r, nil
}

// moveAll starts one move after the other, each with the world locked for itself.
func (l *lab) moveAll(list []moveRequest) []moveAnswer {
	out := make([]moveAnswer, 0, len(list))
	for _, q := range list {
		out = append(out, l.moveOne(q))
	}
	return out
}

func (l *lab) moveOne(q moveRequest) moveAnswer {
	l.world.Lock()
	defer l.world.Unlock()
	m, err := l.asked(q)
	if err != nil {
		return moveAnswer{Error: err.Error()}
	}
	m.fail = m.fail || q.Fail
	m.times = q.over(m.times)
	m.start()
	return moveAnswer{ID: m.record.ID, Task: m.taskRef().Value}
}

// over are the times of a move as the request changes them.
func (q *moveRequest) over(t moveTimes) moveTimes {
	for ms, into := range map[*float64]*time.Duration{q.Queue: &t.queue, q.Pre: &t.pre, q.Run: &t.run} {
		if ms != nil {
			*into = time.Duration(*ms * float64(time.Millisecond))
		}
	}
	return t
}

// asked makes the move of a request.
func (l *lab) asked(q moveRequest) (*move, error) {
	switch q.Kind {
	case "fail":
		q.Kind, q.Fail = "manual", true
	case "":
		q.Kind = "manual"
	}
	if q.User == "" {
		q.User = labSession.UserName
	}
	switch q.Kind {
	case "create", "arrival":
		return l.askedToMake(q)
	case "ha":
		return nil, fmt.Errorf("ha: let a host fail")
	}
	e, err := findEntity("VirtualMachine", q.VM)
	if err != nil {
		return nil, err
	}
	vm := e.(*simulator.VirtualMachine)
	storage := q.Kind == "storage"
	if storage {
		q.Kind, q.Host = "relocate", vm.Runtime.Host.Value
	}
	h, err := findHostNamed(q.Host)
	if err != nil {
		return nil, err
	}
	if q.Kind == "clone" || q.Kind == "deploy" {
		return l.askedToCopy(q, vm, h)
	}
	if moveKinds[q.Kind] == nil {
		return nil, fmt.Errorf("unknown kind of move: %s", q.Kind)
	}
	m, f := l.newMove(vm.Self, h.Self, q.Kind, q.User)
	if f != nil {
		return nil, fmt.Errorf("%T", f)
	}
	m.fail = q.Fail
	if storage {
		m.label = "storage"
	}
	return m, nil
}

func (l *lab) askedToCopy(q moveRequest, vm *simulator.VirtualMachine, h *simulator.HostSystem) (*move, error) {
	if q.Name == "" || vm.Config.Template != (q.Kind == "deploy") {
		return nil, fmt.Errorf("%s: a name is needed, and a template for deploy only", q.Kind)
	}
	r := &types.CloneVM_Task{This: vm.Self, Folder: *vm.Parent, Name: q.Name}
	r.Spec.Location.Host = &h.Self
	r.Spec.Location.Pool = simulator.HostParent(&h.HostSystem).ResourcePool
	r.Spec.PowerOn = !q.Off
	m, f := l.cloning(vm, h.Self, r, q.User)
	if f != nil {
		return nil, fmt.Errorf("%T", f)
	}
	m.times = l.opt.times
	return m, nil
}

func (l *lab) askedToMake(q moveRequest) (*move, error) {
	h, err := findHostNamed(q.Host)
	if err != nil {
		return nil, err
	}
	if q.VM == "" {
		return nil, fmt.Errorf("%s: what is the machine's name?", q.Kind)
	}
	r, err := machineSpec(invMachine{Name: q.VM, Host: q.Host, Networks: q.Networks}, h)
	if err != nil {
		return nil, err
	}
	folder := simulator.Map.Get(simulator.EntityDatacenter(h).VmFolder).(*simulator.Folder)
	m, f := l.creating(q.Kind, folder, r, q.User, !q.Off)
	if f != nil {
		return nil, fmt.Errorf("%T", f)
	}
	m.times = l.opt.times
	return m, nil
}

// ctlEvacuate lets a host enter maintenance mode: ?host=&most=&queue=&pre=&run=
func (l *lab) ctlEvacuate(r *http.Request) (interface{}, error) {
	q, err := moveOfQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	l.world.Lock()
	defer l.world.Unlock()
	h, err := findHostNamed(q.Host)
	if err != nil {
		return nil, err
	}
	if h.Runtime.InMaintenanceMode || l.leaving[h.Self] {
		return nil, fmt.Errorf("%s is there already, or on its way", h.Name)
	}
	e := l.newEvacuation(h, labSession.UserName)
	e.times = q.over(e.times)
	if most, _ := strconv.Atoi(r.URL.Query().Get("most")); most > 0 {
		e.most = most
	}
	return map[string]string{"task": e.start().Value}, nil
}

// ctlFail lets a host die and its machines be restarted elsewhere: ?host=&queue=&pre=&run=
func (l *lab) ctlFail(r *http.Request) (interface{}, error) {
	q, err := moveOfQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	l.world.Lock()
	defer l.world.Unlock()
	h, err := findHostNamed(q.Host)
	if err != nil {
		return nil, err
	}
	out := []moveAnswer{}
	for _, m := range l.failHost(h, q.over(l.opt.times)) {
		out = append(out, moveAnswer{ID: m.record.ID})
	}
	return out, nil
}

// ctlCancel cancels the move of a machine, or a task: ?vm= or ?task=
func (l *lab) ctlCancel(r *http.Request) (interface{}, error) {
	l.world.Lock()
	defer l.world.Unlock()
	task := types.ManagedObjectReference{Type: "Task", Value: r.URL.Query().Get("task")}
	if name := r.URL.Query().Get("vm"); name != "" {
		vm, err := findEntity("VirtualMachine", name)
		if err != nil {
			return nil, err
		}
		task = l.moves.task(vm.Reference())
	}
	if f := l.cancelTask(task); f != nil {
		return nil, fmt.Errorf("%T: nothing to cancel", f)
	}
	return map[string]string{"task": task.Value}, nil
}

// ctlMoves lists the moves with a number above ?since=
func (l *lab) ctlMoves(r *http.Request) (interface{}, error) {
	since, _ := strconv.Atoi(r.URL.Query().Get("since"))
	return l.journal.since(since), nil
}

// ctlSwitchovers waits for a switch-over after the first ?after=, for ?wait= seconds at most.
func (l *lab) ctlSwitchovers(r *http.Request) (interface{}, error) {
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	wait := 25.0
	if s := r.URL.Query().Get("wait"); s != "" {
		var err error
		if wait, err = strconv.ParseFloat(s, 64); err != nil {
			return nil, err
		}
	}
	return l.journal.switchovers(r.Context(), after, time.Duration(wait*float64(time.Second))), nil
}
