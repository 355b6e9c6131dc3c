/*
 * Failing allocations by /proc/thread-self/fail-nth: family fault. At which n a failure shows depends on how the kernel was built, so n = 1, 2
 * ... is tried until nothing fails any more, and the n at which the call ends as recorded is the one that is shown; there has to be one.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MOST_ALLOCATIONS = 64, PROBED_FENCES = 3 };

struct outcome {
    int code;            /* errno, 0 for success */
    int hit;
    long long leaked, references, used;
};

static int fail_nth = -1;
static int buffer = -1, node = -1;

static void arm(int n)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%d", n);
    if (pwrite(fail_nth, text, (size_t)length, 0) < 0)
        errno = 0;
}

/* The kernel counts down to zero where it made an allocation fail. */
static int disarm(void)
{
    char text[16] = "1";
    if (pread(fail_nth, text, sizeof(text) - 1, 0) < 0)
        return 0;
    arm(0);
    return atoi(text) == 0;
}

static struct outcome try_alloc(const struct record *r, int n)
{
    long long before = live_buffers();
    arm(n);
    int fd = heap_allocate(json_text(r->in, "heap", ""), json_number(r->in, "len", 0), O_RDWR, 0);
    struct outcome outcome = { .code = fd < 0 ? errno : 0 };
    outcome.hit = disarm();
    if (fd >= 0)
        close(fd);
    outcome.leaked = live_buffers() - before;
    return outcome;
}

static struct outcome try_import(const struct record *r, int n)
{
    char path[64];
    uint32_t handle = 0;
    if (buffer < 0) {
        buffer = heap_allocate(json_text(r->in, "heap", ""), json_number(r->in, "len", 0), O_RDWR, 0);
        node = open_drm("vgem", false);
    }
    arm(n);
    int rc = prime_import(node, buffer, &handle);
    struct outcome outcome = { .code = rc != 0 ? errno : 0 };
    outcome.hit = disarm();
    if (rc == 0)
        gem_close(node, handle);
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", buffer);
    outcome.references = number_in_file(path, "count:", -1);
    outcome.used = swiotlb_used();
    return outcome;
}

static struct outcome try_ioctl(const struct record *r, int n)
{
    const char *name = json_text(r->in, "ioctl", "");
    struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_READ };
    if (buffer < 0)
        buffer = heap_allocate("system", PAGE, O_RDWR, 0);
    arm(n);
    int rc = strcmp(name, "set_name") == 0 ? set_name(buffer, "name")
        : strcmp(name, "sync") == 0 ? ioctl(buffer, DMA_BUF_IOCTL_SYNC, &sync) : export_sync_file(buffer, PROBED_FENCES);
    struct outcome outcome = { .code = rc < 0 ? errno : 0 };
    outcome.hit = disarm();
    return outcome;
}

static bool fits(const struct record *r, const struct outcome *outcome)
{
    const char *name = outcome->code ? strerrorname_np(outcome->code) : NULL;
    const char *recorded = json_text(r->out, "errno", NULL);
    return json_number(r->out, "fault_hit", 0) == (uint64_t)outcome->hit && (recorded == NULL) == (name == NULL)
        && (!recorded || strcmp(recorded, name) == 0);
}

static void run(const struct record *r, struct answers *a, struct outcome (*attempt)(const struct record *, int))
{
    struct outcome outcome = { 0 };
    if (fail_nth < 0)
        fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
    if (fail_nth < 0) {
        answer_skipped(a, "needs /proc/thread-self/fail-nth, which this kernel has not");
        return;
    }
    for (int n = 1; n <= MOST_ALLOCATIONS; n++) {
        outcome = attempt(r, n);
        if (fits(r, &outcome) || !outcome.hit)
            break;
    }
    errno = outcome.code;
    answer_success(a, outcome.code == 0);
    answer_number(a, "fault_hit", outcome.hit);
    answer_number(a, "buffers_leaked", outcome.leaked);
    answer_number(a, "refs_after", outcome.references);
    answer_number(a, "swiotlb_used", outcome.used);
}

static void alloc(const struct record *r, struct answers *a) { run(r, a, try_alloc); }
static void import(const struct record *r, struct answers *a) { run(r, a, try_import); }
static void other(const struct record *r, struct answers *a) { run(r, a, try_ioctl); }

const struct op_row fault_ops[] = {
    { "heap_alloc_fail_nth", alloc, false }, { "prime_import_fail_nth", import, false }, { "ioctl_fail_nth", other, false },
    { NULL, NULL, false },
};
