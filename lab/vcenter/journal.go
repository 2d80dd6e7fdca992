package main

import (
	"context"
	"sync"
	"time"
)

// journal is what the lab is told of moves: each with the instants of this machine's clock at which its steps were taken.
type journal struct {
	mu       sync.Mutex
	moves    []*moveRecord
	switched []int // numbers of moves, in the order of their switch-over
	changed  chan struct{}
}

// moveRecord is one move as the control address shows it. Times are milliseconds since the epoch, 0 = not yet.
type moveRecord struct {
	ID       int     `json:"id"`
	Machine  string  `json:"machine"`
	Ref      string  `json:"ref"`
	From     string  `json:"from,omitempty"`
	To       string  `json:"to"`
	Kind     string  `json:"kind"`
	Task     string  `json:"task,omitempty"`
	Chain    int32   `json:"chain"`
	Queued   float64 `json:"queued"`
	Started  float64 `json:"started"`
	Switched float64 `json:"switched"`
	Ended    float64 `json:"ended"`
	Outcome  string  `json:"outcome"` // running, success, error, cancelled
}

// switchover is a line of /ctl/switchovers.
type switchover struct {
	Seq int `json:"seq"`
	moveRecord
}

func (j *journal) init() { j.changed = make(chan struct{}) }

func nowMS() float64 { return float64(time.Now().UnixNano()) / 1e6 }

// add enters a new move.
func (j *journal) add(r moveRecord) *moveRecord {
	j.mu.Lock()
	defer j.mu.Unlock()
	r.ID, r.Queued, r.Outcome = len(j.moves)+1, nowMS(), "running"
	j.moves = append(j.moves, &r)
	return &r
}

// note changes a record.
func (j *journal) note(r *moveRecord, f func(*moveRecord)) {
	j.mu.Lock()
	f(r)
	j.mu.Unlock()
}

// switchedOver enters the instant right before the change, and wakes those who wait for it.
func (j *journal) switchedOver(r *moveRecord, at float64) {
	j.mu.Lock()
	r.Switched = at
	j.switched = append(j.switched, r.ID)
	close(j.changed)
	j.changed = make(chan struct{})
	j.mu.Unlock()
}

// since are the moves with a number above 'n'.
func (j *journal) since(n int) []moveRecord {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := []moveRecord{}
	for _, r := range j.moves[clamp(n, len(j.moves)):] {
		out = append(out, *r)
	}
	return out
}

// switchovers waits for one after the first 'n', and answers all of them; none: the time is over.
func (j *journal) switchovers(ctx context.Context, n int, wait time.Duration) []switchover {
	end := time.NewTimer(wait)
	defer end.Stop()
	out := []switchover{}
	for {
		j.mu.Lock()
		for i := clamp(n, len(j.switched)); i < len(j.switched); i++ {
			out = append(out, switchover{i + 1, *j.moves[j.switched[i]-1]})
		}
		changed := j.changed
		j.mu.Unlock()
		if len(out) > 0 {
			return out
		}
		select {
		case <-changed:
		case <-end.C:
			return out
		case <-ctx.Done():
			return out
		}
	}
}

func clamp(n, most int) int {
	if n < 0 {
		return 0
	}
	if n > most {
		return most
	}
	return n
}
