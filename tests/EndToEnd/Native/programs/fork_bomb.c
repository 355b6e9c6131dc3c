/*
 * 100 children at once, each with its own buffer and with a mapping of the parent's, in which each writes its own byte; half of them end by
 * exit, the others are killed. Nothing may be left of their buffers, and the parent's has to show all bytes.
 */
#define _GNU_SOURCE
#include "walk.h"

#include <signal.h>
#include <sys/wait.h>

enum { CHILDREN = 100 };

static void child(int number, unsigned char *shared, int done)
{
    unsigned char *own = map(allocate());
    memset(own, number, BUFFER_BYTES);
    shared[number] = own[BUFFER_BYTES - 1];
    if (write(done, "d", 1) != 1)
        _exit(1);
    if (number % 2)
        _exit(0);
    pause();
}

int main(void)
{
    int ends[2], fd = allocate(), wrong = 0, failed = 0;
    unsigned char *shared = map(fd);
    pid_t children[CHILDREN];
    char byte;
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe");
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] < 0)
            die("fork");
        if (children[i] == 0)
            child(i, shared, ends[1]);
    }
    close(ends[1]);
    for (int i = 0; i < CHILDREN; i++)
        if (read(ends[0], &byte, 1) != 1)
            die("a child");
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        if (i % 2 == 0)
            kill(children[i], SIGKILL);
        waitpid(children[i], &status, 0);
        failed += WIFEXITED(status) && WEXITSTATUS(status) != 0;
        wrong += shared[i] != i;
    }
    printf("failed %d wrong %d buffers %d\n", failed, wrong, live_buffers());
    return failed || wrong;
}
