/* marks.h: the nonces that this switch sends on its ports (model/nonce.h), one per port, made anew
 * every MARK_LIFE_MS. What was sent before is remembered for MARK_GRACE_MS: stations keep what they
 * heard for its time to live (LLDP and CDP: 120 s with lldpd's defaults), and hypervisors are asked
 * now and then only. */
#ifndef VSN_SOURCE_MARKS_H
#define VSN_SOURCE_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/nonce.h"

#define MARK_LIFE_MS (6 * 3600 * 1000)
#define MARK_GRACE_MS (600 * 1000)
#define MARKS_MAX 1024 /* ports */

struct marks;

struct marks *marks_new(void);
struct marks *marks_free(struct marks *marks);

/* Says which ports are to be marked: call begin, add for each, end. A port that was not added is
 * forgotten. marks_add() ignores what is beyond MARKS_MAX or memory: such a port is not marked. */
void marks_begin(struct marks *marks);
void marks_add(struct marks *marks, const char *port);
void marks_end(struct marks *marks);

/* What the description of 'port' has to become, given what it is: with the mark that it is to have,
 * or without any. False: it is right as it is. 'size' bytes of 'ret_text' (at least 64). A mark
 * that is found at first counts as the former one. */
bool marks_wanted(struct marks *marks, const char *port, const char *description, int64_t now_ms,
                  char *ret_text, size_t size);

/* The nonces of 'port': the one sent, given its description, and the former one as long as it
 * counts; each may be "". */
void marks_told(const struct marks *marks, const char *port, const char *description,
                int64_t now_ms, char ret_nonce[NONCE_TEXT], char ret_before[NONCE_TEXT]);

#endif
