/* policy.h: the fences that vsnd gave the Config Module: per port, the VLANs that may be added. */
#ifndef VSN_SWITCH_POLICY_H
#define VSN_SWITCH_POLICY_H

#include "model/record.h"

#define POLICY_PORTS_MAX 8192

struct policy_set;

struct policy_set *policy_new(void);
struct policy_set *policy_free(struct policy_set *set);

/* Takes one 'policy' record. Between begin and end a new set grows beside the one in force; end
 * puts it in force. Returns 0 or a negative errno. */
int policy_take(struct policy_set *set, const struct record *record, struct error *reterr);

/* The fence of a port in force now; NULL: nothing may be written there. */
const struct policy *policy_find(const struct policy_set *set, const char *port);

#endif
