/* followers.h: the processes that feed the core: the Config Module, the neighbour process, the
 * history, and a session for each enabled hypervisor.
 *
 * Starts those that the configuration wants and tells each what it has to know. Over a change of
 * the configuration those whose work stays the same go on undisturbed; a session that is no longer
 * wanted logs out in its own time. One that ends is started again (child.h). */
#ifndef VSN_VSND_FOLLOWERS_H
#define VSN_VSND_FOLLOWERS_H

#include "base/loop.h"
#include "programs/vsnd/options.h"
#include "reconcile/core.h"

struct followers;

enum follower_kind {
    FOLLOWER_MODULE,   /* vsn-config */
    FOLLOWER_NEIGHBOR, /* vsn-neighbor */
    FOLLOWER_HISTORY,  /* vsn-history */
    N_FOLLOWER_KINDS,  /* sessions are many, and are told nothing but their target */
};

/* 'source' is who it was, as the core knows it: "switch", "hypervisor/vc1" (core.h). */
struct followers_callbacks {
    void (*line)(const char *source, char *line, void *data);
    void (*settled)(void *data); /* all that one of them said was handed out */
    void (*ended)(const char *source, const char *reason, void *data);
};

/* None runs yet. 'options', 'core' (which is only read) and 'callbacks' must outlive it. Returns 0
 * or a negative errno: our other programs are not found. */
int followers_new(struct loop *loop, const struct options *options, const struct core *core,
                  const struct followers_callbacks *callbacks, void *data,
                  struct followers **ret_followers, struct error *reterr);

/* The processes that 'config' wants, 'before' having been in force; the core has 'config' already.
 * After a failure some may be missing, until the next call. */
int followers_take_over(struct followers *followers, const struct config *before,
                        const struct config *config, struct error *reterr);

/* Sends lines to one of them; what is sent while it does not run is lost. */
void followers_send(struct followers *followers, enum follower_kind kind,
                    const struct strbuf *lines);

/* To be called at SIGCHLD: takes note of each process of ours that has ended. */
void followers_reap(struct followers *followers);

/* Before the end: lets the sessions log out, of which vCenter and pools have a limited number, and
 * the history write down what it was told last. */
void followers_dismiss(struct followers *followers);

/* Whether one of those still runs. */
bool followers_linger(const struct followers *followers);

/* Frees; a process that still runs is killed. Accepts NULL. */
struct followers *followers_free(struct followers *followers);

#endif
