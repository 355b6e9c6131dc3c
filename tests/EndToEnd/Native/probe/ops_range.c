/* System calls on the mapping of a case: families mmap, mprotect, mapops. */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

static sigjmp_buf before_touch;
static volatile sig_atomic_t caught_signal, caught_code;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    caught_signal = signal;
    caught_code = info->si_code;
    siglongjmp(before_touch, 1);
}

const char *touch(volatile unsigned char *at, bool write)
{
    static char result[32];
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER }, old[2];
    sigaction(SIGSEGV, &action, &old[0]);
    sigaction(SIGBUS, &action, &old[1]);
    caught_signal = 0;
    if (sigsetjmp(before_touch, 1) == 0) {
        unsigned char byte = 0;
        /* A byte is written without being read first: a mapping may allow the one alone. */
        if (write)
            *at = 0x5a;
        else
            byte = *at;
        (void)byte;
    }
    sigaction(SIGSEGV, &old[0], NULL);
    sigaction(SIGBUS, &old[1], NULL);
    if (caught_signal == 0)
        return "ok";
    snprintf(result, sizeof(result), "%s/%d", caught_signal == SIGSEGV ? "SIGSEGV" : "SIGBUS", (int)caught_code);
    return result;
}

static void do_touch(const struct record *r, struct answers *a)
{
    answer_text(a, "result", touch(map_in(r) + json_number(r->in, "offset", 0), strcmp(json_text(r->in, "rw", "r"), "w") == 0));
}

int protection_of(const char *word)
{
    return (strchr(word, 'R') ? PROT_READ : 0) | (strchr(word, 'W') ? PROT_WRITE : 0) | (strchr(word, 'X') ? PROT_EXEC : 0);
}

static void do_mprotect(const struct record *r, struct answers *a)
{
    answer_result(a, mprotect(world.map, world.map_length, protection_of(json_text(r->in, "prot", ""))));
}

static const struct {
    const char *word;
    int advice;
} advices[] = {
    { "NORMAL", MADV_NORMAL }, { "RANDOM", MADV_RANDOM }, { "SEQUENTIAL", MADV_SEQUENTIAL }, { "WILLNEED", MADV_WILLNEED },
    { "DONTNEED", MADV_DONTNEED }, { "FREE", MADV_FREE }, { "REMOVE", MADV_REMOVE }, { "DONTFORK", MADV_DONTFORK },
    { "DOFORK", MADV_DOFORK }, { "MERGEABLE", MADV_MERGEABLE }, { "UNMERGEABLE", MADV_UNMERGEABLE }, { "HUGEPAGE", MADV_HUGEPAGE },
    { "NOHUGEPAGE", MADV_NOHUGEPAGE }, { "DONTDUMP", MADV_DONTDUMP }, { "DODUMP", MADV_DODUMP }, { "WIPEONFORK", MADV_WIPEONFORK },
    { "KEEPONFORK", MADV_KEEPONFORK }, { "COLD", MADV_COLD }, { "PAGEOUT", 21 }, { "POPULATE_READ", MADV_POPULATE_READ },
    { "POPULATE_WRITE", MADV_POPULATE_WRITE }, { "DONTNEED_LOCKED", MADV_DONTNEED_LOCKED },
};

static void do_madvise(const struct record *r, struct answers *a)
{
    const char *word = json_text(r->in, "advice", "");
    int advice = -1;
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
        if (strcmp(advices[i].word, word) == 0)
            advice = advices[i].advice;
    answer_result(a, madvise(world.map, world.map_length, advice));
}

static void do_msync(const struct record *r, struct answers *a)
{
    const char *words = json_text(r->in, "flags", "");
    int flags = (strstr(words, "MS_SYNC") ? MS_SYNC : 0) | (strstr(words, "MS_ASYNC") ? MS_ASYNC : 0)
        | (strstr(words, "MS_INVALIDATE") ? MS_INVALIDATE : 0);
    answer_result(a, msync(world.map, world.map_length, flags));
}

static void do_mlock(const struct record *r, struct answers *a)
{
    (void)r;
    answer_result(a, mlock(world.map, world.map_length));
}

static void do_munlock(const struct record *r, struct answers *a)
{
    (void)r;
    answer_result(a, munlock(world.map, world.map_length));
}

static void do_mincore(const struct record *r, struct answers *a)
{
    unsigned char pages[256];
    char list[1024] = "[";
    size_t n = 1, count = world.map_length / PAGE;
    (void)r;
    int rc = count <= sizeof(pages) ? mincore(world.map, world.map_length, pages) : (errno = ENOMEM, -1);
    answer_result(a, rc);
    for (size_t i = 0; rc == 0 && i < count; i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%d", i ? "," : "", pages[i] & 1);
    snprintf(list + n, sizeof(list) - n, "]");
    answer_raw(a, "vec", list);
}

static void do_mremap(const struct record *r, struct answers *a)
{
    const char *words = json_text(r->in, "flags", "");
    int flags = (strstr(words, "MAYMOVE") ? MREMAP_MAYMOVE : 0) | (strstr(words, "FIXED") ? MREMAP_FIXED : 0);
    size_t size = (size_t)json_number(r->in, "new", 0);
    void *target = NULL;
    /* A place that is free for sure is one that was ours. */
    if (flags & MREMAP_FIXED) {
        target = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(target, size);
    }
    void *moved = (void *)syscall(SYS_mremap, world.map, (size_t)json_number(r->in, "old", 0), size, flags, target);
    answer_success(a, moved != MAP_FAILED);
    if (moved != MAP_FAILED) {
        world.map = moved;
        world.map_length = size;
    }
}

static void do_munmap(const struct record *r, struct answers *a)
{
    unsigned char *map = world.map;
    answer_result(a, munmap(map + json_number(r->in, "offset", 0), (size_t)json_number(r->in, "len", world.map_length)));
}

static void munmap_all(const struct record *r, struct answers *a)
{
    (void)r;
    (void)a;
    unmap_user();
}

static void vm_read(const struct record *r, struct answers *a)
{
    static unsigned char bytes[1 << 16];
    size_t length = (size_t)json_number(r->in, "len", PAGE);
    struct iovec local = { bytes, length };
    struct iovec remote = { map_in(r), length };
    answer_result(a, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

static void vm_write(const struct record *r, struct answers *a)
{
    static unsigned char bytes[1 << 16];
    size_t length = (size_t)json_number(r->in, "len", PAGE);
    struct iovec local = { bytes, length };
    struct iovec remote = { world.map, length };
    answer_result(a, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
}

static void proc_mem(const struct record *r, struct answers *a, bool write)
{
    unsigned char bytes[PAGE] = { 0 };
    size_t length = (size_t)json_number(r->in, "len", 16);
    int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    off_t at = (off_t)(uintptr_t)world.map;
    answer_result(a, fd < 0 ? -1 : write ? pwrite(fd, bytes, length, at) : pread(fd, bytes, length, at));
    if (fd >= 0)
        close(fd);
}

static void mem_pread(const struct record *r, struct answers *a) { proc_mem(r, a, false); }
static void mem_pwrite(const struct record *r, struct answers *a) { proc_mem(r, a, true); }

static void write_pipe(const struct record *r, struct answers *a)
{
    answer_result(a, write(case_pipe()[1], world.map, (size_t)json_number(r->in, "len", PAGE)));
}

static void read_pipe(const struct record *r, struct answers *a)
{
    answer_result(a, read(case_pipe()[0], world.map, (size_t)json_number(r->in, "len", PAGE)));
}

static void do_vmsplice(const struct record *r, struct answers *a)
{
    struct iovec vector = { world.map, (size_t)json_number(r->in, "len", PAGE) };
    answer_result(a, vmsplice(case_pipe()[1], &vector, 1, SPLICE_F_NONBLOCK));
}

static void write_null(const struct record *r, struct answers *a)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    answer_result(a, write(fd, world.map, (size_t)json_number(r->in, "len", PAGE)));
    close(fd);
}

const struct op_row range_ops[] = {
    { "touch", do_touch, true }, { "mprotect", do_mprotect, true }, { "madvise", do_madvise, true }, { "msync", do_msync, true }, { "mlock", do_mlock, true },
    { "munlock", do_munlock, true }, { "mincore", do_mincore, true }, { "mremap", do_mremap, true }, { "munmap", do_munmap, true },
    { "munmap_all", munmap_all, true }, { "process_vm_readv", vm_read, true }, { "process_vm_writev", vm_write, true },
    { "proc_self_mem_pread", mem_pread, true }, { "proc_self_mem_pwrite", mem_pwrite, true }, { "write_pipe_from_map", write_pipe, true },
    { "read_pipe_into_map", read_pipe, true }, { "vmsplice", do_vmsplice, true }, { "write_devnull_from_map", write_null, true },
    { NULL, NULL, false },
};
