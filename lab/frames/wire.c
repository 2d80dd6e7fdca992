#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC 0x76736e31 /* "vsn1" */
#define RECEIVE_BUFFER (16 * 1024 * 1024)

/* What follows the ethertype, in network order; padded to the smallest Ethernet frame. */
struct payload {
    uint32_t magic, run, vlan, seq, total;
    uint8_t pad[26];
} __attribute__((packed));

struct tagged {
    uint8_t dst[ETH_ALEN], src[ETH_ALEN];
    uint16_t tpid, tci, type;
    struct payload payload;
} __attribute__((packed));

struct plain {
    uint8_t dst[ETH_ALEN], src[ETH_ALEN];
    uint16_t type;
    struct payload payload;
} __attribute__((packed));

int wire_open(const char *name, uint16_t protocol)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int one = 1, size = RECEIVE_BUFFER;
    struct sockaddr_ll address = { .sll_family = AF_PACKET,
                                   .sll_protocol = htons(protocol),
                                   .sll_ifindex = (int)if_nametoindex(name) };
    if (address.sll_ifindex == 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int wire_mac(int fd, const char *name, uint8_t ret_mac[ETH_ALEN])
{
    struct ifreq request = { 0 };
    strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
    if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
        return -errno;
    memcpy(ret_mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
    return 0;
}

static struct payload payload_of(const struct frame *frame)
{
    return (struct payload){ .magic = htonl(MAGIC),
                             .run = htonl(frame->run),
                             .vlan = htonl(frame->vlan),
                             .seq = htonl(frame->seq),
                             .total = htonl(frame->total) };
}

int wire_send(int fd, const uint8_t mac[ETH_ALEN], const struct frame *frame)
{
    struct tagged tagged = { .tpid = htons(ETHERTYPE_VLAN),
                             .tci = htons(frame->vlan),
                             .type = htons(WIRE_ETHERTYPE),
                             .payload = payload_of(frame) };
    struct plain plain = { .type = htons(WIRE_ETHERTYPE), .payload = tagged.payload };
    const void *bytes = &tagged;
    size_t size = sizeof(tagged);
    if (frame->vlan == WIRE_UNTAGGED) {
        bytes = &plain;
        size = sizeof(plain);
    }
    memset(tagged.dst, 0xff, ETH_ALEN);
    memcpy(tagged.src, mac, ETH_ALEN);
    memset(plain.dst, 0xff, ETH_ALEN);
    memcpy(plain.src, mac, ETH_ALEN);
    return send(fd, bytes, size, 0) < 0 ? -errno : 0;
}

static uint16_t vlan_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
            continue;
        struct tpacket_auxdata aux;
        memcpy(&aux, CMSG_DATA(c), sizeof(aux));
        if (aux.tp_status & TP_STATUS_VLAN_VALID)
            return aux.tp_vlan_tci & 0xfff;
    }
    return WIRE_UNTAGGED;
}

int wire_receive(int fd, struct frame *ret_frame, uint16_t *ret_vlan)
{
    struct plain plain;
    struct sockaddr_ll from = { 0 };
    char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    struct iovec part = { .iov_base = &plain, .iov_len = sizeof(plain) };
    struct msghdr message = { .msg_name = &from,
                              .msg_namelen = sizeof(from),
                              .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof(control) };
    ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT);
    if (size < 0)
        return -errno;
    if ((size_t)size < sizeof(plain) || from.sll_pkttype == PACKET_OUTGOING ||
        plain.type != htons(WIRE_ETHERTYPE) || plain.payload.magic != htonl(MAGIC) ||
        ntohl(plain.payload.vlan) >= WIRE_VLANS)
        return 0;
    *ret_frame = (struct frame){ .run = ntohl(plain.payload.run),
                                 .vlan = (uint16_t)ntohl(plain.payload.vlan),
                                 .seq = ntohl(plain.payload.seq),
                                 .total = ntohl(plain.payload.total) };
    *ret_vlan = vlan_of(&message);
    return 1;
}
