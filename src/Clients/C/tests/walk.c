/* SPDX-License-Identifier: Apache-2.0 */
/* A shared buffer from its allocation to its end: CPU, device and the program itself see the same bytes. */
#include "check.h"

#define BYTES 65536u

struct revocations {
    int count;
    uint64_t last;
};

static void note(void *context, uint64_t backing_id)
{
    struct revocations *seen = context;
    seen->count++;
    seen->last = backing_id;
}

static void check_heaps(struct coco *c)
{
    struct coco_heap heaps[16];
    size_t count = 0;
    int found = 0;
    CHECK(coco_list_heaps(c, heaps, 16, &count) == 0);
    CHECK(count > 0 && count <= 16);
    for (size_t i = 0; i < count; i++) {
        found += strcmp(heaps[i].name, "system_cc_shared") == 0;
    }
    CHECK(found == 1);
    size_t same = 0;
    CHECK(coco_list_heaps(c, NULL, 0, &same) == 0 && same == count);
}

static void check_stat(struct coco *c, const struct coco_buffer *buffer)
{
    struct coco_stat stat;
    CHECK(coco_stat(c, buffer->fd, &stat) == 0);
    CHECK(stat.size == BYTES && stat.ino == buffer->ino && stat.shared && stat.host_visible && !stat.named && stat.attachments == 0);
    CHECK(strcmp(stat.exp_name, "system_cc_shared") == 0);
    CHECK(coco_set_name(c, buffer->fd, "frame") == 0);
    CHECK(coco_stat(c, buffer->fd, &stat) == 0);
    CHECK(stat.named && strcmp(stat.name, "frame") == 0);
}

/* The memory of a device's mapping that the guest let go of reads zeros, and the program is told. */
static void check_end(struct coco *c, uint64_t attachment, struct coco_mapping *mapping, int32_t fd)
{
    struct revocations seen = {0, 0};
    struct coco_mapping in_guest = *mapping;
    const char *kept = mapping->data;
    uint64_t id = mapping->backing_id;
    coco_on_revoked(c, note, &seen);
    in_guest.data = NULL;
    CHECK(memcmp(kept, "by the device", 13) == 0);
    CHECK(coco_unmap(c, attachment, &in_guest) == 0);
    CHECK(coco_detach(c, attachment) == 0);
    CHECK(seen.count == 0);
    CHECK(coco_release(c, fd) == 0);
    CHECK(coco_dispatch(c) == 0);
    CHECK(seen.count == 1 && seen.last == id);
    CHECK(kept[0] == 0 && kept[12] == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    struct coco *c = open_process(argv[1], "c walk", NULL);
    check_heaps(c);

    struct coco_buffer buffer;
    CHECK(coco_alloc(c, "system_cc_shared", BYTES - 5, COCO_RDWR | COCO_CLOEXEC, 0, &buffer) == 0);
    CHECK(buffer.fd >= 0 && buffer.size == BYTES && buffer.host_visible);
    check_stat(c, &buffer);

    struct coco_memory memory;
    CHECK(coco_mmap(c, buffer.fd, COCO_PROT_OF_FD, COCO_MAP_SHARED, 4096, 0, &memory) == 0);
    CHECK(memory.data != NULL && memory.length == BYTES - 4096 && !memory.read_only && memory.backing_id != 0);
    char text[32] = "";
    memcpy(memory.data, "by this program", 16);
    CHECK(coco_load(c, memory.address, text, 16) == 0);
    CHECK(strcmp(text, "by this program") == 0);
    CHECK(coco_store(c, memory.address, "by the guest", 13) == 0);
    CHECK(strcmp(memory.data, "by the guest") == 0);

    CHECK(coco_register_device(c, "nic", "rdma", UINT64_MAX, 0, 0) == 0);
    uint64_t attachment = 0;
    struct coco_mapping mapping;
    CHECK(coco_attach(c, buffer.fd, "nic", &attachment) == 0);
    CHECK(coco_map(c, attachment, COCO_BIDIRECTIONAL, 0, &mapping) == 0);
    CHECK(mapping.count >= 1 && !mapping.bounced && mapping.data != NULL && mapping.length == BYTES);
    CHECK(mapping.backing_id == memory.backing_id);
    CHECK(strcmp((const char *)mapping.data + 4096, "by the guest") == 0);
    CHECK(coco_sync(c, buffer.fd, COCO_SYNC_START | COCO_SYNC_RW) == 0);
    CHECK(coco_sync(c, buffer.fd, COCO_SYNC_END | COCO_SYNC_RW) == 0);
    CHECK(coco_dma_write(c, "nic", mapping.segments[0].dma_address, "by the device", 14) == 0);
    CHECK(coco_dma_read(c, "nic", mapping.segments[0].dma_address, text, 14) == 0);
    CHECK(strcmp(text, "by the device") == 0);

    CHECK(coco_munmap(c, &memory) == 0);
    check_end(c, attachment, &mapping, buffer.fd);
    CHECK(coco_unregister_device(c, "nic") == 0);
    coco_close(c);
    puts("walk: ok");
    return 0;
}
