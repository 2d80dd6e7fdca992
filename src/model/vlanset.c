#include "model/vlanset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool vlan_is_valid(uint32_t vlan)
{
    return vlan >= VLAN_MIN && vlan <= VLAN_MAX;
}

struct vlanset vlanset_all(void)
{
    struct vlanset set = vlanset_empty;

    vlanset_add_range(&set, VLAN_MIN, VLAN_MAX);
    return set;
}

void vlanset_add(struct vlanset *set, uint32_t vlan)
{
    if (vlan_is_valid(vlan))
        set->word[vlan / 64] |= UINT64_C(1) << vlan % 64;
}

void vlanset_add_range(struct vlanset *set, uint32_t first, uint32_t last)
{
    for (uint32_t vlan = first < VLAN_MIN ? VLAN_MIN : first; vlan <= last && vlan <= VLAN_MAX;
         vlan++)
        vlanset_add(set, vlan);
}

void vlanset_remove(struct vlanset *set, uint32_t vlan)
{
    if (vlan_is_valid(vlan))
        set->word[vlan / 64] &= ~(UINT64_C(1) << vlan % 64);
}

bool vlanset_has(const struct vlanset *set, uint32_t vlan)
{
    return vlan_is_valid(vlan) && (set->word[vlan / 64] >> vlan % 64 & 1);
}

bool vlanset_is_empty(const struct vlanset *set)
{
    return vlanset_equal(set, &vlanset_empty);
}

bool vlanset_equal(const struct vlanset *a, const struct vlanset *b)
{
    return memcmp(a->word, b->word, sizeof(a->word)) == 0;
}

unsigned vlanset_count(const struct vlanset *set)
{
    unsigned count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(set->word); i++)
        count += (unsigned)__builtin_popcountll(set->word[i]);
    return count;
}

struct vlanset vlanset_union(const struct vlanset *a, const struct vlanset *b)
{
    struct vlanset set;

    for (size_t i = 0; i < ARRAY_SIZE(set.word); i++)
        set.word[i] = a->word[i] | b->word[i];
    return set;
}

struct vlanset vlanset_both(const struct vlanset *a, const struct vlanset *b)
{
    struct vlanset set;

    for (size_t i = 0; i < ARRAY_SIZE(set.word); i++)
        set.word[i] = a->word[i] & b->word[i];
    return set;
}

struct vlanset vlanset_minus(const struct vlanset *a, const struct vlanset *b)
{
    struct vlanset set;

    for (size_t i = 0; i < ARRAY_SIZE(set.word); i++)
        set.word[i] = a->word[i] & ~b->word[i];
    return set;
}

uint32_t vlanset_next(const struct vlanset *set, uint32_t from)
{
    if (from > VLAN_MAX)
        return 0;
    for (size_t i = from / 64; i < ARRAY_SIZE(set->word); i++) {
        uint64_t word = set->word[i];

        if (i == from / 64)
            word &= ~UINT64_C(0) << from % 64;
        if (word)
            return (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(word);
    }
    return 0;
}

uint32_t vlanset_next_range(const struct vlanset *set, uint32_t from, uint32_t *ret_last)
{
    uint32_t first = vlanset_next(set, from), last = first;

    if (!first)
        return 0;
    while (vlanset_has(set, last + 1))
        last++;
    *ret_last = last;
    return first;
}

void vlanset_format(const struct vlanset *set, struct strbuf *to)
{
    const char *comma = "";
    uint32_t last = 0;

    for (uint32_t first = vlanset_next_range(set, VLAN_MIN, &last); first;
         first = vlanset_next_range(set, last + 1, &last)) {
        if (first == last)
            strbuf_addf(to, "%s%u", comma, first);
        else
            strbuf_addf(to, "%s%u-%u", comma, first, last);
        comma = ",";
    }
}

char *vlanset_text(const struct vlanset *set, char *text, size_t size)
{
    struct strbuf buf;

    strbuf_init(&buf, VLAN_MAX * 5);
    vlanset_format(set, &buf);
    if (text_copy(text, size, strbuf_text(&buf)) < 0 && size > 4)
        memcpy(text + size - 4, "...", 4);
    strbuf_done(&buf);
    return text;
}

/* One id, ended by a comma, a dash or the end; moves '*at' behind it. */
static int parse_id(const char **at, uint32_t *ret_vlan)
{
    uint32_t vlan = 0;
    const char *start = *at;

    while (**at >= '0' && **at <= '9' && vlan <= VLAN_MAX)
        vlan = vlan * 10 + (uint32_t)(*(*at)++ - '0');
    if (*at == start)
        return -EINVAL;
    if (!vlan_is_valid(vlan))
        return -ERANGE;
    *ret_vlan = vlan;
    return 0;
}

int vlanset_parse(const char *text, struct vlanset *ret_set)
{
    struct vlanset set = vlanset_empty;
    const char *at = text;

    while (*at && strcmp(text, "none") != 0) {
        uint32_t first = 0, last = 0;
        int r = parse_id(&at, &first);

        last = first;
        if (r == 0 && *at == '-') {
            at++;
            r = parse_id(&at, &last);
        }
        if (r < 0)
            return r;
        if (last < first)
            return -ERANGE;
        vlanset_add_range(&set, first, last);
        if (*at == ',' && at[1])
            at++;
        else if (*at)
            return -EINVAL;
    }
    *ret_set = set;
    return 0;
}
