/* Reads and writes past the page tables, with a mapping of a buffer as memory. Argument: a file of a disk file system, at least 8192 bytes. */
#define _GNU_SOURCE
#include "walk.h"

#include <sys/uio.h>

static void tell(const char *name, ssize_t rc)
{
    if (rc >= 0)
        printf("%s %zd\n", name, rc);
    else
        printf("%s %s\n", name, strerrorname_np(errno));
}

int main(int argc, char **argv)
{
    unsigned char *bytes = map(allocate());
    void *own = NULL;
    if (argc < 2 || posix_memalign(&own, 4096, 4096) != 0)
        die("usage");
    memset(own, 7, 4096);
    int direct = open(argv[1], O_RDWR | O_DIRECT | O_CLOEXEC), plain = open(argv[1], O_RDWR | O_CLOEXEC);
    if (direct < 0 || plain < 0)
        die("open");
    struct iovec both[2] = { { own, 4096 }, { bytes, 4096 } };
    tell("direct-own", pwrite(direct, own, 4096, 0));
    tell("direct-read", read(direct, bytes, 4096));
    tell("direct-pread", pread(direct, bytes + 4096, 4096, 0));
    tell("direct-write", pwrite(direct, bytes, 4096, 0));
    tell("direct-readv", preadv(direct, both, 2, 0));
    tell("direct-misaligned", pread(direct, bytes, 100, 0));
    tell("direct-own-again", pread(direct, own, 4096, 0));
    tell("plain", pread(plain, bytes, 4096, 0));
    int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    if (memory < 0)
        die("mem");
    tell("mem-pread", pread(memory, own, 16, (off_t)(uintptr_t)bytes));
    tell("mem-pwrite", pwrite(memory, own, 16, (off_t)(uintptr_t)bytes));
    lseek(memory, (off_t)(uintptr_t)bytes, SEEK_SET);
    tell("mem-read", read(memory, own, 16));
    tell("mem-own", pread(memory, bytes, 16, (off_t)(uintptr_t)own));
    printf("cloexec %d %d\n", fcntl(direct, F_GETFD), fcntl(memory, F_GETFD));
    return 0;
}
