/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, attachments, DMA. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "connection.h"
#include "map.h"

int coco_register_device(struct coco *c, const char *name, const char *kind, uint64_t dma_mask, uint64_t min_align_mask, uint32_t flags)
{
    struct call call;
    coco_call_init(&call, WIRE_REGISTER_DEVICE);
    coco_call_put_name(&call, name);
    coco_call_put_name(&call, kind);
    coco_wire_put64(&call.to, dma_mask);
    coco_wire_put64(&call.to, min_align_mask);
    coco_wire_put32(&call.to, flags);
    coco_wire_put32(&call.to, 0);
    return coco_call_run(c, &call, 0, 0);
}

int coco_unregister_device(struct coco *c, const char *name)
{
    struct call call;
    coco_call_init(&call, WIRE_UNREGISTER_DEVICE);
    coco_call_put_name(&call, name);
    return coco_call_run(c, &call, 0, 0);
}

int coco_attach(struct coco *c, int32_t fd, const char *device, uint64_t *attachment)
{
    struct call call;
    coco_call_init(&call, WIRE_ATTACH);
    coco_call_put_fd(&call, fd);
    coco_call_put_name(&call, device);
    if (coco_call_run(c, &call, 16, 0) < 0) {
        return -1;
    }
    *attachment = coco_wire_get64(&call.from);
    return 0;
}

/* The calls that take an attachment and answer nothing. */
static int run_on(struct coco *c, enum wire_operation operation, uint64_t attachment)
{
    struct call call;
    coco_call_init(&call, operation);
    coco_wire_put64(&call.to, attachment);
    return coco_call_run(c, &call, 0, 0);
}

int coco_detach(struct coco *c, uint64_t attachment)
{
    return run_on(c, WIRE_DETACH, attachment);
}

static int read_segments(struct call *call, struct coco_mapping *mapping)
{
    mapping->segments = malloc(mapping->count == 0 ? 1 : mapping->count * sizeof *mapping->segments);
    if (mapping->segments == NULL) {
        return coco_error_local(ENOMEM, "dma_buf_map_attachment", "allocate", "No memory for the segments.");
    }
    for (size_t i = 0; i < mapping->count; i++) {
        mapping->segments[i].dma_address = coco_wire_get64(&call->from);
        mapping->segments[i].length = coco_wire_get64(&call->from);
    }
    return 0;
}

/* Takes back a map that this side could not finish, and keeps the reason. */
static int give_up(struct coco *c, struct call *call, uint64_t attachment, struct coco_mapping *mapping)
{
    struct coco_error kept = *coco_last_error_parts();
    if (call->fd >= 0) {
        close(call->fd);
    }
    free(mapping->segments);
    memset(mapping, 0, sizeof *mapping);
    (void)run_on(c, WIRE_UNMAP_DMA_BUF, attachment);
    return coco_error_local(kept.number, kept.operation, kept.step, kept.sentence);
}

int coco_map(struct coco *c, uint64_t attachment, enum coco_direction direction, uint32_t cpu, struct coco_mapping *mapping)
{
    struct call call;
    memset(mapping, 0, sizeof *mapping);
    coco_call_init(&call, WIRE_MAP_DMA_BUF);
    coco_wire_put64(&call.to, attachment);
    coco_wire_put32(&call.to, (uint32_t)direction);
    coco_wire_put32(&call.to, cpu);
    if (coco_call_run(c, &call, 24, 1) < 0) {
        return -1;
    }
    mapping->backing_id = coco_wire_get64(&call.from);
    mapping->length = coco_wire_get64(&call.from);
    uint32_t flags = coco_wire_get32(&call.from);
    mapping->count = coco_wire_get32(&call.from);
    mapping->bounced = (flags & WIRE_FLAG_BOUNCED) != 0;
    mapping->read_only = (flags & WIRE_FLAG_READ_ONLY) != 0;
    int prot = mapping->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    if (call.length != 24 + mapping->count * 16) {
        c->dead = 1;
        (void)coco_error_local(ECONNRESET, "dma_buf_map_attachment", "read answer", "The answer has another length than its segments.");
        return give_up(c, &call, attachment, mapping);
    }
    if (read_segments(&call, mapping) < 0 || coco_map_fd(&call.fd, 0, mapping->length, prot, &mapping->data) < 0) {
        return give_up(c, &call, attachment, mapping);
    }
    return 0;
}

int coco_unmap(struct coco *c, uint64_t attachment, struct coco_mapping *mapping)
{
    if (mapping->data != NULL) {
        munmap(mapping->data, (size_t)mapping->length);
    }
    free(mapping->segments);
    memset(mapping, 0, sizeof *mapping);
    return run_on(c, WIRE_UNMAP_DMA_BUF, attachment);
}

int coco_dma_read(struct coco *c, const char *device, uint64_t dma_address, void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        size_t part = length - done < WIRE_DATA_BYTES ? length - done : WIRE_DATA_BYTES;
        struct call call;
        coco_call_init(&call, WIRE_DMA_READ);
        coco_call_put_name(&call, device);
        coco_wire_put64(&call.to, dma_address + done);
        coco_wire_put64(&call.to, part);
        if (coco_call_run(c, &call, part, 0) < 0) {
            return -1;
        }
        coco_wire_get_bytes(&call.from, (uint8_t *)data + done, part);
        done += part;
    }
    return 0;
}

int coco_dma_write(struct coco *c, const char *device, uint64_t dma_address, const void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        struct call call;
        coco_call_init(&call, WIRE_DMA_WRITE);
        coco_call_put_name(&call, device);
        coco_wire_put64(&call.to, dma_address + done);
        call.data = (const uint8_t *)data + done;
        call.data_length = length - done < WIRE_DATA_BYTES ? length - done : WIRE_DATA_BYTES;
        if (coco_call_run(c, &call, 0, 0) < 0) {
            return -1;
        }
        done += call.data_length;
    }
    return 0;
}
