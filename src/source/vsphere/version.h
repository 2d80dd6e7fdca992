/* version.h: the versions of the vSphere API, and which of them to speak with a server.
 *
 * A server lists what it speaks in /sdk/vimServiceVersions.xml. Version texts are names, not
 * numbers: they are looked up, never compared. */
#ifndef VSN_SOURCE_VSPHERE_VERSION_H
#define VSN_SOURCE_VSPHERE_VERSION_H

#include "source/xml.h"

/* Releases that brought something we use. Later ones bring nothing more. */
enum api_level { API_2_0, API_2_5, API_4_0, API_4_1, API_5_0, API_5_1, API_5_5, API_6_0, API_6_5 };

#define VERSION_SIZE 32

struct api_version {
    char text[VERSION_SIZE]; /* as in SOAPAction: "urn:vim25/TEXT" */
    enum api_level level;
    unsigned rank; /* among the versions known here; higher is later */
};

/* What to speak as long as nothing better is known: every server answers it. */
struct api_version version_least(void);

/* Makes '*version' the version named 'text' if that is known and later than '*version'. */
void version_offer(struct api_version *version, const char *text);

/* The version list's decoder; its data is a struct version_list, zeroed and then
 * .best = version_least(). */
struct version_list {
    char namespace[64];      /* the one being read */
    struct api_version best; /* of urn:vim25 */
};
extern const struct xml_rule version_list_rules[];

#endif
