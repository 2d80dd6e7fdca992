/* hearing.h: which stations were told of which port, so that only what changed is told again. */
#ifndef VSN_SWITCH_HEARING_H
#define VSN_SWITCH_HEARING_H

#include "switch/stations.h"

struct hearing;

/* 'fn' is given each row to tell. NULL when out of memory. */
struct hearing *hearing_new(station_fn *fn, void *data);
struct hearing *hearing_free(struct hearing *hearing);

/* Takes over what is heard on a port now ('*now' is empty afterwards), and tells it: the whole list
 * in brackets the first time, what changed from then on. A partial list is told as unknown, once,
 * and the next one that is not, as a whole. */
void hearing_take(struct hearing *hearing, const char *port, struct stations *now);

/* A port that is gone, or nobody's business any more: tells that no station is there, when any list
 * of it was told. */
void hearing_drop(struct hearing *hearing, const char *port);

#endif
