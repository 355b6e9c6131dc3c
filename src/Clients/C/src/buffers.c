/* SPDX-License-Identifier: Apache-2.0 */
/* The process, its heaps, buffers and memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "connection.h"
#include "map.h"

#define HEAP_BYTES 80u
#define STAT_BYTES 168u

int coco_open_process(struct coco *c, const char *guest, const char *name, struct coco_handle *handle)
{
    struct call call;
    coco_call_init(&call, WIRE_OPEN_PROCESS);
    coco_call_put_name(&call, guest);
    coco_call_put_name(&call, name);
    if (coco_call_run(c, &call, 24, 0) < 0) {
        return -1;
    }
    if (handle != NULL) {
        coco_wire_get_bytes(&call.from, handle->bytes, sizeof handle->bytes);
    }
    return 0;
}

int coco_list_heaps(struct coco *c, struct coco_heap *heaps, size_t room, size_t *count)
{
    struct call call;
    coco_call_init(&call, WIRE_LIST_HEAPS);
    if (coco_call_run(c, &call, 8, 1) < 0) {
        return -1;
    }
    *count = coco_wire_get32(&call.from);
    call.from.at += 4;
    if (call.length != 8 + *count * HEAP_BYTES) {
        c->dead = 1;
        return coco_error_local(ECONNRESET, "list_heaps", "read answer", "The answer has another length than its heaps.");
    }
    for (size_t i = 0; i < *count && i < room; i++) {
        coco_wire_get_text(&call.from, heaps[i].name, COCO_NAME_BYTES);
        heaps[i].valid_heap_flags = coco_wire_get64(&call.from);
        heaps[i].minor = coco_wire_get32(&call.from);
        call.from.at += 4;
    }
    return 0;
}

static int read_buffer(struct coco *c, struct call *call, struct coco_buffer *buffer)
{
    if (coco_call_run(c, call, 24, 0) < 0) {
        return -1;
    }
    buffer->fd = (int32_t)coco_wire_get32(&call->from);
    buffer->host_visible = (coco_wire_get32(&call->from) & WIRE_FLAG_HOST_VISIBLE) != 0;
    buffer->size = coco_wire_get64(&call->from);
    buffer->ino = coco_wire_get64(&call->from);
    return 0;
}

int coco_alloc(struct coco *c, const char *heap, uint64_t len, uint32_t fd_flags, uint64_t heap_flags, struct coco_buffer *buffer)
{
    struct call call;
    coco_call_init(&call, WIRE_ALLOCATE_BUFFER);
    coco_call_put_name(&call, heap);
    coco_wire_put64(&call.to, len);
    coco_wire_put64(&call.to, heap_flags);
    coco_wire_put32(&call.to, fd_flags);
    coco_wire_put32(&call.to, 0);
    return read_buffer(c, &call, buffer);
}

int coco_release(struct coco *c, int32_t fd)
{
    struct call call;
    coco_call_init(&call, WIRE_RELEASE);
    coco_call_put_fd(&call, fd);
    return coco_call_run(c, &call, 0, 0);
}

int coco_map_fd(int *fd, uint64_t offset, uint64_t length, int prot, void **data)
{
    *data = NULL;
    if (*fd < 0) {
        return 0;
    }
    void *mapped = mmap(NULL, (size_t)length, prot, MAP_SHARED, *fd, (off_t)offset);
    int number = errno;
    close(*fd);
    *fd = -1;
    if (mapped == MAP_FAILED) {
        return coco_error_local(number, "mmap", "map here", "The memory does not fit into this program.");
    }
    *data = mapped;
    return 0;
}

static int unmap_in_guest(struct coco *c, uint64_t address)
{
    struct call call;
    coco_call_init(&call, WIRE_MUNMAP);
    coco_wire_put64(&call.to, address);
    return coco_call_run(c, &call, 0, 0);
}

/* What the guest may do, this program may do: no more, so that a write through a read-only mapping faults here as well. */
static int local_prot(uint32_t prot, int read_only)
{
    int local = prot == COCO_PROT_OF_FD ? PROT_READ | PROT_WRITE
                                        : ((prot & COCO_PROT_READ) != 0 ? PROT_READ : 0) | ((prot & COCO_PROT_WRITE) != 0 ? PROT_WRITE : 0);
    return read_only ? local & ~PROT_WRITE : local;
}

int coco_mmap(struct coco *c, int32_t fd, uint32_t prot, uint32_t flags, uint64_t offset, uint64_t length, struct coco_memory *memory)
{
    struct call call;
    coco_call_init(&call, WIRE_MMAP);
    coco_wire_put32(&call.to, (uint32_t)fd);
    coco_wire_put32(&call.to, prot);
    coco_wire_put32(&call.to, flags);
    coco_wire_put32(&call.to, 0);
    coco_wire_put64(&call.to, offset);
    coco_wire_put64(&call.to, length);
    if (coco_call_run(c, &call, 48, 0) < 0) {
        return -1;
    }
    memory->address = coco_wire_get64(&call.from);
    memory->length = coco_wire_get64(&call.from);
    uint64_t start = coco_wire_get64(&call.from);
    memory->backing_id = coco_wire_get64(&call.from);
    call.from.at += 8;
    memory->read_only = (coco_wire_get32(&call.from) & WIRE_FLAG_READ_ONLY) != 0;
    if (coco_map_fd(&call.fd, start, memory->length, local_prot(prot, memory->read_only), &memory->data) < 0) {
        struct coco_error kept = *coco_last_error_parts();
        (void)unmap_in_guest(c, memory->address);
        return coco_error_local(kept.number, kept.operation, kept.step, kept.sentence);
    }
    return 0;
}

int coco_munmap(struct coco *c, struct coco_memory *memory)
{
    if (memory->data != NULL) {
        munmap(memory->data, (size_t)memory->length);
        memory->data = NULL;
    }
    return unmap_in_guest(c, memory->address);
}

int coco_load(struct coco *c, uint64_t address, void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        size_t part = length - done < WIRE_DATA_BYTES ? length - done : WIRE_DATA_BYTES;
        struct call call;
        coco_call_init(&call, WIRE_LOAD);
        coco_wire_put64(&call.to, address + done);
        coco_wire_put64(&call.to, part);
        if (coco_call_run(c, &call, part, 0) < 0) {
            return -1;
        }
        coco_wire_get_bytes(&call.from, (uint8_t *)data + done, part);
        done += part;
    }
    return 0;
}

int coco_store(struct coco *c, uint64_t address, const void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        struct call call;
        coco_call_init(&call, WIRE_STORE);
        coco_wire_put64(&call.to, address + done);
        call.data = (const uint8_t *)data + done;
        call.data_length = length - done < WIRE_DATA_BYTES ? length - done : WIRE_DATA_BYTES;
        if (coco_call_run(c, &call, 0, 0) < 0) {
            return -1;
        }
        done += call.data_length;
    }
    return 0;
}

int coco_sync(struct coco *c, int32_t fd, uint64_t flags)
{
    struct call call;
    coco_call_init(&call, WIRE_SYNC_BUFFER);
    coco_call_put_fd(&call, fd);
    coco_wire_put64(&call.to, flags);
    return coco_call_run(c, &call, 16, 0);
}

int coco_set_name(struct coco *c, int32_t fd, const char *name)
{
    struct call call;
    coco_call_init(&call, WIRE_SET_BUFFER_NAME);
    coco_call_put_fd(&call, fd);
    coco_call_put_name(&call, name);
    return coco_call_run(c, &call, 0, 0);
}

int coco_stat(struct coco *c, int32_t fd, struct coco_stat *stat)
{
    struct call call;
    coco_call_init(&call, WIRE_STAT_BUFFER);
    coco_call_put_fd(&call, fd);
    if (coco_call_run(c, &call, STAT_BYTES, 0) < 0) {
        return -1;
    }
    stat->size = coco_wire_get64(&call.from);
    stat->ino = coco_wire_get64(&call.from);
    stat->count = coco_wire_get64(&call.from);
    uint32_t flags = coco_wire_get32(&call.from);
    stat->shared = (flags & WIRE_FLAG_SHARED) != 0;
    stat->host_visible = (flags & WIRE_FLAG_HOST_VISIBLE) != 0;
    stat->named = (flags & WIRE_FLAG_NAMED) != 0;
    stat->chunks = coco_wire_get32(&call.from);
    stat->attachments = coco_wire_get32(&call.from);
    call.from.at += 4;
    coco_wire_get_text(&call.from, stat->exp_name, COCO_NAME_BYTES);
    coco_wire_get_text(&call.from, stat->name, COCO_NAME_BYTES);
    return 0;
}

int coco_export(struct coco *c, int32_t fd, const struct coco_handle *to, uint64_t expires_after_ns, struct coco_handle *token)
{
    static const struct coco_handle anybody;
    struct call call;
    coco_call_init(&call, WIRE_EXPORT_BUFFER);
    coco_call_put_fd(&call, fd);
    coco_wire_put_bytes(&call.to, (to == NULL ? &anybody : to)->bytes, sizeof anybody.bytes);
    coco_wire_put64(&call.to, expires_after_ns);
    if (coco_call_run(c, &call, sizeof token->bytes, 0) < 0) {
        return -1;
    }
    coco_wire_get_bytes(&call.from, token->bytes, sizeof token->bytes);
    return 0;
}

int coco_import(struct coco *c, const struct coco_handle *token, struct coco_buffer *buffer)
{
    struct call call;
    coco_call_init(&call, WIRE_IMPORT_BUFFER);
    coco_wire_put_bytes(&call.to, token->bytes, sizeof token->bytes);
    return read_buffer(c, &call, buffer);
}

void coco_handle_text(const struct coco_handle *handle, char text[33])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof handle->bytes; i++) {
        text[2 * i] = digits[handle->bytes[i] >> 4];
        text[2 * i + 1] = digits[handle->bytes[i] & 15];
    }
    text[32] = '\0';
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int coco_handle_parse(const char *text, struct coco_handle *handle)
{
    for (size_t i = 0; i < sizeof handle->bytes; i++) {
        int high = digit(text[2 * i]);
        int low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0) {
            return coco_error_local(EINVAL, "parse handle", "read digits", "A handle or token has 32 hex digits.");
        }
        handle->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return text[32] == '\0' ? 0 : coco_error_local(EINVAL, "parse handle", "read digits", "A handle or token has 32 hex digits.");
}
