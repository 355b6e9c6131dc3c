/* Calls that wait in the supervisor, and a handled signal: what the call says, and how often the handler ran before. With "restart" the
 * handler has SA_RESTART, and an alarm later the fence is signalled by a child. */
#define _GNU_SOURCE
#include "walk.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t ran;

static void handler(int signal) { (void)signal, ran++; }

static int timeline;

static int waiting_buffer(void)
{
    struct { uint32_t value; char name[32]; int32_t fence; } fence = { .value = 1, .name = "fence", .fence = -1 };
    struct { uint32_t flags; int32_t fd; } import = { .flags = 2 };
    int buffer = allocate();
    timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR);
    if (timeline < 0 || ioctl(timeline, _IOC(_IOC_READ | _IOC_WRITE, 'W', 0, sizeof fence), &fence) != 0)
        die("fence");
    import.fd = fence.fence;
    if (ioctl(buffer, _IOC(_IOC_WRITE, 'b', 3, sizeof import), &import) != 0)
        die("DMA_BUF_IOCTL_IMPORT_SYNC_FILE");
    close(fence.fence);
    return buffer;
}

static int buffer, card;

static long sync_start(void) { return ioctl(buffer, DMA_BUF_IOCTL_SYNC, &(struct dma_buf_sync){ DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ }); }
static long poll_buffer(void) { return poll(&(struct pollfd){ .fd = buffer, .events = POLLIN }, 1, -1); }
static long ppoll_buffer(void) { return ppoll(&(struct pollfd){ .fd = buffer, .events = POLLIN }, 1, 0, 0); }
static long read_node(void) { return read(card, (char[64]){ 0 }, 64); }
static long readv_node(void) { return readv(card, &(struct iovec){ (char[64]){ 0 }, 64 }, 1); }
static long pread_node(void) { return pread(card, (char[64]){ 0 }, 64, 0); }

/* The alarm goes on until the call has ended, so a signal that comes before the call is none too few. */
static void interrupted(const char *what, long (*call)(void))
{
    struct itimerspec often = { { 0, 50000000 }, { 0, 50000000 } }, never = { { 0, 0 }, { 0, 0 } };
    timer_t timer;
    sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler }, 0);
    timer_create(CLOCK_MONOTONIC, &(struct sigevent){ .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 }, &timer);
    ran = 0;
    timer_settime(timer, 0, &often, 0);
    long result = call();
    int error = errno;
    timer_settime(timer, 0, &never, 0);
    timer_delete(timer);
    printf("%s %s %s\n", what, result < 0 ? strerrorname_np(error) : "value", ran > 0 ? "handled" : "not-handled");
}

/* A signal by itself does not end a call that starts again; the fence does. */
static void restarted(const char *what, long (*call)(void))
{
    sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler, .sa_flags = SA_RESTART }, 0);
    ran = 0;
    int pipes[2];
    if (pipe(pipes) != 0)
        die("pipe");
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        for (int i = 0; i < 5; i++) {
            usleep(50000);
            kill(parent, SIGUSR1);
        }
        usleep(50000);
        uint32_t by = 1;
        _exit(ioctl(timeline, _IOC(_IOC_WRITE, 'W', 1, sizeof by), &by) != 0);
    }
    long result = call();
    int status;
    while (waitpid(child, &status, 0) < 0)
        ;
    printf("%s %s %s\n", what, result < 0 ? strerrorname_np(errno) : "value", ran > 0 ? "handled" : "not-handled");
}

/* A default action ends the program out of a wait, also when another signal was handled before. */
static void ended(const char *what, long (*call)(void))
{
    pid_t child = fork();
    if (child == 0) {
        sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler, .sa_flags = SA_RESTART }, 0);
        /* poll does not start again by itself after a handler. */
        while (call() < 0 && errno == EINTR)
            ;
        _exit(0);
    }
    int status;
    for (int i = 0; i < 3; i++) {
        usleep(50000);
        kill(child, SIGUSR1);
    }
    kill(child, SIGTERM);
    while (waitpid(child, &status, 0) < 0)
        ;
    printf("%s %s\n", what, WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM ? "terminated" : "else");
}

int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    buffer = waiting_buffer(), card = open("/dev/dri/card0", O_RDWR);
    if (card < 0)
        die("card0");
    interrupted("sync", sync_start);
    interrupted("poll", poll_buffer);
    interrupted("ppoll", ppoll_buffer);
    interrupted("read", read_node);
    interrupted("readv", readv_node);
    interrupted("pread", pread_node);
    ended("sync-ended", sync_start);
    ended("poll-ended", poll_buffer);
    ended("read-ended", read_node);
    errno = 0;
    volatile int count = 5000;
    long many = preadv2(card, &(struct iovec){ (char[64]){ 0 }, 64 }, count, -1, 0);
    printf("many-vectors %s\n", many < 0 ? strerrorname_np(errno) : "value");
    errno = 0;
    many = preadv2(card, &(struct iovec){ (char[64]){ 0 }, 64 }, 1, -1, 8);
    printf("nowait %s\n", many < 0 ? strerrorname_np(errno) : "value");
    restarted("sync-restarted", sync_start);
    return 0;
}
