"""The Linux bridge plane in QEMU: what UmlPlane is, with Debian's kernel on a processor that is imitated.

It is there for programs built with AddressSanitizer, whose shadow memory has no room in user-mode Linux, and is several
times slower. tests/qemu/run makes what it needs: in the folder VSN_QEMU a kernel's package unpacked as "kernel", and
"initrd.gz". The guest's root is this machine's by 9p, which refuses writing.
"""
import glob
import os

from .plane import HERE
from .remote import WorldError
from .uml import UmlPlane

# Writes past the ends, leaks, uses after return; what is undefined ends the program like the others.
SANITIZERS = ["ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
              "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1"]


class QemuPlane(UmlPlane):
    kind = "qemu"
    cards = "tuntap add outside mode tap\n"
    START_TIMEOUT = 120

    def __init__(self, memory="768M", **options):
        super().__init__(memory, **options)

    def _kernel(self, words):
        folder = os.environ.get("VSN_QEMU", "")
        images = glob.glob(f"{folder}/kernel/boot/vmlinuz-*")
        if len(images) != 1:
            raise WorldError(f"{folder}/kernel is not one kernel: start the tests by tests/qemu/run")
        # On a busy machine the imitated timer is late, which the kernel would take for a broken one.
        words = ["console=ttyS0", "quiet", "panic=-1", "no_timer_check", "tsc=reliable", "mitigations=off",
                 "net.ifnames=0", f"VSN_INIT={HERE}/world.sh", f"WORLD_KERNEL={folder}/kernel", *SANITIZERS, *words]
        # Its own instruction for random numbers: else the first program that asks for some waits for the kernel.
        return ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64,+rdrand", "-M", "q35", "-m", self._memory,
                "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
                "-kernel", images[0], "-initrd", f"{folder}/initrd.gz", "-append", " ".join(words),
                "-virtfs", "local,path=/,mount_tag=root,security_model=none,multidevs=remap,readonly=on",
                "-netdev", "tap,id=card,ifname=outside,script=no,downscript=no",
                "-device", "virtio-net-pci,netdev=card,romfile="]
