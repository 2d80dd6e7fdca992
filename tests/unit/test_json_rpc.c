#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "scratch.h"
#include "switch/json_rpc.h"

static void frames_are_found_however_they_are_cut(void **state)
{
    static const char text[] = " {\"a\":\"}{\\\"]\",\"b\":[{},{\"c\":\"\\\\\"}]}\n{\"next\":1}";
    const size_t first = strlen(text) - strlen("\n{\"next\":1}");

    (void)state;
    for (size_t step = 1; step <= sizeof(text); step++) {
        struct json_frame frame = { 0 };
        ssize_t found = 0;

        for (size_t size = step; !found; size += step)
            found = json_frame_scan(&frame, text, size < strlen(text) ? size : strlen(text));
        assert_int_equal(found, first);
    }
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const texts[] = { "[]", "HTTP/1.1 400", "\"text\"", " }", "5" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct json_frame frame = { 0 };

        assert_int_equal(json_frame_scan(&frame, texts[i], strlen(texts[i])), -EBADMSG);
    }
}

/* ---- A server that says what it is told to, then closes ---------------------------------------
 */

struct server {
    char *path;
    pid_t child;
};

static struct server serve(const void *state, const char *answer, int answer_ms)
{
    struct server server = { .path = scratch_path(state, "socket") };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, server.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    server.child = fork();
    if (server.child == 0) {
        char heard[4096] = "";
        int peer = accept(fd, NULL, NULL);

        (void)!read(peer, heard, sizeof(heard) - 1);
        usleep((unsigned)answer_ms * 1000);
        (void)!write(peer, answer, strlen(answer));
        /* An echo in the answer is to come back before the end. */
        if (strstr(answer, "echo"))
            _exit(read(peer, heard, sizeof(heard) - 1) > 0 && strstr(heard, "\"id\":\"e1\"") ? 0
                                                                                             : 1);
        _exit(0);
    }
    close(fd);
    return server;
}

static void server_done(struct server *server)
{
    int status;

    assert_int_equal(waitpid(server->child, &status, 0), server->child);
    assert_int_equal(status, 0);
    free(server->path);
}

struct heard {
    unsigned notices;
};

static void on_notice(const char *method, json_t *params, void *data)
{
    struct heard *heard = data;

    assert_string_equal(method, "update");
    assert_true(json_is_array(params));
    heard->notices++;
}

static int open_at(const char *path, json_rpc_notice_fn *fn, void *data, struct json_rpc **ret_rpc,
                   struct error *error)
{
    char where[256];

    snprintf(where, sizeof(where), "unix:%s", path);
    return json_rpc_open(&(struct stream_target){ .where = where }, fn, data, ret_rpc, error);
}

static int call(const void *state, const char *answer, struct heard *heard, json_t **ret_result,
                struct error *error)
{
    struct server server = serve(state, answer, 0);
    struct json_rpc *rpc = NULL;
    int r = open_at(server.path, on_notice, heard, &rpc, error);

    assert_int_equal(r, 0);
    r = json_rpc_call(rpc, "list", json_array(), ret_result, error);
    json_rpc_free(rpc);
    server_done(&server);
    return r;
}

static void answers_are_matched_by_number_and_the_rest_is_handed_on(void **state)
{
    struct heard heard = { 0 };
    json_t *result = NULL;
    struct error error;

    assert_int_equal(call(*state,
                          "{\"id\":null,\"method\":\"update\",\"params\":[1]}"
                          "{\"id\":\"e1\",\"method\":\"echo\",\"params\":[]}"
                          "{\"id\":99,\"result\":\"another's\",\"error\":null}"
                          "{\"id\":1,\"result\":[7],\"error\":null}",
                          &heard, &result, &error),
                     0);
    assert_int_equal(heard.notices, 1);
    assert_int_equal(json_integer_value(json_array_get(result, 0)), 7);
    json_decref(result);
}

static void bad_answers_are_errors(void **state)
{
    static const struct {
        const char *answer;
        int code;
        const char *text;
    } rows[] = {
        { "{\"id\":1,\"error\":\"unknown method\"}", -EREMOTEIO, "unknown method" },
        { "{\"id\":1,\"error\":null}", -EBADMSG, "without a result" },
        { "{\"id\":1,\"result\":", -ENOTCONN, "lost" },
        { "", -ENOTCONN, "lost" },
        { "HTTP/1.0 400 Bad Request\r\n", -EBADMSG, "not JSON" },
        { "{\"id\":1,\"result\":nonsense}", -EBADMSG, "bad JSON" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct heard heard = { 0 };
        json_t *result = NULL;
        struct error error = { "" };
        char *path = scratch_path(*state, "socket");

        unlink(path);
        free(path);
        assert_int_equal(call(*state, rows[i].answer, &heard, &result, &error), rows[i].code);
        assert_non_null(strstr(error.text, rows[i].text));
        assert_null(result);
    }
}

static void a_silent_server_is_given_up(void **state)
{
    struct server server = serve(*state, "{}", 300);
    struct json_rpc *rpc = NULL;
    json_t *result = NULL;
    struct error error;

    assert_int_equal(open_at(server.path, NULL, NULL, &rpc, &error), 0);
    json_rpc_set_patience(rpc, 50);
    assert_int_equal(json_rpc_call(rpc, "list", json_array(), &result, &error), -ETIMEDOUT);
    json_rpc_free(rpc);
    assert_int_equal(waitpid(server.child, NULL, 0), server.child);
    free(server.path);
}

static void nobody_there_is_said(void **state)
{
    char *path = scratch_path(*state, "nothing");
    struct json_rpc *rpc = NULL;
    struct error error;

    assert_int_equal(open_at(path, NULL, NULL, &rpc, &error), -ENOTCONN);
    assert_non_null(strstr(error.text, "nothing: No such file"));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_found_however_they_are_cut),
        cmocka_unit_test(what_is_no_object_is_refused),
        SCRATCH_TEST(answers_are_matched_by_number_and_the_rest_is_handed_on),
        SCRATCH_TEST(bad_answers_are_errors),
        SCRATCH_TEST(a_silent_server_is_given_up),
        SCRATCH_TEST(nobody_there_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
