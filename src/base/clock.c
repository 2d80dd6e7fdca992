#include "base/clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attrs.h"

static int64_t read_ms(clockid_t id)
{
    struct timespec at = { 0 };

    clock_gettime(id, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

const char *clock_boot(char text[CLOCK_BOOT_SIZE])
{
    CLEANUP(close_fd) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, CLOCK_BOOT_SIZE - 1);

    text[got < 0 ? 0 : got] = '\0';
    text[strspn(text, "0123456789abcdef-")] = '\0';
    return text;
}
