/* Workers that fork and end, again and again, for fifteen minutes: does the run end when its program has ended? `away WORKERS` ends with 5. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int workers = argc > 1 ? atoi(argv[1]) : 2, going[2];
    char word = 'x';
    if (pipe(going) != 0)
        return 1;
    for (int i = 0; i < workers; i++) {
        if (fork() == 0) {
            signal(SIGCHLD, SIG_IGN);
            setsid();
            for (time_t end = time(NULL) + 900, generation = 0; time(NULL) < end; generation++) {
                if (generation == 3 && write(going[1], &word, 1) != 1)
                    _exit(1);
                if (fork() > 0)
                    _exit(0);
            }
            _exit(0);
        }
        if (read(going[0], &word, 1) != 1)
            return 1;
    }
    return 5;
}
