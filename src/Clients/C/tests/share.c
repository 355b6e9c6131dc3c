/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers that programs share. Without a second argument: between two connections. With a share token, that a gRPC client made: imports it,
 * finds "from gRPC" and leaves "from C".
 */
#include "check.h"

static void import(const char *path, const char *text)
{
    struct coco_handle token;
    struct coco_buffer buffer;
    struct coco_memory memory;
    struct coco *c = open_process(path, "c share", NULL);
    CHECK(coco_handle_parse(text, &token) == 0);
    CHECK(coco_import(c, &token, &buffer) == 0);
    CHECK(coco_mmap(c, buffer.fd, COCO_PROT_OF_FD, COCO_MAP_SHARED, 0, 0, &memory) == 0);
    CHECK(memory.data != NULL && strcmp(memory.data, "from gRPC") == 0);
    memcpy(memory.data, "from C", 7);
    REFUSED(ENOENT, coco_import(c, &token, &buffer));
    coco_close(c);
}

static void between(const char *path)
{
    struct coco_handle receiver;
    struct coco_handle token;
    struct coco_buffer given;
    struct coco_buffer got;
    struct coco_memory writer;
    struct coco_memory reader;
    struct coco *from = open_process(path, "c giver", NULL);
    struct coco *stranger = open_process(path, "c stranger", NULL);
    struct coco *to = open_process(path, "c taker", &receiver);
    CHECK(coco_alloc(from, "system_cc_shared", 8192, COCO_RDWR, 0, &given) == 0);
    CHECK(coco_mmap(from, given.fd, COCO_PROT_OF_FD, COCO_MAP_SHARED, 0, 0, &writer) == 0);
    CHECK(coco_export(from, given.fd, &receiver, 0, &token) == 0);
    CHECK(coco_import(stranger, &token, &got) == -1);
    CHECK(coco_import(to, &token, &got) == 0);
    CHECK(got.ino == given.ino && got.size == given.size);
    CHECK(coco_mmap(to, got.fd, COCO_PROT_READ, COCO_MAP_SHARED, 0, 0, &reader) == 0);
    CHECK(reader.backing_id == writer.backing_id);
    memcpy(writer.data, "across", 7);
    CHECK(strcmp(reader.data, "across") == 0);

    /* The giver's end takes nothing from the taker. */
    coco_close(from);
    char text[7] = "";
    CHECK(coco_load(to, reader.address, text, 7) == 0 && strcmp(text, "across") == 0);
    coco_close(stranger);
    coco_close(to);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 || argc == 3);
    if (argc == 3) {
        import(argv[1], argv[2]);
    } else {
        between(argv[1]);
    }
    puts("share: ok");
    return 0;
}
