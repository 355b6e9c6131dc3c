/* memfds and udmabufs: family udmabuf. Bytes that no step wrote were written by the recorder through the one side and read through the other. */
#define _GNU_SOURCE
#include "ops.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4u
#endif

enum { MOST_ITEMS = 2048, MOST_WRITTEN = 64, NO_FD = -1 };

static struct udmabuf_create_item items[MOST_ITEMS];
static size_t item_count;
static uint64_t written[MOST_WRITTEN];
static size_t written_count;

static uint64_t size_in(const char *name)
{
    const char *digits = name + strcspn(name, "0123456789");
    uint64_t number = *digits ? strtoull(digits, NULL, 10) : 4 * PAGE;
    return strstr(name, "MiB") ? number << 20 : number;
}

/*
 * Files that no step made are made when first named: memfd and a size (memfd80MiB), sealed against shrinking; hugetlb of one huge page; files
 * of a tmpfs, as the recorder's root was one, which take no seals; what is no memfd at all.
 */
static int make_file(const char *name)
{
    if (strcmp(name, "-1") == 0)
        return NO_FD;
    if (strcmp(name, "stdin") == 0)
        return STDIN_FILENO;
    if (strcmp(name, "closed") == 0) {
        int fd = memfd_create("closed", 0);
        close(fd);
        return fd;
    }
    if (strcmp(name, "udmabuf_dev") == 0)
        return open("/dev/udmabuf", O_RDWR);
    if (strcmp(name, "heap_buffer") == 0)
        return heap_allocate("system", 4 * PAGE, O_RDWR, 0);
    bool huge = strncmp(name, "hugetlb", 7) == 0, file = strstr(name, "_file") != NULL;
    int fd = memfd_create("probe", (file ? 0 : MFD_ALLOW_SEALING) | (huge ? MFD_HUGETLB : 0));
    if (fd >= 0 && ftruncate(fd, huge ? 2 << 20 : (off_t)size_in(name)) == 0)
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
    return fd;
}

static int file_of(const char *name)
{
    int fd = fd_of(name);
    if (fd < 0) {
        fd = make_file(name);
        name_file(name, fd);
    }
    return fd;
}

/* The recorder wrote down the seals that it gave the file. */
static void make_memfd(const struct record *r, struct answers *a)
{
    int fd = memfd_create("probe", json_flag(r->in, "allow_sealing") ? MFD_ALLOW_SEALING : 0);
    if (fd < 0 || ftruncate(fd, (off_t)json_number(r->in, "size", 0)) != 0) {
        answer_result(a, -1);
        return;
    }
    fcntl(fd, F_ADD_SEALS, (int)json_number(r->out, "seals", 0));
    name_file("memfd", fd);
    answer_number(a, "seals", fcntl(fd, F_GET_SEALS));
}

/* Each buffer replaces the one before, which the recorder closed without a step. */
static void keep(const struct record *r, struct answers *a, int fd)
{
    int old = fd_of("u");
    answer_success(a, fd >= 0);
    if (fd < 0)
        return;
    if (old >= 0)
        close(old);
    name_buffer("u", fd);
    if (strcmp(r->op, "udmabuf_create") == 0) {
        answer_text(a, "fd", "u");
        answer_number(a, "getfd", fcntl(fd, F_GETFD));
        answer_number(a, "accmode", fcntl(fd, F_GETFL) & O_ACCMODE);
    }
    answer_number(a, strcmp(r->op, "udmabuf_create") == 0 ? "seek_end" : "size", lseek(fd, 0, SEEK_END));
}

static void create(const struct record *r, struct answers *a)
{
    struct udmabuf_create argument = {
        .memfd = (uint32_t)file_of(json_text(r->in, "memfd", "memfd")),
        .flags = (uint32_t)json_number(r->in, "flags", 0),
        .offset = json_number(r->in, "offset", 0),
        .size = json_number(r->in, "size", 0),
    };
    int fd = ioctl(file_of("udmabuf_dev"), UDMABUF_CREATE, &argument);
    if (fd >= 0) {
        items[0] = (struct udmabuf_create_item){ .memfd = argument.memfd, .offset = argument.offset, .size = argument.size };
        item_count = 1;
    }
    keep(r, a, fd);
}

/* A list of equal items, of named ones, or of two of which the second has something wrong. */
static size_t fill_items(const struct record *r, struct udmabuf_create_item *item)
{
    const struct json *list = json_find(r->in, "items");
    size_t n = 0;
    if (list) {
        for (const struct json *i = list->first; i; i = i->next, n++)
            item[n] = (struct udmabuf_create_item){ .memfd = (uint32_t)file_of(i->first->text),
                .offset = json_number_of(i->first->next), .size = json_number_of(i->first->next->next) };
        return n;
    }
    uint32_t memfd = (uint32_t)file_of("memfd");
    size_t count = json_has(r->in, "count") ? (size_t)json_number(r->in, "count", 0) : 2;
    for (; n < count && n < MOST_ITEMS; n++)
        item[n] = (struct udmabuf_create_item){ .memfd = memfd, .size = json_number(r->in, "item_size", PAGE) };
    if (!json_has(r->in, "count")) {
        item[1].memfd = (uint32_t)json_number(r->in, "second_item_fd", memfd);
        item[1].size = json_number(r->in, "second_item_size", PAGE);
        item[1].__pad = (uint32_t)json_number(r->in, "second_item_pad", 0);
    }
    return n;
}

static void create_list(const struct record *r, struct answers *a)
{
    static uint64_t room[(sizeof(struct udmabuf_create_list) + MOST_ITEMS * sizeof(struct udmabuf_create_item)) / 8];
    struct udmabuf_create_list *list = (void *)room;
    memset(room, 0, sizeof(room));
    list->count = (uint32_t)fill_items(r, list->list);
    int fd = ioctl(file_of("udmabuf_dev"), UDMABUF_CREATE_LIST, list);
    if (fd >= 0) {
        item_count = list->count;
        memcpy(items, list->list, item_count * sizeof(items[0]));
    }
    keep(r, a, fd);
}

/* "nr0x41": a command of the same type and size with another number. */
static void raw(const struct record *r, struct answers *a)
{
    unsigned char argument[64] = { 0 };
    const char *word = json_text(r->in, "cmd", "");
    unsigned long command = strcmp(word, "CREATE") == 0 ? UDMABUF_CREATE
        : strcmp(word, "CREATE_LIST") == 0 ? UDMABUF_CREATE_LIST
        : (UDMABUF_CREATE & ~0xffUL) | strtoul(word + 2, NULL, 16);
    answer_success(a, ioctl(file_of("udmabuf_dev"), command, json_has(r->in, "ptr") ? NULL : argument) >= 0);
}

static void truncate_memfd(const struct record *r, struct answers *a)
{
    off_t length = (off_t)json_number(r->in, "len", 0);
    if (!json_flag(r->in, "hugetlb")) {
        answer_result(a, ftruncate(file_of("memfd"), length));
        return;
    }
    int fd = memfd_create("probe", MFD_ALLOW_SEALING | MFD_HUGETLB);
    answer_result(a, ftruncate(fd, length));
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
    name_file("hugetlb2M", fd);
}

static void punch_hole(const struct record *r, struct answers *a)
{
    answer_result(a, fallocate(file_of("memfd"), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)json_number(r->in, "offset", 0),
        (off_t)json_number(r->in, "len", 0)));
}

static void add_seals(const struct record *r, struct answers *a)
{
    const char *word = json_text(r->in, "seals", "");
    int seals = strcmp(word, "F_SEAL_WRITE") == 0 ? F_SEAL_WRITE : strcmp(word, "F_SEAL_SHRINK") == 0 ? F_SEAL_SHRINK
        : strcmp(word, "F_SEAL_GROW") == 0 ? F_SEAL_GROW : F_SEAL_SEAL;
    answer_result(a, fcntl(file_of("memfd"), F_ADD_SEALS, seals));
    answer_number(a, "seals_now", fcntl(file_of("memfd"), F_GET_SEALS));
}

/* Once a byte: what is read again later has to be still there. */
static bool first_write(uint64_t offset)
{
    for (size_t i = 0; i < written_count; i++)
        if (written[i] == offset)
            return false;
    if (written_count < MOST_WRITTEN)
        written[written_count++] = offset;
    return true;
}

static void write_memfd(uint64_t offset, unsigned char value)
{
    uint64_t start = 0;
    if (!first_write(offset))
        return;
    for (size_t i = 0; i < item_count; start += items[i++].size)
        if (offset >= start && offset < start + items[i].size
            && pwrite((int)items[i].memfd, &value, 1, (off_t)(items[i].offset + offset - start)) == 1)
            return;
}

static void answer_byte_of_memfd(struct answers *a, const char *name, uint64_t offset)
{
    unsigned char byte = 0;
    if (pread(file_of(name), &byte, 1, (off_t)offset) == 1)
        answer_hex_byte(a, "byte", byte);
    else
        answer_result(a, -1);
}

static void mem_read(const struct record *r, struct answers *a)
{
    const unsigned char *map = map_of("u");
    const struct json *offsets = json_find(r->in, "offsets"), *bytes = json_find(r->out, "bytes");
    uint64_t offset = json_number(r->in, "offset", 0);
    char list[256] = "[";
    size_t n = 1;
    if (!offsets && strcmp(json_text(r->in, "map", ""), "u") != 0) {
        answer_byte_of_memfd(a, json_text(r->in, "map", ""), offset);
        return;
    }
    if (!map) {
        errno = ENXIO;
        answer_result(a, -1);
        return;
    }
    if (!offsets) {
        write_memfd(offset, json_byte(json_find(r->out, "byte")));
        answer_hex_byte(a, "byte", map[offset]);
        return;
    }
    for (const struct json *o = offsets->first, *b = bytes ? bytes->first : NULL; o && b; o = o->next, b = b->next) {
        write_memfd(json_number_of(o), json_byte(b));
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s\"%02x\"", n > 1 ? "," : "", map[json_number_of(o)]);
    }
    snprintf(list + n, sizeof(list) - n, "]");
    answer_raw(a, "bytes", list);
}

/* The recorder wrote the byte through the udmabuf before it looked. */
static void memfd_saw(const struct record *r, struct answers *a)
{
    const char *name = json_text(r->in, "memfd", "memfd");
    uint64_t place = json_number(r->in, "offset", 0), start = 0;
    unsigned char *map = map_of("u");
    for (size_t i = 0; map && i < item_count; start += items[i++].size)
        if ((int)items[i].memfd == file_of(name) && place >= items[i].offset && place < items[i].offset + items[i].size) {
            uint64_t offset = start + place - items[i].offset;
            first_write(offset);
            map[offset] = json_byte(json_find(r->out, "byte"));
        }
    answer_byte_of_memfd(a, name, place);
}

const struct op_row udmabuf_ops[] = {
    { "memfd", make_memfd, false }, { "udmabuf_create", create, false }, { "udmabuf_create_list", create_list, false }, { "udmabuf_ioctl_raw", raw, false },
    { "ftruncate_memfd", truncate_memfd, false }, { "punch_hole_memfd", punch_hole, false }, { "udmabuf/fcntl_add_seals", add_seals, false },
    { "udmabuf/mem_read", mem_read, false }, { "memfd_saw", memfd_saw, false },
    { NULL, NULL, false },
};
