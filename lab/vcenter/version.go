package main

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// apiVersion is a release of the API, such as "4.1". The zero value knows everything.
type apiVersion string

// releases in order, with the product version that carried each.
var releases = []struct{ api, product, build string }{
	{"2.5", "2.5.0", "64201"},
	{"2.5u2", "2.5.0", "119598"},
	{"4.0", "4.0.0", "162856"},
	{"4.1", "4.1.0", "258902"},
	{"5.0", "5.0.0", "455964"},
	{"5.1", "5.1.0", "799731"},
	{"5.5", "5.5.0", "1312298"},
	{"6.0", "6.0.0", "2494585"},
	{"6.5", "6.5.0", "4602587"},
	{"6.7", "6.7.0", "8170161"},
	{"7.0.0.0", "7.0.0", "15952498"},
	{"8.0.0.0", "8.0.0", "20519528"},
	{"8.0.2.0", "8.0.2", "22385739"},
	{"8.0.3.0", "8.0.3", "24022515"},
}

// aliases are the short names of -api.
var aliases = map[string]string{"7.0": "7.0.0.0", "8.0": "8.0.3.0", "8": "8.0.3.0"}

func knownVersions() string { return "4.0 4.1 5.0 5.1 5.5 6.0 6.5 6.7 7.0 8.0" }

func findVersion(name string) (apiVersion, error) {
	if long := aliases[name]; long != "" {
		name = long
	}
	if i := apiVersion(name).rank(); i >= apiVersion("4.0").rank() {
		return apiVersion(name), nil
	}
	return "", fmt.Errorf("-api %s: want one of %s", name, knownVersions())
}

func (v apiVersion) rank() int {
	for i, r := range releases {
		if r.api == string(v) {
			return i
		}
	}
	return -1
}

// before tells whether 'v' is older than the release 'since'.
func (v apiVersion) before(since string) bool {
	return v != "" && v.rank() < apiVersion(since).rank()
}

// about is the server's description of itself.
func (v apiVersion) about(a types.AboutInfo) types.AboutInfo {
	r := releases[v.rank()]
	a.ApiVersion, a.Version, a.Build = r.api, r.product, r.build
	a.FullName = fmt.Sprintf("%s %s build-%s", a.Name, r.product, r.build)
	return a
}

// versionOf is what one call may use: the server's release, or the older one that the client named in SOAPAction.
func (l *lab) versionOf(ctx *simulator.Context) apiVersion {
	r := ctx.Request()
	if r == nil {
		return ""
	}
	asked := strings.TrimPrefix(strings.Trim(r.Header.Get("SOAPAction"), `"`), "urn:vim25/")
	if v := apiVersion(asked); v.rank() >= 0 && v.rank() < l.api.rank() {
		return v
	}
	return l.api
}

// unknownVersion is the SOAPAction of a call that names a release which the server cannot speak.
func (l *lab) unknownVersion(ctx *simulator.Context) string {
	r := ctx.Request()
	if r == nil {
		return ""
	}
	uri := strings.Trim(r.Header.Get("SOAPAction"), `"`)
	asked := strings.TrimPrefix(uri, "urn:vim25/")
	if v := apiVersion(asked); asked != uri && (v.rank() < 0 || v.rank() > l.api.rank()) {
		return uri
	}
	return ""
}

var callsSince = map[string]string{
	"RetrievePropertiesEx": "4.1", "ContinueRetrievePropertiesEx": "4.1", "CancelRetrievePropertiesEx": "4.1",
	"WaitForUpdatesEx": "4.1", "CreatePropertyCollector": "4.1", "DestroyPropertyCollector": "4.1",
	"CreateDVPortgroup_Task": "5.1", "UpdateDVSLacpGroupConfig_Task": "5.5",
}

func (v apiVersion) lacksCall(name string) bool {
	since, ok := callsSince[name]
	return ok && v.before(since)
}

// pathsSince are the properties, and all below them, that came after 4.0.
var pathsSince = map[string]map[string]string{
	"HostSystem": {
		"config.network.opaqueSwitch": "5.5", "config.network.opaqueNetwork": "5.5",
		"config.network.netStackInstance": "5.5", "config.network.nsxTransportNodeId": "6.7",
	},
	"DistributedVirtualPortgroup": {
		"config.uplink": "6.5", "config.backingType": "6.7", "config.autoExpand": "5.0",
		"config.logicalSwitchUuid": "6.7",
	},
	"DistributedVirtualSwitch": {
		"config.lacpGroupConfig": "5.5", "config.lacpApiVersion": "5.5", "runtime": "5.1",
		"config.networkResourceControlVersion": "6.0", "config.multicastFilteringMode": "6.0",
	},
	"VirtualMachine": {"config.vFlashCacheReservation": "5.5", "config.keyId": "6.5"},
	"Task":           {"info.activationId": "6.0"},
}

// lacksPath tells whether the release does not know this property of this type.
func (v apiVersion) lacksPath(kind, path string) bool {
	if kind == "VmwareDistributedVirtualSwitch" {
		kind = "DistributedVirtualSwitch"
	}
	for p, since := range pathsSince[kind] {
		if (path == p || strings.HasPrefix(path, p+".")) && v.before(since) {
			return true
		}
	}
	return false
}

// hide removes from a value what the release does not know; the original stays as it is.
func (v apiVersion) hide(val types.AnyType) types.AnyType {
	if !v.before("6.5") {
		return val
	}
	switch x := val.(type) {
	case *types.ArrayOfHostProxySwitch:
		return &types.ArrayOfHostProxySwitch{HostProxySwitch: v.hideLags(x.HostProxySwitch)}
	case types.HostNetworkInfo:
		x.ProxySwitch = v.hideLags(x.ProxySwitch)
		if v.before("5.5") {
			x.OpaqueSwitch, x.OpaqueNetwork, x.NetStackInstance = nil, nil, nil
		}
		return x
	case types.DVPortgroupConfigInfo:
		x.Uplink = nil
		return x
	case *types.VMwareDVSConfigInfo:
		old := *x
		if v.before("5.5") {
			old.LacpGroupConfig, old.LacpApiVersion = nil, ""
		}
		return &old
	}
	return val
}

func (v apiVersion) hideLags(in []types.HostProxySwitch) []types.HostProxySwitch {
	if !v.before("5.5") {
		return in
	}
	out := append([]types.HostProxySwitch(nil), in...)
	for i := range out {
		out[i].HostLag = nil
	}
	return out
}

// knownPath checks a path against the declared fields of a type, as a real server does before it reads anything.
// Below a field whose declared type is a base class anything goes here.
func knownPath(t reflect.Type, path string) bool {
	for _, name := range strings.Split(path, ".") {
		for t.Kind() == reflect.Ptr {
			t = t.Elem()
		}
		if t.Kind() == reflect.Interface {
			return true
		}
		if t.Kind() != reflect.Struct || name == "" {
			return false
		}
		f, ok := t.FieldByName(strings.ToUpper(name[:1]) + name[1:])
		if !ok {
			return false
		}
		t = f.Type
	}
	return true
}

// serveVersions answers /sdk/vimServiceVersions.xml.
func (l *lab) serveVersions(w http.ResponseWriter) {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<namespaces version=\"1.0\">\n <namespace>\n"+
		"  <name>urn:vim25</name>\n  <version>%s</version>\n  <priorVersions>\n", l.api)
	for i := l.api.rank() - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "   <version>%s</version>\n", releases[i].api)
	}
	b.WriteString("  </priorVersions>\n </namespace>\n <namespace>\n  <name>urn:vim2</name>\n  <version>2.0</version>\n" +
		" </namespace>\n</namespaces>\n")
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.Write([]byte(b.String()))
}
