/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of docs/protocol.md, "Control protocol". */
#ifndef COCO_WIRE_H
#define COCO_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_CONTROL_MAGIC 0x31434743u
#define WIRE_BROKER_MAGIC 0x31424743u
#define WIRE_VERSION 1u
#define WIRE_HEADER_BYTES 24u
#define WIRE_EVENT_BYTES 48u /* a frame of the broker */
#define WIRE_EVENT_ERROR 2u
#define WIRE_EVENT_REVOKED 3u
#define WIRE_DATA_BYTES 65536u
#define WIRE_MOST_SEGMENTS 65536u
#define WIRE_MOST_ANSWER (24u + 16u * WIRE_MOST_SEGMENTS)
#define WIRE_FAILURE_BYTES 400u

#define WIRE_FLAG_FD 1u
#define WIRE_FLAG_READ_ONLY 2u
#define WIRE_FLAG_BOUNCED 4u
#define WIRE_FLAG_SHARED 1u
#define WIRE_FLAG_HOST_VISIBLE 2u
#define WIRE_FLAG_NAMED 4u

enum wire_operation {
    WIRE_HELLO = 1,
    WIRE_OPEN_PROCESS = 2,
    WIRE_LIST_HEAPS = 3,
    WIRE_ALLOCATE_BUFFER = 4,
    WIRE_MMAP = 5,
    WIRE_MUNMAP = 6,
    WIRE_LOAD = 7,
    WIRE_STORE = 8,
    WIRE_SYNC_BUFFER = 9,
    WIRE_SET_BUFFER_NAME = 10,
    WIRE_STAT_BUFFER = 11,
    WIRE_EXPORT_BUFFER = 12,
    WIRE_IMPORT_BUFFER = 13,
    WIRE_RELEASE = 14,
    WIRE_REGISTER_DEVICE = 15,
    WIRE_UNREGISTER_DEVICE = 16,
    WIRE_ATTACH = 17,
    WIRE_DETACH = 18,
    WIRE_MAP_DMA_BUF = 19,
    WIRE_UNMAP_DMA_BUF = 20,
    WIRE_DMA_READ = 21,
    WIRE_DMA_WRITE = 22
};

/* A field of a body that is read or written, front to back. */
struct wire {
    uint8_t *at;
};

void coco_wire_put32(struct wire *w, uint32_t value);
void coco_wire_put64(struct wire *w, uint64_t value);
void coco_wire_put_bytes(struct wire *w, const void *bytes, size_t length);
/* COCO_NAME_BYTES, padded with zeros. text NULL is "". Returns -1 when it does not fit. */
int coco_wire_put_name(struct wire *w, const char *text);

uint32_t coco_wire_get32(struct wire *w);
uint64_t coco_wire_get64(struct wire *w);
void coco_wire_get_bytes(struct wire *w, void *bytes, size_t length);
/* A text field of that many bytes; target has room for one more. */
void coco_wire_get_text(struct wire *w, char *target, size_t length);

#endif
