package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// faultRule is one way in which the server is to misbehave, as the control address sets it. README.md lists the kinds.
type faultRule struct {
	ID      int     `json:"id"`
	Kind    string  `json:"kind"`
	Call    string  `json:"call,omitempty"`  // "" = every call
	Count   int     `json:"count,omitempty"` // 0 = until cleared
	Bytes   int     `json:"bytes,omitempty"`
	MB      int     `json:"mb,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Status  int     `json:"status,omitempty"`
	Form    string  `json:"form,omitempty"`
	Object  string  `json:"object,omitempty"` // the value of a reference
	Asks    string  `json:"asks,omitempty"`   // text that the request holds, to tell two clients of a call apart
	Hits    int     `json:"hits"`
	since   time.Time
}

// faultKinds: whether the kind replaces the whole reply, bends it, or changes what is read.
var faultKinds = map[string]string{
	"not-authenticated": "replace", "refuse-login": "replace", "status": "replace", "garbage": "replace",
	"endless": "replace", "huge": "replace", "stall": "replace", "close": "replace",
	"truncate": "bend", "drip": "bend",
	"hold": "later", "cut": "line",
	"hollow-session": "read", "empty-inventory": "read", "hidden": "object", "no-permission": "object",
}

// faults are the rules in force.
type faults struct {
	mu    sync.Mutex
	rules []*faultRule
	last  int
	conns map[net.Conn]bool // the connections to the front
}

func (f *faults) add(r faultRule) (int, error) {
	if faultKinds[r.Kind] == "" {
		return 0, fmt.Errorf("unknown kind of fault: %s", r.Kind)
	}
	if (faultKinds[r.Kind] == "object") != (r.Object != "") {
		return 0, fmt.Errorf("%s: 'object' belongs to hidden and no-permission, and to these only", r.Kind)
	}
	if how := faultKinds[r.Kind]; r.Asks != "" && how != "replace" && how != "bend" {
		return 0, fmt.Errorf("%s: 'asks' belongs to faults of a whole reply", r.Kind)
	}
	if r.Kind == "refuse-login" {
		r.Call = "Login"
	}
	if r.Status == 0 {
		r.Status = http.StatusServiceUnavailable
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	r.ID, r.Hits, r.since = f.last, 0, time.Now()
	f.rules = append(f.rules, &r)
	if r.Kind == "cut" {
		for c := range f.conns {
			cut(c)
		}
	}
	return r.ID, nil
}

// held is how long answers of a call are still to be held back: until each such rule has had its seconds or is gone.
func (f *faults) held(kind, call string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var longest time.Duration
	rest := f.rules[:0:0]
	for _, r := range f.rules {
		left := time.Hour
		if r.Seconds > 0 {
			left = time.Until(r.since.Add(time.Duration(r.Seconds * float64(time.Second))))
		}
		if r.Kind == kind && left <= 0 {
			continue
		}
		rest = append(rest, r)
		if r.Kind == kind && (r.Call == "" || r.Call == call) && left > longest {
			longest = left
		}
	}
	f.rules = rest
	return longest
}

// cut closes a connection without a word of TLS.
func cut(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	c.Close()
}

// line hears of each connection to the front, and closes new ones while the line is cut.
func (f *faults) line(c net.Conn, state http.ConnState) {
	if state == http.StateNew && f.held("cut", "") > 0 {
		cut(c)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(f.conns, c)
	} else {
		f.conns[c] = true
	}
}

// clear removes one rule, or all with 0.
func (f *faults) clear(id int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var rest []*faultRule
	for _, r := range f.rules {
		if id != 0 && r.ID != id {
			rest = append(rest, r)
		}
	}
	f.rules = rest
}

func (f *faults) list() []faultRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []faultRule{}
	for _, r := range f.rules {
		out = append(out, *r)
	}
	return out
}

// take finds the first rule that meets the call, and uses it up by one.
func (f *faults) take(call string, meets func(*faultRule) bool) *faultRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.rules {
		if (r.Call != "" && r.Call != call) || !meets(r) {
			continue
		}
		r.Hits++
		if r.Count > 0 && r.Hits >= r.Count {
			f.rules = append(f.rules[:i:i], f.rules[i+1:]...)
		}
		hit := *r
		return &hit
	}
	return nil
}

// on is for faults in what is read.
func (f *faults) on(kind, call string) bool {
	return f.take(call, func(r *faultRule) bool { return r.Kind == kind }) != nil
}

// objects are those that the account may not see, or may not read. These rules are not used up.
func (f *faults) objects(kind string) map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out map[string]bool
	for _, r := range f.rules {
		if r.Kind == kind {
			if out == nil {
				out = map[string]bool{}
			}
			out[r.Object] = true
			r.Hits++
		}
	}
	return out
}

const envelopeHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
	`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ` +
	`xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>`
const envelopeTail = `</soapenv:Body></soapenv:Envelope>`

// takeReply finds a rule for the reply to a request.
func (f *faults) takeReply(how, call string, request []byte) *faultRule {
	return f.take(call, func(r *faultRule) bool {
		return faultKinds[r.Kind] == how && bytes.Contains(request, []byte(r.Asks))
	})
}

// play replaces the reply if a rule says so. A stall only delays it.
func (f *faults) play(l *lab, w http.ResponseWriter, r *http.Request, call string, request []byte) bool {
	rule := f.takeReply("replace", call, request)
	if rule == nil {
		return false
	}
	switch rule.Kind {
	case "stall":
		select {
		case <-time.After(time.Duration(rule.Seconds * float64(time.Second))):
		case <-r.Context().Done():
			return true
		}
		return f.play(l, w, r, call, request)
	case "not-authenticated":
		writeFault(w, "NotAuthenticated", "The session is not authenticated.",
			`<object type="ServiceInstance">ServiceInstance</object><privilegeId>System.View</privilegeId>`)
	case "refuse-login":
		writeFault(w, "InvalidLogin", "Cannot complete login due to an incorrect user name or password.", "")
	case "status":
		http.Error(w, http.StatusText(rule.Status), rule.Status)
	case "close":
		panic(http.ErrAbortHandler)
	case "garbage":
		writeGarbage(w, rule)
	case "endless":
		writeObjects(w, call, -1)
	case "huge":
		writeHuge(w, call, rule)
	}
	return true
}

func writeFault(w http.ResponseWriter, kind, message, detail string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(w, `%s<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>%s</faultstring><detail>`+
		`<%sFault xmlns="urn:vim25" xsi:type="%s">%s</%sFault></detail></soapenv:Fault>%s`,
		envelopeHead, message, kind, kind, detail, kind, envelopeTail)
}

// writeGarbage sends bytes that are no XML: noise, the same in each run, or a web page.
func writeGarbage(w http.ResponseWriter, rule *faultRule) {
	n := rule.Bytes
	if n == 0 {
		n = 4096
	}
	if rule.Form == "html" {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!DOCTYPE html><html><head><title>Welcome<br></head><body><p>It works!</body></html>\n")
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	b := make([]byte, n)
	rand.New(rand.NewSource(1)).Read(b)
	w.Write(b)
}

// writeObjects sends well-formed objects, 'n' bytes of them or without end.
func writeObjects(w http.ResponseWriter, call string, n int) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	io.WriteString(w, envelopeHead+`<`+call+`Response xmlns="urn:vim25"><returnval>`)
	for i, sent := 0, 0; n < 0 || sent < n; i++ {
		k, err := fmt.Fprintf(w, `<objects><obj type="VirtualMachine">vm-endless-%d</obj><propSet><name>name</name>`+
			`<val xsi:type="xsd:string">endless-%d</val></propSet></objects>`, i, i)
		if err != nil {
			return
		}
		sent += k
	}
	io.WriteString(w, `</returnval></`+call+`Response>`+envelopeTail)
}

// writeHuge sends a reply of so many megabytes: one text, or many objects.
func writeHuge(w http.ResponseWriter, call string, rule *faultRule) {
	n := rule.MB << 20
	if n == 0 {
		n = 100 << 20
	}
	if rule.Form == "objects" {
		writeObjects(w, call, n)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	io.WriteString(w, envelopeHead+`<`+call+`Response xmlns="urn:vim25"><returnval><objects>`+
		`<obj type="VirtualMachine">vm-huge</obj><propSet><name>name</name><val xsi:type="xsd:string">`)
	block := strings.Repeat("x", 1<<16)
	for sent := 0; sent < n; sent += len(block) {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
	io.WriteString(w, `</val></propSet></objects></returnval></`+call+`Response>`+envelopeTail)
}

// bend puts a rule between the simulator and the client: a reply that breaks off, or that stops on its way.
func (f *faults) bend(w *replyWriter, call string, request []byte) http.ResponseWriter {
	rule := f.takeReply("bend", call, request)
	if rule != nil {
		w.w = &bentWriter{ResponseWriter: w.w, rule: rule, left: rule.Bytes}
	}
	return w
}

type bentWriter struct {
	http.ResponseWriter
	rule *faultRule
	left int
}

func (b *bentWriter) Write(p []byte) (int, error) {
	if len(p) <= b.left {
		b.left -= len(p)
		return b.ResponseWriter.Write(p)
	}
	if b.left > 0 {
		b.ResponseWriter.Write(p[:b.left])
	}
	rest := p[max(b.left, 0):]
	first := b.left >= 0
	b.left = -1
	if b.rule.Kind == "drip" { // pause once, then go on
		if first {
			b.ResponseWriter.(http.Flusher).Flush()
			time.Sleep(time.Duration(b.rule.Seconds * float64(time.Second)))
		}
		if _, err := b.ResponseWriter.Write(rest); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	if b.rule.Form == "clean" { // HTTP ends well, the XML does not
		return len(p), nil
	}
	b.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}
