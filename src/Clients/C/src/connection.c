/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, and the frames on the socket. */
#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static int die(struct coco *c, const char *step, const char *sentence)
{
    c->dead = 1;
    return coco_error_local(ECONNRESET, "control", step, sentence);
}

/* Reads bytes; at most one fd comes with them. wait 0: gives up when there is not a single byte yet. Returns 1, 0 (nothing there) or -1. */
static int receive(struct coco *c, uint8_t *target, size_t length, int *fd, int wait)
{
    size_t filled = 0;
    while (filled < length) {
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec vector = {.iov_base = target + filled, .iov_len = length - filled};
        struct msghdr message = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        int flags = MSG_CMSG_CLOEXEC | (wait || filled > 0 ? 0 : MSG_DONTWAIT);
        ssize_t count = recvmsg(c->socket, &message, flags);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && !wait && filled == 0) {
            return 0;
        }
        if (count <= 0) {
            return die(c, "receive", "The server hung up.");
        }
        for (struct cmsghdr *rights = CMSG_FIRSTHDR(&message); rights != NULL; rights = CMSG_NXTHDR(&message, rights)) {
            if (rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(sizeof(int))) {
                if (*fd >= 0) {
                    close(*fd);
                }
                memcpy(fd, CMSG_DATA(rights), sizeof(int));
            }
        }
        filled += (size_t)count;
    }
    return 1;
}

static int send_all(struct coco *c, struct iovec *vectors, size_t count)
{
    while (count > 0) {
        struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
        ssize_t sent = sendmsg(c->socket, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return die(c, "send", "The server hung up.");
        }
        size_t left = (size_t)sent;
        while (count > 0 && left >= vectors->iov_len) {
            left -= vectors->iov_len;
            vectors++;
            count--;
        }
        if (count > 0) {
            vectors->iov_base = (uint8_t *)vectors->iov_base + left;
            vectors->iov_len -= left;
        }
    }
    return 0;
}

/* A frame of the broker: memory was taken back, or the server turns us away. */
static int read_event(struct coco *c, uint8_t *frame, int *fd)
{
    if (receive(c, frame + WIRE_HEADER_BYTES, WIRE_EVENT_BYTES - WIRE_HEADER_BYTES, fd, 1) < 0) {
        return -1;
    }
    struct wire w = {frame + 4};
    uint32_t kind = coco_wire_get32(&w);
    uint32_t number = coco_wire_get32(&w);
    w.at += 4;
    uint64_t backing_id = coco_wire_get64(&w);
    if (kind == WIRE_EVENT_ERROR) {
        c->dead = 1;
        return coco_error_local((int)number, "connect", "enter", "The server turned the connection away: it has too many.");
    }
    if (kind == WIRE_EVENT_REVOKED && c->revoked != NULL) {
        c->revoked(c->context, backing_id);
    }
    return 1;
}

/* Reads the next header. Returns 1 for an answer (header is filled), 2 for news, 0 for nothing there, -1. */
static int read_frame(struct coco *c, uint8_t *header, int *fd, int wait)
{
    uint8_t frame[WIRE_EVENT_BYTES];
    int got = receive(c, frame, WIRE_HEADER_BYTES, fd, wait);
    if (got <= 0) {
        return got;
    }
    struct wire w = {frame};
    uint32_t magic = coco_wire_get32(&w);
    if (magic == WIRE_BROKER_MAGIC) {
        return read_event(c, frame, fd) < 0 ? -1 : 2;
    }
    if (magic != WIRE_CONTROL_MAGIC) {
        return die(c, "read header", "The server does not speak this protocol.");
    }
    memcpy(header, frame, WIRE_HEADER_BYTES);
    return 1;
}

static int read_body(struct coco *c, size_t length, int *fd)
{
    if (length > WIRE_MOST_ANSWER) {
        return die(c, "read header", "The answer is longer than any answer.");
    }
    if (length > c->capacity) {
        uint8_t *more = realloc(c->answer, length);
        if (more == NULL) {
            c->dead = 1;
            return coco_error_local(ENOMEM, "control", "receive", "No memory for the answer.");
        }
        c->answer = more;
        c->capacity = length;
    }
    return receive(c, c->answer, length, fd, 1);
}

void coco_call_init(struct call *call, enum wire_operation operation)
{
    memset(call, 0, sizeof *call);
    call->operation = operation;
    call->to.at = call->body;
    call->fd = -1;
}

void coco_call_put_name(struct call *call, const char *text)
{
    call->bad_name |= coco_wire_put_name(&call->to, text);
}

void coco_call_put_fd(struct call *call, int32_t fd)
{
    coco_wire_put32(&call->to, (uint32_t)fd);
    coco_wire_put32(&call->to, 0);
}

static int send_call(struct coco *c, struct call *call)
{
    uint8_t header[WIRE_HEADER_BYTES];
    struct wire w = {header};
    size_t fixed = (size_t)(call->to.at - call->body);
    coco_wire_put32(&w, WIRE_CONTROL_MAGIC);
    coco_wire_put32(&w, WIRE_VERSION | (uint32_t)call->operation << 16);
    coco_wire_put32(&w, (uint32_t)(fixed + call->data_length));
    coco_wire_put32(&w, 0);
    coco_wire_put64(&w, ++c->last_id);
    struct iovec vectors[3] = {
        {.iov_base = header, .iov_len = sizeof header},
        {.iov_base = call->body, .iov_len = fixed},
        /* sendmsg does not write through it. */
        {.iov_base = (void *)(uintptr_t)call->data, .iov_len = call->data_length},
    };
    return send_all(c, vectors, call->data_length > 0 ? 3 : 2);
}

/* The server hung up while we wrote. What it said before, perhaps why, is there to be read. */
static void read_last_words(struct coco *c, int *fd)
{
    uint8_t header[WIRE_HEADER_BYTES];
    int got;
    do {
        got = read_frame(c, header, fd, 0);
    } while (got == 2);
}

static int read_answer(struct coco *c, struct call *call, size_t least, int more)
{
    uint8_t header[WIRE_HEADER_BYTES];
    int got;
    do {
        got = read_frame(c, header, &call->fd, 1);
    } while (got == 2);
    if (got < 0) {
        return -1;
    }
    struct wire w = {header + 4};
    uint32_t start = coco_wire_get32(&w);
    call->length = coco_wire_get32(&w);
    uint32_t number = coco_wire_get32(&w);
    uint64_t id = coco_wire_get64(&w);
    if (start != (WIRE_VERSION | (uint32_t)call->operation << 16) || id != c->last_id) {
        return die(c, "read header", "The answer belongs to another request.");
    }
    if (read_body(c, call->length, &call->fd) < 0) {
        return -1;
    }
    call->from.at = c->answer;
    if (number != 0 && call->length == WIRE_FAILURE_BYTES) {
        return coco_error_remote((int)number, &call->from);
    }
    if (number != 0 || call->length < least || (!more && call->length != least)) {
        return die(c, "read answer", "The answer has not the length that it should have.");
    }
    return 0;
}

int coco_call_run(struct coco *c, struct call *call, size_t least, int more)
{
    if (call->bad_name) {
        return coco_error_local(EINVAL, "control", "write name", "A name is longer than 64 bytes.");
    }
    if (c->dead) {
        return coco_error_local(ECONNRESET, "control", "check connection", "The connection ended before.");
    }
    int sent = send_call(c, call);
    if (sent < 0) {
        read_last_words(c, &call->fd);
    }
    if (sent < 0 || read_answer(c, call, least, more) < 0) {
        if (call->fd >= 0) {
            close(call->fd);
            call->fd = -1;
        }
        return -1;
    }
    return 0;
}

/* The next frame without an answer: 1 news, 0 nothing there, -1. */
static int read_news(struct coco *c)
{
    uint8_t header[WIRE_HEADER_BYTES];
    int fd = -1;
    if (c->dead) {
        return coco_error_local(ECONNRESET, "control", "check connection", "The connection ended before.");
    }
    int got = read_frame(c, header, &fd, 0);
    if (fd >= 0) {
        close(fd);
    }
    return got == 1 ? die(c, "read header", "There is an answer to no request.") : got;
}

/* The broker's socket beside the one that COCOGUEST_SOCKET names for everybody else, if it is there: a server that was told of that path
 * alone keeps the broker's in its runtime folder. */
static int beside_socket(char *path, size_t room)
{
    const char *named = getenv("COCOGUEST_SOCKET");
    if (named == NULL || named[0] == '\0') {
        return -1;
    }
    if (strncmp(named, "unix:", 5) == 0) {
        named += 5;
    }
    const char *slash = strrchr(named, '/');
    int folder = slash == NULL ? 0 : (int)(slash - named + 1);
    int length = snprintf(path, room, "%.*sbroker.sock", folder, named);
    return length >= 0 && (size_t)length < room ? access(path, F_OK) : -1;
}

static int default_path(char *path, size_t room)
{
    const char *named = getenv("COCOGUEST_BROKER_SOCKET");
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if ((named == NULL || named[0] == '\0') && beside_socket(path, room) == 0) {
        return 0;
    }
    int length = named != NULL && named[0] != '\0' ? snprintf(path, room, "%s", named)
        : runtime != NULL && runtime[0] != '\0' ? snprintf(path, room, "%s/cocoguest/broker.sock", runtime)
                                                : snprintf(path, room, "/tmp/cocoguest-%lu/broker.sock", (unsigned long)geteuid());
    return length >= 0 && (size_t)length < room ? 0 : -1;
}

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL ? default_path(address.sun_path, sizeof address.sun_path) < 0 : strlen(path) >= sizeof address.sun_path) {
        return coco_error_local(ENAMETOOLONG, "connect", "write path", "The path of the socket is too long.");
    }
    if (path != NULL) {
        memcpy(address.sun_path, path, strlen(path) + 1);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return coco_error_local(errno, "connect", "socket", "No socket can be made.");
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int number = errno;
        close(fd);
        return coco_error_local(number, "connect", "connect", "No server listens there; start one, or name its socket.");
    }
    return fd;
}

static int say_hello(struct coco *c)
{
    struct call call;
    coco_call_init(&call, WIRE_HELLO);
    coco_wire_put32(&call.to, WIRE_VERSION);
    coco_wire_put32(&call.to, 0);
    return coco_call_run(c, &call, 16, 0);
}

struct coco *coco_connect(const char *path)
{
    int fd = open_socket(path);
    if (fd < 0) {
        return NULL;
    }
    struct coco *c = calloc(1, sizeof *c);
    if (c == NULL) {
        close(fd);
        coco_error_local(ENOMEM, "connect", "allocate", "No memory for a connection.");
        return NULL;
    }
    c->socket = fd;
    if (say_hello(c) < 0) {
        int number = errno;
        coco_close(c);
        errno = number;
        return NULL;
    }
    return c;
}

void coco_close(struct coco *c)
{
    if (c != NULL) {
        close(c->socket);
        free(c->answer);
        free(c);
    }
}

void coco_on_revoked(struct coco *c, coco_revoked_fn *revoked, void *context)
{
    c->revoked = revoked;
    c->context = context;
}

int coco_socket(const struct coco *c)
{
    return c->socket;
}

int coco_dispatch(struct coco *c)
{
    int got;
    do {
        got = read_news(c);
    } while (got > 0);
    return got;
}
