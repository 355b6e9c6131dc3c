/* Errnos of a guest's files that a host file in their place would give otherwise, and what a call leaves that failed: a line each. */
#define _GNU_SOURCE
#include "walk.h"

#include <linux/sync_file.h>
#include <linux/udmabuf.h>
#include <sys/stat.h>

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

enum {
    PRIME_HANDLE_TO_FD = 0xc00c642d, PRIME_FD_TO_HANDLE = 0xc00c642e, CREATE_DUMB = 0xc02064b2, SET_CLIENT_NAME = 0xc01064d1,
    GEM_CHANGE_HANDLE = 0xc00864d2, EXPORT_SYNC_FILE = 0xc0086202, IMPORT_SYNC_FILE = 0x40086203, SW_CREATE = 0xc0285700,
    SW_INC = 0x40045701,
};

static const char NODE[] = "/dev/dma_heap/system";

static const char *name_of(long rc)
{
    return rc >= 0 ? "ok" : strerrorname_np(errno);
}

static void tell(const char *what, long rc)
{
    printf("%s %s\n", what, name_of(rc));
}

static int card_fd(void)
{
    return open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
}

static int buffer_of(int flags)
{
    struct dma_heap_allocation_data data = { .len = BUFFER_BYTES, .fd_flags = flags };
    int heap = open(NODE, O_RDWR | O_CLOEXEC);
    if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) != 0)
        die("allocate");
    close(heap);
    return (int)data.fd;
}

static uint32_t dumb_of(int card)
{
    uint32_t dumb[8] = { 64, 64, 32 };
    if (ioctl(card, CREATE_DUMB, dumb) != 0)
        die("create dumb");
    return dumb[4];
}

static void seals(void)
{
    tell("seals_read_only", fcntl(buffer_of(O_RDONLY), F_ADD_SEALS, F_SEAL_SHRINK));
    tell("seals_write_only", fcntl(buffer_of(O_WRONLY), F_ADD_SEALS, F_SEAL_SHRINK));
    tell("seals_read_write", fcntl(buffer_of(O_RDWR), F_ADD_SEALS, F_SEAL_SHRINK));
    tell("seals_of_read_only", fcntl(buffer_of(O_RDONLY), F_GET_SEALS));
    tell("seals_node", fcntl(open(NODE, O_RDONLY), F_ADD_SEALS, F_SEAL_SHRINK));
    tell("seals_card", fcntl(open("/dev/dri/card0", O_RDONLY), F_ADD_SEALS, F_SEAL_SHRINK));
}

static void slashes(void)
{
    struct stat st;
    char path[64], text[8];
    tell("open_slash", open("/dev/dma_heap/system/", O_RDWR));
    tell("open_dot", open("/dev/dma_heap/system/.", O_RDWR));
    tell("open_behind", open("/dev/dma_heap/system/x", O_RDWR));
    tell("open_up", open("/dev/dma_heap/system/../system", O_RDWR));
    tell("open_slash_by_path", open("/dev/dma_heap/system/", O_PATH));
    tell("open_slash_create", open("/dev/dma_heap/system/", O_RDWR | O_CREAT, 0600));
    tell("open_card_slash", open("/dev/dri/card0/", O_RDWR));
    tell("open_text_slash", open("/sys/kernel/debug/dma_buf/bufinfo/", O_RDONLY));
    tell("open_folder_slash", open("/dev/dma_heap/", O_RDONLY));
    tell("stat_slash", stat("/dev/udmabuf/", &st));
    tell("lstat_slash", lstat("/dev/udmabuf/", &st));
    tell("access_slash", access("/dev/dri/card0/", R_OK));
    tell("readlink_slash", readlink("/dev/dma_heap/system/", text, sizeof text));
    int heap = open("/dev/dma_heap", O_RDONLY | O_DIRECTORY);
    tell("openat_slash", openat(heap, "system/", O_RDWR));
    tell("openat_nothing_slash", openat(heap, "nope/", O_RDWR));
    snprintf(path, sizeof path, "/proc/self/fd/%d/", buffer_of(O_RDWR));
    tell("open_fd_slash", open(path, O_PATH));
    tell("stat_fd_slash", stat(path, &st));
}

static void advice(void)
{
    int fd = buffer_of(O_RDWR), only = buffer_of(O_RDONLY), card = card_fd();
    unsigned char *bytes = map(fd);
    bytes[0] = 0x5a;
    tell("remove", madvise(bytes, BUFFER_BYTES, MADV_REMOVE));
    printf("remove_left %x\n", bytes[0]);
    const char *refused = geteuid() == 0 ? "EFAULT" : "EPERM";
    madvise(bytes, 4096, MADV_HWPOISON);
    printf("poison %s\n", strcmp(strerrorname_np(errno), refused) == 0 ? "refused" : strerrorname_np(errno));
    madvise(bytes, 4096, MADV_SOFT_OFFLINE);
    printf("offline %s\n", strcmp(strerrorname_np(errno), refused) == 0 ? "refused" : strerrorname_np(errno));
    printf("poison_left %x\n", bytes[0]);
    void *reader = mmap(NULL, BUFFER_BYTES, PROT_READ, MAP_SHARED, only, 0);
    tell("remove_read_only", madvise(reader, BUFFER_BYTES, MADV_REMOVE));
    uint32_t prime[3] = { dumb_of(card), O_RDWR | O_CLOEXEC, 0 };
    ioctl(card, PRIME_HANDLE_TO_FD, prime);
    unsigned char *dumb = map((int)prime[2]);
    dumb[0] = 0x5b;
    tell("remove_dumb", madvise(dumb, BUFFER_BYTES, MADV_REMOVE));
    printf("remove_dumb_left %x\n", dumb[0]);
    unsigned char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    own[0] = 1;
    tell("remove_own", madvise(own, 4096, MADV_REMOVE));
    printf("remove_own_left %x\n", own[0]);
}

static long import(int card, int fd)
{
    uint32_t prime[3] = { 0, 0, (uint32_t)fd };
    return ioctl(card, PRIME_FD_TO_HANDLE, prime);
}

static void imports(void)
{
    int card = card_fd(), pipes[2];
    if (pipe(pipes) != 0)
        die("pipe");
    tell("import_stdin", import(card, 0));
    tell("import_memfd", import(card, memfd_create("m", 0)));
    tell("import_file", import(card, open("/etc/passwd", O_RDONLY)));
    tell("import_pipe", import(card, pipes[0]));
    tell("import_folder", import(card, open("/", O_RDONLY | O_DIRECTORY)));
    tell("import_node", import(card, card));
    tell("import_path", import(card, open("/etc/passwd", O_PATH)));
    tell("import_closed", import(card, 900));
    tell("import_minus_one", import(card, -1));
    close(0);
    tell("import_closed_stdin", import(card, 0));
    int buffer = buffer_of(O_RDWR);
    int32_t sync[2] = { 3, -1 };
    tell("sync_minus_one", ioctl(buffer, IMPORT_SYNC_FILE, sync));
    sync[1] = buffer;
    tell("sync_buffer", ioctl(buffer, IMPORT_SYNC_FILE, sync));
    sync[1] = pipes[0];
    tell("sync_pipe", ioctl(buffer, IMPORT_SYNC_FILE, sync));
    struct udmabuf_create create = { .memfd = (uint32_t)memfd_create("m", 0), .size = 4096 };
    if (ftruncate((int)create.memfd, 4096) != 0)
        die("ftruncate");
    tell("udmabuf_without_sealing", ioctl(open("/dev/udmabuf", O_RDWR), UDMABUF_CREATE, &create));
}

static int fence_at(int timeline, uint32_t value)
{
    uint32_t data[10] = { value };
    return ioctl(timeline, SW_CREATE, data) == 0 ? (int)data[9] : -1;
}

static int status_of(int fence, unsigned *fences)
{
    struct sync_file_info info = { 0 };
    if (ioctl(fence, SYNC_IOC_FILE_INFO, &info) != 0)
        die("file info");
    *fences = info.num_fences;
    return info.status;
}

static void timelines(void)
{
    unsigned fences;
    uint32_t by = 0xffffffff;
    int timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR), other = open("/sys/kernel/debug/sync/sw_sync", O_RDWR);
    int near = fence_at(timeline, 5), far = fence_at(timeline, 0x7fffffff);
    ioctl(timeline, SW_INC, &by);
    printf("inc %d %d\n", status_of(near, &fences), status_of(far, &fences));
    int buffer = buffer_of(O_RDWR);
    int32_t read[2] = { 1, fence_at(other, 3) }, write[2] = { 2, fence_at(open("/sys/kernel/debug/sync/sw_sync", O_RDWR), 3) };
    int32_t both[2] = { 3, -1 };
    ioctl(buffer, IMPORT_SYNC_FILE, read);
    ioctl(buffer, IMPORT_SYNC_FILE, write);
    ioctl(buffer, EXPORT_SYNC_FILE, both);
    status_of(both[1], &fences);
    printf("two_timelines %u\n", fences);
}

static void names(void)
{
    char text[] = "coco-x";
    uint64_t name[2] = { 6, (uintptr_t)text }, longer[2] = { 65, (uintptr_t)text }, none[2] = { 6, 0 };
    uint32_t handles[2] = { 1, 7 };
    int render = open("/dev/dri/renderD128", O_RDWR);
    tell("client_name", ioctl(render, SET_CLIENT_NAME, name));
    tell("client_name_long", ioctl(render, SET_CLIENT_NAME, longer));
    tell("client_name_nowhere", ioctl(render, SET_CLIENT_NAME, none));
    tell("change_handle", ioctl(render, GEM_CHANGE_HANDLE, handles));
    tell("change_handle_nowhere", ioctl(render, GEM_CHANGE_HANDLE, (void *)8));
}

static int last;

static long buffers(void)
{
    static char text[1 << 20];
    close(last);
    int fd = open("/sys/kernel/debug/dma_buf/bufinfo", O_RDONLY);
    ssize_t n, all = 0;
    while ((n = read(fd, text + all, sizeof text - 1 - (size_t)all)) > 0)
        all += n;
    text[all] = 0;
    close(fd);
    last = dup(1);
    char *total = strstr(text, "\nTotal ");
    for (char *next; total != NULL && (next = strstr(total + 1, "\nTotal ")) != NULL && strstr(next, "objects") != NULL;)
        total = next;
    return total == NULL ? -1 : strtol(total + 7, NULL, 10);
}

static void full_table(void)
{
    int card = card_fd(), heap = open(NODE, O_RDWR), buffer = buffer_of(O_RDWR), fd;
    int timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR), fence = fence_at(timeline, 5);
    uint32_t dumb = dumb_of(card);
    while ((fd = dup(buffer)) >= 0)
        last = fd;
    while ((fd = dup(1)) >= 0)
        last = fd;
    long before = buffers();
    uint32_t prime[3] = { dumb, O_RDWR | O_CLOEXEC, 0 }, wrong[3] = { dumb + 7, O_RDWR | O_CLOEXEC, 0 };
    struct dma_heap_allocation_data data = { .len = BUFFER_BYTES, .fd_flags = O_RDWR };
    struct sync_merge_data merge = { .fd2 = card };
    int32_t export[2] = { 3, -1 };
    tell("full_prime", ioctl(card, PRIME_HANDLE_TO_FD, prime));
    tell("full_prime_of_nothing", ioctl(card, PRIME_HANDLE_TO_FD, wrong));
    tell("full_alloc", ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data));
    tell("full_export", ioctl(buffer, EXPORT_SYNC_FILE, export));
    tell("full_merge", ioctl(fence, SYNC_IOC_MERGE, &merge));
    tell("full_fence", fence_at(timeline, 9));
    tell("full_open", open(NODE, O_RDWR));
    tell("full_open_nothing", open("/dev/dma_heap/nope", O_RDWR));
    printf("full_left %ld\n", buffers() - before);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    seals();
    slashes();
    advice();
    imports();
    timelines();
    names();
    if (argc > 1)
        full_table();
    return argv == NULL;
}
