/*
 * A program whose processes do all that makes them hard to end: daemons in sessions of their own, sleepers, busy ones, stopped ones, ones that
 * ignore what may be ignored, ones whose first thread has ended, and ones that fork and end for ever.
 * Prints "ready" once all of them are there, and waits; `crowd STATUS` ends then. Whoever is left all the same ends after fifteen minutes.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIFETIME = 900 };

static int ready[2];

static void tell(void)
{
    if (write(ready[1], "x", 1) != 1)
        _exit(1);
}

static void wait_for_ever(void)
{
    tell();
    for (;;)
        pause();
}

static void be_busy(void)
{
    tell();
    for (;;)
        ;
}

static void be_stubborn(void)
{
    for (int number = 1; number <= 64; number++)
        if (number != SIGALRM)
            signal(number, SIG_IGN);
    wait_for_ever();
}

static void be_stopped(void)
{
    tell();
    for (;;)
        raise(SIGSTOP);
}

static void *go_on(void *unused)
{
    (void)unused;
    wait_for_ever();
    return NULL;
}

static void lose_first_thread(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, go_on, NULL) != 0)
        _exit(1);
    pthread_exit(NULL);
}

static void be_a_daemon(void)
{
    setsid();
    if (fork() > 0)
        _exit(0);
    alarm(LIFETIME);
    wait_for_ever();
}

static void have_a_family(void)
{
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            alarm(LIFETIME);
            wait_for_ever();
        }
    wait_for_ever();
}

static void fork_away(void)
{
    setsid();
    tell();
    signal(SIGCHLD, SIG_IGN);
    for (time_t end = time(NULL) + LIFETIME; time(NULL) < end;)
        if (fork() > 0)
            _exit(0);
    _exit(0);
}

static const struct {
    void (*be)(void);
    int told;
} kinds[] = {
    { wait_for_ever, 1 }, { be_busy, 1 },       { be_stubborn, 1 }, { be_stopped, 1 }, { lose_first_thread, 1 },
    { be_a_daemon, 1 },   { have_a_family, 3 }, { fork_away, 1 },
};

int main(int argc, char **argv)
{
    char word;
    if (pipe(ready) != 0)
        return 1;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        if (fork() == 0) {
            alarm(LIFETIME);
            kinds[kind].be();
        }
        for (int i = 0; i < kinds[kind].told; i++)
            if (read(ready[0], &word, 1) != 1)
                return 1;
    }
    printf("ready\n");
    fflush(stdout);
    if (argc > 1)
        return atoi(argv[1]);
    for (;;)
        pause();
}
