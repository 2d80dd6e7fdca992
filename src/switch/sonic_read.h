/* sonic_read.h: reading SONiC's tables whole (sonic_db.h is who wants them). */
#ifndef VSN_SWITCH_SONIC_READ_H
#define VSN_SWITCH_SONIC_READ_H

#include "switch/sonic_db.h"

/* Reads everything into '*ret_view', but for what is learnt. */
int sonic_read_all(struct sonic_db *db, int64_t until_ms, struct sonic_view *ret_view,
                   struct error *reterr);
void sonic_view_done(struct sonic_view *view);

/* The port of that name in a view whose ports are in order, or NULL. */
struct sonic_port *sonic_view_port(const struct sonic_view *view, const char *name);

/* Takes one row as HGETALL tells it; an empty one is no row. */
void sonic_take_member(struct sonic_port *port, uint32_t vlan, const redisReply *row);
void sonic_take_link(struct sonic_port *port, const char *oper_status);

/* Asks whether the link of 'port' is up; the reply is an oper_status. */
void sonic_ask_link(struct sonic_db *db, const struct sonic_port *port);

/* Reads what is learnt on which port. */
int sonic_read_fdb(struct sonic_db *db, int64_t until_ms, struct error *reterr);

/* Reads the LACP partners of port-channels' parts. */
int sonic_read_partners(struct sonic_db *db, int64_t until_ms, struct error *reterr);

/* The partner that the parts of a port-channel agree on that hear one; zero: none. */
struct mac sonic_view_partner(const struct sonic_view *view, const char *channel);

#endif
