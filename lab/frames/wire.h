#ifndef FRAMES_WIRE_H
#define FRAMES_WIRE_H

/*
 * The test frame: an Ethernet broadcast with a private ethertype and a number in it.
 *
 * 0x88b5 is IEEE 802's "local experimental ethertype 1", so that nothing else on the wire looks
 * like ours. Every frame says which run it belongs to, the VLAN it was sent with and its number in
 * that VLAN, so that the listener can tell a lost frame from one that came twice or leaked from
 * one VLAN into another.
 */

#include <stddef.h>
#include <stdint.h>

#include <net/ethernet.h>

#define WIRE_ETHERTYPE 0x88b5
#define WIRE_UNTAGGED 4096 /* stands for "no tag" wherever a VLAN is expected */
#define WIRE_VLANS 4097    /* ids 0 to 4095 and "no tag" */

struct frame {
    uint32_t run;   /* random per sender */
    uint16_t vlan;  /* as sent, or WIRE_UNTAGGED */
    uint32_t seq;   /* 0, 1, ... per run and VLAN */
    uint32_t total; /* how many will be sent in this VLAN, 0 when endless */
};

/* Opens a raw packet socket on the interface 'name'; 'protocol' 0 only sends. Returns the socket or
 * a negative errno. The receive buffer is large, because a probe is a burst. See packet(7). */
int wire_open(const char *name, uint16_t protocol);

/* Sends 'frame' from 'mac', tagged unless its VLAN is WIRE_UNTAGGED. Returns 0 or a negative errno.
 */
int wire_send(int fd, const uint8_t mac[ETH_ALEN], const struct frame *frame);

/* Receives one frame without blocking. Returns 1 with 'ret_frame' and the VLAN it arrived with in
 * 'ret_vlan'; 0 when it was not ours; a negative errno, -EAGAIN when there is none.
 * The kernel takes the tag out of the frame, so it is read from PACKET_AUXDATA. */
int wire_receive(int fd, struct frame *ret_frame, uint16_t *ret_vlan);

/* The hardware address of the interface 'name'. Returns 0 or a negative errno. */
int wire_mac(int fd, const char *name, uint8_t ret_mac[ETH_ALEN]);

#endif
