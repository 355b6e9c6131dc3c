/* Memory whose faults nobody answers, or only some, in arguments of calls; another process allocates meanwhile. As root. */
#define _GNU_SOURCE
#include "walk.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PAGE = 4096 };

static char *page;
static int watcher, answers, told;

/* Tells the parent of each fault, answers as many as asked for, and takes the page away again behind each answer. */
static void *watch(void *none)
{
    struct uffd_msg message;
    while (read(watcher, &message, sizeof message) == sizeof message) {
        if (answers-- > 0) {
            struct uffdio_zeropage zero = { .range = { (unsigned long)page, PAGE } };
            ioctl(watcher, UFFDIO_ZEROPAGE, &zero);
            madvise(page, PAGE, MADV_DONTNEED);
        } else if (write(told, "x", 1) != 1)
            die("write");
    }
    return none;
}

static void watched_page(void)
{
    watcher = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (watcher < 0 || ioctl(watcher, UFFDIO_API, &(struct uffdio_api){ .api = UFFD_API }) != 0)
        die("userfaultfd");
    page = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = { .range = { (unsigned long)page, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
    pthread_t thread;
    if (ioctl(watcher, UFFDIO_REGISTER, &range) != 0 || pthread_create(&thread, 0, watch, 0) != 0)
        die("register");
}

static void by_open(void) { open(page, O_RDONLY); }
static void by_stat(void) { stat(page, (struct stat *)(page + 1024)); }
static void by_answer(void) { stat("/dev/dma_heap/system", (struct stat *)page); }
static void by_ioctl(void) { ioctl(open("/dev/dma_heap/system", O_RDWR), DMA_HEAP_IOCTL_ALLOC, page); }
static void by_poll(void) { poll((struct pollfd *)page, 1, 0); }
static void by_epoll(void) { epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, allocate(), (struct epoll_event *)page); }

static void beside(const char *what, void (*call)(void), int answered)
{
    int pipes[2];
    char byte;
    if (pipe(pipes) != 0)
        die("pipe");
    pid_t stuck = fork();
    if (stuck == 0) {
        answers = answered, told = pipes[1];
        watched_page();
        call();
        (void)!write(told, "e", 1); /* it did not wait: bounded */
        pause();
    }
    if (read(pipes[0], &byte, 1) != 1)
        die("read");
    pid_t other = fork();
    if (other == 0) {
        close(allocate());
        _exit(0);
    }
    int status;
    waitpid(other, &status, 0);
    kill(stuck, SIGKILL);
    waitpid(stuck, 0, 0);
    close(pipes[0]), close(pipes[1]);
    printf("%s %d %s\n", what, answered, status == 0 ? "served" : "failed");
}

int main(void)
{
    setvbuf(stdout, 0, _IONBF, 0);
    for (int answered = 0; answered <= 4; answered += 2) {
        beside("open", by_open, answered);
        beside("stat", by_stat, answered);
        beside("answer", by_answer, answered);
        beside("ioctl", by_ioctl, answered);
        beside("poll", by_poll, answered);
        beside("epoll", by_epoll, answered);
    }
    return 0;
}
