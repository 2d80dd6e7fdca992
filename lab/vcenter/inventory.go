package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/vmware/govmomi/simulator"
)

// inventory is the file of -inventory. README.md explains it with an example.
type inventory struct {
	Cluster  string       `json:"cluster"` // "" = every host stands alone
	Hosts    []invHost    `json:"hosts"`
	DVS      []invDVS     `json:"dvs"`
	Machines []invMachine `json:"machines"`
}

type invHost struct {
	Name      string       `json:"name"`
	Cluster   *string      `json:"cluster"` // instead of the inventory's
	Pnics     []invPnic    `json:"pnics"`
	Vswitches []invVswitch `json:"vswitches"`
	Vmknics   []invVmknic  `json:"vmknics"`
	State     string       `json:"state"`
}

type invPnic struct {
	Device string `json:"device"`
	Mac    string `json:"mac"`
	Down   bool   `json:"down"`
}

type invVswitch struct {
	Name       string         `json:"name"`
	Uplinks    []string       `json:"uplinks"`
	Discovery  string         `json:"discovery"` // "" = cdp/listen; else protocol/operation
	Teaming    *invTeaming    `json:"teaming"`
	Portgroups []invPortgroup `json:"portgroups"`
}

type invPortgroup struct {
	Name    string      `json:"name"`
	Vlan    int32       `json:"vlan"`
	Teaming *invTeaming `json:"teaming"`
}

type invTeaming struct {
	Policy  string   `json:"policy"`
	Active  []string `json:"active"`
	Standby []string `json:"standby"`
}

type invVmknic struct {
	Device    string `json:"device"`
	Portgroup string `json:"portgroup"` // a standard one, or one of a DVS
	Mac       string `json:"mac"`
	Role      string `json:"role"` // management, vmotion, vsan, ...
}

type invDVS struct {
	Name       string           `json:"name"`
	Uplinks    []string         `json:"uplinks"`
	Discovery  string           `json:"discovery"`
	Vlan       int32            `json:"vlan"` // for port groups that inherit
	Pvlan      []invPvlan       `json:"pvlan"`
	Lags       []invLag         `json:"lags"`
	Hosts      []invMember      `json:"hosts"`
	Portgroups []invDVPortgroup `json:"portgroups"`
}

type invPvlan struct {
	Primary   int32  `json:"primary"`
	Secondary int32  `json:"secondary"`
	Type      string `json:"type"` // promiscuous, isolated, community
}

type invLag struct {
	Name  string  `json:"name"`
	Ports int32   `json:"ports"`
	Mode  string  `json:"mode"`
	Vlans []int32 `json:"vlans"` // flat pairs: start, end, start, end
}

type invMember struct {
	Host  string      `json:"host"`
	Pnics []invUplink `json:"pnics"`
}

type invUplink struct {
	Device string `json:"device"`
	Uplink string `json:"uplink"` // an uplink's or a LAG's name; "" = the next free uplink
}

type invDVPortgroup struct {
	Name    string      `json:"name"`
	Vlan    int32       `json:"vlan"`
	Trunk   []int32     `json:"trunk"` // flat pairs: start, end, start, end
	Pvlan   int32       `json:"pvlan"`
	Inherit bool        `json:"inherit"` // the switch's own VLAN
	Teaming *invTeaming `json:"teaming"`
}

type invMachine struct {
	Name     string   `json:"name"`
	Host     string   `json:"host"`
	Networks []string `json:"networks"`
	Macs     []string `json:"macs"`  // parallel to networks; "" or missing = generated
	Power    string   `json:"power"` // on (default), off, suspended, or template
}

// loadInventory makes exactly the world that the file describes.
func (l *lab) loadInventory(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var inv inventory
	if err := json.Unmarshal(data, &inv); err != nil {
		return fmt.Errorf("%s: %v", file, err)
	}
	l.world.Lock()
	defer l.world.Unlock()
	b := &builder{lab: l, ctx: labContext(), clusters: map[string]*simulator.ClusterComputeResource{}}
	if err := b.build(&inv); err != nil {
		return fmt.Errorf("%s: %v", file, err)
	}
	return nil
}
