/* groups.h: supplementary groups (credentials(7)).
 *
 * A process of root without capabilities may not open what belongs to others, as lldpd's control
 * socket, which is for lldpd's user and group. It joins the group before it gives them up. */
#ifndef VSN_BASE_GROUPS_H
#define VSN_BASE_GROUPS_H

/* Adds the group that 'path' belongs to, or, where nothing is there, the group called 'otherwise',
 * to those of this process and of the programs it starts. Returns 0, also when it is a member
 * already; -ENOENT when there is no such group; -EPERM without CAP_SETGID, for a user whom the
 * administrator has put into the right groups, or not. */
int groups_join(const char *path, const char *otherwise);

#endif
