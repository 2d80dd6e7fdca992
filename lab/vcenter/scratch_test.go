package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestScratchSweepsUpAfterTheDeadOnly(t *testing.T) {
	top := t.TempDir()
	t.Setenv("TMPDIR", top)
	dead := filepath.Join(top, scratchPrefix+"dead")
	if err := os.MkdirAll(filepath.Join(dead, "machine"), 0700); err != nil {
		t.Fatal(err)
	}
	first, err := newScratch()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("the files of a dead one are still there")
	}

	os.Setenv("TMPDIR", top)
	second, err := newScratch()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.dir); err != nil {
		t.Error("the files of a living one are gone")
	}
	second.remove()
	first.remove()
	if left, _ := os.ReadDir(top); len(left) != 0 || os.TempDir() != top {
		t.Error(left, os.TempDir())
	}
}
