package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// call is one SOAP call on its way: already authenticated, decoded, and its object found.
type call struct {
	*lab
	ctx  *simulator.Context
	name string
	this types.ManagedObjectReference
	body types.AnyType
	next func() soap.HasFault
}

// callTable names the calls that the simulator lacks or does in another way than a real server.
func (l *lab) callTable() map[string]callFunc {
	return map[string]callFunc{
		"AddHost_Task":                  l.addHost,
		"AddStandaloneHost_Task":        l.addHost,
		"DisconnectHost_Task":           l.disconnectHost,
		"ReconnectHost_Task":            l.reconnectHost,
		"EnterMaintenanceMode_Task":     l.maintenanceCall,
		"ExitMaintenanceMode_Task":      l.exitMaintenanceCall,
		"AddPortGroup":                  l.addPortGroup,
		"UpdatePortGroup":               l.updatePortGroup,
		"RemovePortGroup":               l.removePortGroup,
		"AddVirtualSwitch":              l.addVirtualSwitch,
		"UpdateVirtualSwitch":           l.updateVirtualSwitch,
		"RemoveVirtualSwitch":           l.removeVirtualSwitch,
		"Login":                         l.sessionCall,
		"Logout":                        l.sessionCall,
		"TerminateSession":              l.sessionCall,
		"QueryNetworkHint":              l.queryNetworkHint,
		"CreateDVS_Task":                l.createDVS,
		"ReconfigureDvs_Task":           l.reconfigureDVS,
		"UpdateDVSLacpGroupConfig_Task": l.updateLags,
		"AddDVPortgroup_Task":           l.addDVPortgroup,
		"CreateDVPortgroup_Task":        l.createDVPortgroup,
		"ReconfigureDVPortgroup_Task":   l.reconfigureDVPortgroup,
		"Destroy_Task":                  l.destroy,
		"CreateVM_Task":                 l.createCall,
		"RegisterVM_Task":               l.changeMachines,
		"CloneVM_Task":                  l.cloneCall,
		"MarkAsTemplate":                l.markCall,
		"MarkAsVirtualMachine":          l.markCall,
		"PowerOnVM_Task":                l.powerOnCall,
		"PowerOnMultiVM_Task":           l.powerOnMultiCall,
		"ReconfigVM_Task":               l.reconfigMachine,
		"UnregisterVM":                  l.changeMachines,
		"MigrateVM_Task":                l.migrateCall,
		"RelocateVM_Task":               l.relocateCall,
		"CancelTask":                    l.cancelCall,
	}
}

// sharedCalls take the world's lock themselves, or need none.
var sharedCalls = map[string]bool{
	"RetrieveProperties": true, "RetrievePropertiesEx": true, "ContinueRetrievePropertiesEx": true,
	"CancelRetrievePropertiesEx": true, "CreateFilter": true, "DestroyPropertyFilter": true,
	"CreatePropertyCollector": true, "DestroyPropertyCollector": true, "WaitForUpdates": true,
	"WaitForUpdatesEx": true, "CheckForUpdates": true, "CancelWaitForUpdates": true,
}

// waitsForMove are the calls that a machine refuses while it moves. So do the moves themselves, see newMove.
var waitsForMove = map[string]bool{
	"PowerOnVM_Task": true, "PowerOffVM_Task": true, "SuspendVM_Task": true, "ResetVM_Task": true, "ReconfigVM_Task": true,
	"CloneVM_Task": true, "UnregisterVM": true, "Destroy_Task": true,
}

// call is the simulator's CallHook.
func (l *lab) call(ctx *simulator.Context, m *simulator.Method, next func() soap.HasFault) soap.HasFault {
	if uri := l.unknownVersion(ctx); uri != "" {
		return fault(fmt.Sprintf("Unsupported version URI %q", uri), &types.InvalidRequest{})
	}
	if l.versionOf(ctx).lacksCall(m.Name) {
		return fault("Unable to resolve WSDL method name "+m.Name, &types.InvalidRequest{})
	}
	if sharedCalls[m.Name] {
		if next == nil {
			return nil
		}
		return next()
	}

	l.world.Lock()
	defer l.world.Unlock()
	if waitsForMove[m.Name] && l.moves.busy(m.This) {
		return fault("", &types.TaskInProgress{Task: l.moves.task(m.This)})
	}
	if f := l.calls[m.Name]; f != nil {
		return f(&call{lab: l, ctx: ctx, name: m.Name, this: m.This, body: m.Body, next: next})
	}
	if next == nil {
		return nil
	}
	return next()
}

// sessionCall lets the simulator do it, then ends the collectors of sessions that are no more.
func (l *lab) sessionCall(c *call) soap.HasFault {
	res := c.next()
	open := map[string]bool{}
	for _, s := range openSessions() {
		open[s.Key] = true
	}
	l.tracker.keep(open)
	return res
}

// faultBody carries a fault to the simulator's encoder.
type faultBody struct{ Fault_ *soap.Fault }

func (b *faultBody) Fault() *soap.Fault { return b.Fault_ }

func fault(message string, f types.BaseMethodFault) soap.HasFault {
	return &faultBody{simulator.Fault(message, f)}
}

func notFound(ref types.ManagedObjectReference) soap.HasFault {
	return fault("The object has already been deleted or has not been completely created",
		&types.ManagedObjectNotFound{Obj: ref})
}

// taskFault is the fault of the task that an answer names, or nil.
func taskFault(ref types.ManagedObjectReference) types.BaseMethodFault {
	t, ok := simulator.Map.Get(ref).(*simulator.Task)
	if !ok || t.Info.Error == nil {
		return nil
	}
	return t.Info.Error.Fault
}

// update changes properties and tells the watchers.
func update(o interface {
	Reference() types.ManagedObjectReference
}, changes ...types.PropertyChange) {
	simulator.Map.WithLock(o, func() { simulator.Map.Update(o, changes) })
}

func set(name string, val types.AnyType) types.PropertyChange {
	return types.PropertyChange{Name: name, Val: val}
}

// runTask runs 'f' as a finished task, as the simulator does with its own.
func runTask(o interface {
	Reference() types.ManagedObjectReference
}, name string, f func() types.BaseMethodFault) types.ManagedObjectReference {
	return simulator.CreateTask(o, name, func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return nil, f()
	}).Run()
}
