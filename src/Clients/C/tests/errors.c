/* SPDX-License-Identifier: Apache-2.0 */
/* Refused calls: errno, step and field, and a connection that goes on. */
#include "check.h"

static void check_process(const char *path)
{
    struct coco_buffer buffer;
    struct coco *c = coco_connect(path);
    CHECK(c != NULL);
    REFUSED(EBADFD, coco_alloc(c, "system", 4096, COCO_RDWR, 0, &buffer));
    REFUSED(ENOENT, coco_open_process(c, "nowhere", "c errors", NULL));
    CHECK(strcmp(coco_last_error_parts()->field, "guest") == 0);
    CHECK(coco_open_process(c, "default", "c errors", NULL) == 0);
    REFUSED(EBUSY, coco_open_process(c, "default", "c errors", NULL));
    CHECK(coco_alloc(c, "system", 4096, COCO_RDWR, 0, &buffer) == 0);
    coco_close(c);
}

/* A private chunk of 1 MiB is more than swiotlb finds slots for in one piece. */
static void check_bounce(struct coco *c)
{
    struct coco_buffer buffer;
    struct coco_mapping mapping;
    uint64_t attachment = 0;
    CHECK(coco_alloc(c, "system", 1u << 20, COCO_RDWR, 0, &buffer) == 0);
    CHECK(coco_attach(c, buffer.fd, NULL, &attachment) == 0);
    REFUSED(EIO, coco_map(c, attachment, COCO_TO_DEVICE, 0, &mapping));
    CHECK(mapping.segments == NULL && coco_last_error_parts()->step[0] != '\0' && strstr(coco_last_error(), "errno 5") != NULL);
    CHECK(coco_detach(c, attachment) == 0);
    CHECK(coco_release(c, buffer.fd) == 0);
}

static void check_fields(struct coco *c)
{
    struct coco_buffer buffer;
    struct coco_mapping mapping;
    struct coco_memory memory;
    struct coco_stat stat;
    uint64_t attachment = 0;
    REFUSED(EBADF, coco_stat(c, 99, &stat));
    CHECK(strcmp(coco_last_error_parts()->step, "look up fd") == 0);
    REFUSED(ENOENT, coco_alloc(c, "no_such_heap", 4096, COCO_RDWR, 0, &buffer));
    REFUSED(EINVAL, coco_alloc(c, "system_cc_shared", 4096, COCO_RDWR, 0x80, &buffer));
    CHECK(strcmp(coco_last_error_parts()->field, "heap_flags") == 0);
    CHECK(coco_alloc(c, "system_cc_shared", 4096, COCO_RDONLY, 0, &buffer) == 0);
    REFUSED(EACCES, coco_mmap(c, buffer.fd, COCO_PROT_READ | COCO_PROT_WRITE, COCO_MAP_SHARED, 0, 0, &memory));
    CHECK(coco_mmap(c, buffer.fd, COCO_PROT_OF_FD, COCO_MAP_SHARED, 0, 0, &memory) == 0);
    CHECK(memory.read_only && memory.data != NULL && *(const char *)memory.data == 0);
    REFUSED(ENODEV, coco_attach(c, buffer.fd, "no_such_device", &attachment));
    CHECK(coco_attach(c, buffer.fd, NULL, &attachment) == 0);
    REFUSED(EINVAL, coco_map(c, attachment, (enum coco_direction)7, 0, &mapping));
    CHECK(coco_map(c, attachment, COCO_FROM_DEVICE, 0, &mapping) == 0);
    REFUSED(EBUSY, coco_detach(c, attachment));
    CHECK(strcmp(coco_last_error_parts()->field, "attachment") == 0);
    CHECK(coco_unmap(c, attachment, &mapping) == 0);
    CHECK(coco_munmap(c, &memory) == 0);
    REFUSED(EINVAL, coco_sync(c, buffer.fd, 0));
}

static void check_this_side(struct coco *c)
{
    struct coco_handle token;
    struct coco_buffer buffer;
    char name[66];
    memset(name, 'x', 65);
    name[65] = '\0';
    REFUSED(EINVAL, coco_alloc(c, name, 4096, COCO_RDWR, 0, &buffer));
    REFUSED(EINVAL, coco_handle_parse("00112233445566778899aabbccddee", &token));
    REFUSED(EINVAL, coco_handle_parse("00112233445566778899aabbccddeeff0", &token));
    CHECK(coco_handle_parse("00112233445566778899AABBccddeeff", &token) == 0);
    char text[33];
    coco_handle_text(&token, text);
    CHECK(strcmp(text, "00112233445566778899aabbccddeeff") == 0);
    REFUSED(ENOENT, coco_import(c, &token, &buffer));
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    errno = 0;
    CHECK(coco_connect("/nowhere/broker.sock") == NULL && errno == ENOENT);
    check_process(argv[1]);
    struct coco *c = open_process(argv[1], "c errors", NULL);
    check_bounce(c);
    check_fields(c);
    check_this_side(c);
    struct coco_buffer last;
    CHECK(coco_alloc(c, "system", 4096, COCO_RDWR, 0, &last) == 0);
    coco_close(c);
    puts("errors: ok");
    return 0;
}
