package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// moveKind is one of the ways in which a machine comes to a host; README.md lists them. All act with the world locked.
type moveKind struct {
	name      string
	task, lro string // Task.info.name and descriptionId; none: there is no task
	drs       bool   // the task is DRS's, not a user's
	emigrates bool

	ready    func(vm *simulator.VirtualMachine) types.BaseMethodFault
	announce func(m *move) types.BaseEvent // nil: nobody says it ahead
	arrive   func(m *move) types.BaseMethodFault
	done     func(m *move) []types.BaseEvent
	failed   func(m *move, why types.LocalizedMethodFault) types.BaseEvent
}

var moveKinds = map[string]*moveKind{}

func init() {
	const migrate, lro = "MigrateVM_Task", "VirtualMachine.migrate"
	for _, k := range []*moveKind{
		{name: "manual", task: migrate, lro: lro, emigrates: true, announce: beingHotMigrated, done: migrated},
		{name: "drs", task: migrate, lro: "Drm.ExecuteVMotionLRO", drs: true, emigrates: true,
			announce: beingHotMigrated, done: migratedByDRS},
		{name: "encrypted", task: migrate, lro: lro, emigrates: true, announce: migratingEncrypted, done: migrated},
		{name: "cold", task: migrate, lro: lro, announce: beingMigrated, done: migrated},
		{name: "relocate", task: "RelocateVM_Task", lro: "VirtualMachine.relocate", emigrates: true,
			announce: beingRelocated, done: relocated, failed: relocateFailed},
		{name: "ha", ready: isOn, arrive: restart, done: restartedByHA},

		{name: "power-on", task: "PowerOnVM_Task", lro: "VirtualMachine.powerOn", ready: isOff, announce: starting,
			arrive: powerOn, done: poweredOn, failed: powerOnFailed},
		{name: "drs-power-on", task: "PowerOnVM_Task", lro: "Drm.ExecuteVmPowerOnLRO", drs: true, ready: isOff,
			announce: starting, arrive: powerOn, done: poweredOnByDRS, failed: powerOnFailed},
		{name: "resume", task: "PowerOnVM_Task", lro: "VirtualMachine.powerOn", ready: isSuspended, announce: resuming,
			arrive: powerOn, done: poweredOn, failed: powerOnFailed},

		{name: "clone", task: "CloneVM_Task", lro: "VirtualMachine.clone", announce: beingCloned, arrive: made,
			done: cloned, failed: cloneFailed},
		{name: "deploy", task: "CloneVM_Task", lro: "VirtualMachine.clone", ready: isTemplate, announce: beingDeployed,
			arrive: made, done: deployed},
		{name: "create", task: "CreateVM_Task", lro: "Folder.createVm", announce: beingCreated, arrive: made, done: created},
		{name: "arrival", arrive: made, done: arrived},
	} {
		if k.ready == nil {
			k.ready = func(*simulator.VirtualMachine) types.BaseMethodFault { return nil }
		}
		if k.arrive == nil {
			k.arrive = changeHost
		}
		if k.failed == nil && k.task == migrate {
			k.failed = migrateFailed
		}
		moveKinds[k.name] = k
	}
}

// What a machine has to be.

func inState(vm *simulator.VirtualMachine, asked, want types.VirtualMachinePowerState) types.BaseMethodFault {
	if vm.Config.Template {
		return &types.InvalidState{}
	}
	if vm.Runtime.PowerState != want {
		return &types.InvalidPowerState{RequestedState: asked, ExistingState: vm.Runtime.PowerState}
	}
	return nil
}

func isOn(vm *simulator.VirtualMachine) types.BaseMethodFault {
	return inState(vm, types.VirtualMachinePowerStatePoweredOn, types.VirtualMachinePowerStatePoweredOn)
}

func isOff(vm *simulator.VirtualMachine) types.BaseMethodFault {
	return inState(vm, types.VirtualMachinePowerStatePoweredOn, types.VirtualMachinePowerStatePoweredOff)
}

func isSuspended(vm *simulator.VirtualMachine) types.BaseMethodFault {
	return inState(vm, types.VirtualMachinePowerStatePoweredOn, types.VirtualMachinePowerStateSuspended)
}

func isTemplate(vm *simulator.VirtualMachine) types.BaseMethodFault {
	if !vm.Config.Template {
		return &types.InvalidState{}
	}
	return nil
}

// What announces it.

func beingHotMigrated(m *move) types.BaseEvent {
	return &types.VmBeingHotMigratedEvent{VmEvent: m.event(m.src), DestHost: m.dst.EventArgument(),
		DestDatacenter: simulator.DatacenterArgument(m.dst)}
}

func beingMigrated(m *move) types.BaseEvent {
	return &types.VmBeingMigratedEvent{VmEvent: m.event(m.src), DestHost: m.dst.EventArgument(),
		DestDatacenter: simulator.DatacenterArgument(m.dst)}
}

func beingRelocated(m *move) types.BaseEvent {
	return &types.VmBeingRelocatedEvent{VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: m.event(m.src)},
		DestHost: m.dst.EventArgument(), DestDatacenter: simulator.DatacenterArgument(m.dst)}
}

// migratingEncrypted names the destination by name only.
func migratingEncrypted(m *move) types.BaseEvent {
	return m.eventEx("com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent", m.src,
		types.KeyAnyValue{Key: "destHost", Value: m.dst.Name},
		types.KeyAnyValue{Key: "destDatacenter", Value: simulator.DatacenterArgument(m.dst).Name},
		types.KeyAnyValue{Key: "destDatastore", Value: "LocalDS_0"})
}

func starting(m *move) types.BaseEvent { return &types.VmStartingEvent{VmEvent: m.event(m.dst)} }
func resuming(m *move) types.BaseEvent { return &types.VmResumingEvent{VmEvent: m.event(m.dst)} }

// beingCloned is about the source; the copy has only a name yet.
func beingCloned(m *move) types.BaseEvent {
	return &types.VmBeingClonedEvent{VmCloneEvent: types.VmCloneEvent{VmEvent: m.vm.Event()},
		DestFolder: m.folder(), DestName: m.name, DestHost: m.dst.EventArgument()}
}

func beingDeployed(m *move) types.BaseEvent {
	return &types.VmBeingDeployedEvent{VmEvent: m.event(m.dst), SrcTemplate: machineOf(m.vm)}
}

func beingCreated(m *move) types.BaseEvent {
	return &types.VmBeingCreatedEvent{VmEvent: m.event(m.dst)}
}

// What happens at the switch-over.

// changeHost puts the machine on its new host. A move of storage alone has nothing to switch over.
func changeHost(m *move) types.BaseMethodFault {
	if m.src == m.dst {
		return nil
	}
	at := nowMS()
	m.place()
	m.journal.switchedOver(m.record, at)
	return nil
}

func (m *move) place() {
	update(m.src, set("vm", withoutRef(m.src.Vm, m.ref)))
	addRef(m.dst, "vm", m.dst.Vm, m.ref)
	ref := m.dst.Self
	update(m.vm, set("runtime.host", &ref), set("summary.runtime.host", &ref))
}

// powerOn places the machine in the instant in which it runs.
func powerOn(m *move) types.BaseMethodFault {
	at := nowMS()
	if m.src != m.dst {
		m.place()
	}
	nowRuns(m.vm)
	m.journal.switchedOver(m.record, at)
	return nil
}

func nowRuns(vm *simulator.VirtualMachine) {
	on, now := types.VirtualMachinePowerStatePoweredOn, time.Now()
	update(vm, set("runtime.powerState", on), set("summary.runtime.powerState", on), set("summary.runtime.bootTime", now))
}

// restart is what the hosts do without asking vCenter, which hears of it.
func restart(m *move) types.BaseMethodFault {
	at := nowMS()
	m.place()
	connected := types.VirtualMachineConnectionStateConnected
	update(m.vm, set("runtime.connectionState", connected), set("summary.runtime.connectionState", connected))
	nowRuns(m.vm)
	m.journal.switchedOver(m.record, at)
	return nil
}

// made makes the machine that did not exist before.
func made(m *move) types.BaseMethodFault {
	at := nowMS()
	if _, f := m.make(m); f != nil {
		return f
	}
	m.journal.switchedOver(m.record, at)
	return nil
}

// What tells that it has happened.

func migrated(m *move) []types.BaseEvent {
	return []types.BaseEvent{
		&types.VmMigratedEvent{VmEvent: m.event(m.dst), SourceHost: m.src.EventArgument()}}
}

func migratedByDRS(m *move) []types.BaseEvent {
	return []types.BaseEvent{&types.DrsVmMigratedEvent{
		VmMigratedEvent: types.VmMigratedEvent{VmEvent: m.event(m.dst), SourceHost: m.src.EventArgument()}}}
}

func relocated(m *move) []types.BaseEvent {
	return []types.BaseEvent{
		&types.VmRelocatedEvent{VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: m.event(m.dst)},
			SourceHost: m.src.EventArgument()}}
}

func poweredOn(m *move) []types.BaseEvent {
	return []types.BaseEvent{&types.VmPoweredOnEvent{VmEvent: m.event(m.dst)}}
}

func poweredOnByDRS(m *move) []types.BaseEvent {
	return []types.BaseEvent{
		&types.DrsVmPoweredOnEvent{VmPoweredOnEvent: types.VmPoweredOnEvent{VmEvent: m.event(m.dst)}}}
}

func restartedByHA(m *move) []types.BaseEvent {
	return []types.BaseEvent{
		&types.VmRestartedOnAlternateHostEvent{VmPoweredOnEvent: types.VmPoweredOnEvent{VmEvent: m.event(m.dst)},
			SourceHost: m.src.EventArgument()},
		m.eventEx("com.vmware.vc.ha.VmRestartedByHAEvent", m.dst)}
}

func cloned(m *move) []types.BaseEvent {
	return m.andStarted(&types.VmClonedEvent{VmCloneEvent: types.VmCloneEvent{VmEvent: m.event(m.dst)},
		SourceVm: machineOf(m.vm)})
}

func deployed(m *move) []types.BaseEvent {
	return m.andStarted(&types.VmDeployedEvent{VmEvent: m.event(m.dst), SrcTemplate: machineOf(m.vm)})
}

func created(m *move) []types.BaseEvent {
	return m.andStarted(&types.VmCreatedEvent{VmEvent: m.event(m.dst)})
}

// arrived is from another vCenter.
func arrived(m *move) []types.BaseEvent {
	return []types.BaseEvent{m.eventEx("com.vmware.vc.vm.DstVmMigratedEvent", m.dst)}
}

// andStarted adds the events of a new machine that was started at once.
func (m *move) andStarted(e types.BaseEvent) []types.BaseEvent {
	out := []types.BaseEvent{e}
	if vm := findMachine(m.ref); vm != nil && vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
		out = append(out, starting(m), &types.VmPoweredOnEvent{VmEvent: m.event(m.dst)})
	}
	return out
}

// What tells that it has not.

func migrateFailed(m *move, why types.LocalizedMethodFault) types.BaseEvent {
	return &types.VmFailedMigrateEvent{VmEvent: m.event(m.src), DestHost: m.dst.EventArgument(), Reason: why}
}

func relocateFailed(m *move, why types.LocalizedMethodFault) types.BaseEvent {
	return &types.VmRelocateFailedEvent{VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: m.event(m.src)},
		DestHost: m.dst.EventArgument(), Reason: why}
}

func powerOnFailed(m *move, why types.LocalizedMethodFault) types.BaseEvent {
	return &types.VmFailedToPowerOnEvent{VmEvent: m.event(m.dst), Reason: why}
}

func cloneFailed(m *move, why types.LocalizedMethodFault) types.BaseEvent {
	return &types.VmCloneFailedEvent{VmCloneEvent: types.VmCloneEvent{VmEvent: m.vm.Event()},
		DestFolder: m.folder(), DestName: m.name, DestHost: m.dst.EventArgument(), Reason: why}
}

// eventEx is an event whose class is a string.
func (m *move) eventEx(id string, h *simulator.HostSystem, arguments ...types.KeyAnyValue) types.BaseEvent {
	return &types.EventEx{Event: m.event(h).Event, Severity: "info", EventTypeId: id, Arguments: arguments,
		ObjectId: m.ref.Value, ObjectType: "VirtualMachine", ObjectName: m.name}
}
