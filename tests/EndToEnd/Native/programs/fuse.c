/* A file system whose server is a program of the same run: each request makes the server do what the supervisor sees. A program is started
 * from it, looked at by path and by fd, asked by an ioctl. As root; "no-fuse" where a machine lets nobody mount one. */
#define _GNU_SOURCE
#include "walk.h"
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { ROOT = 1, PROGRAM = 2, REQUEST_BYTES = 1 << 18 };

static char *program;
static size_t size;

static void attributes(struct fuse_attr *attr, uint64_t node)
{
    *attr = (struct fuse_attr){ .ino = node, .size = node == PROGRAM ? size : 0, .nlink = 1, .blksize = 4096,
        .mode = node == PROGRAM ? S_IFREG | 0755 : S_IFDIR | 0755 };
}

static void answer(int device, uint64_t unique, int error, const void *bytes, size_t length)
{
    char reply[REQUEST_BYTES];
    struct fuse_out_header head = { .len = (uint32_t)(sizeof head + length), .error = error, .unique = unique };
    memcpy(reply, &head, sizeof head);
    if (length != 0)
        memcpy(reply + sizeof head, bytes, length);
    (void)!write(device, reply, sizeof head + length);
}

static void serve(int device)
{
    static char request[REQUEST_BYTES];
    while (read(device, request, sizeof request) > 0) {
        struct fuse_in_header *in = (struct fuse_in_header *)request;
        void *argument = request + sizeof *in;
        struct stat status;
        int looked = open("/etc/passwd", O_RDONLY | O_CLOEXEC); /* the supervisor's answer to this must not wait for ours */
        close(looked), stat("/dev/dma_heap/system", &status);
        switch (in->opcode) {
        case FUSE_INIT: {
            struct fuse_init_out out = { .major = 7, .minor = 31, .max_readahead = 65536, .max_write = 65536 };
            answer(device, in->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_LOOKUP: {
            struct fuse_entry_out out = { .nodeid = PROGRAM };
            attributes(&out.attr, PROGRAM);
            answer(device, in->unique, strcmp(argument, "program") == 0 ? 0 : -ENOENT, &out, strcmp(argument, "program") == 0 ? sizeof out : 0);
            break;
        }
        case FUSE_GETATTR: {
            struct fuse_attr_out out = { 0 };
            attributes(&out.attr, in->nodeid);
            answer(device, in->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_OPEN: case FUSE_OPENDIR: {
            struct fuse_open_out out = { 0 };
            answer(device, in->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_READ: {
            struct fuse_read_in *wanted = argument;
            size_t from = wanted->offset < size ? wanted->offset : size, length = size - from < wanted->size ? size - from : wanted->size;
            answer(device, in->unique, 0, program + from, length);
            break;
        }
        case FUSE_FORGET: case FUSE_BATCH_FORGET: break;
        default: answer(device, in->unique, in->opcode == FUSE_RELEASE || in->opcode == FUSE_RELEASEDIR || in->opcode == FUSE_FLUSH
            || in->opcode == FUSE_READDIR ? 0 : -ENOSYS, 0, 0);
        }
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    char options[64], path[4096];
    int device = open("/dev/fuse", O_RDWR | O_CLOEXEC), source = open("/bin/true", O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (argc != 2 || fstat(source, &status) != 0)
        die("folder");
    size = (size_t)status.st_size, program = mmap(0, size, PROT_READ, MAP_PRIVATE, source, 0);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
    if (device < 0 || mount("test", argv[1], "fuse", 0, options) != 0) {
        puts("no-fuse");
        return 0;
    }
    pid_t server = fork();
    if (server == 0)
        serve(device);
    snprintf(path, sizeof path, "%s/program", argv[1]);
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, (char *)0);
        _exit(errno);
    }
    int started;
    waitpid(child, &started, 0);
    printf("exec %d\n", started);
    printf("stat %d\n", stat(path, &status));
    int fd = open(path, O_RDONLY);
    printf("open %d\n", fd < 0);
    printf("fstat %d\n", fstat(fd, &status));
    printf("ioctl %s\n", ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &(struct dma_heap_allocation_data){ 0 }) < 0 ? strerrorname_np(errno) : "ok");
    printf("access %d\n", access(path, R_OK));
    char link[64], target[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    printf("readlink %d\n", readlink(link, target, sizeof target) == (ssize_t)strlen(path));
    printf("chdir %d\n", chdir(argv[1]));
    printf("relative %d\n", stat("../..//dev/dma_heap/system", &status) < 0 && errno != ENOENT);
    printf("chdir %d\n", chdir("/"));
    close(fd);
    printf("unmount %d\n", umount(argv[1]));
    waitpid(server, 0, 0);
    return 0;
}
