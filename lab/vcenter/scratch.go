package main

import (
	"os"
	"path/filepath"
	"syscall"
)

const scratchPrefix = "vsn-vcenter-"

// scratch is the directory where the simulator keeps its files, several per machine. It is locked while its owner lives,
// so that a later start can sweep up after one that was killed.
type scratch struct {
	dir  string
	lock *os.File
}

// newScratch sweeps, then makes a directory and lets the simulator put its files there.
func newScratch() (*scratch, error) {
	old, err := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*"))
	if err == nil {
		for _, dir := range old {
			sweep(dir)
		}
	}
	dir, err := os.MkdirTemp("", scratchPrefix)
	if err != nil {
		return nil, err
	}
	s := &scratch{dir: dir}
	if s.lock, err = lockDir(dir); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, os.Setenv("TMPDIR", dir)
}

// sweep removes a directory that nobody holds.
func sweep(dir string) {
	lock, err := lockDir(dir)
	if err != nil {
		return
	}
	os.RemoveAll(dir)
	lock.Close()
}

func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (s *scratch) remove() {
	os.RemoveAll(s.dir)
	os.Setenv("TMPDIR", filepath.Dir(s.dir))
	s.lock.Close()
}
