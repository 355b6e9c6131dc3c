/*
 * DRM nodes: dumb buffers and PRIME. Steps do not say whose handle they mean; the case's name does: which driver (vgem, vkms, render_node),
 * and whether a second import is another client's or another device's.
 */
#define _GNU_SOURCE
#include "drm.h"
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_CLIENTS = 4, MOST_HANDLES = 64, MOST_NODES = 8, FIRST_RENDER_NODE = 128, NO_CLIENT = -1 };

/* An open node, and the handles that it has: imported or its own. */
struct client {
    int node;
    int count;
    uint32_t handles[MOST_HANDLES];
    bool imported[MOST_HANDLES];
};

static struct client clients[MOST_CLIENTS];
static int client_count, current = NO_CLIENT;
static uint32_t last_handles[2];
static int exported[MOST_HANDLES], exported_count, last_exported[2] = { -1, -1 };
static uint64_t dumb_offset;

static bool has_driver(int node, const char *driver)
{
    char name[64] = "";
    struct drm_version version = { .name = name, .name_length = sizeof(name) - 1 };
    return ioctl(node, DRM_VERSION, &version) == 0 && strcmp(name, driver) == 0;
}

int open_drm(const char *driver, bool render)
{
    char path[64];
    for (int i = 0; i < MOST_NODES; i++) {
        snprintf(path, sizeof(path), "/dev/dri/%s%d", render ? "renderD" : "card", render ? FIRST_RENDER_NODE + i : i);
        int node = open(path, O_RDWR | O_CLOEXEC);
        if (node >= 0 && has_driver(node, driver))
            return node;
        if (node >= 0)
            close(node);
    }
    errno = ENOENT;
    return -1;
}

static int open_client(bool other_device)
{
    const char *first = case_has_word("vkms") ? "vkms" : "vgem";
    const char *driver = !other_device ? first : strcmp(first, "vkms") == 0 ? "vgem" : "vkms";
    int node = open_drm(driver, case_has_word("render_node"));
    if (client_count == MOST_CLIENTS)
        return NO_CLIENT;
    clients[client_count].node = node;
    clients[client_count].count = 0;
    return client_count++;
}

static struct client *client_now(void)
{
    if (current == NO_CLIENT)
        current = open_client(false);
    return &clients[current];
}

static struct client *client_for_import(void)
{
    bool devices = case_has_word("two_devices") || case_has_word("cross");
    if (client_count == 1 && (devices || case_has_word("two_clients") || case_has_word("two_attach")))
        current = open_client(devices);
    return client_now();
}

static int find_handle(const struct client *client, uint32_t handle)
{
    for (int i = 0; i < client->count; i++)
        if (client->handles[i] == handle)
            return i;
    return -1;
}

/* Of those that still have the handle, the first by the case's order. */
static struct client *client_for_close(uint32_t handle)
{
    for (int i = 0; i < client_count; i++) {
        struct client *client = &clients[case_has_word("cross") ? client_count - 1 - i : i];
        if (find_handle(client, handle) >= 0)
            return client;
    }
    return client_now();
}

static void keep_handle(struct client *client, uint32_t handle, bool import)
{
    last_handles[0] = last_handles[1];
    last_handles[1] = handle;
    if (find_handle(client, handle) < 0 && client->count < MOST_HANDLES) {
        client->handles[client->count] = handle;
        client->imported[client->count++] = import;
    }
}

static uint32_t handle_in(const struct record *r)
{
    return (uint32_t)json_number(r->in, "handle", 0);
}

int prime_import(int node, int buffer, uint32_t *handle)
{
    struct drm_prime_handle argument = { .fd = buffer };
    int rc = ioctl(node, DRM_PRIME_FD_TO_HANDLE, &argument);
    *handle = argument.handle;
    return rc;
}

int gem_close(int node, uint32_t handle)
{
    struct drm_gem_close argument = { .handle = handle };
    return ioctl(node, DRM_GEM_CLOSE, &argument);
}

/* The recorder closed what it exported from an imported object, without a step, before it closed the handle. */
static void close_handle(const struct record *r, struct answers *a)
{
    struct client *client = client_for_close(handle_in(r));
    int at = find_handle(client, handle_in(r));
    if (at >= 0 && client->imported[at])
        while (exported_count > 0)
            close(exported[--exported_count]);
    int rc = gem_close(client->node, handle_in(r));
    answer_result(a, rc);
    if (rc == 0 && at >= 0) {
        client->count--;
        client->handles[at] = client->handles[client->count];
        client->imported[at] = client->imported[client->count];
    }
}

static void close_client(const struct record *r, struct answers *a)
{
    (void)r;
    (void)a;
    if (client_count > 0)
        close(clients[--client_count].node);
    current = client_count > 0 ? client_count - 1 : NO_CLIENT;
}

static void get_cap(const struct record *r, struct answers *a)
{
    struct drm_get_cap argument = { .capability = json_number(r->in, "cap", 0) };
    int rc = ioctl(client_now()->node, DRM_GET_CAP, &argument);
    answer_result(a, rc);
    answer_unsigned(a, "value", rc == 0 ? argument.value : 0);
}

static void create_dumb(const struct record *r, struct answers *a)
{
    struct client *client = client_now();
    struct drm_create_dumb argument = {
        .width = (uint32_t)json_number(r->in, "width", 0),
        .height = (uint32_t)json_number(r->in, "height", 0),
        .bpp = (uint32_t)json_number(r->in, "bpp", 0),
    };
    int rc = ioctl(client->node, DRM_MODE_CREATE_DUMB, &argument);
    answer_result(a, rc);
    if (rc == 0) {
        keep_handle(client, argument.handle, false);
        answer_unsigned(a, "handle", argument.handle);
        answer_unsigned(a, "pitch", argument.pitch);
        answer_unsigned(a, "size", argument.size);
    }
}

static void map_dumb(const struct record *r, struct answers *a)
{
    struct drm_map_dumb argument = { .handle = handle_in(r) };
    answer_result(a, ioctl(client_now()->node, DRM_MODE_MAP_DUMB, &argument));
    dumb_offset = argument.offset;
}

static void mmap_node(const struct record *r, struct answers *a)
{
    size_t length = (size_t)json_number(r->in, "len", 0);
    void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, client_now()->node, (off_t)dumb_offset);
    answer_success(a, map != MAP_FAILED);
    if (map != MAP_FAILED)
        name_map("node", map, length);
}

static void import(const struct record *r, struct answers *a)
{
    const char *name = json_text(r->in, "fd", "");
    bool copied = strncmp(name, "dup(", 4) == 0;
    char inner[32];
    snprintf(inner, sizeof(inner), "%.*s", (int)strcspn(name + (copied ? 4 : 0), ")"), name + (copied ? 4 : 0));
    int fd = copied ? dup(fd_of(inner)) : fd_of(inner);
    struct client *client = client_for_import();
    uint32_t handle = 0;
    int rc = prime_import(client->node, fd, &handle);
    answer_result(a, rc);
    if (rc == 0) {
        keep_handle(client, handle, true);
        answer_unsigned(a, "handle", handle);
    }
    if (copied)
        close(fd);
}

static void export(const struct record *r, struct answers *a)
{
    struct drm_prime_handle argument = { .handle = handle_in(r), .flags = (uint32_t)json_number(r->in, "flags", 0), .fd = -1 };
    int rc = ioctl(client_now()->node, DRM_PRIME_HANDLE_TO_FD, &argument);
    answer_result(a, rc);
    if (rc != 0)
        return;
    const char *name = json_text(r->out, "fd", "e");
    name_buffer(name, argument.fd);
    if (exported_count < MOST_HANDLES)
        exported[exported_count++] = argument.fd;
    last_exported[0] = last_exported[1];
    last_exported[1] = argument.fd;
    answer_text(a, "fd", name);
    answer_number(a, "getfd", fcntl(argument.fd, F_GETFD));
    answer_number(a, "accmode", fcntl(argument.fd, F_GETFL) & O_ACCMODE);
    answer_number(a, "size", lseek(argument.fd, 0, SEEK_END));
}

static void same_handle(const struct record *r, struct answers *a)
{
    (void)r;
    answer_number(a, "same", last_handles[0] == last_handles[1] && last_handles[1] != 0);
}

static int same_inode(int one, int other)
{
    struct stat x, y;
    return fstat(one, &x) == 0 && fstat(other, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void second_export(const struct record *r, struct answers *a)
{
    (void)r;
    answer_number(a, "same_ino", same_inode(last_exported[0], last_exported[1]));
}

static void reexported(const struct record *r, struct answers *a)
{
    (void)r;
    answer_number(a, "same_ino", same_inode(last_exported[1], fd_of("a")));
    answer_number(a, "same_fdnum", last_exported[1] == fd_of("a"));
}

static void accmode(const struct record *r, struct answers *a)
{
    (void)r;
    answer_number(a, "accmode", fcntl(last_exported[1], F_GETFL) & O_ACCMODE);
}

static void attach_fence(const struct record *r, struct answers *a)
{
    struct vgem_fence_attach argument = { .handle = handle_in(r), .flags = (uint32_t)json_number(r->in, "flags", 0) };
    int rc = ioctl(client_now()->node, DRM_VGEM_FENCE_ATTACH, &argument);
    answer_result(a, rc);
    answer_unsigned(a, "out_fence", rc == 0 ? argument.out_fence : 0);
}

static void signal_fence(const struct record *r, struct answers *a)
{
    struct vgem_fence_signal argument = { .fence = (uint32_t)json_number(r->in, "fence", 0) };
    answer_result(a, ioctl(client_now()->node, DRM_VGEM_FENCE_SIGNAL, &argument));
}

/* The last step of a case looks whether anything is left once everything is closed. */
static void count_buffers(const struct record *r, struct answers *a)
{
    if (r == &world.records[world.count - 1])
        close_everything();
    answer_number(a, "objects", live_buffers());
}

const struct op_row drm_ops[] = {
    { "get_cap", get_cap, false }, { "create_dumb", create_dumb, false }, { "map_dumb", map_dumb, false }, { "mmap_drm", mmap_node, false },
    { "gem_close", close_handle, false }, { "close_drm_client", close_client, false }, { "prime_fd_to_handle", import, false },
    { "prime_handle_to_fd", export, false }, { "reexport_accmode", accmode, false }, { "same_handle_on_reimport", same_handle, false },
    { "same_handle_via_dup", same_handle, false }, { "self_import_same_handle", same_handle, false },
    { "second_export_same_dmabuf", second_export, false }, { "reexport_is_same_dmabuf", reexported, false },
    { "vgem_fence_attach", attach_fence, false }, { "vgem_fence_signal", signal_fence, false }, { "vgem/live_buffers", count_buffers, false },
    { NULL, NULL, false },
};
