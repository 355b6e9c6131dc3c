/* exec of what is no program, and of programs that are found in ways of their own: the kernel says what each is, at once. */
#define _GNU_SOURCE
#include "walk.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { CANNOT = 100, FIRST = 3, LAST = 12 };

/* Exit status of the program at a path, or 100 and the errno of execve. */
static int start(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        execve(path, (char *[]){ (char *)path, 0 }, (char *[]){ 0 });
        _exit(CANNOT + errno);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void say(const char *what, const char *path)
{
    int status = start(path);
    printf("%s %s\n", what, status >= CANNOT ? strerrorname_np(status - CANNOT) : status == 0 ? "ran" : "failed");
}

/* A copy of the program as a memfd at a number, on which the supervisor may have something else. */
static int copied_to(int number)
{
    char bytes[65536];
    ssize_t got;
    int source = open("/bin/true", O_RDONLY), program = memfd_create("program", 0);
    while ((got = read(source, bytes, sizeof bytes)) > 0)
        if (write(program, bytes, got) != got)
            die("write");
    if (program != number && (dup2(program, number) < 0 || close(program) != 0))
        die("dup2");
    if (source != number)
        close(source);
    return number;
}

int main(int argc, char **argv)
{
    if (argc != 2 || chdir(argv[1]) != 0 || mkfifo("fifo", 0755) != 0 || mkfifo("closed", 0644) != 0 || symlink("fifo", "link") != 0)
        die("folder");
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || chmod("socket", 0755) != 0)
        die("socket");
    say("fifo", "./fifo");
    say("closed-fifo", "./closed");
    say("link-to-fifo", "./link");
    say("socket", "./socket");
    say("folder", ".");
    say("device", "/dev/zero");
    say("nothing", "./nothing");
    close(listener);
    int ran = 0;
    for (int number = FIRST; number <= LAST; number++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", copied_to(number));
        ran += start(path) == 0;
        close(number);
    }
    printf("own-fds %d of %d\n", ran, LAST - FIRST + 1);
    return 0;
}
