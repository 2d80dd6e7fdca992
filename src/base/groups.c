#include "base/groups.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_MAX 1024

static int find_group(const char *path, const char *otherwise, gid_t *ret_group)
{
    const struct group *named;
    struct stat status;

    if (stat(path, &status) == 0) {
        *ret_group = status.st_gid;
        return 0;
    }
    named = getgrnam(otherwise);
    if (!named)
        return -ENOENT;
    *ret_group = named->gr_gid;
    return 0;
}

int groups_join(const char *path, const char *otherwise)
{
    gid_t groups[GROUPS_MAX], group;
    int count = getgroups(GROUPS_MAX - 1, groups);
    int r = find_group(path, otherwise, &group);

    if (r < 0 || count < 0)
        return r < 0 ? r : -errno;
    if (group == getegid())
        return 0;
    for (int i = 0; i < count; i++)
        if (groups[i] == group)
            return 0;
    groups[count] = group;
    return setgroups((size_t)count + 1, groups) < 0 ? -errno : 0;
}
