/* Changing a descriptor or its file, and raw ioctls on dma-bufs: families fileops, sync, name and dev in parts. */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void do_fsync(const struct record *r, struct answers *a) { answer_result(a, fsync(fd_in(r))); }
static void do_fdatasync(const struct record *r, struct answers *a) { answer_result(a, fdatasync(fd_in(r))); }
static void do_fchdir(const struct record *r, struct answers *a) { answer_result(a, fchdir(fd_in(r))); }

static void do_ftruncate(const struct record *r, struct answers *a)
{
    answer_result(a, ftruncate(fd_in(r), (off_t)json_number(r->in, "len", 0)));
}

static void do_fallocate(const struct record *r, struct answers *a)
{
    answer_result(a, fallocate(fd_in(r), (int)json_number(r->in, "mode", 0), (off_t)json_number(r->in, "offset", 0),
        (off_t)json_number(r->in, "len", PAGE)));
}

static void do_fadvise(const struct record *r, struct answers *a)
{
    /* The only one of these calls that gives its error back. */
    errno = posix_fadvise(fd_in(r), 0, 0, (int)json_number(r->in, "advice", 0));
    answer_success(a, errno == 0);
}

static void do_fchmod(const struct record *r, struct answers *a)
{
    answer_result(a, fchmod(fd_in(r), (mode_t)strtoul(json_text(r->in, "mode", "0600"), NULL, 8)));
}

static void do_fchown(const struct record *r, struct answers *a)
{
    answer_result(a, fchown(fd_in(r), (uid_t)json_number(r->in, "uid", 0), (gid_t)json_number(r->in, "gid", 0)));
}

static void do_flock(const struct record *r, struct answers *a)
{
    answer_result(a, flock(fd_in(r), strcmp(json_text(r->in, "op", ""), "LOCK_EX") == 0 ? LOCK_EX : LOCK_UN));
}

static void set_lock(const struct record *r, struct answers *a)
{
    const char *type = json_text(r->in, "type", "");
    struct flock lock = { .l_whence = SEEK_SET };
    lock.l_type = strcmp(type, "F_RDLCK") == 0 ? F_RDLCK : strcmp(type, "F_WRLCK") == 0 ? F_WRLCK : F_UNLCK;
    answer_result(a, fcntl(fd_in(r), F_SETLK, &lock));
}

static void set_lease(const struct record *r, struct answers *a) { answer_result(a, fcntl(fd_in(r), F_SETLEASE, F_RDLCK)); }
static void get_flags(const struct record *r, struct answers *a) { answer_result(a, fcntl(fd_in(r), F_GETFL)); }
static void get_fd(const struct record *r, struct answers *a) { answer_result(a, fcntl(fd_in(r), F_GETFD)); }
static void get_seals(const struct record *r, struct answers *a) { answer_result(a, fcntl(fd_in(r), F_GET_SEALS)); }
static void pipe_size(const struct record *r, struct answers *a) { answer_result(a, fcntl(fd_in(r), F_GETPIPE_SZ)); }

static void set_flags(const struct record *r, struct answers *a)
{
    answer_result(a, fcntl(fd_in(r), F_SETFL, open_flags_of(json_text(r->in, "flags", "0"))));
}

static void add_seals(const struct record *r, struct answers *a)
{
    answer_result(a, fcntl(fd_in(r), F_ADD_SEALS, (int)json_number(r->in, "seals", 0)));
}

static void fionread(const struct record *r, struct answers *a)
{
    int n = 0;
    answer_result(a, ioctl(fd_in(r), FIONREAD, &n));
}

static void fionbio(const struct record *r, struct answers *a)
{
    int on = (int)json_number(r->in, "value", 0);
    answer_result(a, ioctl(fd_in(r), FIONBIO, &on));
}

static void fioclex(const struct record *r, struct answers *a) { answer_result(a, ioctl(fd_in(r), FIOCLEX)); }

static void tcgets(const struct record *r, struct answers *a)
{
    unsigned char terminal[256];
    answer_result(a, ioctl(fd_in(r), TCGETS, terminal));
}

static void dma_buf_sync(const struct record *r, struct answers *a)
{
    struct dma_buf_sync sync = { .flags = json_number(r->in, "flags", 0) };
    answer_result(a, ioctl(fd_in(r), DMA_BUF_IOCTL_SYNC, &sync));
}

static void *bad_pointer(const char *word)
{
    if (strcmp(word, "NULL") == 0)
        return NULL;
    void *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page, PAGE);
    return page;
}

/* Sent to the buffer of the case, with a command put together or with a bad pointer. */
static void raw_ioctl(const struct record *r, struct answers *a)
{
    static uint64_t argument[1 << 11];
    if (json_has(r->in, "ptr")) {
        answer_success(a, ioctl(last_buffer(), DMA_BUF_IOCTL_SYNC, bad_pointer(json_text(r->in, "ptr", "NULL"))) >= 0);
        return;
    }
    unsigned long command = (json_number(r->in, "dir", 0) << 30) | (json_number(r->in, "size", 0) << 16)
        | ((unsigned long)(unsigned char)json_text(r->in, "type", "b")[0] << 8) | json_number(r->in, "nr", 0);
    argument[0] = json_number(r->in, "u64_0", 0);
    answer_success(a, ioctl(last_buffer(), command, argument) >= 0);
}

int set_name(int fd, const char *name)
{
    return ioctl(fd, DMA_BUF_SET_NAME_B, name);
}

static void set_name_op(const struct record *r, struct answers *a)
{
    const char *variant = json_text(r->in, "variant", "B(u64)");
    unsigned long command = strcmp(variant, "A(u32)") == 0 ? DMA_BUF_SET_NAME_A
        : strcmp(variant, "B(u64)") == 0 ? DMA_BUF_SET_NAME_B
        : _IOC(_IOC_WRITE, 'b', 1, 16);
    const void *pointer = json_has(r->in, "ptr") ? bad_pointer(json_text(r->in, "ptr", "NULL")) : json_text(r->in, "name", "");
    answer_success(a, ioctl(fd_in(r), command, pointer) >= 0);
}

const struct op_row file_change_ops[] = {
    { "fsync", do_fsync, false }, { "fdatasync", do_fdatasync, false }, { "fchdir", do_fchdir, false }, { "ftruncate", do_ftruncate, false },
    { "fallocate", do_fallocate, false }, { "posix_fadvise", do_fadvise, false }, { "fchmod", do_fchmod, false }, { "fchown", do_fchown, false },
    { "flock", do_flock, false }, { "fcntl_setlk", set_lock, false }, { "fcntl_setlease", set_lease, false }, { "fcntl_getfl", get_flags, false },
    { "fcntl_getfd", get_fd, false }, { "fcntl_setfl", set_flags, false }, { "fcntl_getpipe_sz", pipe_size, false },
    { "fileops/fcntl_add_seals", add_seals, false }, { "fileops/fcntl_get_seals", get_seals, false }, { "ioctl_fionread", fionread, false },
    { "ioctl_fionbio", fionbio, false }, { "ioctl_fioclex", fioclex, false }, { "ioctl_tcgets", tcgets, false }, { "dma_buf_sync", dma_buf_sync, false },
    { "dma_buf_ioctl_raw", raw_ioctl, false }, { "dma_buf_set_name", set_name_op, false },
    { NULL, NULL, false },
};
