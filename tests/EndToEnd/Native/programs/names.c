/* New names where the guest has something, and openat2 with what no kernel takes. Each line: what a call says. */
#define _GNU_SOURCE
#include "walk.h"
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static void say(const char *what, long result) { printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "ok"); }

static char how[1 << 20];

static long open_by(unsigned long long flags, unsigned long long mode, unsigned long long resolve, size_t size)
{
    struct open_how *first = (struct open_how *)how;
    first->flags = flags, first->mode = mode, first->resolve = resolve;
    return syscall(SYS_openat2, AT_FDCWD, "/dev/dma_heap/system", how, size);
}

int main(void)
{
    int folder = open("/dev", O_RDONLY | O_DIRECTORY);
    say("mkdir", mkdir("/dev/dma_heap", 0755));
    say("mkdir-slash", mkdir("/dev/dma_heap/", 0755));
    say("mkdirat", mkdirat(folder, "dma_heap", 0755));
    say("mkdir-node", mkdir("/dev/udmabuf", 0755));
    say("mkdir-heap", mkdir("/dev/dma_heap/system", 0755));
    say("mkdir-below", mkdir("/dev/dma_heap/system/new", 0755));
    say("mkdir-heap-slash", mkdir("/dev/dma_heap/system/", 0755));
    say("mkdir-heap-dot", mkdir("/dev/dma_heap/system/.", 0755));
    say("mknod-below-up", mknod("/dev/udmabuf/../new", S_IFIFO | 0600, 0));
    say("mkdir-missing", mkdir("/sys/class/dma_heap/none/new", 0755));
    say("mkdir-sysfs", mkdir("/sys/class/dma_heap/new", 0755));
    say("mknod", mknod("/dev/dma_heap", S_IFCHR | 0600, makedev(1, 3)));
    say("mknodat", mknodat(folder, "dri", S_IFIFO | 0600, 0));
    say("symlink", symlink("/tmp", "/dev/dma_heap"));
    say("symlinkat", symlinkat("/tmp", folder, "dma_heap"));
    say("resolve", open_by(O_RDWR, 0, 1 << 20, sizeof(struct open_how)));
    say("flags", open_by(1ULL << 40, 0, 0, sizeof(struct open_how)));
    say("mode", open_by(O_RDWR, 0600, 0, sizeof(struct open_how)));
    say("path-and-more", open_by(O_PATH | O_RDWR, 0, 0, sizeof(struct open_how)));
    say("small", open_by(O_RDWR, 0, 0, 8));
    say("large", open_by(O_RDWR, 0, 0, sizeof how));
    say("page", open_by(O_RDWR, 0, 0, 4096));
    how[100] = 1;
    say("page-not-empty", open_by(O_RDWR, 0, 0, 4096));
    say("known", open_by(O_RDWR, 0, RESOLVE_NO_MAGICLINKS, sizeof(struct open_how)));
    return 0;
}
