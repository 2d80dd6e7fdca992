/* client.h: the asking end of the control socket. */
#ifndef VSN_PRESENT_CLIENT_H
#define VSN_PRESENT_CLIENT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Asks the vsnd whose runtime directory is 'runtime_dir' and waits for the whole answer (30 s
 * without a byte: it is given up). Returns the exit status that vsnd gave, 0 to 2, with the answer
 * appended to 'answer'; or a negative errno with the sentence when vsnd could not be asked. */
int client_ask(const char *runtime_dir, bool json, int argc, char *const *words,
               struct strbuf *answer, struct error *reterr);

#endif
