/* SPDX-License-Identifier: Apache-2.0 */
/* Garbage on the socket harms only who sent it: a good connection beside it goes on, and new ones are let in. */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

#define ROUNDS 200

static uint32_t dice = 12345;

static uint32_t next(void)
{
    dice = dice * 1664525u + 1013904223u;
    return dice >> 8;
}

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* Bytes that look like a request up to a point that differs from round to round. */
static size_t make(uint8_t *bytes, size_t room, int round)
{
    size_t length = 1 + next() % room;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)next();
    }
    const uint8_t start[8] = {'C', 'G', (uint8_t)(round % 4 == 0 ? 'B' : 'C'), '1', 1, 0, (uint8_t)(next() % 24), 0};
    if (round % 3 != 0) {
        size_t valid = length < sizeof start ? length : sizeof start;
        memcpy(bytes, start, valid);
    }
    return length;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    struct coco *good = open_process(argv[1], "c beside", NULL);
    struct coco_buffer buffer;
    struct coco_memory memory;
    CHECK(coco_alloc(good, "system_cc_shared", 4096, COCO_RDWR, 0, &buffer) == 0);
    CHECK(coco_mmap(good, buffer.fd, COCO_PROT_OF_FD, COCO_MAP_SHARED, 0, 0, &memory) == 0);
    memcpy(memory.data, "unharmed", 9);
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t bytes[300];
        int fd = dial(argv[1]);
        size_t length = make(bytes, sizeof bytes, round);
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        CHECK(sent > 0 || errno == EPIPE);
        close(fd);
        char text[9] = "";
        CHECK(coco_load(good, memory.address, text, 9) == 0 && strcmp(text, "unharmed") == 0);
    }
    CHECK(strcmp(memory.data, "unharmed") == 0);
    coco_close(good);
    good = open_process(argv[1], "c after", NULL);
    coco_close(good);
    puts("hostile: ok");
    return 0;
}
