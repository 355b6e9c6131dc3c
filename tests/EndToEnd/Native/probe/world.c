#define _GNU_SOURCE
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MOST_NAMES = 256, NAME_LENGTH = 32, HIGHEST_STANDARD = 2 };

struct named_fd {
    char name[NAME_LENGTH];
    int fd;
};

struct named_map {
    char name[NAME_LENGTH];
    void *map;
    size_t length;
};

struct world world;

static struct named_fd fds[MOST_NAMES];
static struct named_map maps[MOST_NAMES];
static int fd_count, map_count;
static char last_name[NAME_LENGTH];
static bool a_was_named;

static struct named_fd *find_fd(const char *name)
{
    for (int i = 0; i < fd_count; i++)
        if (strcmp(fds[i].name, name) == 0)
            return &fds[i];
    return NULL;
}

void name_file(const char *name, int fd)
{
    struct named_fd *entry = find_fd(name);
    if (!entry && fd_count < MOST_NAMES)
        entry = &fds[fd_count++];
    if (entry) {
        snprintf(entry->name, sizeof(entry->name), "%s", name);
        entry->fd = fd;
    }
}

void name_buffer(const char *name, int fd)
{
    name_file(name, fd);
    snprintf(last_name, sizeof(last_name), "%s", name);
    a_was_named |= strcmp(name, "a") == 0;
}

void forget_name(const char *name)
{
    struct named_fd *entry = find_fd(name);
    if (entry)
        entry->fd = -1;
}

/* Cases open the node of their heap without a step; the heap stands in the case's name. */
static int open_own_heap(void)
{
    char path[64];
    int fd = -1;
    const char *heaps[] = { "system_cc_shared", "default_cma_region", "reserved", "system" };
    for (size_t i = 0; fd < 0 && i < sizeof(heaps) / sizeof(heaps[0]); i++) {
        if (!case_has_word(heaps[i]) && i + 1 < sizeof(heaps) / sizeof(heaps[0]))
            continue;
        snprintf(path, sizeof(path), "/dev/dma_heap/%s", heaps[i]);
        fd = open(path, O_RDWR);
    }
    name_file("h", fd);
    return fd;
}

int fd_of(const char *name)
{
    struct named_fd *entry = find_fd(name);
    if (entry)
        return entry->fd;
    if (strcmp(name, "h") == 0)
        return open_own_heap();
    /* A case that never calls a descriptor a means its only buffer by that. */
    return strcmp(name, "a") == 0 && !a_was_named ? last_buffer() : -1;
}

int fd_in(const struct record *r)
{
    return fd_of(json_text(r->in, "fd", ""));
}

int last_buffer(void)
{
    struct named_fd *entry = last_name[0] ? find_fd(last_name) : NULL;
    return entry ? entry->fd : -1;
}

bool case_has_word(const char *word)
{
    size_t n = strlen(word);
    for (const char *at = world.records[0].name; at; at = strchr(at, '.')) {
        at += *at == '.';
        if (strncmp(at, word, n) == 0 && (at[n] == '.' || at[n] == '\0'))
            return true;
    }
    return false;
}

bool case_has_op(const char *op)
{
    for (size_t i = 0; i < world.count; i++)
        if (strcmp(world.records[i].op, op) == 0)
            return true;
    return false;
}

void *map_of(const char *name)
{
    for (int i = 0; i < map_count; i++)
        if (strcmp(maps[i].name, name) == 0)
            return maps[i].map;
    return NULL;
}

void name_map(const char *name, void *map, size_t length)
{
    if (map_count < MOST_NAMES) {
        snprintf(maps[map_count].name, sizeof(maps[map_count].name), "%s", name);
        maps[map_count].map = map;
        maps[map_count++].length = length;
    }
}

void *map_whole(int fd, size_t *length)
{
    off_t size = lseek(fd, 0, SEEK_END);
    lseek(fd, 0, SEEK_SET);
    if (size <= 0)
        return NULL;
    void *map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return NULL;
    *length = (size_t)size;
    return map;
}

unsigned char *user_map(void)
{
    if (!world.map)
        world.map = map_whole(last_buffer(), &world.map_length);
    return world.map;
}

unsigned char *map_in(const struct record *r)
{
    const char *name = json_text(r->in, "map", "m");
    unsigned char *map = strcmp(name, "m") == 0 ? user_map() : map_of(name);
    if (!map)
        errno = ENXIO;
    return map;
}

void unmap_user(void)
{
    if (world.map)
        munmap(world.map, world.map_length);
    world.map = NULL;
}

void close_everything(void)
{
    int list[1024];
    unmap_user();
    for (int i = 0; i < map_count; i++)
        munmap(maps[i].map, maps[i].length);
    map_count = 0;
    int n = open_fds(list, 1024);
    for (int i = 0; i < n; i++)
        if (list[i] > HIGHEST_STANDARD)
            close(list[i]);
    fd_count = 0;
}

char *read_text(const char *path, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    size_t room = 4 * PAGE, have = 0;
    char *text = malloc(room + 1);
    ssize_t n = 0;
    while (text && (n = read(fd, text + have, room - have)) > 0) {
        have += (size_t)n;
        if (have == room) {
            char *more = realloc(text, 2 * room + 1);
            if (!more)
                abort();
            text = more;
            room *= 2;
        }
    }
    int code = errno;
    close(fd);
    if (!text || n < 0) {
        free(text);
        errno = code;
        return NULL;
    }
    text[have] = '\0';
    if (length)
        *length = have;
    return text;
}

long long number_in_file(const char *path, const char *word, long long otherwise)
{
    char *text = read_text(path, NULL);
    if (!text)
        return otherwise;
    char *at = strstr(text, word);
    long long value = at ? strtoll(at + strlen(word), NULL, 10) : otherwise;
    free(text);
    return value;
}

int open_fds(int *list, int most)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    if (!folder)
        return 0;
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (e->d_name[0] == '.' || atoi(e->d_name) == dirfd(folder))
            continue;
        if (count < most)
            list[count] = atoi(e->d_name);
        count++;
    }
    closedir(folder);
    return list && count > most ? most : count;
}

long long live_buffers(void)
{
    /* Each buffer has a line "Total N devices" of its own; only the last total stands behind an empty line. */
    return number_in_file("/sys/kernel/debug/dma_buf/bufinfo", "\n\nTotal ", -1);
}

int *case_pipe(void)
{
    static int ends[2] = { -1, -1 };
    if (ends[0] < 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        ends[0] = ends[1] = -1;
    return ends;
}

double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t round_up_page(uint64_t n)
{
    return (n + PAGE - 1) / PAGE * PAGE;
}
