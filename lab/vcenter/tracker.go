package main

import (
	"sync"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// tracker hears of every change in the world and passes it on to the collectors that follow it.
type tracker struct {
	mu   sync.Mutex
	live map[*collector]bool
}

func newTracker() *tracker { return &tracker{live: map[*collector]bool{}} }

func (t *tracker) Reference() types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: "LabTracker", Value: "tracker"}
}

func (t *tracker) add(pc *collector) {
	t.mu.Lock()
	t.live[pc] = true
	t.mu.Unlock()
}

func (t *tracker) remove(pc *collector) {
	t.mu.Lock()
	delete(t.live, pc)
	t.mu.Unlock()
}

// all are the collectors; with a session, those of that session only.
func (t *tracker) all(session string) []*collector {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*collector
	for pc := range t.live {
		if session == "" || pc.session == session {
			out = append(out, pc)
		}
	}
	return out
}

// keep forgets the collectors whose session has ended.
func (t *tracker) keep(sessions map[string]bool) {
	for _, pc := range t.all("") {
		if !sessions[pc.session] {
			pc.kill()
		}
	}
}

func (t *tracker) PutObject(o mo.Reference) {
	for _, pc := range t.all("") {
		pc.changed(o.Reference(), nil)
	}
}

func (t *tracker) RemoveObject(ref types.ManagedObjectReference) {
	for _, pc := range t.all("") {
		pc.changed(ref, nil)
	}
}

func (t *tracker) UpdateObject(o mo.Reference, changes []types.PropertyChange) {
	paths := make([]string, len(changes))
	for i := range changes {
		paths[i] = changes[i].Name
	}
	for _, pc := range t.all("") {
		pc.changed(o.Reference(), paths)
	}
}
