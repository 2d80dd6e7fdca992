package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
)

// options are what the command line says; see README.md for each flag.
type options struct {
	listen, ctl        string
	username, password string
	cert, key          string
	inventory, model   string
	api, tls, uuid     string
	page               int
	idle               time.Duration
	tick               time.Duration
	xsi, quiet         bool

	cluster, host, standalone, vm, pg int

	times    moveTimes
	start    time.Duration
	evacuate int
}

func parseFlags(args []string) *options {
	o := &options{}
	f := flag.NewFlagSet("vcenter", flag.ExitOnError)
	f.StringVar(&o.listen, "l", "127.0.0.1:0", "HTTPS listen `address`")
	f.StringVar(&o.ctl, "ctl", "127.0.0.1:0", "control listen `address`, plain HTTP, no password: keep it on loopback")
	f.StringVar(&o.username, "username", "vsn", "the one account's `name`")
	f.StringVar(&o.password, "password", "secret", "the one account's `password`")
	f.StringVar(&o.cert, "cert", "", "certificate `file` in PEM (default: one made at start)")
	f.StringVar(&o.key, "key", "", "private key `file` in PEM")
	f.StringVar(&o.inventory, "inventory", "", "JSON `file` that describes exactly the world to make")
	f.StringVar(&o.model, "model", "vpx", "vpx (a vCenter) or esx (one host)")
	f.StringVar(&o.api, "api", "6.5", "API version to play: "+knownVersions())
	f.StringVar(&o.tls, "tls", "1.3", "newest TLS `version` to speak: 1.0 1.1 1.2 1.3")
	f.StringVar(&o.uuid, "uuid", "", "about.instanceUuid (default: made from the inventory)")
	f.IntVar(&o.page, "page", 0, "largest number of objects in one reply even if the client asked for more (0 = no limit)")
	f.DurationVar(&o.idle, "idle", 0, "session idle timeout (0 = never)")
	f.DurationVar(&o.tick, "tick", 100*time.Millisecond, "how long a wait gathers changes before it answers")
	f.BoolVar(&o.xsi, "xsi", true, "write xsi: prefixes as a real server does")
	f.BoolVar(&o.quiet, "quiet", true, "no log")
	f.IntVar(&o.cluster, "cluster", 1, "clusters")
	f.IntVar(&o.host, "host", 3, "hosts per cluster")
	f.IntVar(&o.standalone, "standalone-host", 0, "hosts outside clusters")
	f.IntVar(&o.vm, "vm", 2, "machines per cluster and per standalone host")
	f.IntVar(&o.pg, "pg", 1, "distributed port groups besides the uplink group")
	f.DurationVar(&o.times.queue, "t-queue", 300*time.Millisecond, "migration: task queued to running")
	f.DurationVar(&o.times.pre, "t-pre", 2*time.Second, "migration: start event to emigrating event")
	f.DurationVar(&o.times.run, "t-run", 2*time.Second, "migration: emigrating event to switch-over")
	f.DurationVar(&o.start, "t-start", 0, "a machine that a call starts or makes: announcement to fact (0 = at once)")
	f.IntVar(&o.evacuate, "evacuate", 4, "moves at once when a host enters maintenance mode")
	f.Parse(args)

	if f.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "vcenter: what is", f.Arg(0), "?")
		os.Exit(2)
	}
	return o
}

// instanceUUID is the same after a restart with the same world, and another one for another world.
func (o *options) instanceUUID() string {
	if o.uuid != "" {
		return o.uuid
	}
	name := fmt.Sprint(o.model, o.cluster, o.host, o.standalone, o.vm, o.pg, o.inventory)
	if data, err := os.ReadFile(o.inventory); err == nil {
		name += string(data)
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)).String()
}

// simulatorModel turns the counting flags into the simulator's model.
func (o *options) simulatorModel() (*simulator.Model, error) {
	switch o.model {
	case "esx":
		m := simulator.ESX()
		m.Machine = o.vm
		return m, nil
	case "vpx":
		m := simulator.VPX()
		m.Cluster, m.ClusterHost, m.Host = o.cluster, o.host, o.standalone
		m.Machine, m.Portgroup = o.vm, o.pg
		if o.inventory != "" {
			m.Cluster, m.ClusterHost, m.Host, m.Machine, m.Portgroup = 0, 0, 0, 0, 0
		}
		return m, nil
	}
	return nil, fmt.Errorf("-model %s: want vpx or esx", o.model)
}
