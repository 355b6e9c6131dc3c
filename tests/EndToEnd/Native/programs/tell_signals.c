/*
 * Prints each signal that comes, with what sigqueue sent along: "ready", then "signal N value V" for each, until SIGTERM, which is printed,
 * too, and ends it with 7. Signals are taken one by one by sigwaitinfo, so that none is lost or counted twice.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>

int main(void)
{
    sigset_t all;
    siginfo_t info;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        if (sigwaitinfo(&all, &info) <= 0 || info.si_signo == SIGCHLD || info.si_signo == SIGCONT)
            continue;
        printf("signal %d value %d\n", info.si_signo, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
        fflush(stdout);
        if (info.si_signo == SIGTERM)
            return 7;
    }
}
