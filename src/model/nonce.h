/* nonce.h: the random word that this switch puts behind the description of a port which it sends by
 * LLDP and CDP. Only the station at the other end of that cable hears it; a hypervisor that reports
 * it of one of its NICs has proved the wire ("docs/architecture.md", Virtual wires).
 *
 *     swp1 [vsn 3f9a1c02d4e5b6a7] */
#ifndef VSN_MODEL_NONCE_H
#define VSN_MODEL_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NONCE_TEXT 17 /* 16 hexadecimal digits and a NUL */

/* Writes 'number' as a nonce. Returns 'text'. */
char *nonce_format(uint64_t number, char text[NONCE_TEXT]);

/* Finds the mark at the end of a description. Returns the length of what stands before it (the
 * whole length when there is none), and stores the nonce, or "". */
size_t nonce_split(const char *description, char ret_nonce[NONCE_TEXT]);

/* Writes the description with its mark in the place of any that it has; it is cut so that both fit
 * into 'size' bytes (at least 64). Returns 'text'. */
char *nonce_mark(const char *description, const char *nonce, char *text, size_t size);

/* True when two descriptions are the same but for their marks. */
bool nonce_same_but_mark(const char *a, const char *b);

#endif
