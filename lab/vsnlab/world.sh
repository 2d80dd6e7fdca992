#!/bin/sh
# The first program of a world: process 1 of a process namespace, or init of a kernel of its own (WORLD_KIND uml:
# user-mode Linux; qemu). Makes the world's own mounts, runs the agent and ends the world with it.
# WORLD_PYTHON_DIR is this folder, WORLD_LISTEN where the agent listens.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
card=
case $WORLD_KIND in
uml) card=vec0 modules=/usr/lib/uml/modules ;;
qemu) card=eth0 modules=$WORLD_KERNEL/lib/modules ;;
esac
if [ -n "$card" ]; then
    mount -t proc proc /proc
    mount -t sysfs sys /sys
fi
mount -t tmpfs run /run
mkdir -p /run/netns /run/lldpd /run/world
if [ -n "$card" ]; then
    # The host's /tmp is read-only in here: whatever makes temporary files goes to the world's own.
    mkdir -p /run/world/tmp /run/modules/lib/modules
    export TMPDIR=/run/world/tmp HOME=/run/world
    ln -s "$modules/$(uname -r)" "/run/modules/lib/modules/$(uname -r)"
    modprobe -d /run/modules -a bridge veth 8021q
    ip -batch - <<LINK
link set lo up
link set $card up
addr add $WORLD_ADDRESS/30 dev $card
LINK
fi
# In a root that only root may enter (a container's, a temporary folder's), a daemon that drops its rights reaches no
# file at all: then the world gets a root of its own with the same content.
enter=
case $(stat -c %A /) in
*x) ;;
*)
    mount -t tmpfs -o mode=755 root /mnt
    for entry in /*; do
        name=${entry#/}
        if [ -L "$entry" ]; then
            cp -d "$entry" "/mnt/$name"
        elif [ -d "$entry" ] && [ "$name" != mnt ]; then
            mkdir "/mnt/$name"
            mount --rbind "$entry" "/mnt/$name"
        fi
    done
    enter="chroot /mnt"
    ;;
esac
$enter /usr/bin/python3 -I -S "$WORLD_PYTHON_DIR/agent.py" "$WORLD_LISTEN"
[ -n "$card" ] || exit
halt -f || echo o >/proc/sysrq-trigger
