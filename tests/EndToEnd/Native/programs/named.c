/* A name that XML cannot carry and a terminal obeys, one leak, status 3. */
#define _GNU_SOURCE
#include "walk.h"
#include <sys/prctl.h>

int main(void)
{
    prctl(PR_SET_NAME, "\x01\x02\x1b]0;x\xff\xfe<");
    allocate();
    return 3;
}
