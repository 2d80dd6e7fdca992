// Added to a copy of Debian's simulator package by ../build: the few doors through which the lab's own
// behaviour enters. Everything else of the lab lives in package main.

package simulator

import (
	"net/http"
	"reflect"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// CallHook, when set, sees every call of an authenticated session (and the few that need none) in place of the
// simulator's method. 'next' runs that method with the object's lock held; it is nil when the simulator has no
// such method, and then a nil answer stands for "unknown call".
var CallHook func(ctx *Context, method *Method, next func() soap.HasFault) soap.HasFault

// NextMAC, when set, makes the MAC addresses of new machine interfaces. The simulator's own take 12 bits of the
// machine's UUID, which repeat long before 10,000 machines.
var NextMAC func() string

// EventHook, when set, sees each event before it is posted; one for which it answers false is not.
var EventHook func(types.BaseEvent) bool

// NextMachine, when set, is the reference of the next machine that is made.
var NextMachine types.ManagedObjectReference

// NewReference reserves a reference for an object to come.
func NewReference(item mo.Reference) types.ManagedObjectReference { return Map.newReference(item) }

// FolderArgument names a folder in an event.
func FolderArgument(f *mo.Folder) types.FolderEventArgument { return folderEventArgument(f) }

// Request is the HTTP request of a call; nil when the call came from inside this program.
func (c *Context) Request() *http.Request { return c.req }

// PostEvent posts events under the event manager's lock.
func (c *Context) PostEvent(events ...types.BaseEvent) { c.postEvent(events...) }

// GetObject finds the property holder (a struct of package mo) of 'ref' as this session sees it.
func GetObject(ctx *Context, ref types.ManagedObjectReference) (reflect.Value, bool) {
	return getObject(ctx, ref)
}

// FieldValue reads a property by its dotted path in the form that the wire wants (slices as ArrayOf...). 'known'
// is false if the type has no such property; 'value' is nil if the property is unset.
func FieldValue(object reflect.Value, path string) (value interface{}, known bool) {
	v, err := fieldValue(object, path)
	return v, err != errMissingField
}

// AllFields calls 'f' with the name and the value of each property of 'object' that is set.
func AllFields(object reflect.Value, f func(name string, value interface{})) {
	for i := 0; i < object.NumField(); i++ {
		val, field := object.Field(i), object.Type().Field(i)
		switch {
		case isEmpty(val) || field.Name == "Self":
		case field.Anonymous:
			AllFields(val, f)
		default:
			f(lcFirst(field.Name), fieldValueInterface(field, val))
		}
	}
}

// PutChild and RemoveChild add to and take from a folder, with all references that depend on it.
func PutChild(ctx *Context, f *mo.Folder, o mo.Entity)         { folderPutChild(ctx, f, o) }
func RemoveChild(ctx *Context, f *mo.Folder, ref mo.Reference) { folderRemoveChild(ctx, f, ref) }
func HostParent(host *mo.HostSystem) *mo.ComputeResource       { return hostParent(host) }
func EntityDatacenter(e mo.Entity) *Datacenter                 { return Map.getEntityDatacenter(e) }
func (vm *VirtualMachine) Event() types.VmEvent                { return vm.event() }
func (h *HostSystem) Event() types.HostEvent                   { return h.event() }
func (h *HostSystem) EventArgument() types.HostEventArgument   { return *h.eventArgument() }
func DatacenterArgument(e mo.Entity) *types.DatacenterEventArgument {
	return datacenterEventArgument(e)
}

// ServiceContent lists the managers.
func (r *Registry) ServiceContent() types.ServiceContent { return r.content() }
