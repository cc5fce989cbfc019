"""
One end of a GTP-U tunnel over IPv6 (3GPP TS 29.281, TS 38.415): a TUN device, a UDP socket of the kernel, scapy's codec.

    gtp6.py --device ue0 --local A --remote B --send TEID,QFI,uplink --take TEID,QFI,downlink

Prints what it counted as JSON when it is told to stop; what is not as `--take` says is counted and goes nowhere.
"""
import argparse
import json
import os
import socket

from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.packet import Raw, raw

from device import open_device, relay

PORT = 2152
G_PDU = 255
PDU_SESSION_CONTAINER = 0x85
TYPES = {"downlink": 0, "uplink": 1}
# linux/udp.h: UDP over IPv6 without checksum is neither sent nor taken unless asked for (RFC 6936).
UDP_NO_CHECK6_TX = 101
UDP_NO_CHECK6_RX = 102

parser = argparse.ArgumentParser()
parser.add_argument("--device", required=True)
parser.add_argument("--local", required=True)
parser.add_argument("--remote", required=True)
parser.add_argument("--send", required=True)
parser.add_argument("--take", required=True)
parser.add_argument("--zero-checksum", default="", help="of which way: tx, rx or both with a comma")
options = parser.parse_args()


def tunnel(text):
    teid, qfi, direction = text.split(",")
    return int(teid, 0), int(qfi), TYPES[direction]


send_teid, send_qfi, send_type = tunnel(options.send)
take = tunnel(options.take)
wire = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for way, option in (("tx", UDP_NO_CHECK6_TX), ("rx", UDP_NO_CHECK6_RX)):
    if way in options.zero_checksum.split(","):
        wire.setsockopt(socket.IPPROTO_UDP, option, 1)
wire.bind((options.local, PORT))
device = open_device("tun", options.device, 1300)
counts = {"sent": 0, "taken": 0, "refused": {}}


def outward(packet):
    header = GTP_U_Header(teid=send_teid, gtp_type=G_PDU, E=1, next_ex=PDU_SESSION_CONTAINER)
    session = GTPPDUSessionContainer(type=send_type, QFI=send_qfi)
    wire.sendto(raw(header / session / Raw(packet)), (options.remote, PORT))
    counts["sent"] += 1


def refused(why):
    counts["refused"][why] = counts["refused"].get(why, 0) + 1


def inward():
    datagram, source = wire.recvfrom(65535)
    header = GTP_U_Header(datagram)
    session = header.getlayer(GTPPDUSessionContainer)
    if session is None or header.gtp_type != G_PDU:
        return refused("no PDU session")
    if header.length != len(datagram) - 8:
        return refused("length")
    if source[:2] != (options.remote, PORT):
        return refused(f"from {source[0]} {source[1]}")
    found = (header.teid, session.QFI, session.type)
    if found != take:
        return refused("TEID {:#x}, QFI {}, type {}".format(*found))
    os.write(device, session.payload.original)
    counts["taken"] += 1


relay(device, wire, outward, inward)
print(json.dumps(counts), flush=True)
