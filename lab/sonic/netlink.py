"""VLANs of bridge ports and their bridge by rtnetlink(7): in user-mode Linux a process for each takes too long."""
import os
import socket
import struct

RTM_DELLINK, RTM_SETLINK = 17, 19
AF_BRIDGE = 7
IFLA_MASTER, IFLA_AF_SPEC, IFLA_BRIDGE_VLAN_INFO = 10, 26, 2
PVID, UNTAGGED = 2, 4
REQUEST_ACK = 5


class Netlink:
    def __init__(self):
        self._socket, self._sequence = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE), 0
        self._socket.bind((0, 0))

    @staticmethod
    def _attribute(kind, data):
        return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)

    def _change(self, kind, family, port, attribute):
        """Sends one request and waits for the answer; OSError when it is refused."""
        self._sequence += 1
        body = struct.pack("=BxHiII", family, 0, socket.if_nametoindex(port), 0, 0) + attribute
        self._socket.send(struct.pack("=IHHII", 16 + len(body), kind, REQUEST_ACK, self._sequence, 0) + body)
        error = struct.unpack_from("=i", self._socket.recv(65536), 16)[0]
        if error:
            raise OSError(-error, f"{port}: {os.strerror(-error)}")

    def set_master(self, port, bridge):
        """None: it leaves its bridge."""
        index = socket.if_nametoindex(bridge) if bridge else 0
        self._change(RTM_SETLINK, socket.AF_UNSPEC, port, self._attribute(IFLA_MASTER, struct.pack("=I", index)))

    def _vlan(self, kind, port, vlan, flags=0):
        info = self._attribute(IFLA_BRIDGE_VLAN_INFO, struct.pack("=HH", flags, vlan))
        self._change(kind, AF_BRIDGE, port, self._attribute(IFLA_AF_SPEC, info))

    def add_vlan(self, port, vlan, untagged=False):
        self._vlan(RTM_SETLINK, port, vlan, PVID | UNTAGGED if untagged else 0)

    def remove_vlan(self, port, vlan):
        self._vlan(RTM_DELLINK, port, vlan)
