/* reply.h: what the vSphere API answers, decoded while it comes in: faults, the few values that a
 * session needs, and objects, which go to the teller one by one. */
#ifndef VSN_SOURCE_VSPHERE_REPLY_H
#define VSN_SOURCE_VSPHERE_REPLY_H

#include "source/vsphere/event.h"
#include "source/vsphere/object.h"
#include "source/vsphere/soap.h"
#include "source/xml.h"

struct teller;

struct fault {
    char type[64];             /* of the detail, as "NotAuthenticated"; "" when there is no fault */
    char text[ERROR_SIZE / 2]; /* faultstring, in the server's language: for people only */
    char property[ID_SIZE];    /* InvalidProperty.name */
};

/* ServiceContent: everything else is found from here. */
struct content {
    struct moref root, collector, views, sessions;
    struct moref events, tasks; /* "": it has none */
    char product[128], version[64], api_type[32], api_version[VERSION_SIZE];
};

/* PhysicalNicHintInfo, the NIC being read. */
struct hint_scratch {
    char device[ID_SIZE];
    bool has_cdp, has_lldp;
    char cdp_device[NAME_SIZE], cdp_port[NAME_SIZE];
    char chassis[NAME_SIZE], port[NAME_SIZE], system[NAME_SIZE], description[NAME_SIZE];
    char key[64], value[NAME_SIZE];
};

struct reply {
    struct object object;            /* first, for the rules of its properties */
    const struct xml_rule *response; /* for the children of the method's response */

    struct fault fault;
    bool lost;     /* NotAuthenticated, wherever it stood: the session is gone */
    bool answered; /* a response element (or fault) of SOAP was there at all */

    struct content content;
    struct moref ref; /* of a Create... call */
    char session_key[ID_SIZE];
    char version[ID_SIZE], token[ID_SIZE];
    bool has_set, truncated; /* an UpdateSet came; more of it is to be fetched */

    struct teller *teller; /* where objects go */
    bool is_update;        /* objects are updates, not complete reads */

    struct hint_scratch hint;
    const char *hint_host; /* owner of the rows */
    struct strbuf rows;    /* of hints */

    struct news news; /* of events and tasks */
    char text[64];    /* of a call that returns just that */
};

/* A reply's decoder for one call. 'response' decodes what the method returns; see below. */
struct reply *reply_new(const struct xml_rule *response, struct teller *teller);
struct reply *reply_free(struct reply *reply);

/* The table for xml_new(); its data is a struct reply. */
extern const struct xml_rule envelope_rules[];

/* What methods return. */
extern const struct xml_rule nothing_rules[]; /* nothing that we need */
extern const struct xml_rule content_rules[]; /* RetrieveServiceContent -> content */
extern const struct xml_rule login_rules[];   /* Login -> session_key */
extern const struct xml_rule ref_rules[];     /* a managed object -> ref */
extern const struct xml_rule text_rules[];    /* CurrentTime -> text */
extern const struct xml_rule update_rules[];  /* WaitForUpdates(Ex), CheckForUpdates -> objects */
extern const struct xml_rule page_rules[];    /* RetrievePropertiesEx and its Continue -> objects */
extern const struct xml_rule objects_rules[]; /* RetrieveProperties -> objects */
extern const struct xml_rule hint_rules[];    /* QueryNetworkHint -> rows */

#endif
