"""The lab's world: switches, hosts and machines made of real parts. See lab/README.md."""
import os

from .frames import Endpoint, Listener, Probe, Traffic, probe
from .host import Host, Machine, Nic, Station
from .ovs import OvsPlane
from .passage import Account, Passage
from .plane import BUILD, PROJECT, Plane, Switch, stop_all
from .qemu import QemuPlane
from .remote import Process, Remote, WorldError
from .sonic import SonicPlane
from .uml import UmlPlane
from .until import until
from .vcenter import VCenter, host_of, make_certificate
from .watch import Watcher, watch
from .xenpool import XenPool, xen_host_of

# The Linux bridge's plane. tests/qemu/run, which sets VSN_QEMU, runs tests on the slow one.
BridgePlane = QemuPlane if os.environ.get("VSN_QEMU") else UmlPlane

__all__ = ["Account", "BUILD", "BridgePlane", "PROJECT", "Endpoint", "Host", "Listener", "Machine", "Nic", "OvsPlane", "Passage", "Plane", "Probe",
           "Process", "QemuPlane", "Remote", "SonicPlane", "Station", "Switch", "Traffic", "UmlPlane", "VCenter", "Watcher", "WorldError", "XenPool", "host_of",
           "make_certificate", "probe", "stop_all", "until", "watch", "xen_host_of"]
