/*
 * Two programs of one guest that pass a buffer. `pass_fd take PATH` listens on a Unix socket, gets a descriptor, reads what the other wrote,
 * writes an answer and waits until the other is gone. `pass_fd give PATH` allocates, writes, sends, closes its descriptor and waits for the answer
 * in memory that it only has mapped.
 */
#define _GNU_SOURCE
#include "walk.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum { TRIES = 1000, PAUSE_NS = 10 * 1000 * 1000 };

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return address;
}

/* The other program may not listen yet. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = address_of(path);
    struct timespec pause = { 0, PAUSE_NS };
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < TRIES; i++) {
        if (connect(peer, (struct sockaddr *)&address, sizeof(address)) == 0)
            return peer;
        nanosleep(&pause, NULL);
    }
    die("connect");
    return -1;
}

static int accept_at(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 1) != 0)
        die("listen");
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (peer < 0)
        die("accept");
    close(listener);
    return peer;
}

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int peer, int fd)
{
    union control control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
    struct iovec vector = { "f", 1 };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    if (sendmsg(peer, &message, 0) != 1)
        die("sendmsg");
}

static int receive_fd(int peer)
{
    union control control;
    char byte;
    int fd = -1;
    struct iovec vector = { &byte, 1 };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    if (recvmsg(peer, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
        die("recvmsg");
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
}

static int give(const char *path)
{
    int peer = connect_to(path), fd = allocate();
    unsigned char *bytes = map(fd);
    char byte;
    memcpy(bytes, "given", 6);
    send_fd(peer, fd);
    close(fd);
    if (read(peer, &byte, 1) != 1)
        die("answer");
    printf("give sees %s\n", (char *)bytes + BUFFER_BYTES / 2);
    return 0;
}

static int take(const char *path)
{
    int peer = accept_at(path), fd = receive_fd(peer);
    unsigned char *bytes = map(fd);
    char byte;
    close(fd);
    printf("take sees %s\n", (char *)bytes);
    memcpy(bytes + BUFFER_BYTES / 2, "taken", 6);
    if (write(peer, "t", 1) != 1)
        die("answer");
    if (read(peer, &byte, 1) != 0)
        die("end of the other program");
    printf("buffers with one mapping left: %d\n", live_buffers());
    munmap(bytes, BUFFER_BYTES);
    printf("buffers at the end: %d\n", live_buffers());
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 3)
        return 2;
    return strcmp(argv[1], "give") == 0 ? give(argv[2]) : take(argv[2]);
}
