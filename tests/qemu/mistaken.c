/* mistaken overflow|leak|undefined: makes that mistake, so that tests/qemu can see that it is
 * found. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *mistake = argc > 1 ? argv[1] : "";
    char *volatile bytes = malloc(4);
    volatile int number = INT_MAX;

    if (strcmp(mistake, "overflow") == 0)
        bytes[argc + 2] = 0;
    if (strcmp(mistake, "undefined") == 0)
        number = number + argc;
    if (strcmp(mistake, "leak") != 0)
        free(bytes);
    bytes = NULL;
    return 0;
}
