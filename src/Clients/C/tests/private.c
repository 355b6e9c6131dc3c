/* SPDX-License-Identifier: Apache-2.0 */
/* A private buffer: no memory for this program, loads and stores instead, and a device that sees a snapshot through bounce slots. */
#include "check.h"

#define LONG 200000u

static uint8_t out[LONG];
static uint8_t in[LONG];

static void check_long(struct coco *c)
{
    struct coco_buffer buffer;
    struct coco_memory memory;
    for (size_t i = 0; i < LONG; i++) {
        out[i] = (uint8_t)(i * 31 >> 3);
    }
    CHECK(coco_alloc(c, "system", LONG, COCO_RDWR, 0, &buffer) == 0);
    CHECK(!buffer.host_visible);
    CHECK(coco_mmap(c, buffer.fd, COCO_PROT_READ | COCO_PROT_WRITE, COCO_MAP_SHARED, 0, LONG, &memory) == 0);
    CHECK(memory.data == NULL && memory.backing_id == 0);
    CHECK(coco_store(c, memory.address, out, LONG) == 0);
    CHECK(coco_load(c, memory.address, in, LONG) == 0);
    CHECK(memcmp(in, out, LONG) == 0);
    CHECK(coco_munmap(c, &memory) == 0);
    CHECK(coco_release(c, buffer.fd) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    struct coco *c = open_process(argv[1], "c private", NULL);
    check_long(c);

    struct coco_buffer buffer;
    struct coco_memory memory;
    struct coco_mapping mapping;
    uint64_t attachment = 0;
    char text[16] = "";
    CHECK(coco_alloc(c, "system", 65536, COCO_RDWR, 0, &buffer) == 0);
    CHECK(coco_mmap(c, buffer.fd, COCO_PROT_OF_FD, COCO_MAP_SHARED, 0, 0, &memory) == 0);
    CHECK(coco_store(c, memory.address, "before", 7) == 0);
    CHECK(coco_attach(c, buffer.fd, NULL, &attachment) == 0);
    CHECK(coco_map(c, attachment, COCO_BIDIRECTIONAL, 0, &mapping) == 0);
    CHECK(mapping.bounced && mapping.data == NULL && mapping.count >= 1);

    CHECK(coco_store(c, memory.address, "after ", 7) == 0);
    CHECK(coco_dma_read(c, "", mapping.segments[0].dma_address, text, 7) == 0 && strcmp(text, "before") == 0);
    CHECK(coco_sync(c, buffer.fd, COCO_SYNC_END | COCO_SYNC_WRITE) == 0);
    CHECK(coco_dma_read(c, "", mapping.segments[0].dma_address, text, 7) == 0 && strcmp(text, "after ") == 0);

    CHECK(coco_dma_write(c, "emu0", mapping.segments[0].dma_address, "device", 7) == 0);
    CHECK(coco_load(c, memory.address, text, 7) == 0 && strcmp(text, "after ") == 0);
    CHECK(coco_sync(c, buffer.fd, COCO_SYNC_START | COCO_SYNC_READ) == 0);
    CHECK(coco_load(c, memory.address, text, 7) == 0 && strcmp(text, "device") == 0);

    CHECK(coco_unmap(c, attachment, &mapping) == 0 && mapping.segments == NULL);
    CHECK(coco_detach(c, attachment) == 0);
    coco_close(c);
    puts("private: ok");
    return 0;
}
