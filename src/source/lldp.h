/* lldp.h: what this switch hears and says on its ports by LLDP and CDP, from lldpd through
 * liblldpctl.
 *
 * Two connections to lldpd: one listens for changes, from before the first reading on, so that
 * nothing falls between; the other reads everything, at the start, after a change and now and then
 * (what we send ourselves changes without a notice). Rows told, as in record.h:
 *
 *     begin neighbor, new neighbor (owner: the port) ..., end neighbor
 *     begin advert, new advert (id: the port) ..., end advert
 *
 * each list as a whole, when something in it differs from what was told. While lldpd cannot be
 * reached, 'unknown neighbor' and 'unknown advert' were told, and what was known stays.
 *
 * Ports that are to be marked get their nonce into their description (marks.h), which lldpd then
 * sends; what they are told to have is read back before it is told.
 *
 * Everything in a neighbour's frame is the word of a stranger: texts are cut to LLDP_TEXT_MAX
 * bytes, lists to TOLD_ROWS_MAX rows (told.h), and no byte has a meaning here. */
#ifndef VSN_SOURCE_LLDP_H
#define VSN_SOURCE_LLDP_H

#include "base/loop.h"
#include "model/record.h"
#include "source/marks.h"

#define LLDP_TEXT_MAX 256 /* bytes with the NUL: a TLV's string has 255 (IEEE 802.1AB-2016 8.4) */

struct lldp;

/* One row told; as the arguments of record_write(). */
typedef void lldp_emit_fn(enum record_op op, enum table table, const void *row, void *data);
/* Contact found ('reason' NULL) or lost: for the log. */
typedef void lldp_contact_fn(const char *reason, void *data);

/* Follows the lldpd whose control socket is 'path', and tries again for as long as there is none.
 * 'path' must outlive it. NULL when out of memory. */
struct lldp *lldp_new(struct loop *loop, const char *path, lldp_emit_fn *emit,
                      lldp_contact_fn *contact, void *data);
struct lldp *lldp_free(struct lldp *lldp);

/* The ports to mark; none at first. Ports that are taken out lose their mark at the next reading,
 * which this brings about. Borrowed: it is changed by marks_begin() ... marks_end(). */
struct marks *lldp_marks(struct lldp *lldp);
void lldp_marks_changed(struct lldp *lldp);

#endif
