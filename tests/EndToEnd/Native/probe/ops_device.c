/* Nodes of heaps by path, and what the folders of the kernel say of them: families dev and env. */
#define _GNU_SOURCE
#include "ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FDS = 256 };

static const struct {
    const char *word;
    int flag;
} flag_words[] = {
    { "O_RDONLY", O_RDONLY }, { "O_WRONLY", O_WRONLY }, { "O_RDWR", O_RDWR }, { "O_CREAT", O_CREAT }, { "O_EXCL", O_EXCL },
    { "O_TRUNC", O_TRUNC }, { "O_APPEND", O_APPEND }, { "O_NONBLOCK", O_NONBLOCK }, { "O_ASYNC", O_ASYNC }, { "O_DIRECT", O_DIRECT },
    { "O_SYNC", O_SYNC }, { "O_DIRECTORY", O_DIRECTORY }, { "O_NOFOLLOW", O_NOFOLLOW }, { "O_NOATIME", O_NOATIME },
    { "O_CLOEXEC", O_CLOEXEC }, { "O_PATH", O_PATH },
};

static int flag_of(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++)
        if (strlen(flag_words[i].word) == length && strncmp(flag_words[i].word, word, length) == 0)
            return flag_words[i].flag;
    return (int)strtoul(word, NULL, 16);
}

int open_flags_of(const char *words)
{
    int flags = 0;
    while (*words) {
        size_t length = strcspn(words, "|");
        flags |= flag_of(words, length);
        words += length + (words[length] == '|');
    }
    return flags;
}

static void open_node(const struct record *r, struct answers *a)
{
    uid_t uid = (uid_t)json_number(r->in, "uid", 0);
    if (uid != 0 && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)) {
        answer_skipped(a, "this process may not become another user");
        return;
    }
    int fd = open(json_text(r->in, "path", ""), open_flags_of(json_text(r->in, "flags", "O_RDONLY")), 0600);
    answer_success(a, fd >= 0);
    if (fd >= 0) {
        answer_text(a, "fd", "h");
        name_file("h", fd);
    }
}

static void allocate_on_open_heap(const struct record *r, struct answers *a)
{
    struct dma_heap_allocation_data data = {
        .len = json_number(r->in, "len", PAGE),
        .fd_flags = (uint32_t)json_number(r->in, "fd_flags", O_RDWR),
        .heap_flags = json_number(r->in, "heap_flags", 0),
    };
    int rc = ioctl(fd_in(r), DMA_HEAP_IOCTL_ALLOC, &data);
    answer_success(a, rc == 0);
    if (rc == 0) {
        name_buffer("a", (int)data.fd);
        answer_text(a, "fd", "a");
    }
}

/* A SYNC sent to a heap by mistake has the number of ALLOC: a buffer may come of it, whose descriptor nobody is told. */
static void sync_on_heap(const struct record *r, struct answers *a)
{
    int before[MOST_FDS], after[MOST_FDS];
    int heap = fd_in(r);
    int n = open_fds(before, MOST_FDS);
    struct dma_buf_sync sync = { .flags = json_number(r->in, "flags", 0) };
    int rc = ioctl(heap, DMA_BUF_IOCTL_SYNC, &sync);
    answer_success(a, rc == 0);
    int m = open_fds(after, MOST_FDS);
    answer_number(a, "fds_consumed", m - n);
    for (int i = 0; i < m; i++) {
        bool known = false;
        for (int k = 0; k < n; k++)
            known |= before[k] == after[i];
        if (!known)
            name_buffer("leaked", after[i]);
    }
}

static void leaked_fd(const struct record *r, struct answers *a)
{
    int fd = last_buffer();
    (void)r;
    answer_number(a, "seek_end", lseek(fd, 0, SEEK_END));
    answer_number(a, "getfl_accmode", fcntl(fd, F_GETFL) & O_ACCMODE);
    answer_number(a, "getfd", fcntl(fd, F_GETFD));
}

static void list_heaps(const struct record *r, struct answers *a)
{
    DIR *folder = opendir(json_text(r->in, "dir", ""));
    char list[1024] = "[";
    size_t n = 1;
    if (!folder) {
        answer_result(a, -1);
        return;
    }
    for (struct dirent *e = readdir(folder); e && n < sizeof(list) - 300; e = readdir(folder))
        if (e->d_name[0] != '.')
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s\"%s\"", n > 1 ? "," : "", e->d_name);
    closedir(folder);
    snprintf(list + n, sizeof(list) - n, "]");
    answer_raw(a, "heaps", list);
    answer_bool(a, "unordered", true);
}

static void stat_node(const struct record *r, struct answers *a)
{
    struct stat st;
    char mode[16];
    int rc = stat(json_text(r->in, "path", ""), &st);
    answer_result(a, rc);
    if (rc == 0) {
        snprintf(mode, sizeof(mode), "0%o", st.st_mode);
        answer_text(a, "mode", mode);
        answer_unsigned(a, "uid", st.st_uid);
        answer_unsigned(a, "gid", st.st_gid);
        answer_number(a, "is_chr", S_ISCHR(st.st_mode));
    }
}

static void uevent(const struct record *r, struct answers *a)
{
    char path[160], wanted[96];
    const char *heap = json_text(r->in, "heap", "");
    snprintf(path, sizeof(path), "/sys/class/dma_heap/%s/uevent", heap);
    snprintf(wanted, sizeof(wanted), "DEVNAME=dma_heap/%s", heap);
    char *text = read_text(path, NULL);
    if (!text) {
        answer_result(a, -1);
        return;
    }
    answer_number(a, "has_major", strstr(text, "MAJOR=") != NULL);
    answer_number(a, "has_devname", strstr(text, wanted) != NULL);
    free(text);
}

const struct op_row device_ops[] = {
    { "dev/open", open_node, false },
    { "ioctl_alloc", allocate_on_open_heap, false },
    { "ioctl_dma_buf_sync_on_heap", sync_on_heap, false },
    { "leaked_fd_is_dma_buf", leaked_fd, false },
    { "list_heaps", list_heaps, false },
    { "env/stat", stat_node, false },
    { "sysfs_uevent", uevent, false },
    { NULL, NULL, false },
};
