/*
 * probe RECORDING [WORDS]: does with real system calls what the cases of a recording did, and prints what came of it as lines of the same
 * form. RECORDING is JSON lines (- for stdin); WORDS limits it to cases whose name begins so. Each case runs in a process of its own, so that
 * nothing of one is left for the next; one that ends too early or hangs is reported on stderr, and its other lines are missing.
 *
 * probe --is-open FD: exit status 0 if the descriptor is open. For what a program sees after execve.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STUCK_SECONDS = 600, USAGE = 2 };

static const struct op_row *const tables[] = {
    heap_ops, device_ops, file_ops, file_change_ops, range_ops, memory_ops, smaps_ops, fence_ops, info_ops, life_ops, account_ops,
    udmabuf_ops, drm_ops, fault_ops, trace_ops,
};

static const struct op_row *find(const char *name)
{
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const struct op_row *row = tables[t]; row->op; row++)
            if (strcmp(row->op, name) == 0)
                return row;
    return NULL;
}

static void run_step(const struct record *r)
{
    struct answers answers = { 0 };
    char special[128];
    snprintf(special, sizeof(special), "%s/%s", r->family, r->op);
    const struct op_row *row = find(special);
    if (!row)
        row = find(r->op);
    errno = 0;
    if (row && row->on_map && !map_in(r))
        answer_result(&answers, -1);
    else if (row)
        row->run(r, &answers);
    else
        answer_skipped(&answers, "no such operation in the probe");
    record_print(r, &answers);
    free(answers.text);
}

static void run_case(const struct record *records, size_t count)
{
    pid_t pid = fork();
    if (pid == 0) {
        /* Nobody may wait for a hanging case; software timelines are named after the process. */
        alarm(STUCK_SECONDS);
        prctl(PR_SET_NAME, "heapprobe");
        signal(SIGPIPE, SIG_IGN);
        world.records = records;
        world.count = count;
        for (size_t i = 0; i < count; i++)
            run_step(&records[i]);
        _exit(0);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        fprintf(stderr, "%s: ended early (%s %d)\n", records[0].name, WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static struct record *read_all(FILE *file, const char *words, size_t *count)
{
    struct record *records = NULL;
    size_t room = 0, n = 0, number = 0, size = 0;
    char *line = NULL;
    for (ssize_t length = getline(&line, &size, file); length > 0; length = getline(&line, &size, file)) {
        number++;
        if (n == room) {
            room = room ? 2 * room : 256;
            records = realloc(records, room * sizeof(*records));
            if (!records)
                abort();
        }
        if (!record_read(&records[n], line)) {
            fprintf(stderr, "line %zu is no record\n", number);
            exit(USAGE);
        }
        line = NULL;
        size = 0;
        if (strncmp(records[n].name, words, strlen(words)) == 0)
            n++;
        else
            record_free(&records[n]);
    }
    free(line);
    *count = n;
    return records;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--is-open") == 0)
        return fcntl(atoi(argv[2]), F_GETFD) < 0;
    FILE *file = argc < 2 ? NULL : strcmp(argv[1], "-") == 0 ? stdin : fopen(argv[1], "re");
    if (!file) {
        fprintf(stderr, "usage: probe RECORDING [FIRST-WORDS-OF-CASES]\n");
        return USAGE;
    }
    size_t count = 0;
    struct record *records = read_all(file, argc > 2 ? argv[2] : "", &count);
    if (file != stdin)
        fclose(file);
    for (size_t first = 0, next = 0; first < count; first = next) {
        while (next < count && strcmp(records[next].name, records[first].name) == 0
            && strcmp(records[next].family, records[first].family) == 0)
            next++;
        run_case(&records[first], next - first);
    }
    for (size_t i = 0; i < count; i++)
        record_free(&records[i]);
    free(records);
    return 0;
}
