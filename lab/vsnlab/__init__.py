"""The lab's world: switches, hosts and machines made of real parts. See lab/README.md."""
from .frames import Endpoint, Listener, Probe, Traffic, probe
from .host import Host, Machine, Nic, Station
from .ovs import OvsPlane
from .passage import Account, Passage
from .plane import BUILD, PROJECT, Plane, Switch, stop_all
from .remote import Process, Remote, WorldError
from .sonic import SonicPlane
from .uml import UmlPlane
from .until import until
from .vcenter import VCenter, host_of, make_certificate
from .watch import Watcher, watch
from .xenpool import XenPool, xen_host_of

__all__ = ["Account", "BUILD", "PROJECT", "Endpoint", "Host", "Listener", "Machine", "Nic", "OvsPlane", "Passage", "Plane", "Probe",
           "Process", "Remote", "SonicPlane", "Station", "Switch", "Traffic", "UmlPlane", "VCenter", "Watcher", "WorldError", "XenPool", "host_of",
           "make_certificate", "probe", "stop_all", "until", "watch", "xen_host_of"]
