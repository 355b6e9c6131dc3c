/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds one of everything, says "held TOKEN HANDLE", and waits for its standard input to end, or to be killed. With a second argument, a
 * child holds the socket as well, until the standard input ends.
 */
#include <unistd.h>

#include "check.h"

static void wait_for_end(void)
{
    while (getchar() != EOF) {
        continue;
    }
}

/* Whoever listens to the parent must not wait for the child. */
static void leave_socket_to_child(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(freopen("/dev/null", "w", stdout) != NULL && freopen("/dev/null", "w", stderr) != NULL);
        wait_for_end();
        _exit(0);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 || argc == 3);
    struct coco_handle handle;
    struct coco_handle token;
    struct coco_buffer shared;
    struct coco_buffer private;
    struct coco_memory memory;
    struct coco_mapping mapping;
    uint64_t attachment = 0;
    char texts[2][33];
    struct coco *c = open_process(argv[1], "c held", &handle);
    CHECK(coco_alloc(c, "system_cc_shared", 1u << 20, COCO_RDWR, 0, &shared) == 0);
    CHECK(coco_mmap(c, shared.fd, COCO_PROT_OF_FD, COCO_MAP_SHARED, 0, 0, &memory) == 0);
    memcpy(memory.data, "from C", 7);
    CHECK(coco_alloc(c, "system", 65536, COCO_RDWR, 0, &private) == 0);
    CHECK(coco_register_device(c, "c-held", "drm", UINT64_MAX, 0, COCO_DEVICE_MEDIATED) == 0);
    CHECK(coco_attach(c, private.fd, "c-held", &attachment) == 0);
    CHECK(coco_map(c, attachment, COCO_TO_DEVICE, 0, &mapping) == 0);
    CHECK(mapping.bounced);
    CHECK(coco_export(c, shared.fd, NULL, 0, &token) == 0);
    if (argc == 3) {
        leave_socket_to_child();
    }
    coco_handle_text(&token, texts[0]);
    coco_handle_text(&handle, texts[1]);
    printf("held %s %s\n", texts[0], texts[1]);
    fflush(stdout);
    wait_for_end();
    free(mapping.segments);
    coco_close(c);
    return 0;
}
