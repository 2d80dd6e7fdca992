#include "source/xenapi/roles.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/names.h"

#define MEMBERS_CAP (64u << 10)
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

void xen_roles_init(struct xen_roles *roles)
{
    *roles = (struct xen_roles){ 0 };
    strbuf_init(&roles->members, MEMBERS_CAP);
    strbuf_init(&roles->tried, MEMBERS_CAP);
    strbuf_init(&roles->dead, MEMBERS_CAP);
}

void xen_roles_done(struct xen_roles *roles)
{
    strbuf_done(&roles->members);
    strbuf_done(&roles->tried);
    strbuf_done(&roles->dead);
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static bool is_ipv6(const char *address)
{
    struct in6_addr binary;

    return inet_pton(AF_INET6, address, &binary) == 1;
}

/* An address or a name, and nothing that means more inside a URL. */
static bool is_address(const char *address)
{
    size_t length = strlen(address);

    if (length == 0 || length >= ADDRESS_SIZE)
        return false;
    return is_ipv6(address) || strspn(address, LETTERS "0123456789.-") == length;
}

static int take_port(struct xen_roles *roles, const char *rest, const char *url,
                     struct error *reterr)
{
    size_t length = strcspn(rest, "/");
    char number[8] = "";
    uint64_t port;

    roles->port[0] = '\0';
    if (*rest != ':')
        return length == 0 ? 0 : error_set(reterr, -EINVAL, "%s names no host", url);
    snprintf(number, sizeof(number), "%.*s", (int)(length < 7 ? length - 1 : 6), rest + 1);
    if (text_number(number, 1, 65535, &port) < 0)
        return error_set(reterr, -EINVAL, "%s has a port that is no number", url);
    snprintf(roles->port, sizeof(roles->port), ":%u", (unsigned)port);
    return 0;
}

int xen_roles_open(struct xen_roles *roles, const char *url, struct error *reterr)
{
    static const char scheme[] = "https://";
    const char *host = url + sizeof(scheme) - 1;
    bool bracketed;
    size_t length;

    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return error_set(reterr, -EINVAL, "%s does not begin with https://", url);
    bracketed = *host == '[';
    host += bracketed;
    length = strcspn(host, bracketed ? "]" : ":/");
    if (length >= ADDRESS_SIZE || (bracketed && host[length] != ']'))
        return error_set(reterr, -EINVAL, "%s names no host", url);
    snprintf(roles->configured, sizeof(roles->configured), "%.*s", (int)length, host);
    if (bracketed ? !is_ipv6(roles->configured) : !is_address(roles->configured))
        return error_set(reterr, -EINVAL, "%s names no host", url);
    text_copy(roles->master, sizeof(roles->master), roles->configured);
    strbuf_reset(&roles->members);
    strbuf_reset(&roles->tried);
    roles->rounds = roles->redirects = 0;
    strbuf_reset(&roles->dead);
    roles->asked[0] = '\0';
    return take_port(roles, host + length + bracketed, url, reterr);
}

void xen_roles_url(const struct xen_roles *roles, char *url, size_t size)
{
    bool brackets = strchr(roles->asked, ':');

    snprintf(url, size, "https://%s%s%s%s/", brackets ? "[" : "", roles->asked, brackets ? "]" : "",
             roles->port);
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

static void ask(struct xen_roles *roles, const char *address)
{
    char copy[ADDRESS_SIZE];

    text_copy(copy, sizeof(copy), address);
    text_copy(roles->asked, sizeof(roles->asked), copy);
    if (!names_has(strbuf_text(&roles->tried), copy))
        names_add(&roles->tried, copy);
}

void xen_roles_begin(struct xen_roles *roles)
{
    strbuf_reset(&roles->tried);
    roles->redirects = 0;
    strbuf_reset(&roles->dead);
    ask(roles, roles->master);
}

/* Someone who was not tried yet; false: nobody is left. */
static bool pick(struct xen_roles *roles, char address[ADDRESS_SIZE])
{
    const char *tried = strbuf_text(&roles->tried), *at = strbuf_text(&roles->members), *name;
    size_t length;

    while (names_next(&at, &name, &length)) {
        snprintf(address, ADDRESS_SIZE, "%.*s", (int)length, name);
        if (!names_has(tried, address))
            return true;
    }
    text_copy(address, ADDRESS_SIZE, roles->configured);
    return !names_has(tried, address);
}

bool xen_roles_next(struct xen_roles *roles, bool is_dead)
{
    char address[ADDRESS_SIZE];

    if (is_dead)
        names_add(&roles->dead, roles->asked);
    if (roles->rounds > 0 && pick(roles, address)) {
        ask(roles, address);
        return true;
    }
    roles->rounds++;
    return false;
}

static bool is_named(const struct xen_roles *roles, const char *address)
{
    return roles->members.size == 0 || names_has(strbuf_text(&roles->members), address) ||
           strcmp(roles->configured, address) == 0;
}

int xen_roles_redirect(struct xen_roles *roles, const char *address, struct error *reterr)
{
    if (!is_address(address))
        return error_set(reterr, -EINVAL, "%s names a master by something that is no address",
                         roles->asked);
    if (names_has(strbuf_text(&roles->dead), address))
        return error_set(reterr, -EHOSTDOWN, "%s still names %s as master, which does not answer",
                         roles->asked, address);
    if (!is_named(roles, address))
        return error_set(reterr, -EPERM, "%s names %s as master, which is no member of the pool",
                         roles->asked, address);
    if (roles->redirects++ == REDIRECTS_MAX)
        return error_set(reterr, -ELOOP, "the members name each other as master");
    text_copy(roles->master, sizeof(roles->master), address);
    ask(roles, address);
    return 0;
}

void xen_roles_found(struct xen_roles *roles)
{
    text_copy(roles->master, sizeof(roles->master), roles->asked);
    roles->rounds = 0;
}
