/* Readiness is there when the call that makes a file ready has returned: no later look is needed. Each line: how often it was late. */
#define _GNU_SOURCE
#include "walk.h"
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/epoll.h>

enum { ROUNDS = 300 };

static int timeline;
static uint32_t value;

static int fence(uint32_t at)
{
    struct { uint32_t value; char name[32]; int32_t fence; } data = { .value = at, .name = "fence", .fence = -1 };
    if (ioctl(timeline, _IOC(_IOC_READ | _IOC_WRITE, 'W', 0, sizeof data), &data) != 0)
        die("SW_SYNC_IOC_CREATE_FENCE");
    return data.fence;
}

static void advance(void)
{
    uint32_t by = 1;
    if (ioctl(timeline, _IOC(_IOC_WRITE, 'W', 1, sizeof by), &by) != 0)
        die("SW_SYNC_IOC_INC");
    value++;
}

static int late(int fd, short events)
{
    struct pollfd entry = { .fd = fd, .events = events };
    return poll(&entry, 1, 0) != 1 || entry.revents != events;
}

static int merge(int one, int other)
{
    struct sync_merge_data data = { .name = "merged", .fd2 = other };
    if (ioctl(one, SYNC_IOC_MERGE, &data) != 0)
        die("SYNC_IOC_MERGE");
    return data.fence;
}

static int exported(int buffer)
{
    struct { uint32_t flags; int32_t fd; } data = { 1, -1 };
    if (ioctl(buffer, _IOC(_IOC_READ | _IOC_WRITE, 'b', 2, sizeof data), &data) != 0)
        die("DMA_BUF_IOCTL_EXPORT_SYNC_FILE");
    return data.fd;
}

static void import(int buffer, int fence_fd)
{
    struct { uint32_t flags; int32_t fd; } data = { 2, fence_fd };
    if (ioctl(buffer, _IOC(_IOC_WRITE, 'b', 3, sizeof data), &data) != 0)
        die("DMA_BUF_IOCTL_IMPORT_SYNC_FILE");
}

int main(void)
{
    int single = 0, merged = 0, of_buffer = 0, buffer_itself = 0, early = 0, text = 0;
    timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR);
    int set = epoll_create1(0), trace = open("/sys/kernel/tracing/trace_pipe", O_RDONLY | O_NONBLOCK);
    if (timeline < 0 || trace < 0)
        die("open");
    for (int i = 0; i < ROUNDS; i++) {
        int buffer = allocate(), one = fence(value + 1), two = fence(value + 2), both = merge(one, two);
        text += late(trace, POLLIN);
        while (read(trace, (char[4096]){ 0 }, 4096) > 0)
            ;
        import(buffer, two);
        int out = exported(buffer);
        struct epoll_event event = { .events = EPOLLIN };
        if (epoll_ctl(set, EPOLL_CTL_ADD, buffer, &event) != 0)
            die("epoll_ctl");
        advance();
        single += late(one, POLLIN);
        early += !late(both, POLLIN);
        advance();
        merged += late(both, POLLIN);
        of_buffer += late(out, POLLIN);
        buffer_itself += epoll_wait(set, &event, 1, 0) != 1;
        close(one), close(two), close(both), close(out), close(buffer);
    }
    printf("single %d\nmerged %d\nexported %d\nepoll %d\ntrace %d\nearly %d\n", single, merged, of_buffer, buffer_itself, text, early);
    return 0;
}
