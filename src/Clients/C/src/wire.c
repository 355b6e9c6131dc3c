/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

#include "cocoguest.h"

void coco_wire_put32(struct wire *w, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        *w->at++ = (uint8_t)(value >> (8 * i));
    }
}

void coco_wire_put64(struct wire *w, uint64_t value)
{
    coco_wire_put32(w, (uint32_t)value);
    coco_wire_put32(w, (uint32_t)(value >> 32));
}

void coco_wire_put_bytes(struct wire *w, const void *bytes, size_t length)
{
    memcpy(w->at, bytes, length);
    w->at += length;
}

int coco_wire_put_name(struct wire *w, const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text);
    int fits = length <= COCO_NAME_BYTES;
    memset(w->at, 0, COCO_NAME_BYTES);
    if (fits && length > 0) {
        memcpy(w->at, text, length);
    }
    w->at += COCO_NAME_BYTES;
    return fits ? 0 : -1;
}

uint32_t coco_wire_get32(struct wire *w)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        value |= (uint32_t)*w->at++ << (8 * i);
    }
    return value;
}

uint64_t coco_wire_get64(struct wire *w)
{
    uint64_t low = coco_wire_get32(w);
    return low | (uint64_t)coco_wire_get32(w) << 32;
}

void coco_wire_get_bytes(struct wire *w, void *bytes, size_t length)
{
    memcpy(bytes, w->at, length);
    w->at += length;
}

void coco_wire_get_text(struct wire *w, char *target, size_t length)
{
    memcpy(target, w->at, length);
    target[length] = '\0';
    w->at += length;
}
