/* faults.h: what the core is told of the world, by whom, and what is wrong with it: sessions that
 * break off, lag, repeat themselves and lie; neighbours that fall silent and pretend.
 *
 * Lies are of the kinds that a guard is there for. What no guard can see, a short answer that looks
 * whole, ends before the hold-down does. */
#ifndef VSN_SIM_FAULTS_H
#define VSN_SIM_FAULTS_H

#include "programs/sim/feed.h"
#include "programs/sim/world.h"

enum lie {
    LIE_NONE,
    LIE_EMPTY,   /* a complete answer with nothing in it */
    LIE_HOLLOW,  /* one list of one host comes empty */
    LIE_UNKNOWN, /* one list could not be read, and says so */
    LIE_SHORT,   /* some rows are left out; ends soon */
    LIE_TALKING, /* machines that talk are left out, for long */
    N_LIES
};

enum session_phase { PHASE_DOWN, PHASE_READING, PHASE_UP };

struct sim_session {
    enum session_phase phase;
    int64_t next_ms; /* down: when it comes back; up: when what changed is told */
    int64_t hints_ms;
    enum lie lie;
    int64_t lie_ends_ms;
    bool lied; /* and was not read truly since */
    unsigned lie_host, lie_list;
    uint64_t lie_seed;
    struct strbuf reading; /* of a complete read, lines that are not handed in yet */
    size_t read_to;
    bool host_dirty[SIM_HOSTS], shared_dirty, machine_dirty[SIM_MACHINES];
    unsigned machine_told[SIM_MACHINES], shared_told[SIM_NETWORKS]; /* their numbers, 0: not told */
    bool synced; /* read in full since the core started */
    uint64_t readings;
};

struct sim_heard {       /* what the neighbour process tells of one port */
    char told[2][32];    /* MAC addresses, the second a pretender's; "" none */
    int64_t silent_ms;   /* LLDP is not heard until then */
    int64_t withdraw_ms; /* a neighbour that left is told so long */
    char pretends[32];   /* whose address is heard beside; "" nobody */
    int64_t pretends_ms;
};

struct faults {
    struct sim_session sessions[SIM_HYPERVISORS];
    struct sim_heard heard[SIM_PORTS];
    bool calm;        /* no fault strikes any more */
    int64_t brief_ms; /* the longest that what no guard sees may last */
    uint64_t struck[16];
};

void faults_init(struct faults *faults, const struct world *world);
void faults_done(struct faults *faults);

/* The core was started anew: so are the processes that feed it. */
void faults_restart(struct faults *faults, int64_t now_ms);

/* Something changed in hypervisor 'h', to be told. */
void faults_note(struct faults *faults, unsigned h, enum sim_change change, unsigned index);

/* Lets a session that is up tell what 'fn' writes. False when the core refused it. */
struct teller;
typedef void faults_tell_fn(struct teller *teller, const void *data);
bool faults_tell(struct faults *faults, struct world *world, unsigned hypervisor, struct feed *feed,
                 faults_tell_fn *fn, const void *data);

/* One turn of every session and of the neighbour process. */
bool faults_run(struct faults *faults, struct world *world, struct feed *feed);

/* Everything heals: sessions read in full and truly, neighbours are heard. */
void faults_calm(struct faults *faults, int64_t now_ms);

/* True when every session is up and has told all there is. */
bool faults_told_all(const struct faults *faults, const struct world *world);

#endif
