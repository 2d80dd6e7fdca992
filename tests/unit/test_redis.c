#include "cmocka_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/redis.h"
#include "base/strbuf.h"

/* A connection and its other end, which this test is. */
struct pair {
    struct redis *redis;
    int other;
};

static struct pair open_pair(void)
{
    int ends[2];
    struct pair pair;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pair = (struct pair){ redis_adopt(ends[0]), ends[1] };
    assert_non_null(pair.redis);
    return pair;
}

static void close_pair(struct pair *pair)
{
    redis_free(pair->redis);
    if (pair->other >= 0)
        close(pair->other);
}

static void say(const struct pair *pair, const char *text)
{
    assert_int_equal(write(pair->other, text, strlen(text)), strlen(text));
}

static int hear(const struct pair *pair, redisReply **ret_reply, struct error *reterr)
{
    return redis_hear(pair->redis, clock_now_ms() + 1000, ret_reply, reterr);
}

static void commands_go_out_with_the_first_wait(void **state)
{
    struct pair pair = open_pair();
    redisReply *reply = NULL;
    char sent[256] = "";

    (void)state;
    assert_int_equal(REDIS_ADD(pair.redis, "HSET", "VLAN|Vlan100", "vlanid", "100"), 0);
    assert_int_equal(REDIS_ADD(pair.redis, "PING", ""), 0);
    assert_int_equal(recv(pair.other, sent, sizeof(sent), MSG_DONTWAIT), -1);
    say(&pair, ":1\r\n+PO");
    assert_int_equal(redis_hear(pair.redis, clock_now_ms() + 1000, &reply, NULL), 0);
    assert_int_equal(reply->integer, 1);
    freeReplyObject(reply);
    assert_true(recv(pair.other, sent, sizeof(sent) - 1, 0) > 0);
    assert_string_equal(sent,
                        "*4\r\n$4\r\nHSET\r\n$12\r\nVLAN|Vlan100\r\n$6\r\nvlanid\r\n$3\r\n100\r\n"
                        "*2\r\n$4\r\nPING\r\n$0\r\n\r\n");
    say(&pair, "NG\r\n");
    assert_int_equal(hear(&pair, &reply, NULL), 0);
    assert_string_equal(redis_text(reply), "PONG");
    freeReplyObject(reply);
    close_pair(&pair);
}

static void replies_are_looked_into_safely(void **state)
{
    struct pair pair = open_pair();
    redisReply *reply = NULL;

    (void)state;
    say(&pair, "*4\r\n$4\r\nname\r\n$1\r\nx\r\n$4\r\nlast\r\n$-1\r\n");
    assert_int_equal(hear(&pair, &reply, NULL), 0);
    assert_string_equal(redis_field(reply, "name"), "x");
    assert_string_equal(redis_field(reply, "last"), "");
    assert_null(redis_field(reply, "none"));
    assert_null(redis_at(reply, 4));
    assert_string_equal(redis_text(reply), "");
    assert_null(redis_at(redis_at(reply, 0), 0));
    assert_null(redis_field(NULL, "name"));
    freeReplyObject(reply);
    close_pair(&pair);
}

static void an_error_is_a_reply_and_the_next_one_is_heard(void **state)
{
    struct pair pair = open_pair();
    struct error error = { "" };
    redisReply *reply = NULL;

    (void)state;
    say(&pair, "-WRONGTYPE bad\x1b[31m\r\n+OK\r\n");
    assert_int_equal(hear(&pair, &reply, &error), -EREMOTEIO);
    assert_string_equal(error.text, "Redis: WRONGTYPE bad\\x1b[31m");
    assert_int_equal(hear(&pair, &reply, &error), 0);
    freeReplyObject(reply);
    close_pair(&pair);
}

static void what_has_arrived_is_taken_without_waiting(void **state)
{
    struct pair pair = open_pair();
    redisReply *reply = NULL;

    (void)state;
    assert_int_equal(redis_take(pair.redis, &reply, NULL), 0);
    say(&pair, "+a\r\n+b\r\n+c");
    for (const char *wanted = "ab"; *wanted; wanted++) {
        assert_int_equal(redis_take(pair.redis, &reply, NULL), 1);
        assert_int_equal(redis_text(reply)[0], *wanted);
        freeReplyObject(reply);
    }
    assert_int_equal(redis_take(pair.redis, &reply, NULL), 0);
    close_pair(&pair);
}

/* After each of these nothing can be asked any more. */
static void what_breaks_the_connection(void **state)
{
    static const struct {
        const char *said;
        int wanted;
    } rows[] = {
        { "HTTP/1.1 400\r\n", -EBADMSG },
        { "*2147483647\r\n", -EBADMSG },
        { "*262145\r\n", -EBADMSG },
        { "*2\r\n*200000\r\n", 0 }, /* so far, so good */
        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", -EBADMSG },
        { "$-2\r\n", -EBADMSG },
        { ":99999999999999999999999\r\n", -EBADMSG },
        { "", -ENOTCONN },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pair pair = open_pair();
        struct error error = { "" };
        redisReply *reply = NULL;
        int r;

        say(&pair, rows[i].said);
        close_fd(&pair.other);
        pair.other = -1;
        r = hear(&pair, &reply, &error);
        assert_int_equal(r, rows[i].wanted ? rows[i].wanted : -ENOTCONN);
        assert_string_not_equal(error.text, "");
        assert_int_equal(hear(&pair, &reply, &error), -ENOTCONN);
        assert_int_equal(redis_take(pair.redis, &reply, &error), -ENOTCONN);
        close_pair(&pair);
    }
}

static void a_reply_that_does_not_end_in_time_is_given_up(void **state)
{
    struct pair pair = open_pair();
    struct error error = { "" };
    redisReply *reply = NULL;

    (void)state;
    say(&pair, "$10\r\nabc");
    assert_int_equal(redis_hear(pair.redis, clock_now_ms() + 20, &reply, &error), -ETIMEDOUT);
    say(&pair, "defghij\r\n");
    assert_int_equal(hear(&pair, &reply, &error), -ENOTCONN);
    close_pair(&pair);
}

static void commands_beyond_the_cap_are_not_sent_in_part(void **state)
{
    struct pair pair = open_pair();
    struct error error = { "" };
    redisReply *reply = NULL;
    char *word = malloc(REDIS_SEND_MAX + 1);

    (void)state;
    memset(word, 'x', REDIS_SEND_MAX);
    word[REDIS_SEND_MAX] = '\0';
    assert_int_equal(REDIS_ADD(pair.redis, "SET", "x", word), -EMSGSIZE);
    assert_int_equal(REDIS_ADD(pair.redis, "PING"), -EMSGSIZE);
    assert_int_equal(hear(&pair, &reply, &error), -ENOTCONN);
    assert_int_equal(recv(pair.other, word, 100, MSG_DONTWAIT), -1);
    free(word);
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_go_out_with_the_first_wait),
        cmocka_unit_test(replies_are_looked_into_safely),
        cmocka_unit_test(an_error_is_a_reply_and_the_next_one_is_heard),
        cmocka_unit_test(what_has_arrived_is_taken_without_waiting),
        cmocka_unit_test(what_breaks_the_connection),
        cmocka_unit_test(a_reply_that_does_not_end_in_time_is_given_up),
        cmocka_unit_test(commands_beyond_the_cap_are_not_sent_in_part),
    };

    return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
