/* epoll of a dma-buf whose fences come and signal: prints what each wait sees. */
#define _GNU_SOURCE
#include "walk.h"

#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct fence_data {
    uint32_t value;
    char name[32];
    int32_t fence;
};
struct sync_import {
    uint32_t flags;
    int32_t fd;
};

static int timeline;
static uint32_t last;

static void attach(int buffer, uint32_t flags)
{
    struct fence_data fence = { .value = ++last, .name = "fence" };
    if (ioctl(timeline, _IOWR('W', 0, struct fence_data), &fence) != 0)
        die("fence");
    struct sync_import import = { .flags = flags, .fd = fence.fence };
    if (ioctl(buffer, _IOW('b', 3, struct sync_import), &import) != 0)
        die("import");
    close(fence.fence);
}

static void signal_one(void)
{
    uint32_t by = 1;
    if (ioctl(timeline, _IOW('W', 1, uint32_t), &by) != 0)
        die("signal");
}

static void tell(const char *name, int set)
{
    struct epoll_event seen[4];
    int n = epoll_wait(set, seen, 4, 0);
    printf("%s %d", name, n);
    for (int i = 0; i < n; i++)
        printf(" %x/%llx", seen[i].events, (unsigned long long)seen[i].data.u64);
    printf("\n");
}

static const char *control(int set, int op, int fd, uint32_t events, uint64_t word)
{
    struct epoll_event event = { .events = events, .data.u64 = word };
    return epoll_ctl(set, op, fd, &event) == 0 ? "ok" : strerrorname_np(errno);
}

int main(void)
{
    int buffer = allocate(), set = epoll_create1(EPOLL_CLOEXEC), edges = epoll_create1(EPOLL_CLOEXEC);
    timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);
    if (timeline < 0)
        die("sw_sync");
    printf("add %s\n", control(set, EPOLL_CTL_ADD, buffer, EPOLLIN | EPOLLOUT | EPOLLRDNORM, 0x123456789abcdefULL));
    printf("again %s\n", control(set, EPOLL_CTL_ADD, buffer, EPOLLIN, 0));
    tell("idle", set);
    attach(buffer, DMA_BUF_SYNC_READ);
    tell("read-fence", set);
    attach(buffer, DMA_BUF_SYNC_WRITE);
    tell("both-fences", set);
    signal_one();
    tell("write-fence", set);
    signal_one();
    tell("signalled", set);
    tell("level", set);
    printf("mod %s\n", control(set, EPOLL_CTL_MOD, buffer, EPOLLOUT | EPOLLONESHOT, 2));
    tell("once", set);
    tell("no-more", set);
    fflush(stdout);
    if (fork() == 0) {
        printf("child-again %s\n", control(set, EPOLL_CTL_ADD, buffer, EPOLLIN, 0));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    printf("del %s\n", control(set, EPOLL_CTL_DEL, buffer, 0, 0));
    printf("del-again %s\n", control(set, EPOLL_CTL_DEL, buffer, 0, 0));

    int other = allocate();
    attach(other, DMA_BUF_SYNC_WRITE);
    printf("edge-add %s\n", control(edges, EPOLL_CTL_ADD, other, EPOLLIN | EPOLLET, 3));
    tell("edge-waits", edges);
    signal_one();
    tell("edge", edges);
    tell("edge-once", edges);
    attach(other, DMA_BUF_SYNC_WRITE);
    signal_one();
    tell("edge-not-asked", edges);
    printf("edge-mod %s\n", control(edges, EPOLL_CTL_MOD, other, EPOLLIN | EPOLLET, 4));
    tell("edge-asked", edges);

    /* A level-triggered entry goes with the last number of the buffer. */
    printf("edge-level %s\n", control(edges, EPOLL_CTL_MOD, other, EPOLLIN, 5));
    int second = dup(other);
    close(other);
    tell("dup-left", edges);
    close(second);
    fstat(timeline, &(struct stat){ 0 }); /* the close is the guest's affair now */
    tell("closed", edges);
    int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
    printf("heap %s\n", control(edges, EPOLL_CTL_ADD, heap, EPOLLIN, 0));
    printf("fault %s\n", epoll_ctl(edges, EPOLL_CTL_ADD, buffer, (void *)8) == 0 ? "ok" : strerrorname_np(errno));
    printf("no-set %s\n", control(buffer, EPOLL_CTL_ADD, buffer, EPOLLIN, 0));
    return 0;
}
