/* What the programs of these tests share: a buffer, and how to say what went wrong. They know Linux and nothing else. */
#ifndef NATIVE_WALK_H
#define NATIVE_WALK_H

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BUFFER_BYTES = 8192 };

__attribute__((unused)) static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* A buffer of the system heap. */
__attribute__((unused)) static int allocate(void)
{
    struct dma_heap_allocation_data data = { .len = BUFFER_BYTES, .fd_flags = O_RDWR | O_CLOEXEC };
    int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
    if (heap < 0 || ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) != 0)
        die("allocate");
    close(heap);
    return (int)data.fd;
}

__attribute__((unused)) static unsigned char *map(int fd)
{
    void *bytes = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        die("mmap");
    return bytes;
}

/* How many buffers the guest has, or -1. */
__attribute__((unused)) static int live_buffers(void)
{
    static char text[1 << 16];
    int fd = open("/sys/kernel/debug/dma_buf/bufinfo", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return -1;
    text[n] = '\0';
    char *total = strstr(text, "\n\nTotal ");
    return total ? atoi(total + 8) : -1;
}

#endif
