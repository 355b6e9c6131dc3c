/*
 * mmap, and loads and stores through a mapping. Some bytes were stored by the recorder without a step, so that a later step could see whether
 * they survive: what it stored is known from that later step alone, and is stored here at the moment the mapping is made.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool written_other_way;

static int map_flags_of(const char *word)
{
    return strcmp(word, "MAP_SHARED") == 0 ? MAP_SHARED
        : strcmp(word, "MAP_PRIVATE") == 0 ? MAP_PRIVATE
        : strcmp(word, "MAP_SHARED_VALIDATE") == 0 ? MAP_SHARED_VALIDATE : 0;
}

/* The system call itself: the library would refuse some offsets by itself. */
static void *map_raw(size_t length, int protection, int flags, int fd, uint64_t offset)
{
    return (void *)syscall(SYS_mmap, NULL, length, protection, flags, fd, offset);
}

static const struct json *untold_byte(const struct record *r)
{
    return strcmp(r->op, "mem_read") == 0 ? json_find(r->out, "byte")
        : strcmp(r->op, "child_saw") == 0 ? json_find(r->out, "byte")
        : strcmp(r->op, "child_received") == 0 ? json_find(r->out, "byte0") : NULL;
}

static void store_untold(const struct record *r)
{
    if (!strchr(json_text(r->in, "prot", ""), 'W') || case_has_op("mem_fill") || case_has_op("mem_poke") || case_has_op("cpu_write"))
        return;
    for (size_t i = 0; i < world.count; i++) {
        const struct record *later = &world.records[i];
        if (later->step > r->step && untold_byte(later))
            ((unsigned char *)world.map)[json_number(later->in, "offset", 0)] = json_byte(untold_byte(later));
    }
}

static void do_mmap(const struct record *r, struct answers *a)
{
    if (strcmp(r->family, "vgem") == 0 || strcmp(r->family, "udmabuf") == 0) {
        mmap_named(r, a);
        return;
    }
    uint64_t length = json_number(r->in, "len", 0);
    void *map = map_raw((size_t)length, protection_of(json_text(r->in, "prot", "")), map_flags_of(json_text(r->in, "flags", "")),
        fd_in(r), json_number(r->in, "offset", 0));
    answer_success(a, map != MAP_FAILED);
    if (map != MAP_FAILED) {
        world.map = map;
        world.map_length = (size_t)round_up_page(length);
        world.map_offset = json_number(r->in, "offset", 0);
        store_untold(r);
    }
}

/* A mapping that no later step uses, that cannot be written, or a second one, was only tried. */
void mmap_named(const struct record *r, struct answers *a)
{
    const char *name = json_text(r->in, "fd", ""), *protection = json_text(r->in, "prot", "R");
    size_t length = (size_t)json_number(r->in, "len", PAGE);
    bool used = false;
    int fd = fd_of(name);
    void *map = map_raw(length, protection_of(protection), map_flags_of(json_text(r->in, "flags", "MAP_SHARED")), fd,
        json_number(r->in, "offset", 0));
    answer_success(a, map != MAP_FAILED);
    for (size_t i = 0; i < world.count; i++) {
        const struct record *later = &world.records[i];
        used |= later->step > r->step && (strcmp(json_text(later->in, "map", ""), name) == 0 || strcmp(later->op, "mem_read") == 0
            || strcmp(later->op, "memfd_saw") == 0);
    }
    if (map == MAP_FAILED)
        return;
    if (!used || !strchr(protection, 'W') || map_of(name))
        munmap(map, length);
    else
        name_map(name, map, length);
}

/* The recorder wrote by another way than it read, to see whether both show the same memory: through the node's mapping, or a fresh one. */
static void write_other_way(const struct record *r, size_t length)
{
    const struct json *runs = json_find(r->out, "runs");
    const struct json *run = runs && runs->first && !runs->first->next ? runs->first->first : NULL;
    unsigned char value = json_byte(run), *other = map_of("node");
    size_t whole = 0;
    if (!run || value == 0 || written_other_way)
        return;
    written_other_way = true;
    unsigned char *fresh = other ? NULL : map_whole(last_buffer(), &whole);
    if (other || fresh)
        memset(other ? other : fresh, value, length);
    if (fresh)
        munmap(fresh, whole);
}

void read_named(const struct record *r, struct answers *a)
{
    unsigned char *map = map_in(r);
    map += json_number(r->in, "offset", 0);
    if (!json_has(r->in, "len")) {
        answer_hex_byte(a, "byte", *map);
        return;
    }
    size_t length = (size_t)json_number(r->in, "len", 0);
    write_other_way(r, length);
    answer_runs(a, "runs", map, length);
}

static void mem_read(const struct record *r, struct answers *a)
{
    unsigned char *map = map_in(r);
    map += json_number(r->in, "offset", 0);
    if (json_has(r->in, "len"))
        answer_runs(a, "runs", map, (size_t)json_number(r->in, "len", 0));
    else
        answer_hex_byte(a, "byte", *map);
}

static void mem_fill(const struct record *r, struct answers *a)
{
    (void)a;
    memset(world.map, json_byte(json_find(r->in, "byte")), (size_t)json_number(r->in, "len", 0));
}

static void mem_poke(const struct record *r, struct answers *a)
{
    unsigned char *map = world.map;
    const struct json *bytes = json_find(r->in, "bytes");
    (void)a;
    for (const struct json *poke = bytes ? bytes->first : NULL; poke; poke = poke->next)
        map[strtoul(poke->key, NULL, 10)] = json_byte(poke);
}

/* Each page of the buffer carries its index, written through a mapping of the whole. */
static void page_tags(const struct record *r, struct answers *a)
{
    size_t size = 0;
    unsigned char *map = world.map, *whole = map_whole(last_buffer(), &size);
    if (!whole) {
        answer_result(a, -1);
        return;
    }
    for (uint64_t page = 0; page < size / PAGE; page++)
        memcpy(whole + page * PAGE, &page, sizeof(page));
    int match = 1;
    uint64_t first = json_number(r->in, "offset", 0) / PAGE;
    for (uint64_t page = 0; page < world.map_length / PAGE; page++) {
        uint64_t tag = first + page;
        match &= memcmp(map + page * PAGE, &tag, sizeof(tag)) == 0;
    }
    munmap(whole, size);
    answer_number(a, "ok", match);
}

static void write_seen(const struct record *r, struct answers *a)
{
    const uint64_t mark = 0x5a5aa5a50f0ff0f0;
    size_t size = 0;
    unsigned char *map = world.map, *whole = map_whole(last_buffer(), &size);
    (void)r;
    if (!whole) {
        answer_result(a, -1);
        return;
    }
    memcpy(map, &mark, sizeof(mark));
    answer_number(a, "seen", memcmp(whole + world.map_offset, &mark, sizeof(mark)) == 0);
    munmap(whole, size);
}

const struct op_row memory_ops[] = {
    { "mmap", do_mmap, false }, { "mem_read", mem_read, true }, { "vgem/mem_read", read_named, true }, { "mem_fill", mem_fill, true },
    { "mem_poke", mem_poke, true }, { "page_tags_match", page_tags, true }, { "write_seen_through_shared", write_seen, true },
    { NULL, NULL, false },
};
