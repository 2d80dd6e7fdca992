package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// lab is one stand-in: the simulator's service, and what we add to it.
type lab struct {
	opt     *options
	model   *simulator.Model
	service *simulator.Service
	api     apiVersion

	// world orders everything: reads for an answer hold it shared, all other calls and the steps of a migration hold
	// it alone. So a client sees each change whole.
	world sync.RWMutex

	tracker    *tracker
	moves      moves
	activities activities
	journal    journal
	leaving    map[types.ManagedObjectReference]bool // hosts that are being evacuated; part of the world
	hints      hints
	faults     faults
	counts     counts
	calls      map[string]callFunc

	scratch     *scratch
	url, ctlURL string
	front, ctl  *http.Server
}

// start makes the world and serves it.
func start(opt *options) (*lab, error) {
	l := &lab{opt: opt, tracker: newTracker()}
	l.calls = l.callTable()
	l.hints.init()
	l.moves.init()
	l.activities.init()
	l.journal.init()
	l.leaving = map[types.ManagedObjectReference]bool{}
	l.counts.init()

	var err error
	if l.api, err = findVersion(opt.api); err != nil {
		return nil, err
	}
	if (opt.inventory != "" && opt.model == "esx") || (opt.cert == "") != (opt.key == "") {
		return nil, fmt.Errorf("-inventory needs -model vpx, and -cert needs -key")
	}
	if l.model, err = opt.simulatorModel(); err != nil {
		return nil, err
	}

	if l.scratch, err = newScratch(); err != nil {
		return nil, err
	}
	simulator.SessionIdleTimeout = opt.idle
	simulator.NextMAC = nextMachineMAC
	simulator.CallHook = l.call
	if err := l.makeWorld(); err != nil {
		l.cleanUp()
		return nil, err
	}
	if err := l.listen(); err != nil {
		l.cleanUp()
		return nil, err
	}
	return l, nil
}

// makeWorld creates the inventory and lets our property collector take the simulator's place.
func (l *lab) makeWorld() error {
	l.model.ServiceContent.About = l.api.about(l.model.ServiceContent.About)
	l.model.ServiceContent.About.InstanceUuid = l.opt.instanceUUID()
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // a large world is made once and stays
	if err := l.model.Create(); err != nil {
		return err
	}
	l.service = l.model.Service

	content := l.model.ServiceContent
	pc := &collector{lab: l}
	pc.Self = content.PropertyCollector
	simulator.Map.Put(pc)
	simulator.Map.AddHandler(l.tracker)

	if l.opt.inventory != "" {
		return l.loadInventory(l.opt.inventory)
	}
	return l.finishModel()
}

// listen opens both addresses. The front never shows the simulator's own web pages, only /sdk.
func (l *lab) listen() error {
	l.service.Listen = &url.URL{User: url.UserPassword(l.opt.username, l.opt.password)}
	l.service.RegisterSDK(simulator.Map)

	secure, err := l.tlsConfig()
	if err != nil {
		return err
	}
	fl, err := net.Listen("tcp", l.opt.listen)
	if err != nil {
		return err
	}
	cl, err := net.Listen("tcp", l.opt.ctl)
	if err != nil {
		fl.Close()
		return err
	}

	l.url, l.ctlURL = "https://"+fl.Addr().String()+"/sdk", "http://"+cl.Addr().String()
	l.faults.conns = map[net.Conn]bool{}
	l.front = &http.Server{Handler: http.HandlerFunc(l.serveFront), ErrorLog: quietLog, ConnState: l.faults.line}
	l.ctl = &http.Server{Handler: l.controlMux(), ErrorLog: quietLog}
	go l.front.Serve(tls.NewListener(fl, secure))
	go l.ctl.Serve(cl)
	return nil
}

func (l *lab) close() {
	l.front.Close()
	l.ctl.Close()
	l.cleanUp()
}

// cleanUp removes the files that the simulator made for the machines.
func (l *lab) cleanUp() {
	l.model.Remove()
	l.scratch.remove()
}

// callFunc handles one call; 'next' is the simulator's own method, or nil if it has none.
type callFunc func(c *call) soap.HasFault
