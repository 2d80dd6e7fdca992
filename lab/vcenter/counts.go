package main

import "sync"

// counts are how often each call was asked for, and how often it was answered without a fault.
type counts struct {
	mu    sync.Mutex
	asked map[string]int
	good  map[string]int
}

// maxNames keeps a client that sends nonsense from filling the memory.
const maxNames = 500

func (c *counts) init() { c.asked, c.good = map[string]int{}, map[string]int{} }

func (c *counts) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.asked[name]; !ok && len(c.asked) >= maxNames {
		name = "other"
	}
	c.asked[name]++
}

func (c *counts) answered(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.asked[name]; ok {
		c.good[name]++
	}
}

func (c *counts) snapshot() (asked, good map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, good = map[string]int{}, map[string]int{}
	for k, v := range c.asked {
		asked[k] = v
	}
	for k, v := range c.good {
		good[k] = v
	}
	return asked, good
}
