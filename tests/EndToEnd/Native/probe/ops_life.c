/*
 * Lifetime of buffers over dup, fork, exec, exit and descriptors in messages: family life. What the recorder did without a step of its own
 * (pokes, sends, closes) is done with the step that it belongs to.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DOOMED_BUFFERS = 10 };

/* What the parent asks of its child: to read a byte, or to write one. */
struct request {
    uint64_t offset;
    unsigned char value;
    bool write;
};

static int sockets[2] = { -1, -1 };  /* descriptors travel from [0] to [1] */
static int to_child[2], from_child[2];
static pid_t child;
static unsigned char *child_map;
static int third = -1;
static bool sent, received;

static bool send_fd(int fd)
{
    char byte = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec vector = { &byte, 1 };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
    if (sockets[0] < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return false;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    sent = true;
    return sendmsg(sockets[0], &message, 0) == 1;
}

static int receive_fd(int flags)
{
    char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec vector = { &byte, 1 };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
    int fd = -1;
    if (recvmsg(sockets[1], &message, flags | MSG_DONTWAIT) != 1)
        return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof(int));
    return fd;
}

/* The child answers each request with a byte, until the parent closes its end. */
static void serve(void)
{
    struct request request;
    while (read(to_child[0], &request, sizeof(request)) == sizeof(request)) {
        if (request.write)
            child_map[request.offset] = request.value;
        unsigned char byte = child_map[request.offset];
        if (write(from_child[1], &byte, 1) != 1)
            break;
    }
    _exit(0);
}

static bool start_child(void)
{
    if (pipe2(to_child, O_CLOEXEC) != 0 || pipe2(from_child, O_CLOEXEC) != 0)
        return false;
    child = fork();
    if (child == 0) {
        close(to_child[1]);
        close(from_child[0]);
    } else {
        close(to_child[0]);
        close(from_child[1]);
    }
    return child >= 0;
}

static unsigned char ask_child(uint64_t offset, bool write_it, unsigned char value)
{
    struct request request = { .offset = offset, .value = value, .write = write_it };
    unsigned char byte = 0;
    if (write(to_child[1], &request, sizeof(request)) != sizeof(request) || read(from_child[0], &byte, 1) != 1)
        return 0;
    return byte;
}

static void do_dup(const struct record *r, struct answers *a)
{
    int fd = dup(fd_in(r));
    answer_success(a, fd >= 0);
    if (fd >= 0) {
        const char *name = json_text(r->out, "fd", "b");
        name_buffer(name, fd);
        answer_text(a, "fd", name);
        answer_number(a, "getfd", fcntl(fd, F_GETFD));
    }
}

/* This descriptor has no name; it was closed after the count that shows it. */
static void dup_cloexec(const struct record *r, struct answers *a)
{
    third = fcntl(fd_in(r), F_DUPFD_CLOEXEC, 0);
    answer_number(a, "getfd", fcntl(third, F_GETFD));
}

/* In the scenario of descriptors in flight the buffer was sent before the first look at it. */
static void fdinfo_count(const struct record *r, struct answers *a)
{
    char path[64];
    if (case_has_word("scm_in_flight") && !sent)
        send_fd(fd_in(r));
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd_in(r));
    answer_number(a, "count", number_in_file(path, "count:", -1));
    if (third >= 0)
        close(third);
    third = -1;
}

/* Between two reads the program wrote 1 to the first byte. */
static void mem_read(const struct record *r, struct answers *a)
{
    static int reads;
    unsigned char *map = world.map;
    if (reads++ > 0)
        map[0] = 1;
    answer_runs(a, "runs", map, (size_t)json_number(r->in, "len", 0));
}

static void child_saw(const struct record *r, struct answers *a)
{
    unsigned char *map = world.map;
    map[0] = 1;
    child_map = map;
    if (start_child() && child == 0)
        serve();
    answer_hex_byte(a, "byte", ask_child(json_number(r->in, "offset", 0), false, 0));
}

/* The child writes and exits; then the parent unmaps and closes. */
static void parent_saw(const struct record *r, struct answers *a)
{
    uint64_t offset = json_number(r->in, "offset", 0);
    unsigned char *map = world.map;
    if (child <= 0) {
        answer_result(a, -1);
        return;
    }
    ask_child(offset, true, json_byte(json_find(r->in, "child_wrote")));
    answer_hex_byte(a, "byte", map[offset]);
    close(to_child[1]);
    waitpid(child, NULL, 0);
    close_everything();
}

static void send_op(const struct record *r, struct answers *a)
{
    unsigned char *map = user_map();
    if (map)
        memset(map, 0x11, PAGE);
    answer_success(a, send_fd(fd_in(r)));
}

/* What a process has that got the descriptor: the parent's mapping is not its own, so it gives that back first. */
struct child_view {
    int fd_ok, getfd, getfl_accmode;
    long long size;
    unsigned char byte0, byte1_after_close;
};

static void look_as_child(const struct record *r)
{
    struct child_view view = { 0 };
    size_t length = 0;
    unmap_user();
    int fd = receive_fd(json_flag(r->in, "cloexec_requested") ? MSG_CMSG_CLOEXEC : 0);
    view.fd_ok = fd >= 0;
    view.getfd = fcntl(fd, F_GETFD);
    view.getfl_accmode = fcntl(fd, F_GETFL) & O_ACCMODE;
    view.size = lseek(fd, 0, SEEK_END);
    child_map = map_whole(fd, &length);
    if (child_map)
        view.byte0 = child_map[0];
    close(fd);
    if (child_map)
        view.byte1_after_close = child_map[1];
    if (write(from_child[1], &view, sizeof(view)) == sizeof(view) && child_map)
        serve();
    _exit(1);
}

static void child_received(const struct record *r, struct answers *a)
{
    struct child_view view = { 0 };
    if (start_child() && child == 0)
        look_as_child(r);
    close(sockets[1]);
    close(sockets[0]);
    if (child < 0 || read(from_child[0], &view, sizeof(view)) != sizeof(view)) {
        answer_result(a, -1);
        return;
    }
    answer_number(a, "fd_ok", view.fd_ok);
    answer_number(a, "getfd", view.getfd);
    answer_number(a, "getfl_accmode", view.getfl_accmode);
    answer_number(a, "size", view.size);
    answer_hex_byte(a, "byte0", view.byte0);
    answer_hex_byte(a, "byte1_after_close", view.byte1_after_close);
}

/* Received, looked at, closed. */
static void do_received(const struct record *r, struct answers *a)
{
    int fd = receive_fd(strstr(json_text(r->in, "flags", ""), "CLOEXEC") ? MSG_CMSG_CLOEXEC : 0);
    answer_number(a, "fd_ok", fd >= 0);
    answer_number(a, "getfd", fcntl(fd, F_GETFD));
    close(fd);
    received = true;
}

static void close_sockets(const struct record *r, struct answers *a)
{
    (void)r;
    (void)a;
    close(sockets[0]);
    close(sockets[1]);
}

/* After a descriptor was received and closed, the second look finds another buffer in flight whose descriptor was closed. */
static void count_buffers(const struct record *r, struct answers *a)
{
    static int looks;
    (void)r;
    if (received && ++looks == 2) {
        int fd = heap_allocate("system", PAGE, O_RDWR, 0);
        send_fd(fd);
        close(fd);
    }
    answer_number(a, "objects", live_buffers());
}

static void child_killed(const struct record *r, struct answers *a)
{
    char ready;
    (void)r;
    (void)a;
    if (start_child() && child == 0) {
        for (int i = 0; i < DOOMED_BUFFERS; i++)
            heap_allocate("system", PAGE, O_RDWR, 0);
        if (write(from_child[1], "r", 1) == 1)
            pause();
        _exit(1);
    }
    if (read(from_child[0], &ready, 1) == 1)
        kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* The new program says by its exit status whether the number is open: see main.c. */
static void visible_after_exec(const struct record *r, struct answers *a)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        char number[16];
        uint32_t flags = O_RDWR | (json_flag(r->in, "cloexec") ? O_CLOEXEC : 0);
        snprintf(number, sizeof(number), "%d", heap_allocate("system", PAGE, flags, 0));
        execl("/proc/self/exe", "probe", "--is-open", number, (char *)NULL);
        _exit(2);
    }
    waitpid(pid, &status, 0);
    answer_number(a, "visible", WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void buffer_lives(const struct record *r, struct answers *a)
{
    (void)r;
    answer_number(a, "seek_end", lseek(last_buffer(), 0, SEEK_END));
}

static void inode_identity(const struct record *r, struct answers *a)
{
    struct stat first = { 0 }, second = { 0 }, other = { 0 };
    (void)r;
    fstat(last_buffer(), &first);
    fstat(dup(last_buffer()), &second);
    if (fstat(heap_allocate("system", PAGE, O_RDWR, 0), &other) != 0) {
        answer_result(a, -1);
        return;
    }
    answer_number(a, "dup_same_ino", first.st_ino == second.st_ino);
    answer_number(a, "other_same_ino", first.st_ino == other.st_ino);
    answer_number(a, "same_dev", first.st_dev == other.st_dev);
    answer_number(a, "other_ino_minus_first", (long long)(other.st_ino - first.st_ino));
}

static void do_close(const struct record *r, struct answers *a)
{
    const char *name = json_text(r->in, "fd", "");
    int fd = fd_of(name);
    answer_result(a, close(fd));
    forget_name(name);
}

const struct op_row life_ops[] = {
    { "close", do_close, false }, { "dup", do_dup, false }, { "dupfd_cloexec", dup_cloexec, false }, { "fdinfo_count", fdinfo_count, false },
    { "life/mem_read", mem_read, true }, { "child_saw", child_saw, true }, { "parent_saw", parent_saw, true }, { "sendmsg_scm_rights", send_op, false },
    { "child_received", child_received, false }, { "received", do_received, false }, { "close_sockets_with_fd_in_flight", close_sockets, false },
    { "life/live_buffers", count_buffers, false }, { "child_killed_with_10_buffers", child_killed, false },
    { "fd_visible_after_exec", visible_after_exec, false }, { "heap_fd_closed_buffer_lives", buffer_lives, false },
    { "inode_identity", inode_identity, false },
    { NULL, NULL, false },
};
