/* Sync files, software timelines, poll and epoll: families syncfile and poll. */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FENCES = 16, BLOCKED_MS = 60000 };

/* The interface of debugfs's sw_sync is in no header for programs. */
struct sw_sync_fence {
    uint32_t value;
    char name[32];
    int32_t fence;
};
#define SW_SYNC_CREATE_FENCE _IOWR('W', 0, struct sw_sync_fence)
#define SW_SYNC_INC _IOW('W', 1, uint32_t)

struct sync_file_flags {
    uint32_t flags;
    int32_t fd;
};
#define EXPORT_SYNC_FILE _IOWR('b', 2, struct sync_file_flags)
#define IMPORT_SYNC_FILE _IOW('b', 3, struct sync_file_flags)

static int the_timeline = -1;
static uint32_t last_value;
static bool blocked;
static int the_epoll = -1;

int timeline(void)
{
    if (the_timeline < 0)
        the_timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);
    return the_timeline;
}

int new_fence(void)
{
    struct sw_sync_fence fence = { .value = ++last_value, .name = "fence" };
    return timeline() >= 0 && ioctl(timeline(), SW_SYNC_CREATE_FENCE, &fence) == 0 ? fence.fence : -1;
}

void advance_timeline(uint32_t by)
{
    ioctl(timeline(), SW_SYNC_INC, &by);
}

int import_fence(int buffer, uint32_t flags)
{
    struct sync_file_flags sync = { flags, new_fence() };
    if (sync.fd < 0)
        return -1;
    int rc = ioctl(buffer, IMPORT_SYNC_FILE, &sync);
    int code = errno;
    close(sync.fd);
    errno = code;
    return rc;
}

int export_sync_file(int buffer, uint32_t flags)
{
    struct sync_file_flags sync = { flags, -1 };
    return ioctl(buffer, EXPORT_SYNC_FILE, &sync) == 0 ? sync.fd : -1;
}

static void answer_fences(struct answers *a, const struct sync_fence_info *fences, uint32_t count)
{
    char list[4096] = "[";
    size_t n = 1;
    for (uint32_t i = 0; i < count; i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s{\"obj\":\"%.32s\",\"driver\":\"%.32s\",\"status\":%d}", i ? "," : "",
            fences[i].obj_name, fences[i].driver_name, fences[i].status);
    snprintf(list + n, sizeof(list) - n, "]");
    answer_raw(a, "fences", list);
}

static void answer_info(struct answers *a, int fd)
{
    struct sync_fence_info fences[MOST_FENCES] = { 0 };
    struct sync_file_info info = { .num_fences = MOST_FENCES, .sync_fence_info = (uintptr_t)fences };
    if (ioctl(fd, SYNC_IOC_FILE_INFO, &info) != 0) {
        answer_result(a, -1);
        return;
    }
    answer_number(a, "status", info.status);
    answer_unsigned(a, "num_fences", info.num_fences);
    answer_fences(a, fences, info.num_fences < MOST_FENCES ? info.num_fences : MOST_FENCES);
}

static void do_export(const struct record *r, struct answers *a)
{
    struct sync_file_flags sync = { (uint32_t)json_number(r->in, "flags", 0), (int32_t)json_number(r->in, "fd_field", 0) };
    int rc = ioctl(fd_in(r), EXPORT_SYNC_FILE, &sync);
    answer_success(a, rc == 0);
    if (rc != 0) {
        answer_number(a, "fd_field_after", sync.fd);
        return;
    }
    const char *name = json_text(r->out, "fd", "s");
    char getfl[16];
    name_file(name, sync.fd);
    answer_text(a, "fd", name);
    answer_number(a, "getfd", fcntl(sync.fd, F_GETFD));
    snprintf(getfl, sizeof(getfl), "0x%x", fcntl(sync.fd, F_GETFL));
    answer_text(a, "getfl", getfl);
    answer_info(a, sync.fd);
}

static void do_import(const struct record *r, struct answers *a)
{
    answer_success(a, import_fence(fd_in(r), (uint32_t)json_number(r->in, "flags", 0)) == 0);
}

static void do_info(const struct record *r, struct answers *a) { answer_info(a, fd_in(r)); }

static void do_inc(const struct record *r, struct answers *a)
{
    (void)a;
    advance_timeline((uint32_t)json_number(r->in, "by", 1));
}

static void close_timeline(const struct record *r, struct answers *a)
{
    (void)r;
    (void)a;
    close(the_timeline);
    the_timeline = -1;
}

/* Nobody signals what a sync of `elapsed` could wait for, so that it would hang: a minute is for machines with much else to do. */
static int sync_timed(const struct record *r)
{
    struct dma_buf_sync sync = { .flags = json_number(r->in, "flags", 0) };
    double start = seconds_now();
    int rc = ioctl(fd_in(r), DMA_BUF_IOCTL_SYNC, &sync);
    blocked = (seconds_now() - start) * 1000 > BLOCKED_MS;
    return rc;
}

static void do_sync(const struct record *r, struct answers *a) { answer_result(a, sync_timed(r)); }

static void elapsed(const struct record *r, struct answers *a)
{
    (void)r;
    answer_bool(a, "blocked", blocked);
}

/* Another process signals the fence while this one waits for it; what counts is whether the sync was over before the signal. */
static void sync_blocking(const struct record *r, struct answers *a)
{
    long wait = (long)json_number(r->in, "signaled_after_ms", 300);
    struct timespec pause = { wait / 1000, wait % 1000 * 1000000 }, moment = { 0, 1000000 };
    struct turns { atomic_bool begun, signalled; };
    struct turns *turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        while (!turns->begun)
            nanosleep(&moment, NULL);
        nanosleep(&pause, NULL);
        turns->signalled = true;
        advance_timeline(1);
        _exit(0);
    }
    turns->begun = true;
    int rc = sync_timed(r);
    bool waited = turns->signalled;
    answer_result(a, rc);
    answer_bool(a, "waited", waited);
    waitpid(child, NULL, 0);
    munmap(turns, sizeof(*turns));
}

static void do_poll(const struct record *r, struct answers *a)
{
    struct pollfd entry = { .fd = fd_in(r), .events = (short)json_number(r->in, "events", 0) };
    int timeout = (int)json_number(r->in, "timeout_ms", json_number(r->in, "timeout", 0));
    answer_result(a, poll(&entry, 1, timeout));
    answer_hex(a, "revents", (unsigned short)entry.revents);
}

static void epoll_add(const struct record *r, struct answers *a)
{
    struct epoll_event event = { .events = (uint32_t)json_number(r->in, "events", 0) };
    if (the_epoll < 0)
        the_epoll = epoll_create1(EPOLL_CLOEXEC);
    answer_result(a, epoll_ctl(the_epoll, EPOLL_CTL_ADD, fd_in(r), &event));
}

static void do_epoll_wait(const struct record *r, struct answers *a)
{
    struct epoll_event event = { 0 };
    int rc = epoll_wait(the_epoll, &event, 1, (int)json_number(r->in, "timeout_ms", 0));
    answer_result(a, rc);
    if (rc > 0)
        answer_hex(a, "events", event.events);
}

const struct op_row fence_ops[] = {
    { "export_sync_file", do_export, false }, { "import_sync_file", do_import, false }, { "sync_file_info", do_info, false }, { "sw_sync_inc", do_inc, false },
    { "sw_sync_close_timeline", close_timeline, false }, { "syncfile/dma_buf_sync", do_sync, false }, { "dma_buf_sync_blocking", sync_blocking, false },
    { "syncfile/elapsed", elapsed, false }, { "poll", do_poll, false }, { "epoll_add", epoll_add, false }, { "epoll_wait", do_epoll_wait, false },
    { NULL, NULL, false },
};
