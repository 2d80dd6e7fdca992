#include "source/vsphere/meaning.h"

#include <string.h>
#include <strings.h>

#include "base/attrs.h"

/* The EventEx of HA and of encrypted moves have no class of their own. */
static const struct event_meaning meanings[] = {
    { "VmBeingHotMigratedEvent", ROLE_BEGIN, MOVE_MIGRATE, AT_DEST, false },
    { "VmBeingMigratedEvent", ROLE_BEGIN, MOVE_COLD, AT_DEST, false },
    { "VmBeingRelocatedEvent", ROLE_BEGIN, MOVE_MIGRATE, AT_DEST, false },
    { "com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent", ROLE_BEGIN, MOVE_MIGRATE, AT_DEST,
      true },
    { "VmEmigratingEvent", ROLE_LEAVE, MOVE_MIGRATE, AT_NONE, false },
    { "VmMigratedEvent", ROLE_END, MOVE_MIGRATE, AT_HOST, false },
    { "DrsVmMigratedEvent", ROLE_END, MOVE_MIGRATE, AT_HOST, false },
    { "VmRelocatedEvent", ROLE_END, MOVE_MIGRATE, AT_HOST, false },
    { "VmFailedMigrateEvent", ROLE_FAIL, MOVE_MIGRATE, AT_DEST, false },
    { "VmRelocateFailedEvent", ROLE_FAIL, MOVE_MIGRATE, AT_DEST, false },
    { "com.vmware.vc.vm.SrcVmMigrateFailedEvent", ROLE_FAIL, MOVE_MIGRATE, AT_DEST, true },
    { "MigrationErrorEvent", ROLE_ERROR, MOVE_MIGRATE, AT_NONE, false },
    { "MigrationHostErrorEvent", ROLE_ERROR, MOVE_MIGRATE, AT_NONE, false },
    { "MigrationResourceErrorEvent", ROLE_ERROR, MOVE_MIGRATE, AT_NONE, false },
    { "com.vmware.vc.vm.DstVmMigratedEvent", ROLE_END, MOVE_ARRIVE, AT_HOST, true },

    { "VmStartingEvent", ROLE_BEGIN, MOVE_START, AT_HOST, false },
    { "VmPoweredOnEvent", ROLE_END, MOVE_START, AT_HOST, false },
    { "DrsVmPoweredOnEvent", ROLE_END, MOVE_START, AT_HOST, false },
    { "VmFailedToPowerOnEvent", ROLE_FAIL, MOVE_START, AT_HOST, false },
    { "VmResumingEvent", ROLE_BEGIN, MOVE_RESUME, AT_HOST, false },
    { "VmRestartedOnAlternateHostEvent", ROLE_END, MOVE_RESTART, AT_HOST, false },
    { "com.vmware.vc.ha.VmRestartedByHAEvent", ROLE_END, MOVE_RESTART, AT_HOST, true },

    { "VmBeingClonedEvent", ROLE_BEGIN, MOVE_CLONE, AT_DEST, false },
    { "VmBeingClonedNoFolderEvent", ROLE_BEGIN, MOVE_CLONE, AT_DEST, false },
    { "VmClonedEvent", ROLE_END, MOVE_CLONE, AT_HOST, false },
    { "VmCloneFailedEvent", ROLE_FAIL, MOVE_CLONE, AT_DEST, false },
    { "VmBeingDeployedEvent", ROLE_BEGIN, MOVE_DEPLOY, AT_HOST, false },
    { "VmDeployedEvent", ROLE_END, MOVE_DEPLOY, AT_HOST, false },
    { "VmDeployFailedEvent", ROLE_FAIL, MOVE_DEPLOY, AT_DEST, false },
    { "VmBeingCreatedEvent", ROLE_BEGIN, MOVE_CREATE, AT_HOST, false },
    { "VmCreatedEvent", ROLE_END, MOVE_CREATE, AT_HOST, false },

    { "EnteringMaintenanceModeEvent", ROLE_EMPTY, MOVE_MIGRATE, AT_NONE, false },
    { "EnteredMaintenanceModeEvent", ROLE_EMPTIED, MOVE_MIGRATE, AT_NONE, false },
    { "ExitMaintenanceModeEvent", ROLE_EMPTIED, MOVE_MIGRATE, AT_NONE, false },
};

static const struct task_meaning task_meanings[] = {
    { "VirtualMachine.migrate", MOVE_MIGRATE, true },
    { "VirtualMachine.relocate", MOVE_MIGRATE, true },
    { "Drm.ExecuteVMotionLRO", MOVE_MIGRATE, true },
    { "VirtualMachine.powerOn", MOVE_START, false },
    { "Drm.ExecuteVmPowerOnLRO", MOVE_START, false },
    { "VirtualMachine.clone", MOVE_CLONE, false },
    { "VirtualMachine.deploy", MOVE_DEPLOY, false },
};

const char *meaning_event_type(size_t i, bool *ret_extended)
{
    if (i >= ARRAY_SIZE(meanings))
        return NULL;
    *ret_extended = meanings[i].extended;
    return meanings[i].type;
}

const struct event_meaning *meaning_of_event(const struct event *event)
{
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
        if (strcmp(meanings[i].type, event->type) == 0)
            return &meanings[i];
    return NULL;
}

const struct task_meaning *meaning_of_task(const struct task *task)
{
    for (size_t i = 0; i < ARRAY_SIZE(task_meanings); i++)
        if (strcasecmp(task_meanings[i].about, task->about) == 0)
            return &task_meanings[i];
    return NULL;
}

bool meaning_is_vague(const struct event *event)
{
    const struct event_meaning *meaning = meaning_of_event(event);

    return meaning && meaning->role == ROLE_LEAVE;
}

bool meaning_is_evacuation(const struct task *task)
{
    return strcasecmp(task->about, "HostSystem.enterMaintenanceMode") == 0;
}
