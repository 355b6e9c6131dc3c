/* The heap ioctl by values, raw commands and pointers: families alloc, alloc_cmd, alloc_oom. */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TAIL = 1 << 14, STRUCT = sizeof(struct dma_heap_allocation_data) };

/* The argument of the ioctl, and what lies behind it, which the kernel should leave alone. */
struct argument {
    struct dma_heap_allocation_data data;
    unsigned char tail[TAIL];
};

static unsigned char fill_of(const struct record *r)
{
    return json_byte(json_find(r->in, "tail_fill"));
}

static void fill_argument(const struct record *r, struct argument *argument)
{
    const struct json *fd = json_find(r->in, "fd");
    memset(argument, 0, sizeof(*argument));
    argument->data.len = json_number(r->in, "len", PAGE);
    /* Where fd is a name it is the node that the call goes to, not the field. */
    argument->data.fd = fd && fd->kind == JSON_NUMBER ? (uint32_t)json_number_of(fd) : 0;
    argument->data.fd_flags = (uint32_t)json_number(r->in, "fd_flags", O_RDWR);
    argument->data.heap_flags = json_number(r->in, "heap_flags", 0);
    memset(argument->tail, fill_of(r), TAIL);
}

int heap_ioctl(const char *heap, unsigned long command, void *argument)
{
    char path[128];
    snprintf(path, sizeof(path), "/dev/dma_heap/%s", heap);
    int node = open(path, O_RDWR);
    if (node < 0)
        return -1;
    int rc = ioctl(node, command, argument);
    int code = errno;
    close(node);
    errno = code;
    return rc;
}

int heap_allocate(const char *heap, uint64_t length, uint32_t fd_flags, uint64_t heap_flags)
{
    struct dma_heap_allocation_data data = { .len = length, .fd_flags = fd_flags, .heap_flags = heap_flags };
    return heap_ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) == 0 ? (int)data.fd : -1;
}

static void name_new(const struct record *r, struct answers *a, int fd)
{
    const char *name = json_text(r->out, "fd", "a");
    name_buffer(name, fd);
    answer_text(a, "fd", name);
}

/* A limit that stands in the case's name only; lifted again at once, for it would hold for this program's output as well. */
static void limit_file_size(rlim_t most)
{
    struct rlimit limit;
    if (case_has_word("fsize_limit") && getrlimit(RLIMIT_FSIZE, &limit) == 0) {
        limit.rlim_cur = most;
        setrlimit(RLIMIT_FSIZE, &limit);
    }
}

static void allocate(const struct record *r, struct answers *a)
{
    struct argument argument;
    fill_argument(r, &argument);
    if (!json_has(r->in, "fd_flags"))
        argument.data.fd_flags = O_RDWR | O_CLOEXEC;
    limit_file_size(PAGE);
    int rc = heap_ioctl(json_text(r->in, "heap", ""), DMA_HEAP_IOCTL_ALLOC, &argument.data);
    int code = errno;
    limit_file_size(RLIM_INFINITY);
    errno = code;
    answer_success(a, rc == 0);
    if (strcmp(r->family, "alloc") == 0 || strcmp(r->family, "cc_flags") == 0) {
        answer_number(a, "fd_field_after", (int)argument.data.fd);
        answer_hex(a, "len_after", argument.data.len);
        answer_hex(a, "fd_flags_after", argument.data.fd_flags);
        answer_hex(a, "heap_flags_after", argument.data.heap_flags);
    }
    if (rc == 0)
        name_new(r, a, (int)argument.data.fd);
}

/* A child that asked to be killed first allocates. It says by its exit status which errno it met. */
static void allocate_in_child(const struct record *r, struct answers *a)
{
    pid_t child = fork();
    if (child == 0) {
        FILE *score = fopen("/proc/self/oom_score_adj", "w");
        if (score) {
            fprintf(score, "%d\n", (int)json_number(r->in, "oom_score_adj", 0));
            fclose(score);
        }
        int fd = heap_allocate(json_text(r->in, "heap", ""), json_number(r->in, "len", 0), O_RDWR, 0);
        _exit(fd < 0 ? errno : 0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        answer_result(a, -1);
        return;
    }
    if (WIFSIGNALED(status)) {
        answer_number(a, "killed_by_signal", WTERMSIG(status));
        return;
    }
    errno = WEXITSTATUS(status);
    answer_success(a, errno == 0);
}

/* Where the struct lies for a named pointer, in two fresh pages of which the second is taken away again. */
static void *place(const char *pointer, const struct dma_heap_allocation_data *data)
{
    unsigned char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    munmap(page + PAGE, PAGE);
    if (strcmp(pointer, "NULL") == 0)
        return NULL;
    if (strcmp(pointer, "noncanonical") == 0)
        return (void *)0x8000000000000000UL;
    if (strcmp(pointer, "unmapped") == 0)
        return page + PAGE;
    if (strcmp(pointer, "straddle_8") == 0) {
        memcpy(page + PAGE - 8, data, 8);
        return page + PAGE - 8;
    }
    size_t at = strcmp(pointer, "end_exact_24") == 0 ? PAGE - STRUCT : strcmp(pointer, "misaligned_1") == 0 ? 1 : 0;
    memcpy(page + at, data, STRUCT);
    if (strcmp(pointer, "readonly_page") == 0)
        mprotect(page, PAGE, PROT_READ);
    return page + at;
}

static void allocate_at(const struct record *r, struct answers *a)
{
    struct argument argument;
    fill_argument(r, &argument);
    void *address = place(json_text(r->in, "ptr", ""), &argument.data);
    int fds = open_fds(NULL, 0);
    long long buffers = live_buffers();
    int rc = heap_ioctl(json_text(r->in, "heap", ""), DMA_HEAP_IOCTL_ALLOC, address);
    answer_success(a, rc == 0);
    answer_number(a, "fds_consumed", open_fds(NULL, 0) - fds);
    answer_number(a, "bufinfo_delta", live_buffers() - buffers);
}

static unsigned direction_of(const char *word)
{
    return strcmp(word, "RW") == 0 ? 3 : strcmp(word, "W") == 0 ? 1 : strcmp(word, "R") == 0 ? 2 : 0;
}

static void raw(const struct record *r, struct answers *a)
{
    struct argument argument;
    fill_argument(r, &argument);
    const char *type = json_text(r->in, "type", "H");
    unsigned letter = strncmp(type, "0x", 2) == 0 ? (unsigned)strtoul(type, NULL, 16) : (unsigned char)type[0];
    unsigned long command = ((unsigned long)direction_of(json_text(r->in, "dir", "RW")) << 30)
        | (json_number(r->in, "size", 0) << 16) | (letter << 8) | json_number(r->in, "nr", 0);
    int fds = open_fds(NULL, 0);
    int rc = heap_ioctl(json_text(r->in, "heap", ""), command, &argument);
    answer_success(a, rc == 0);
    answer_number(a, "fds_consumed", open_fds(NULL, 0) - fds);
    answer_number(a, "fd_written_back", argument.data.fd != 0);
    int untouched = 1;
    for (int i = 0; i < TAIL; i++)
        untouched &= argument.tail[i] == fill_of(r);
    answer_number(a, "tail_untouched", untouched);
}

/* The recorder opened the heap at the lowest free number, so the buffer came behind it. */
static void lowest_fd(const struct record *r, struct answers *a)
{
    int lowest = open("/dev/dma_heap/system", O_RDWR);
    (void)r;
    if (lowest < 0) {
        answer_result(a, -1);
        return;
    }
    close(lowest);
    answer_number(a, "is_lowest", heap_allocate("system", PAGE, O_RDWR, 0) == lowest);
}

static void answer_size(const struct record *r, struct answers *a, const char *key, unsigned long long value)
{
    if (strcmp(r->family, "cc_flags") == 0)
        answer_unsigned(a, key, value);
    else
        answer_hex(a, key, value);
}

static void fd_state(const struct record *r, struct answers *a)
{
    int fd = fd_in(r);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) {
        answer_result(a, -1);
        return;
    }
    answer_number(a, strcmp(r->family, "cc_flags") == 0 ? "accmode" : "getfl_accmode", flags & O_ACCMODE);
    answer_hex(a, "getfl_other", (unsigned)flags & ~(unsigned)O_ACCMODE);
    answer_number(a, "getfd", fcntl(fd, F_GETFD));
    answer_size(r, a, "seek_end", (unsigned long long)lseek(fd, 0, SEEK_END));
    struct stat stat = { 0 };
    fstat(fd, &stat);
    answer_size(r, a, "st_size", (unsigned long long)stat.st_size);
}

const struct op_row heap_ops[] = {
    { "heap_alloc", allocate, false },
    { "alloc_oom/heap_alloc", allocate_in_child, false },
    { "heap_alloc_ptr", allocate_at, false },
    { "heap_ioctl_raw", raw, false },
    { "lowest_fd", lowest_fd, false },
    { "fd_state", fd_state, false },
    { NULL, NULL, false },
};
