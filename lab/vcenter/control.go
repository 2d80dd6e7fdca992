package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sort"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// The control address: plain HTTP, JSON in and out, for the lab only. Objects may be named by name or by reference.
// README.md lists the requests.

type control func(r *http.Request) (interface{}, error)

func (l *lab) controlMux() http.Handler {
	mux := http.NewServeMux()
	for path, f := range map[string]control{
		"/ctl/state":       l.ctlState,
		"/ctl/hint":        l.ctlHint,
		"/ctl/pnic":        l.ctlPnic,
		"/ctl/migrate":     l.ctlMigrate,
		"/ctl/evacuate":    l.ctlEvacuate,
		"/ctl/fail":        l.ctlFail,
		"/ctl/cancel":      l.ctlCancel,
		"/ctl/moves":       l.ctlMoves,
		"/ctl/switchovers": l.ctlSwitchovers,
		"/ctl/fault":       l.ctlFault,
		"/ctl/drop":        l.ctlDrop,
		"/ctl/host":        l.ctlHost,
	} {
		f := f
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			answer, err := f(r)
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				answer = map[string]string{"error": err.Error()}
			}
			json.NewEncoder(w).Encode(answer)
		})
	}
	return mux
}

// findEntity finds an object of a type by its reference or its name.
func findEntity(kind, want string) (mo.Entity, error) {
	if want == "" {
		return nil, fmt.Errorf("which %s?", kind)
	}
	if e, ok := simulator.Map.Get(types.ManagedObjectReference{Type: kind, Value: want}).(mo.Entity); ok {
		return e, nil
	}
	for _, e := range simulator.Map.All(kind) {
		if e.Entity().Name == want {
			return e, nil
		}
	}
	return nil, fmt.Errorf("no %s %q", kind, want)
}

func findHostNamed(want string) (*simulator.HostSystem, error) {
	e, err := findEntity("HostSystem", want)
	if err != nil {
		return nil, err
	}
	return e.(*simulator.HostSystem), nil
}

func decode(r *http.Request, into interface{}) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxRequest))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

type hintRequest struct {
	Host   string `json:"host"`
	Device string `json:"device"`
	hint
}

// ctlHint sets what a NIC hears; neither cdp nor lldp: nothing any more. A list sets many at once.
func (l *lab) ctlHint(r *http.Request) (interface{}, error) {
	var list []hintRequest
	var raw json.RawMessage
	if err := decode(r, &raw); err != nil {
		return nil, err
	}
	if json.Unmarshal(raw, &list) != nil {
		list = make([]hintRequest, 1)
		if err := json.Unmarshal(raw, &list[0]); err != nil {
			return nil, err
		}
	}
	l.world.Lock()
	defer l.world.Unlock()
	for _, q := range list {
		h, err := findHostNamed(q.Host)
		if err != nil {
			return nil, err
		}
		if findPnic(h, q.Device) < 0 {
			return nil, fmt.Errorf("host %s has no %q", h.Name, q.Device)
		}
		l.hints.set(h.Self, q.Device, q.hint)
	}
	return map[string]int{"set": len(list)}, nil
}

func findPnic(h *simulator.HostSystem, device string) int {
	for i, p := range h.Config.Network.Pnic {
		if p.Device == device {
			return i
		}
	}
	return -1
}

// ctlPnic sets a NIC's MAC address.
func (l *lab) ctlPnic(r *http.Request) (interface{}, error) {
	var q struct{ Host, Device, Mac string }
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	if _, err := net.ParseMAC(q.Mac); err != nil {
		return nil, err
	}
	l.world.Lock()
	defer l.world.Unlock()
	h, err := findHostNamed(q.Host)
	if err != nil {
		return nil, err
	}
	i := findPnic(h, q.Device)
	if i < 0 {
		return nil, fmt.Errorf("host %s has no %q", h.Name, q.Device)
	}
	list := append([]types.PhysicalNic(nil), h.Config.Network.Pnic...)
	list[i].Mac = q.Mac
	setPnics(h, list)
	return map[string]string{"mac": q.Mac}, nil
}

func setPnics(h *simulator.HostSystem, list []types.PhysicalNic) {
	h.Config.Network.Pnic = list
	update(h, set("config.network.pnic", list))
	update(networkSystem(h), set("networkInfo.pnic", list))
}

// ctlHost sets a host's connection state without a call: what vCenter finds out by itself.
// ?host=&state=connected|disconnected|notResponding
func (l *lab) ctlHost(r *http.Request) (interface{}, error) {
	q := r.URL.Query()
	state := types.HostSystemConnectionState(q.Get("state"))
	switch state {
	case types.HostSystemConnectionStateConnected, types.HostSystemConnectionStateDisconnected,
		types.HostSystemConnectionStateNotResponding:
	default:
		return nil, fmt.Errorf("unknown state: %q", state)
	}
	l.world.Lock()
	defer l.world.Unlock()
	h, err := findHostNamed(q.Get("host"))
	if err != nil {
		return nil, err
	}
	setConnection(h, state)
	if state == types.HostSystemConnectionStateNotResponding {
		labContext().PostEvent(&types.HostConnectionLostEvent{HostEvent: h.Event()})
	}
	return map[string]string{"host": h.Self.Value, "state": string(state)}, nil
}

// ctlFault: GET lists the rules, POST adds one, DELETE ?id= removes one or, without id, all.
func (l *lab) ctlFault(r *http.Request) (interface{}, error) {
	switch r.Method {
	case http.MethodPost:
		var rule faultRule
		if err := decode(r, &rule); err != nil {
			return nil, err
		}
		if rule.Kind == "drop-session" {
			return l.ctlDrop(r)
		}
		id, err := l.faults.add(rule)
		l.stirAll()
		return map[string]int{"id": id}, err
	case http.MethodDelete:
		id, _ := strconv.Atoi(r.URL.Query().Get("id"))
		l.faults.clear(id)
		l.stirAll()
	}
	return l.faults.list(), nil
}

// stirAll makes all waits look again: what they see may have changed with the rules.
func (l *lab) stirAll() {
	for _, pc := range l.tracker.all("") {
		pc.changed(simulator.Map.ServiceContent().RootFolder, nil)
	}
}

// ctlDrop ends all sessions, as a server that restarts does: waits end with NotAuthenticated, and so does the next call.
func (l *lab) ctlDrop(_ *http.Request) (interface{}, error) {
	l.world.Lock()
	ended := endSessions()
	l.world.Unlock()
	l.tracker.keep(map[string]bool{})
	return map[string]int{"dropped": ended}, nil
}

// endSessions ends every session by the administrator's call.
func endSessions() int {
	list := openSessions()
	sm := simulator.Map.SessionManager()
	for _, s := range list {
		sm.TerminateSession(labContext(), &types.TerminateSession{SessionId: []string{s.Key}})
	}
	return len(list)
}

// openSessions are the sessions that the simulator knows.
func openSessions() []types.UserSession {
	view := &simulator.Session{Registry: simulator.NewRegistry()}
	sm, ok := view.Get(simulator.Map.SessionManager().Reference()).(*simulator.SessionManager)
	if !ok {
		return nil
	}
	return sm.SessionList
}

type stateHost struct {
	Ref     string            `json:"ref"`
	Name    string            `json:"name"`
	State   string            `json:"state"`
	Network string            `json:"networkSystem"`
	Pnics   map[string]string `json:"pnics"`
}

type stateMachine struct {
	Ref   string `json:"ref"`
	Name  string `json:"name"`
	Host  string `json:"host"`
	Power string `json:"power"`
}

// ctlState shows the world, what was asked of it, and who is here. ?brief=1 leaves the world out.
func (l *lab) ctlState(r *http.Request) (interface{}, error) {
	asked, good := l.counts.snapshot()
	l.world.RLock()
	defer l.world.RUnlock()
	sessions := openSessions()
	out := map[string]interface{}{
		"api": l.api, "calls": asked, "answered": good, "logins": good["Login"], "logouts": good["Logout"],
		"sessions": len(sessions), "waits": len(l.tracker.all("")), "moves": l.moves.count(),
		"faults": l.faults.list(),
	}
	if r.URL.Query().Get("brief") != "" {
		return out, nil
	}
	hosts, machines := []stateHost{}, []stateMachine{}
	for _, h := range allHosts() {
		s := stateHost{h.Self.Value, h.Name, string(h.Runtime.ConnectionState), h.ConfigManager.NetworkSystem.Value,
			map[string]string{}}
		for _, p := range h.Config.Network.Pnic {
			s.Pnics[p.Device] = p.Mac
		}
		hosts = append(hosts, s)
	}
	for _, e := range simulator.Map.All("VirtualMachine") {
		vm := e.(*simulator.VirtualMachine)
		machines = append(machines, stateMachine{vm.Self.Value, vm.Name, findHost(*vm.Runtime.Host).Name,
			string(vm.Runtime.PowerState)})
	}
	sort.Slice(machines, func(i, j int) bool { return machines[i].Name < machines[j].Name })
	out["hosts"], out["machines"] = hosts, machines
	return out, nil
}
