/*
 * A set-uid program. `set_uid start PROGRAM` becomes an ordinary user and executes PROGRAM, a set-uid copy of this program; without an argument
 * it says who it is. Where a process may gain no privileges, the copy runs as the ordinary user.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { ORDINARY = 65534 };

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "start") == 0) {
        if (setresgid(ORDINARY, ORDINARY, ORDINARY) != 0 || setresuid(ORDINARY, ORDINARY, ORDINARY) != 0) {
            perror("setresuid");
            return 1;
        }
        execl(argv[2], argv[2], (char *)NULL);
        perror(argv[2]);
        return 1;
    }
    printf("uid %d euid %d no_new_privs %d\n", (int)getuid(), (int)geteuid(), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return 0;
}
