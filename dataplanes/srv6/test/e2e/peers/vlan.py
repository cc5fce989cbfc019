"""
A VLAN for kernels without one: a TAP device whose frames get a tag (scapy's Dot1Q), and on the other side of it either an
interface or IPv6 with next header 143, Ethernet, through a raw socket; the kernel's route puts an SRH into that.

    vlan.py --device tap10 --vlan 10 --interface s0
    vlan.py --device tap10 --vlan 10 --source fc00:1::10 --sid fc00:2::2
"""
import argparse
import os
import socket
import struct

from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import raw

from device import open_device, relay

ETHERNET_IN_IPV6 = 143  # RFC 8986 section 9.1
ETH_P_ALL = 0x0003
# linux/if_packet.h: the kernel takes a tag out of what it receives and tells it beside the frame.
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
VLAN_VALID = 0x10
AUXDATA = struct.Struct("IIIHHHH")

parser = argparse.ArgumentParser()
parser.add_argument("--device", required=True)
parser.add_argument("--vlan", type=int, required=True)
parser.add_argument("--interface")
parser.add_argument("--source")
parser.add_argument("--sid")
options = parser.parse_args()
device = open_device("tap", options.device, 1300)


def tagged(frame):
    ethernet = Ether(frame)
    tag = Dot1Q(vlan=options.vlan, type=ethernet.type)
    return raw(Ether(dst=ethernet.dst, src=ethernet.src, type=0x8100) / tag) + frame[14:]


def take(frame):
    ethernet = Ether(frame)
    tag = ethernet.getlayer(Dot1Q)
    if tag is None or tag.vlan != options.vlan:
        return
    os.write(device, raw(Ether(dst=ethernet.dst, src=ethernet.src, type=tag.type)) + frame[18:])


def receive_frame():
    frame, beside, _, address = wire.recvmsg(65535, 64)
    if address[2] == PACKET_OUTGOING:
        return
    for level, kind, data in beside:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = AUXDATA.unpack(data[: AUXDATA.size])
            if status & VLAN_VALID:
                frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
    take(frame)


if options.interface:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.bind((options.interface, ETH_P_ALL))
    relay(device, wire, lambda frame: wire.send(tagged(frame)), receive_frame)
else:
    wire = socket.socket(socket.AF_INET6, socket.SOCK_RAW, ETHERNET_IN_IPV6)
    wire.bind((options.source, 0))
    relay(device, wire, lambda frame: wire.sendto(tagged(frame), (options.sid, 0)), lambda: take(wire.recv(65535)))
