/* vlanset.h: a set of VLAN ids by value, one bit each (IEEE 802.1Q-2018 clause 9.6).
 *
 * Members are 1 to 4094; 0 (priority-tagged) and 4095 (reserved) are never members, so a set can be
 * sent to a switch as it is. 512 bytes, copied freely. */
#ifndef VSN_MODEL_VLANSET_H
#define VSN_MODEL_VLANSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum { VLAN_MIN = 1, VLAN_MAX = 4094 };

struct vlanset {
    uint64_t word[64];
};

static const struct vlanset vlanset_empty = { { 0 } };

/* Every valid id, 1 to 4094. */
struct vlanset vlanset_all(void);

bool vlan_is_valid(uint32_t vlan);

/* Adding an id that is not valid does nothing. */
void vlanset_add(struct vlanset *set, uint32_t vlan);
void vlanset_add_range(struct vlanset *set, uint32_t first, uint32_t last);
void vlanset_remove(struct vlanset *set, uint32_t vlan);
bool vlanset_has(const struct vlanset *set, uint32_t vlan);

bool vlanset_is_empty(const struct vlanset *set);
bool vlanset_equal(const struct vlanset *a, const struct vlanset *b);
unsigned vlanset_count(const struct vlanset *set);

struct vlanset vlanset_union(const struct vlanset *a, const struct vlanset *b);
struct vlanset vlanset_both(const struct vlanset *a, const struct vlanset *b);  /* intersection */
struct vlanset vlanset_minus(const struct vlanset *a, const struct vlanset *b); /* a without b */

/* The smallest member that is at least 'from', 0 when there is none: for (v = vlanset_next(s, 1);
 * v; v = vlanset_next(s, v + 1)). */
uint32_t vlanset_next(const struct vlanset *set, uint32_t from);

/* The next run of consecutive members at or after 'from': returns its first id and stores its last,
 * or returns 0. */
uint32_t vlanset_next_range(const struct vlanset *set, uint32_t from, uint32_t *ret_last);

/* Appends "100,200-210"; nothing for the empty set. */
void vlanset_format(const struct vlanset *set, struct strbuf *to);

/* The same into fixed memory, cut with "..." when it does not fit. Returns 'text'. */
char *vlanset_text(const struct vlanset *set, char *text, size_t size);

/* Reads "100,200-210" (also "" and "none"). Returns 0, -EINVAL for a form that is none, -ERANGE for
 * an id outside 1 to 4094 or a range that runs backwards. */
int vlanset_parse(const char *text, struct vlanset *ret_set);

#endif
