/*
 * Orphans: `orphans N` makes N processes, one after the other, whose parents have ended, and waits for the end of each. Then it says how many
 * of them the system still has a record of. Whoever is their parent now has to take their statuses.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 2000 };

int main(int argc, char **argv)
{
    int wanted = argc > 1 ? atoi(argv[1]) : 100, left;
    static pid_t pids[MOST];
    for (int i = 0; i < wanted && i < MOST; i++) {
        int told[2];
        if (pipe(told) != 0)
            return 1;
        if (fork() == 0) {
            pid_t orphan = fork();
            if (orphan == 0) {
                close(told[0]);
                _exit(0);
            }
            if (write(told[1], &orphan, sizeof orphan) != sizeof orphan)
                _exit(1);
            _exit(0);
        }
        close(told[1]);
        if (read(told[0], &pids[i], sizeof pids[i]) != sizeof pids[i])
            return 1;
        /* The end of file comes when the orphan is gone, too. */
        while (read(told[0], &left, 1) > 0)
            ;
        close(told[0]);
        while (wait(NULL) > 0)
            ;
    }
    /* Each new parent that takes statuses comes to this one; one that never does keeps us here, and the test says so. */
    do {
        left = 0;
        for (int i = 0; i < wanted && i < MOST; i++)
            left += kill(pids[i], 0) == 0;
    } while (left != 0);
    printf("orphans %d left %d\n", wanted, left);
    return 0;
}
