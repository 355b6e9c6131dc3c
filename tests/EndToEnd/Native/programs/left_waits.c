/* --strict: threads poll a buffer whose fence is never signalled, then the process execs itself, N times. At the end coco has no more
 * threads than at the beginning, but for those that take calls: waits for it to be so. */
#define _GNU_SOURCE
#include "walk.h"
#include <dirent.h>
#include <poll.h>
#include <pthread.h>

enum { TIMES = 20, WAITERS = 4, SPARE = 3 };

/* The parent of the keeper, which is this process' parent. */
static int coco(void)
{
    char path[64], line[256];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/status", getppid());
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "PPid: %d", &parent);
    if (status)
        fclose(status);
    return parent;
}

static int threads(void)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/task", coco());
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static void *wait_for_ever(void *fd)
{
    poll(&(struct pollfd){ .fd = *(int *)fd, .events = POLLIN | POLLOUT }, 1, -1);
    return 0;
}

int main(int argc, char **argv)
{
    int left = argc > 2 ? atoi(argv[1]) : TIMES, before = argc > 2 ? atoi(argv[2]) : threads();
    if (left == 0) {
        while (threads() > before + SPARE)
            usleep(10000);
        puts("as before");
        return 0;
    }
    struct { uint32_t value; char name[32]; int32_t fence; } fence = { .value = 1, .name = "never" };
    struct { uint32_t flags; int32_t fd; } import = { .flags = 2 };
    int buffer = allocate(), timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR);
    if (ioctl(timeline, _IOC(_IOC_READ | _IOC_WRITE, 'W', 0, sizeof fence), &fence))
        die("SW_SYNC_IOC_CREATE_FENCE");
    import.fd = fence.fence;
    if (ioctl(buffer, _IOC(_IOC_WRITE, 'b', 3, sizeof import), &import))
        die("DMA_BUF_IOCTL_IMPORT_SYNC_FILE");
    close(fence.fence);
    pthread_t thread;
    for (int i = 0; i < WAITERS; i++)
        pthread_create(&thread, 0, wait_for_ever, &buffer);
    usleep(30000);
    char next[16], count[16];
    snprintf(next, sizeof next, "%d", left - 1);
    snprintf(count, sizeof count, "%d", before);
    execl(argv[0], argv[0], next, count, (char *)0);
    return 1;
}
