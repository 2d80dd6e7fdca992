package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
)

// quietLog swallows what clients do to their connections, which is the lab's daily work, but not our own panics.
var quietLog = log.New(panicWriter{}, "vcenter: ", 0)

type panicWriter struct{}

func (panicWriter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("panic serving")) {
		return os.Stderr.Write(p)
	}
	return len(p), nil
}

// reCall finds the name of the call: the first element inside the Body.
var reCall = regexp.MustCompile(`(?s)<(?:[\w.-]+:)?Body[^>]*>\s*<(?:[\w.-]+:)?(\w+)`)

// maxRequest is far above any request of a real client.
const maxRequest = 16 << 20

// serveFront answers /sdk and /sdk/vimServiceVersions.xml; nothing else exists here.
func (l *lab) serveFront(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/sdk/vimServiceVersions.xml" && r.Method == http.MethodGet:
		l.counts.add("vimServiceVersions.xml")
		if !l.faults.play(l, w, r, "vimServiceVersions.xml", nil) {
			l.serveVersions(w)
		}
	case (r.URL.Path == "/sdk" || r.URL.Path == "/sdk/vimService") && r.Method == http.MethodPost:
		l.serveCall(w, r)
	default:
		http.NotFound(w, r)
	}
}

// serveCall counts the call, plays the faults that were asked for, and lets the simulator answer.
func (l *lab) serveCall(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return
	}
	name := ""
	if m := reCall.FindSubmatch(body); m != nil {
		name = string(m[1])
	}
	l.counts.add(name)
	if l.faults.play(l, w, r, name, body) {
		return
	}

	r.URL.Path = "/sdk"
	r.Body = io.NopCloser(bytes.NewReader(body))
	reply := &replyWriter{w: w, call: name, counts: &l.counts, xsi: l.opt.xsi}
	l.service.ServeSDK(l.faults.bend(reply, name, body), r)
	reply.finish()
}

// replyWriter makes the simulator's reply look like a real server's while it streams by.
type replyWriter struct {
	w      http.ResponseWriter
	call   string
	counts *counts
	xsi    bool
	rest   []byte // the end of the last write, where a pattern may be cut
	out    []byte // work space
}

func (r *replyWriter) Header() http.Header { return r.w.Header() }

// WriteHeader sets the content type and the session cookie as a real server writes them: the value in quotes.
func (r *replyWriter) WriteHeader(status int) {
	h := r.w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	for i, c := range h["Set-Cookie"] {
		if name, rest, ok := strings.Cut(c, "="); ok && name == "vmware_soap_session" {
			value, _, _ := strings.Cut(rest, ";")
			h["Set-Cookie"][i] = name + `="` + value + `"; Path=/; HttpOnly; Secure;`
		}
	}
	if status == http.StatusOK {
		r.counts.answered(r.call)
	}
	r.w.WriteHeader(status)
}

// Go's encoder invents one of these prefixes and declares it on each element that uses it.
var (
	goMark  = []byte("XMLSchema-instance")
	goDecl  = []byte(` xmlns:XMLSchema-instance="http://www.w3.org/2001/XMLSchema-instance"`)
	goDecl_ = []byte(` xmlns:_XMLSchema-instance="http://www.w3.org/2001/XMLSchema-instance"`)
	goType  = []byte(` XMLSchema-instance:type=`)
	goType_ = []byte(` _XMLSchema-instance:type=`)
	xsiType = []byte(` xsi:type=`)
)

// longest is how much of a write may have to wait for the next one.
var longest = len(goDecl_)

// Write rewrites the prefixes. Text never contains the patterns: quotes in text are escaped.
func (r *replyWriter) Write(p []byte) (int, error) {
	if !r.xsi {
		return r.w.Write(p)
	}
	buf := p
	if len(r.rest) > 0 {
		buf = append(r.rest, p...)
	}
	out := r.out[:0]
	for {
		i := bytes.Index(buf, goMark)
		if i >= 0 && i+longest <= len(buf) {
			out, buf = rewriteMark(out, buf, i)
			continue
		}
		cut := len(buf) - longest
		if i >= 0 {
			cut = i - longest
		}
		if cut > 0 {
			out, buf = append(out, buf[:cut]...), buf[cut:]
		}
		break
	}
	r.rest = append([]byte(nil), buf...)
	r.out = out
	_, err := r.w.Write(out)
	return len(p), err
}

// rewriteMark handles the mark at 'i': what stands before it goes out, the pattern around it is replaced.
func rewriteMark(out, buf []byte, i int) ([]byte, []byte) {
	for _, p := range []struct{ from, to []byte }{{goDecl, nil}, {goDecl_, nil}, {goType, xsiType}, {goType_, xsiType}} {
		at := i - bytes.Index(p.from, goMark)
		if at >= 0 && bytes.HasPrefix(buf[at:], p.from) {
			out = append(append(out, buf[:at]...), p.to...)
			return out, buf[at+len(p.from):]
		}
	}
	end := i + len(goMark)
	return append(out, buf[:end]...), buf[end:]
}

// finish writes what waited.
func (r *replyWriter) finish() {
	buf := r.rest
	out := make([]byte, 0, len(buf))
	for {
		i := bytes.Index(buf, goMark)
		if i < 0 {
			break
		}
		out, buf = rewriteMark(out, buf, i)
	}
	if len(out)+len(buf) > 0 {
		r.w.Write(append(out, buf...))
	}
}

var tlsVersions = map[string]uint16{
	"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

func (l *lab) tlsConfig() (*tls.Config, error) {
	max, ok := tlsVersions[l.opt.tls]
	if !ok {
		return nil, fmt.Errorf("-tls %s: want 1.0, 1.1, 1.2 or 1.3", l.opt.tls)
	}
	cert, err := l.certificate()
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: max}, err
}

// certificate loads the one that was given, or makes one for this start.
func (l *lab) certificate() (tls.Certificate, error) {
	if l.opt.cert != "" {
		return tls.LoadX509KeyPair(l.opt.cert, l.opt.key)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "vcenter.lab"},
		DNSNames:     []string{"localhost", "vcenter.lab"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(365 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
