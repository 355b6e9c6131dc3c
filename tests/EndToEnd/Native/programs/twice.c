/* Two udmabufs of one memfd, each with its own size, life and mapping; private mappings right after a mapping by parts. */
#define _GNU_SOURCE
#include "walk.h"

#include <linux/udmabuf.h>

enum { PAGE = 4096, ROUNDS = 200 };

static int make(int memfd, uint64_t offset, uint64_t size)
{
    struct udmabuf_create create = { .memfd = (uint32_t)memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .offset = offset, .size = size };
    int node = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    int fd = node < 0 ? -1 : ioctl(node, UDMABUF_CREATE, &create);
    if (fd < 0)
        die("udmabuf");
    close(node);
    return fd;
}

int main(void)
{
    int memfd = memfd_create("pages", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0 || ftruncate(memfd, 4 * PAGE) != 0 || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
        die("memfd");
    int whole = make(memfd, 0, 4 * PAGE), part = make(memfd, 0, 2 * PAGE), tail = make(memfd, 2 * PAGE, 2 * PAGE);
    printf("sizes %lld %lld\n", (long long)lseek(whole, 0, SEEK_END), (long long)lseek(part, 0, SEEK_END));
    unsigned char *a = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, whole, 0);
    unsigned char *b = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, part, 0);
    if (a == MAP_FAILED || b == MAP_FAILED)
        die("mmap");
    a[PAGE] = 77;
    printf("shared %d buffers %d\n", b[PAGE], live_buffers());
    munmap(a, 4 * PAGE);
    munmap(b, 2 * PAGE); /* a mapping of the memfd: it does not tell through which buffer it was made */
    close(whole);
    printf("first-gone %d\n", live_buffers());
    int refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        void *right = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, tail, 0), *wrong = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, tail, 0);
        refused += right != MAP_FAILED && wrong == MAP_FAILED && errno == EINVAL;
        munmap(right, PAGE);
    }
    printf("refused %d\n", refused);
    return 0;
}
