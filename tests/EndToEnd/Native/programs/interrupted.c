/* Calls that no kernel interrupts, under a handler without SA_RESTART and a timer of 100 us: close and its kin of what the guest gave,
 * and starts of programs. Each line: how often one said EINTR. */
#define _GNU_SOURCE
#include "walk.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { ROUNDS = 300 };

static void tick(int signal) { (void)signal; }

static void start_timer(void)
{
    sigaction(SIGALRM, &(struct sigaction){ .sa_handler = tick }, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 100 }, { 0, 100 } }, NULL);
}

/* An fd on a heap's node: opening may be interrupted, and is tried again. */
static int node(void)
{
    int fd;
    while ((fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC)) < 0 && errno == EINTR)
        ;
    return fd < 0 ? (die("open"), -1) : fd;
}

static int interrupted(long result) { return result < 0 && errno == EINTR; }

int main(int argc, char **argv)
{
    if (argc > 1) /* started by itself, with the timer running on */
        return 0;
    int closes = 0, dup2s = 0, dup3s = 0, ranges = 0, unshares = 0, starts = 0, left = 0;
    start_timer();
    for (int i = 0; i < ROUNDS; i++) {
        int fd = node(), other = node();
        dup2s += interrupted(dup2(fd, other));
        dup3s += interrupted(dup3(fd, other, O_CLOEXEC));
        closes += interrupted(close(other));
        ranges += interrupted(syscall(SYS_close_range, fd, fd, 0));
        left += fcntl(fd, F_GETFD) >= 0 || fcntl(other, F_GETFD) >= 0;
        unshares += interrupted(unshare(CLONE_FILES));
    }
    for (int i = 0; i < ROUNDS; i++) {
        pid_t child = fork();
        if (child == 0) {
            start_timer();
            execl(argv[0], argv[0], "again", (char *)0);
            _exit(errno == EINTR ? 99 : 98);
        }
        int status;
        while (waitpid(child, &status, 0) < 0)
            ;
        starts += WIFEXITED(status) && WEXITSTATUS(status) == 99; /* else the timer may have ended it */
    }
    printf("close %d\ndup2 %d\ndup3 %d\nclose_range %d\nunshare %d\nexecve %d\nleft %d\n", closes, dup2s, dup3s, ranges, unshares,
        starts, left);
    return 0;
}
