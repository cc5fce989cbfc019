"""A TUN or TAP device of the kernel: what it sends there a program reads. linux/if_tun.h."""
import fcntl
import os
import select
import signal
import struct
import subprocess

TUNSETIFF = 0x400454CA
KINDS = {"tun": 0x0001, "tap": 0x0002}
NO_HEADER = 0x1000


def open_device(kind, name, mtu):
    """The file of a new device that is up."""
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), KINDS[kind] | NO_HEADER))
    subprocess.run(["ip", "link", "set", name, "mtu", str(mtu), "up"], check=True)
    return file


def relay(device, wire, outward, inward):
    """Until SIGINT or SIGTERM: what comes from the device goes to `outward`, from the socket to `inward`."""
    going = [True]

    def stop(*_):
        going[0] = False

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    while going[0]:
        ready, _, _ = select.select([device, wire], [], [], 0.1)
        if device in ready:
            outward(os.read(device, 65535))
        if wire in ready:
            inward()
