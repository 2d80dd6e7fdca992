package main

import (
	"net/http/httptest"
	"testing"
)

func TestFaultRules(t *testing.T) {
	f := &faults{}
	if _, err := f.add(faultRule{Kind: "no such kind"}); err == nil {
		t.Error("an unknown kind was taken")
	}
	once, _ := f.add(faultRule{Kind: "hollow-session", Call: "RetrieveProperties", Count: 1})
	ever, _ := f.add(faultRule{Kind: "empty-inventory"})
	if once == ever {
		t.Error("two rules of one number")
	}

	if f.on("hollow-session", "WaitForUpdatesEx") {
		t.Error("it is for another call")
	}
	if !f.on("hollow-session", "RetrieveProperties") || f.on("hollow-session", "RetrieveProperties") {
		t.Error("once and no more")
	}
	for i := 0; i < 5; i++ {
		if !f.on("empty-inventory", "RetrieveProperties") {
			t.Error("until it is cleared")
		}
	}
	if list := f.list(); len(list) != 1 || list[0].Hits != 5 {
		t.Error(list)
	}
	f.clear(ever)
	if f.on("empty-inventory", "RetrieveProperties") || len(f.list()) != 0 {
		t.Error("cleared")
	}
}

func TestFaultOfOneClient(t *testing.T) {
	f := &faults{}
	if _, err := f.add(faultRule{Kind: "hollow-session", Asks: "x"}); err == nil {
		t.Error("what is read is not a reply to one request")
	}
	f.add(faultRule{Kind: "truncate", Call: "Wait", Asks: "<max>", Count: 1})
	if f.takeReply("bend", "Wait", []byte("<Wait/>")) != nil || f.takeReply("replace", "Wait", []byte("<max>")) != nil {
		t.Error("not the request, not the way")
	}
	if f.takeReply("bend", "Wait", []byte("<Wait><max>1</max></Wait>")) == nil || len(f.list()) != 0 {
		t.Error("its request")
	}
}

func TestTruncateCountsBytes(t *testing.T) {
	rec := httptest.NewRecorder()
	w := &bentWriter{ResponseWriter: rec, rule: &faultRule{Kind: "truncate", Form: "clean"}, left: 5}
	for _, s := range []string{"abc", "defgh", "ijk"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Error(n, err)
		}
	}
	if rec.Body.String() != "abcde" {
		t.Error(rec.Body.String())
	}
}

func TestDripGoesOn(t *testing.T) {
	rec := httptest.NewRecorder()
	w := &bentWriter{ResponseWriter: rec, rule: &faultRule{Kind: "drip"}, left: 2}
	w.Write([]byte("abc"))
	w.Write([]byte("def"))
	if rec.Body.String() != "abcdef" || !rec.Flushed {
		t.Error(rec.Body.String())
	}
}
