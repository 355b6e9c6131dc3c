/*
 * What /proc, debugfs and sysfs say about buffers: family info, and the texts that other families look at. Numbers that mean nothing outside
 * one boot are masked as in the recordings. Between two reads the recorder did some things without a step (dup, O_NONBLOCK, names, a fence).
 */
#define _GNU_SOURCE
#include "ops.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IMPORT_WRITE = 2, MOST_ENTRIES = 32 };

/* Replaces what the pattern's group matches, everywhere; the text is freed. */
static char *mask(char *text, const char *pattern, int group, const char *with)
{
    regex_t compiled;
    regmatch_t found[4];
    char *result = NULL;
    size_t length = 0, at = 0;
    if (!text || regcomp(&compiled, pattern, REG_EXTENDED | REG_NEWLINE) != 0)
        return text;
    FILE *out = open_memstream(&result, &length);
    while (regexec(&compiled, text + at, 4, found, at ? REG_NOTBOL : 0) == 0) {
        fprintf(out, "%.*s%s", (int)found[group].rm_so, text + at, with);
        at += (size_t)found[group].rm_eo;
    }
    fputs(text + at, out);
    fclose(out);
    regfree(&compiled);
    free(text);
    return result;
}

static char *fdinfo_of(int fd)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    return read_text(path, NULL);
}

static void answer_file(struct answers *a, char *text)
{
    if (text)
        answer_text(a, "text", text);
    else
        answer_result(a, -1);
    free(text);
}

static void do_fdinfo(const struct record *r, struct answers *a)
{
    answer_file(a, mask(fdinfo_of(fd_in(r)), "(mnt_id|ino):\t([0-9]+)", 2, "MASKED"));
}

/* The third read was made with a second descriptor, the fourth without it and with O_NONBLOCK. */
static void fdinfo_of_info(const struct record *r, struct answers *a)
{
    static int reads, second = -1;
    int fd = fd_in(r);
    if (++reads == 3)
        second = dup(fd);
    if (reads == 4) {
        close(second);
        fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    do_fdinfo(r, a);
}

static void answer_line(const struct record *r, struct answers *a, const char *key, const char *word)
{
    char *text = fdinfo_of(fd_in(r));
    char *at = text ? strstr(text, word) : NULL;
    if (at)
        answer_number(a, key, strtoll(at + strlen(word), NULL, 10));
    else
        answer_result(a, -1);
    free(text);
}

static void fdinfo_pos(const struct record *r, struct answers *a) { answer_line(r, a, "pos", "pos:"); }

static void heap_fdinfo(const struct record *r, struct answers *a)
{
    char *text = fdinfo_of(fd_in(r));
    int lines = 0;
    if (!text) {
        answer_result(a, -1);
        return;
    }
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    answer_number(a, "has_exp_name", strstr(text, "exp_name") != NULL);
    answer_number(a, "lines", lines);
    free(text);
}

/* Of several buffers b0, b1 ... each was named nm0, nm1 ... */
static void name_all(int live)
{
    char buffer[16], name[16];
    for (int i = 0; live > 1 && i < live; i++) {
        snprintf(buffer, sizeof(buffer), "b%d", i);
        snprintf(name, sizeof(name), "nm%d", i);
        set_name(fd_of(buffer), name);
    }
}

/* Numbers of fence contexts count all fences since boot: like inode numbers they are not compared, so the recorded one is shown. */
static char *mask_bufinfo(const struct record *r, char *text)
{
    const char *recorded = json_text(r->out, "text", "");
    const char *context = strstr(recorded, "fence:");
    char number[32] = "";
    text = mask(text, "^[0-9a-f]{8}\t[0-9a-f]{8}\t[0-9a-f]{8}\t[0-9a-f]{8}\t[^\t]*\t([0-9]{8})\t", 1, "INO");
    if (context)
        snprintf(number, sizeof(number), "%.*s", (int)strspn(context + 6, "0123456789"), context + 6);
    return context ? mask(text, "fence:([0-9]+):", 1, number) : text;
}

static void read_bufinfo(const struct record *r, struct answers *a)
{
    const char *after = json_text(r->in, "after", "");
    int fd = last_buffer(), second = -1;
    size_t length = 0;
    void *map = NULL;
    if (strcmp(after, "dup + mmap") == 0) {
        second = dup(fd);
        map = map_whole(fd, &length);
    } else if (strcmp(after, "import write fence") == 0) {
        import_fence(fd, IMPORT_WRITE);
    } else if (strcmp(after, "fence signaled") == 0) {
        advance_timeline(1);
    } else if (strncmp(after, "set_name ", 9) == 0) {
        set_name(fd, after + 9);
    } else {
        name_all((int)json_number(r->in, "live", 1));
    }
    char *text = read_text("/sys/kernel/debug/dma_buf/bufinfo", NULL);
    answer_success(a, text != NULL);
    if (text)
        answer_file(a, mask_bufinfo(r, text));
    if (second >= 0)
        close(second);
    if (map)
        munmap(map, length);
}

static void count_buffers(const struct record *r, struct answers *a)
{
    (void)r;
    answer_number(a, "objects", live_buffers());
}

static void folder_of_buffer(char *path, size_t room)
{
    struct stat st = { 0 };
    fstat(last_buffer(), &st);
    snprintf(path, room, "/sys/kernel/dmabuf/buffers/%llu", (unsigned long long)st.st_ino);
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

static void sysfs_list(const struct record *r, struct answers *a)
{
    char path[96], list[1024] = "[", *names[MOST_ENTRIES];
    size_t n = 1;
    int count = 0;
    (void)r;
    folder_of_buffer(path, sizeof(path));
    DIR *folder = opendir(path);
    for (struct dirent *e = folder ? readdir(folder) : NULL; e && count < MOST_ENTRIES; e = readdir(folder))
        if (e->d_name[0] != '.')
            names[count++] = strdup(e->d_name);
    if (folder)
        closedir(folder);
    qsort(names, (size_t)count, sizeof(names[0]), by_name);
    for (int i = 0; i < count; i++) {
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s\"%.24s\"", i ? "," : "", names[i]);
        free(names[i]);
    }
    snprintf(list + n, sizeof(list) - n, "]");
    answer_raw(a, "entries", list);
}

static void sysfs_read(const struct record *r, struct answers *a)
{
    char folder[96], path[192];
    folder_of_buffer(folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/%s", folder, json_text(r->in, "file", ""));
    char *text = read_text(path, NULL);
    answer_text(a, "text", text ? text : "");
    free(text);
}

static void stat_file(const struct record *r, struct answers *a)
{
    char folder[96], path[192];
    struct stat st;
    folder_of_buffer(folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/%s", folder, json_text(r->in, "file", ""));
    answer_result(a, stat(path, &st));
}

static void stat_after_close(const struct record *r, struct answers *a)
{
    char folder[96];
    struct stat st;
    (void)r;
    folder_of_buffer(folder, sizeof(folder));
    close(last_buffer());
    answer_result(a, stat(folder, &st));
}

/* A text file of the kernel, asked for a word or shown. */
static void proc_filesystems(const struct record *r, struct answers *a)
{
    char *text = read_text("/proc/filesystems", NULL);
    (void)r;
    answer_number(a, "has_dmabuf", text && strstr(text, "dmabuf") != NULL);
    free(text);
}

static void debugfs_read(const struct record *r, struct answers *a)
{
    char path[192];
    snprintf(path, sizeof(path), "/sys/kernel/debug/%s", json_text(r->in, "file", ""));
    answer_file(a, read_text(path, NULL));
}

long long swiotlb_used(void)
{
    return number_in_file("/sys/kernel/debug/swiotlb/io_tlb_used", "", -1);
}

static void swiotlb_slots(const struct record *r, struct answers *a)
{
    (void)r;
    answer_number(a, "used", swiotlb_used());
}

const struct op_row info_ops[] = {
    { "fdinfo", do_fdinfo, false }, { "info/fdinfo", fdinfo_of_info, false }, { "fdinfo_pos", fdinfo_pos, false }, { "heap_fdinfo", heap_fdinfo, false },
    { "read_bufinfo", read_bufinfo, false }, { "live_buffers", count_buffers, false }, { "bufinfo_total", count_buffers, false },
    { "sysfs_list", sysfs_list, false }, { "sysfs_read", sysfs_read, false }, { "info/stat", stat_file, false }, { "stat_after_close", stat_after_close, false },
    { "proc_filesystems", proc_filesystems, false }, { "debugfs_read", debugfs_read, false }, { "swiotlb_used_slots", swiotlb_slots, false },
    { NULL, NULL, false },
};
