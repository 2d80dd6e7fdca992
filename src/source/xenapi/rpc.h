/* rpc.h: XML-RPC as XenAPI speaks it: requests, and replies decoded by tables while they come in.
 *
 * A decoder is a tree of tables like that of xml.h, one level up: a rule names a member of a struct
 * ("*": every member of a map; "[]": every item of an array) and says what to do with its value.
 * Values that no rule names are skipped whole. The order of members is arbitrary. A scalar's text
 * comes as it was sent, whatever its type: XenAPI sends strings, references and 64-bit integers
 * untyped, '1' for true, and empty values in two spellings. */
#ifndef VSN_SOURCE_XENAPI_RPC_H
#define VSN_SOURCE_XENAPI_RPC_H

#include "base/error.h"
#include "base/strbuf.h"
#include "source/xml.h"

/* ---- Requests -------------------------------------------------------------------------------- */

/* A request is complete when its strbuf has no 'overflow'. Parameters are added in order. */
void rpc_begin(struct strbuf *to, const char *method);
void rpc_text(struct strbuf *to, const char *text);
void rpc_texts(struct strbuf *to, const char *const *texts, size_t count);
void rpc_seconds(struct strbuf *to, double seconds);
void rpc_finish(struct strbuf *to);

/* ---- Replies --------------------------------------------------------------------------------- */

#define RPC_KEY_SIZE 128
#define RPC_LEVELS 16
#define RPC_FAILURE_PARAMETERS 4

struct rpc;
struct rpc_rule;

/* 'key' is the member's name ("" for an item), 'text' a scalar's text ("" for a struct or array).
 * A negative errno ends the reply, after error_set(rpc_error(rpc), ...). */
typedef int rpc_open_fn(struct rpc *rpc, const struct rpc_rule *rule, const char *key, void *data);
typedef int rpc_close_fn(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                         const char *text, void *data);

struct rpc_rule {
    const char *name;             /* NULL ends a table */
    unsigned what;                /* for the functions: which of several like values it is */
    const struct rpc_rule *rules; /* for what is inside */
    rpc_open_fn *open;
    rpc_close_fn *close;
};

/* What the server said no with: ErrorDescription, or an XML-RPC fault. */
struct rpc_failure {
    char code[64]; /* as "HOST_IS_SLAVE"; "" when the call succeeded */
    char parameter[RPC_FAILURE_PARAMETERS][256];
    unsigned parameters;
};

/* A reply under way. Members are for reading only. */
struct rpc {
    struct rpc_failure failure;
    bool succeeded; /* Status was Success, or a bare value came (system.listMethods) */

    const struct rpc_rule *value; /* for the Value */
    void *data;
    struct xml *xml;
    unsigned depth;
    struct {
        const struct rpc_rule *rule;
        bool compound, item;
        char key[RPC_KEY_SIZE];
    } level[RPC_LEVELS];
    char name[RPC_KEY_SIZE]; /* of the member whose value comes next */
    bool name_cut;
};

/* Prepares for a reply whose Value 'rule' decodes (its name is of no interest; NULL: the value does
 * not matter) into 'data'. */
void rpc_init(struct rpc *rpc, const struct rpc_rule *rule, void *data);

/* The table for xml_new(); its data is a struct rpc. */
extern const struct xml_rule rpc_rules[];

/* 0 when a well-formed document was a reply at all; else -EPROTO with the sentence. */
int rpc_check(const struct rpc *rpc, struct error *reterr);

/* Where a rule puts the sentence for its failure. */
struct error *rpc_error(struct rpc *rpc);

/* Decodes a whole reply, for tests and fuzzers. */
int rpc_decode(struct rpc *rpc, const char *bytes, size_t size, struct error *reterr);

#endif
