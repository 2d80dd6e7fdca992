// The lab's vCenter stand-in: VMware's own simulator, from Debian's golang-github-vmware-govmomi-dev, with the
// behaviour that a virtual network agent lives on and that the simulator lacks. README.md is its documentation.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	opt := parseFlags(os.Args[1:])
	if opt.quiet {
		log.SetOutput(io.Discard)
	}

	lab, err := start(opt)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vcenter:", err)
		os.Exit(1)
	}

	stop := make(chan os.Signal, 1) // before anybody is told that it runs
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	fmt.Printf("READY %s pid=%d hosts=%d ctl=%s\n", lab.url, os.Getpid(), len(allHosts()), lab.ctlURL)
	<-stop
	lab.close()
}
