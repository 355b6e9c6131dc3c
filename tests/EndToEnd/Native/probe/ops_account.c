/* Many buffers in a row: zeroing, leaks, what allocations cost, exhaustion. Family mem. */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_BUFFERS = 4096, KILOBYTE = 1024, SLACK_KB = 1024, LEAK_KB = 2048 };

static int allocate(const struct record *r)
{
    return heap_allocate(json_text(r->in, "heap", ""), json_number(r->in, "len", 0), O_RDWR, 0);
}

static long long free_kb(void) { return number_in_file("/proc/meminfo", "MemFree:", -1); }
static long long cma_free_kb(void) { return number_in_file("/proc/meminfo", "CmaFree:", 0); }

static bool all_zero(const unsigned char *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static void dirty_and_free(const struct record *r, struct answers *a)
{
    long long allocated = 0, dirty = 0;
    for (uint64_t round = 0; round < json_number(r->in, "rounds", 0); round++) {
        size_t length = 0;
        int fd = allocate(r);
        unsigned char *map = fd < 0 ? NULL : map_whole(fd, &length);
        if (map) {
            allocated++;
            dirty += !all_zero(map, length);
            memset(map, 0xff, length);
            munmap(map, length);
        }
        if (fd >= 0)
            close(fd);
    }
    answer_number(a, "allocated", allocated);
    answer_number(a, "buffers_not_zero", dirty);
}

static void free_loop(const struct record *r, struct answers *a)
{
    long long free_before = free_kb(), cma_before = cma_free_kb(), done = 0;
    for (uint64_t round = 0; round < json_number(r->in, "rounds", 0); round++) {
        int fd = allocate(r);
        done += fd >= 0;
        if (fd >= 0)
            close(fd);
    }
    long long dropped = free_before - free_kb();
    answer_number(a, "ok", done);
    answer_bool(a, "memfree_drop_lt_2048kb", dropped < LEAK_KB);
    answer_number(a, "memfree_delta_kb", dropped);
    answer_number(a, "cmafree_delta_kb", cma_before - cma_free_kb());
    answer_number(a, "live_buffers", live_buffers());
}

static void drop(const struct record *r, struct answers *a)
{
    uint64_t count = json_number(r->in, "count", 0);
    long long expected = (long long)(json_number(r->in, "len", 0) * count / KILOBYTE);
    long long free_before = free_kb(), cma_before = cma_free_kb();
    for (uint64_t i = 0; i < count; i++)
        allocate(r);
    answer_number(a, "expected_kb", expected);
    answer_bool(a, "memfree_drop_ge_expected_minus_1MiB", free_before - free_kb() >= expected - SLACK_KB);
    answer_number(a, "cmafree_drop_kb", cma_before - cma_free_kb());
}

static void until_fail(const struct record *r, struct answers *a)
{
    static int fds[MOST_BUFFERS];
    int count = 0;
    while (count < MOST_BUFFERS && (fds[count] = allocate(r)) >= 0)
        count++;
    const char *name = strerrorname_np(errno);
    answer_number(a, "count", count);
    answer_text(a, "errno", name ? name : "unknown");
    while (count > 0)
        close(fds[--count]);
}

static void memlock_ignored(const struct record *r, struct answers *a)
{
    struct rlimit nothing = { 0, 0 };
    (void)r;
    setrlimit(RLIMIT_MEMLOCK, &nothing);
    answer_number(a, "allocated", heap_allocate("system", 1 << 20, O_RDWR, 0) >= 0);
}

const struct op_row account_ops[] = {
    { "alloc_dirty_free_realloc", dirty_and_free, false }, { "alloc_free_loop", free_loop, false }, { "memfree_drop", drop, false },
    { "alloc_until_fail", until_fail, false }, { "rlimit_memlock_zero_ignored", memlock_ignored, false },
    { NULL, NULL, false },
};
