/* daemon.h: what vsnd is while it runs: the core, its processes and its sockets. */
#ifndef VSN_VSND_DAEMON_H
#define VSN_VSND_DAEMON_H

#include "programs/vsnd/options.h"

struct daemon;

/* Reads the configuration, takes the lock in the runtime directory, starts the processes and opens
 * the control socket. Returns 0, or a negative errno with the sentence. 'options' must outlive it.
 */
int daemon_new(const struct options *options, struct daemon **ret_daemon, struct error *reterr);

/* Runs until SIGTERM or SIGINT. SIGHUP reads the configuration again. Returns the exit status. */
int daemon_run(struct daemon *daemon);

/* Asks the processes to end (sessions log out), waits for them a bounded time, frees. The switch
 * keeps what it has. Accepts NULL. */
struct daemon *daemon_free(struct daemon *daemon);

#endif
