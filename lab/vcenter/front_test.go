package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"net/http/httptest"
	"strings"
	"testing"
)

const instance = `="http://www.w3.org/2001/XMLSchema-instance"`

// TestReplyWriterInPieces: whatever the pieces, the prefixes come out as a real server's.
func TestReplyWriterInPieces(t *testing.T) {
	one := `<val xmlns:XMLSchema-instance` + instance + ` XMLSchema-instance:type="xsd:string">a</val>` +
		`<val xmlns:_XMLSchema-instance` + instance + ` _XMLSchema-instance:type="ArrayOfX"></val>` +
		`<obj type="HostSystem" xmlns:XMLSchema-instance` + instance + ` XMLSchema-instance:type="MoRef">host-1</obj>`
	want := `<val xsi:type="xsd:string">a</val><val xsi:type="ArrayOfX"></val><obj type="HostSystem" xsi:type="MoRef">host-1</obj>`
	text := `<e xmlns:xsi` + instance + `>XMLSchema-instance:type=&#34;x&#34; and XMLSchema-instance`
	in := text + strings.Repeat(one, 50)
	out := text + strings.Repeat(want, 50)

	random := rand.New(rand.NewSource(1))
	for try := 0; try < 300; try++ {
		rec := httptest.NewRecorder()
		w := &replyWriter{w: rec, counts: &counts{}, xsi: true}
		for rest := []byte(in); len(rest) > 0; {
			n := random.Intn(1 + try*10)
			if n > len(rest) {
				n = len(rest)
			}
			if k, err := w.Write(rest[:n:n]); k != n || err != nil {
				t.Fatalf("Write: %d of %d, %v", k, n, err)
			}
			if n == 0 {
				n = 1
				w.Write(rest[:1])
			}
			rest = rest[n:]
		}
		w.finish()
		if got := rec.Body.String(); got != out {
			t.Fatalf("try %d: got %.400s", try, got)
		}
	}
}

func TestReplyWriterPassesThrough(t *testing.T) {
	rec := httptest.NewRecorder()
	w := &replyWriter{w: rec, counts: &counts{}}
	w.Write(goDecl)
	w.finish()
	if !bytes.Equal(rec.Body.Bytes(), goDecl) {
		t.Error("-xsi=false changed the reply")
	}
}

func TestCookieIsQuoted(t *testing.T) {
	rec := httptest.NewRecorder()
	c := &counts{}
	c.init()
	w := &replyWriter{w: rec, counts: c}
	w.Header().Add("Set-Cookie", "vmware_soap_session=abc-1; HttpOnly")
	w.WriteHeader(200)
	if got := rec.Header().Get("Set-Cookie"); got != `vmware_soap_session="abc-1"; Path=/; HttpOnly; Secure;` {
		t.Error(got)
	}
}

func TestCallName(t *testing.T) {
	for body, want := range map[string]string{
		`<soapenv:Envelope><soapenv:Body><Login xmlns="urn:vim25">`:                         "Login",
		`<e:Envelope><e:Header><Body2/></e:Header><e:Body id="1"> <v:RetrieveProperties xm`: "RetrieveProperties",
		`<Envelope><Body>` + "\n" + `<CurrentTime/>`:                                        "CurrentTime",
		`nonsense`: "",
	} {
		got := ""
		if m := reCall.FindSubmatch([]byte(body)); m != nil {
			got = string(m[1])
		}
		if got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
}

func TestCountsAreCapped(t *testing.T) {
	c := &counts{}
	c.init()
	for i := 0; i < 3*maxNames; i++ {
		c.add(fmt.Sprint("call", i))
	}
	if asked, _ := c.snapshot(); len(asked) > maxNames+1 || asked["other"] == 0 {
		t.Error(len(asked))
	}
}
