/* Reading, writing and asking about a descriptor: families fileops, lseek and dev in parts. Each is one system call. */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static unsigned char room[1 << 16];

static size_t length_in(const struct record *r)
{
    uint64_t length = json_number(r->in, "len", 16);
    return length > sizeof(room) ? sizeof(room) : (size_t)length;
}

static off_t offset_in(const struct record *r)
{
    return (off_t)json_number(r->in, "offset", 0);
}

static struct iovec vector_of(const struct record *r)
{
    return (struct iovec){ room, length_in(r) };
}

/* The node of udmabuf is open in its cases without a step. */
static int file_in(const struct record *r)
{
    const char *name = json_text(r->in, "fd", "");
    if (strcmp(name, "udmabuf_dev") == 0 && fd_of(name) < 0)
        name_file(name, open("/dev/udmabuf", O_RDWR));
    return fd_of(name);
}

static void do_read(const struct record *r, struct answers *a) { answer_result(a, read(file_in(r), room, length_in(r))); }
static void do_write(const struct record *r, struct answers *a) { answer_result(a, write(file_in(r), room, length_in(r))); }

static void do_readv(const struct record *r, struct answers *a)
{
    struct iovec vector = vector_of(r);
    answer_result(a, readv(file_in(r), &vector, 1));
}

static void do_writev(const struct record *r, struct answers *a)
{
    struct iovec vector = vector_of(r);
    answer_result(a, writev(file_in(r), &vector, 1));
}

static void do_pread(const struct record *r, struct answers *a)
{
    answer_result(a, pread(file_in(r), room, length_in(r), offset_in(r)));
}

static void do_pwrite(const struct record *r, struct answers *a)
{
    answer_result(a, pwrite(file_in(r), room, length_in(r), offset_in(r)));
}

static void do_lseek(const struct record *r, struct answers *a)
{
    answer_result(a, syscall(SYS_lseek, fd_in(r), offset_in(r), (int)json_number(r->in, "whence", 0)));
}

static void do_readahead(const struct record *r, struct answers *a) { answer_result(a, readahead(file_in(r), 0, PAGE)); }
static void do_getdents(const struct record *r, struct answers *a)
{
    answer_result(a, syscall(SYS_getdents64, file_in(r), room, sizeof(room)));
}

static void splice_in(const struct record *r, struct answers *a)
{
    answer_result(a, splice(file_in(r), NULL, case_pipe()[1], NULL, length_in(r), SPLICE_F_NONBLOCK));
}

static void splice_out(const struct record *r, struct answers *a)
{
    if (write(case_pipe()[1], room, length_in(r)) < 0) {
        answer_result(a, -1);
        return;
    }
    answer_result(a, splice(case_pipe()[0], NULL, file_in(r), NULL, length_in(r), SPLICE_F_NONBLOCK));
}

static void sendfile_from(const struct record *r, struct answers *a)
{
    off_t at = 0;
    answer_result(a, sendfile(case_pipe()[1], file_in(r), &at, length_in(r)));
}

/* A file of the case that is no dma-buf. */
static int plain_file(void)
{
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("other", MFD_CLOEXEC);
        if (write(fd, room, PAGE) < 0)
            return -1;
    }
    return fd;
}

static void copy_from(const struct record *r, struct answers *a)
{
    off_t from = 0, to = 0;
    answer_result(a, copy_file_range(file_in(r), &from, plain_file(), &to, length_in(r), 0));
}

static void copy_to(const struct record *r, struct answers *a)
{
    off_t from = 0, to = 0;
    answer_result(a, copy_file_range(plain_file(), &from, file_in(r), &to, length_in(r), 0));
}

static void answer_mode(struct answers *a, mode_t mode)
{
    char text[16];
    snprintf(text, sizeof(text), "0%o", mode);
    answer_text(a, "mode", text);
}

static void do_fstat(const struct record *r, struct answers *a)
{
    struct stat st;
    int rc = fstat(file_in(r), &st);
    answer_result(a, rc);
    if (rc == 0) {
        answer_mode(a, st.st_mode);
        answer_number(a, "size", st.st_size);
        answer_number(a, "blocks", st.st_blocks);
        answer_number(a, "blksize", st.st_blksize);
        answer_unsigned(a, "nlink", st.st_nlink);
        answer_unsigned(a, "uid", st.st_uid);
        answer_unsigned(a, "gid", st.st_gid);
        answer_unsigned(a, "rdev", st.st_rdev);
    }
}

static void do_fstatfs(const struct record *r, struct answers *a)
{
    struct statfs st;
    int rc = fstatfs(file_in(r), &st);
    answer_result(a, rc);
    if (rc == 0) {
        answer_hex(a, "type", (unsigned long long)st.f_type);
        answer_number(a, "bsize", st.f_bsize);
        answer_number(a, "namelen", st.f_namelen);
    }
}

static void readlink_proc(const struct record *r, struct answers *a)
{
    char path[64], target[PAGE];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file_in(r));
    ssize_t n = readlink(path, target, sizeof(target));
    answer_success(a, n >= 0);
    if (n >= 0)
        answer_bytes(a, "target", target, (size_t)n);
}

static void reopen_proc(const struct record *r, struct answers *a)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file_in(r));
    int fd = open(path, open_flags_of(json_text(r->in, "flags", "O_RDONLY")));
    answer_success(a, fd >= 0);
    if (fd >= 0)
        close(fd);
}

static void get_xattr(const struct record *r, struct answers *a)
{
    answer_result(a, fgetxattr(file_in(r), "user.probe", room, sizeof(room)));
}

static void list_xattr(const struct record *r, struct answers *a)
{
    answer_result(a, flistxattr(file_in(r), (char *)room, sizeof(room)));
}

const struct op_row file_ops[] = {
    { "read", do_read, false }, { "write", do_write, false }, { "readv", do_readv, false }, { "writev", do_writev, false }, { "pread", do_pread, false },
    { "pwrite", do_pwrite, false }, { "lseek", do_lseek, false }, { "readahead", do_readahead, false }, { "getdents", do_getdents, false },
    { "splice_in", splice_in, false }, { "splice_out", splice_out, false }, { "sendfile_from", sendfile_from, false },
    { "copy_file_range_from", copy_from, false }, { "copy_file_range_to", copy_to, false }, { "fstat", do_fstat, false }, { "fstatfs", do_fstatfs, false },
    { "readlink_proc_fd", readlink_proc, false }, { "reopen_proc_fd", reopen_proc, false }, { "fgetxattr", get_xattr, false }, { "flistxattr", list_xattr, false },
    { NULL, NULL, false },
};
