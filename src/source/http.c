#include "source/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/strbuf.h"
#include "base/text.h"

#define HEADER_MAX 65536
#define COOKIE_MAX 4096
#define CONNECT_S 15
#define DIGEST_SIZE 32

struct http {
    struct loop *loop;
    CURLM *multi;
    struct loop_watch *timer;
    struct http_request *first;
    char ca_file[1024], cookie_name[64], cookie[COOKIE_MAX], protocol[16];
    bool tls_legacy, pinned, listed_is_enough;
    unsigned char pin[DIGEST_SIZE];
    char seen[2 * DIGEST_SIZE + 1]; /* fingerprint of the last certificate that was shown */
    char untrusted[128];            /* why it was refused */
};

struct http_request {
    struct http *http;
    struct http_request *next;
    CURL *easy;
    struct curl_slist *headers;
    struct http_call call;
    void *data;
    size_t header_size;
    int stopped; /* what the data callback returned */
    char curl_error[CURL_ERROR_SIZE];
};

/* ---- Trust ----------------------------------------------------------------------------------- */

static int read_pin(const char *text, unsigned char pin[DIGEST_SIZE])
{
    char digits[2 * DIGEST_SIZE + 1];
    size_t n = 0;

    for (; *text; text++) {
        if (*text == ':')
            continue;
        if (!isxdigit((unsigned char)*text) || n == 2 * DIGEST_SIZE)
            return -EINVAL;
        digits[n++] = *text;
    }
    digits[n] = '\0';
    for (size_t i = 0; i < DIGEST_SIZE && n == 2 * DIGEST_SIZE; i++) {
        unsigned value = 0;

        sscanf(digits + 2 * i, "%2x", &value);
        pin[i] = (unsigned char)value;
    }
    return n == 2 * DIGEST_SIZE ? 0 : -EINVAL;
}

static void format_pin(const unsigned char *pin, char text[2 * DIGEST_SIZE + 1])
{
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", pin[i]);
}

static void free_host(void *parent, void *host, CRYPTO_EX_DATA *data, int index, long a, void *b)
{
    (void)parent, (void)data, (void)index, (void)a, (void)b;
    curl_free(host);
}

/* Where a connection's context keeps the name of the host that it is for. */
static int host_index(void)
{
    static int index = -1;

    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_host);
    return index;
}

static void keep_host(CURL *easy, SSL_CTX *context)
{
    char *url = NULL, *host = NULL;
    CURLU *parts = curl_url();

    if (parts && curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url &&
        curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
        curl_url_get(parts, CURLUPART_HOST, &host, 0);
    curl_url_cleanup(parts);
    if (host && SSL_CTX_set_ex_data(context, host_index(), host) != 1)
        curl_free(host);
}

static const char *host_of(X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const char *host = ssl ? SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), host_index()) : NULL;

    return host ? host : "";
}

/* An IPv6 address stands in brackets in a URL. */
static bool is_for(X509 *leaf, const char *host)
{
    char plain[256];
    size_t length = strlen(host);

    if (length == 0 || length >= sizeof(plain))
        return false;
    text_copy(plain, sizeof(plain), host);
    if (*host == '[' && host[length - 1] == ']') {
        memmove(plain, plain + 1, length);
        plain[length - 2] = '\0';
    }
    return X509_check_ip_asc(leaf, plain, 0) == 1 || X509_check_host(leaf, plain, 0, 0, NULL) == 1;
}

static bool is_listed(X509_STORE_CTX *store, X509 *leaf)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(X509_STORE_CTX_get0_store(store));

    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *listed = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

        if (listed && X509_cmp(listed, leaf) == 0)
            return true;
    }
    return false;
}

/* Where curl leaves the name to us. */
static bool is_right_name(struct http *http, X509_STORE_CTX *store, X509 *leaf)
{
    if (!http->listed_is_enough || is_listed(store, leaf) || is_for(leaf, host_of(store)))
        return true;
    snprintf(http->untrusted, sizeof(http->untrusted), "it was issued to another name than %.80s",
             host_of(store));
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return false;
}

/* Stands in for OpenSSL's own verification, so that the certificate's fingerprint is known in every
 * case: it is what an operator needs when the answer is no. */
static int on_verify(X509_STORE_CTX *store, void *data)
{
    struct http *http = data;
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (!leaf || !X509_digest(leaf, EVP_sha256(), digest, &size) || size != DIGEST_SIZE)
        return 0;
    format_pin(digest, http->seen);
    if (http->pinned && memcmp(digest, http->pin, DIGEST_SIZE) != 0) {
        text_copy(http->untrusted, sizeof(http->untrusted), "it is not the one that is configured");
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    if (http->pinned && !http->ca_file[0])
        return 1;
    if (X509_verify_cert(store) == 1)
        return is_right_name(http, store, leaf);
    text_copy(http->untrusted, sizeof(http->untrusted),
              X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    return 0;
}

static CURLcode on_ssl_context(CURL *easy, void *context, void *data)
{
    struct http *http = data;

    if (http->listed_is_enough)
        keep_host(easy, context);
    SSL_CTX_set_cert_verify_callback(context, on_verify, http);
    if (http->tls_legacy) {
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT);
    }
    return CURLE_OK;
}

/* ---- Traffic --------------------------------------------------------------------------------- */

/* Only while the request has its connection. */
static void note_protocol(struct http_request *request)
{
    struct curl_tlssessioninfo *tls = NULL;

    if (curl_easy_getinfo(request->easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls &&
        tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals)
        text_copy(request->http->protocol, sizeof(request->http->protocol),
                  SSL_get_version(tls->internals));
}

/* Keeps "name=value" of the one cookie as it was sent: vSphere puts quotes into the value, and
 * takes it back only with them. */
static void take_cookie(struct http *http, const char *line, size_t size)
{
    size_t name = strlen(http->cookie_name), length = 0;

    while (size && *line == ' ')
        line++, size--;
    if (size <= name || strncmp(line, http->cookie_name, name) != 0 || line[name] != '=')
        return;
    while (length < size && line[length] != ';' && line[length] != '\r' && line[length] != '\n')
        length++;
    if (length >= COOKIE_MAX)
        return;
    memcpy(http->cookie, line, length);
    http->cookie[length] = '\0';
}

static size_t on_header(char *line, size_t one, size_t size, void *data)
{
    static const char set_cookie[] = "set-cookie:";
    struct http_request *request = data;

    (void)one;
    if (request->header_size == 0)
        note_protocol(request);
    request->header_size += size;
    if (request->header_size > HEADER_MAX)
        return 0;
    if (size > sizeof(set_cookie) && strncasecmp(line, set_cookie, sizeof(set_cookie) - 1) == 0)
        take_cookie(request->http, line + sizeof(set_cookie) - 1, size - sizeof(set_cookie) + 1);
    return size;
}

static size_t on_data(char *bytes, size_t one, size_t size, void *data)
{
    struct http_request *request = data;
    long status = 0;
    int r;

    (void)one;
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 500)
        return size; /* some other server's page; the total time bounds it */
    r = request->call.data(bytes, size, request->data);
    if (r == HTTP_PAUSE)
        return CURL_WRITEFUNC_PAUSE;
    request->stopped = r;
    return r < 0 ? 0 : size;
}

/* A dead server must be noticed while we wait for it to speak. */
static int on_socket_made(void *data, curl_socket_t fd, curlsocktype purpose)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },          { IPPROTO_TCP, TCP_KEEPIDLE, 15 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 5 },        { IPPROTO_TCP, TCP_KEEPCNT, 3 },
        { IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 },
    };

    (void)data, (void)purpose;
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
    return CURL_SOCKOPT_OK;
}

static void unlink_request(struct http_request *request)
{
    struct http_request **at = &request->http->first;

    while (*at && *at != request)
        at = &(*at)->next;
    if (*at)
        *at = request->next;
}

struct http_request *http_cancel(struct http_request *request)
{
    if (!request)
        return NULL;
    unlink_request(request);
    if (request->easy) {
        curl_multi_remove_handle(request->http->multi, request->easy);
        curl_easy_cleanup(request->easy);
    }
    curl_slist_free_all(request->headers);
    free(request);
    return NULL;
}

/* What to do about a TLS handshake that failed. OpenSSL calls the first bytes of a server without
 * TLS a wrong version number; one that speaks an old version only sends an alert, or is
 * unsupported. */
static const char *advice(const struct http *http, const char *why)
{
    if (strcasestr(why, "wrong version number"))
        return " (what answers there does not speak TLS)";
    if (!http->tls_legacy && (strcasestr(why, "protocol") || strcasestr(why, "version")))
        return " ('tls legacy' allows TLS 1.0 and 1.1)";
    return "";
}

static void explain(struct http_request *request, CURLcode code, struct http_result *result)
{
    struct http *http = request->http;
    const char *why = request->curl_error[0] ? request->curl_error : curl_easy_strerror(code);
    char pin[2 * DIGEST_SIZE + 1];

    if (code == CURLE_SSL_CACERT_BADFILE) {
        result->outcome = HTTP_UNTRUSTED;
        error_set(&result->error, -EKEYREJECTED, "the authorities cannot be read: %s", why);
        return;
    }
    if (code != CURLE_PEER_FAILED_VERIFICATION) {
        result->outcome = request->stopped < 0 ? HTTP_STOPPED : HTTP_FAILED;
        error_set(&result->error, -EIO, "%s%s", why,
                  code == CURLE_SSL_CONNECT_ERROR ? advice(http, why) : "");
        return;
    }
    result->outcome = HTTP_UNTRUSTED;
    if (http->pinned && strncmp(http->untrusted, "it is not", 9) == 0) {
        format_pin(http->pin, pin);
        error_set(&result->error, -EKEYREJECTED,
                  "the server's certificate has SHA-256 fingerprint %s, configured is %s",
                  http->seen, pin);
    } else {
        error_set(&result->error, -EKEYREJECTED,
                  "the server's certificate is not trusted: %s (its SHA-256 fingerprint is %s)",
                  http->untrusted[0] ? http->untrusted : why, http->seen);
    }
}

static void finish(struct http_request *request, CURLcode code)
{
    struct http_result result = { .outcome = HTTP_ANSWERED };
    http_done_fn *done = request->call.done;
    void *data = request->data;

    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &result.status);
    if (code != CURLE_OK)
        explain(request, code, &result);
    http_cancel(request);
    done(&result, data);
}

/* Hands out what is finished. */
static void reap(struct http *http)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->multi, &left))) {
        struct http_request *request = NULL;
        CURLcode code = message->data.result;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
        finish(request, code);
    }
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void on_ready(int fd, int ready, void *data)
{
    struct http *http = data;
    int what =
        (ready & LOOP_READ ? CURL_CSELECT_IN : 0) | (ready & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(http->multi, fd, what, &running);
    reap(http);
}

static void on_timer(void *data)
{
    struct http *http = data;
    int running;

    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(http);
}

static int on_want_timer(CURLM *multi, long delay_ms, void *data)
{
    struct http *http = data;

    (void)multi;
    if (delay_ms < 0)
        loop_timer_stop(http->timer);
    else
        loop_timer_start(http->timer, delay_ms);
    return 0;
}

static int on_want_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
    struct http *http = data;
    struct loop_watch *watch = socket_data;
    int events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_watch_free(watch);
        curl_multi_assign(http->multi, fd, NULL);
    } else if (watch) {
        loop_watch_events(watch, events);
    } else {
        curl_multi_assign(http->multi, fd, loop_watch_fd(http->loop, fd, events, on_ready, http));
    }
    return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct http *http_new(struct loop *loop, const struct http_config *config, struct error *reterr)
{
    struct http *http = calloc(1, sizeof(*http));

    if (!http) {
        error_set(reterr, -ENOMEM, "out of memory");
        return NULL;
    }
    http->loop = loop;
    http->tls_legacy = config->tls_legacy;
    http->pinned = config->fingerprint[0] != '\0';
    if (http->pinned && read_pin(config->fingerprint, http->pin) < 0) {
        error_set(reterr, -EINVAL, "the fingerprint is not 64 hexadecimal digits");
        return http_free(http);
    }
    text_copy(http->ca_file, sizeof(http->ca_file), config->ca_file);
    http->listed_is_enough = config->listed_is_enough && http->ca_file[0];
    text_copy(http->cookie_name, sizeof(http->cookie_name), config->cookie);
    http->timer = loop_timer_new(loop, on_timer, http);
    http->multi = curl_multi_init();
    if (!http->timer || !http->multi) {
        error_set(reterr, -ENOMEM, "out of memory");
        return http_free(http);
    }
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_want_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_want_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 4L);
    return http;
}

struct http *http_free(struct http *http)
{
    if (!http)
        return NULL;
    while (http->first)
        http_cancel(http->first);
    if (http->multi)
        curl_multi_cleanup(http->multi);
    loop_watch_free(http->timer);
    explicit_bzero(http->cookie, sizeof(http->cookie));
    free(http);
    return NULL;
}

static void set_tls(struct http *http, CURL *easy)
{
    bool by_pin_alone = http->pinned && !http->ca_file[0];

    curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                     (long)(http->tls_legacy ? CURL_SSLVERSION_TLSv1_0 : CURL_SSLVERSION_TLSv1_2));
    if (http->tls_legacy)
        curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, "ALL:!aNULL:!eNULL:!EXPORT:@SECLEVEL=0");
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
                     by_pin_alone || http->listed_is_enough ? 0L : 2L);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* the file may be another one now */
    if (http->ca_file[0]) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, http);
}

static int set_headers(struct http_request *request)
{
    struct http *http = request->http;
    char line[COOKIE_MAX + 64];
    const char *lines[] = { "Content-Type: text/xml; charset=utf-8", "Expect:", line };
    struct curl_slist *longer;
    size_t n = 2;

    if (request->call.soap_action) {
        snprintf(line, sizeof(line), "SOAPAction: %s", request->call.soap_action);
        n = 3;
    }
    for (size_t i = request->call.body ? 0 : 2; i < n; i++) {
        longer = curl_slist_append(request->headers, lines[i]);
        if (!longer)
            return -ENOMEM;
        request->headers = longer;
    }
    curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
    if (http->cookie[0])
        curl_easy_setopt(request->easy, CURLOPT_COOKIE, http->cookie);
    return 0;
}

static void set_request(struct http_request *request)
{
    const struct http_call *call = &request->call;
    CURL *easy = request->easy;

    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "vsn/" VSN_VERSION);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 262144L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)call->total_s);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)call->silence_s);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)call->once);
    if (call->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_size);
    }
    set_tls(request->http, easy);
}

struct http_request *http_start(struct http *http, const struct http_call *call, void *data)
{
    struct http_request *request = calloc(1, sizeof(*request));

    if (!request)
        return NULL;
    *request = (struct http_request){ .http = http, .call = *call, .data = data };
    request->next = http->first;
    http->first = request;
    http->untrusted[0] = '\0';
    request->easy = curl_easy_init();
    if (!request->easy)
        return http_cancel(request);
    set_request(request);
    if (set_headers(request) < 0 || curl_multi_add_handle(http->multi, request->easy) != CURLM_OK)
        return http_cancel(request);
    return request;
}

void http_resume(struct http_request *request)
{
    curl_easy_pause(request->easy, CURLPAUSE_CONT);
}

void http_forget(struct http *http)
{
    explicit_bzero(http->cookie, sizeof(http->cookie));
}

const char *http_protocol(const struct http *http)
{
    return http->protocol;
}
