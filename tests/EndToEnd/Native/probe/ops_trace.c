/*
 * Text of trace events, read from trace_pipe: family physlayout, and the traced cases of swiotlb. Addresses are renamed A0, A1 ... in the order
 * of their appearance in the case, as the recorder did.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MOST_LINES = 256, MOST_ADDRESSES = 1024, MOST_CHUNKS = 2048 };

static char *lines[MOST_LINES];
static int line_count, next_line, pipe_fd = -1;
static uint64_t addresses[MOST_ADDRESSES];
static int address_count;
static bool collected;

static const char *tracefs(void)
{
    const char *folders[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s/events/dma/enable", folders[i]);
        if (access(path, F_OK) == 0)
            return folders[i];
    }
    return NULL;
}

/* Switches events on ("dma/enable", "dma/dma_map_sg/enable") and begins to listen. */
static int enable(const char *event)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/trace_pipe", tracefs());
    if (pipe_fd < 0)
        pipe_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    snprintf(path, sizeof(path), "%s/events/%s", tracefs(), event);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int rc = fd < 0 || write(fd, "1", 1) != 1 ? -1 : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* What the kernel says of the event itself stands behind the time: "task-1 [000] ..... 12.345678: name: text". */
static const char *event_text(const char *line)
{
    for (const char *at = line; (at = strchr(at, '.')) != NULL; at++) {
        size_t digits = strspn(at + 1, "0123456789");
        if (at > line && isdigit((unsigned char)at[-1]) && digits > 0 && at[1 + digits] == ':')
            return at + 1 + digits + 2;
    }
    return NULL;
}

static void collect(void)
{
    static char text[1 << 16];
    size_t have = 0;
    ssize_t n;
    while (have < sizeof(text) - 1 && (n = read(pipe_fd, text + have, sizeof(text) - 1 - have)) > 0)
        have += (size_t)n;
    text[have] = '\0';
    for (char *line = strtok(text, "\n"); line && line_count < MOST_LINES; line = strtok(NULL, "\n"))
        if (event_text(line))
            lines[line_count++] = strdup(event_text(line));
}

static int name_of(uint64_t address)
{
    for (int i = 0; i < address_count; i++)
        if (addresses[i] == address)
            return i;
    if (address_count < MOST_ADDRESSES)
        addresses[address_count++] = address;
    return address_count - 1;
}

/* Length of the field's name and equals sign where one with addresses begins here, else 0. */
static size_t address_field(const char *at)
{
    const char *fields[] = { "dma_addrs=", "dma_addr=", "phys_addrs=", "phys_addr=", "dev_addr=" };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strncmp(at, fields[i], strlen(fields[i])) == 0)
            return strlen(fields[i]);
    return 0;
}

static void put_address(FILE *out, const char **at)
{
    char *end;
    uint64_t value = strtoull(*at, &end, 16);
    if (value == UINT64_MAX)
        fprintf(out, "%.*s", (int)(end - *at), *at);
    else
        fprintf(out, "A%d", name_of(value));
    *at = end;
}

static char *rename_addresses(const char *line)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    for (const char *at = line; *at;) {
        size_t n = address_field(at);
        if (n == 0) {
            fputc(*at++, out);
            continue;
        }
        fprintf(out, "%.*s", (int)n, at);
        at += n;
        bool list = *at == '{';
        do {
            if (list)
                fputc(*at++, out);
            if (isxdigit((unsigned char)*at))
                put_address(out, &at);
        } while (list && *at == ',');
    }
    fclose(out);
    return text;
}

static bool missing(struct answers *a)
{
    if (tracefs())
        return false;
    answer_skipped(a, "needs the trace events of DMA, which this kernel has not");
    return true;
}

static void do_enable(const struct record *r, struct answers *a)
{
    if (!missing(a))
        answer_result(a, enable(json_text(r->in, "event", "")));
}

/* "alloc LENGTH, prime import, SYNC START|READ, SYNC END|WRITE, gem_close" */
static void speak(char *words)
{
    static int node = -1;
    static uint32_t handle;
    const char *heaps[] = { "system_cc_shared", "default_cma_region", "reserved", "system" };
    for (char *step = strtok(words, ","); step; step = strtok(NULL, ",")) {
        step += strspn(step, " ");
        if (strncmp(step, "alloc ", 6) == 0) {
            for (size_t i = 0; i < 4; i++)
                if (case_has_word(heaps[i]))
                    name_buffer("a", heap_allocate(heaps[i], strtoull(step + 6, NULL, 16), O_RDWR, 0));
        } else if (strncmp(step, "prime", 5) == 0) {
            node = open_drm("vgem", false);
            prime_import(node, fd_of("a"), &handle);
        } else if (strncmp(step, "SYNC", 4) == 0) {
            struct dma_buf_sync sync = { .flags = (strstr(step, "READ") ? DMA_BUF_SYNC_READ : 0)
                | (strstr(step, "WRITE") ? DMA_BUF_SYNC_WRITE : 0) | (strstr(step, "END") ? DMA_BUF_SYNC_END : 0) };
            ioctl(fd_of("a"), DMA_BUF_IOCTL_SYNC, &sync);
        } else {
            gem_close(node, handle);
        }
    }
}

static void trace_line(const struct record *r, struct answers *a)
{
    if (missing(a))
        return;
    if (!collected) {
        char *words = strdup(json_text(r->in, "seq", ""));
        speak(words);
        free(words);
        collect();
        collected = true;
    }
    char *text = next_line < line_count ? rename_addresses(lines[next_line++]) : NULL;
    if (text)
        answer_text(a, "text", text);
    else
        answer_raw(a, "text", "null");
    free(text);
}

static int numbers_in(const char *line, const char *field, uint64_t *numbers)
{
    const char *at = strstr(line, field);
    int n = 0;
    for (at = at ? at + strlen(field) : NULL; at && n < MOST_CHUNKS && isxdigit((unsigned char)*at); at++) {
        char *end;
        numbers[n++] = strtoull(at, &end, 16);
        at = end;
        if (*at != ',')
            break;
    }
    return n;
}

static void answer_chunks(struct answers *a, const char *line)
{
    static uint64_t sizes[MOST_CHUNKS], places[MOST_CHUNKS];
    int count = numbers_in(line, "sizes={", sizes), seen = numbers_in(line, "phys_addrs={", places), aligned = 1;
    char *list = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&list, &length);
    for (int i = 0; i < count; i++) {
        uint64_t unit = 1;
        while (unit < sizes[i])
            unit *= 2;
        aligned &= i >= seen || places[i] % unit == 0;
        fprintf(out, "%s%llu", i ? "," : "[", (unsigned long long)sizes[i]);
    }
    fputc(']', out);
    fclose(out);
    answer_number(a, "chunks", count);
    answer_raw(a, "sizes", list);
    answer_number(a, "phys_seen", seen);
    answer_number(a, "phys_naturally_aligned", aligned);
    free(list);
}

static void import_traced(const struct record *r, struct answers *a)
{
    uint32_t handle = 0;
    const char *found = NULL;
    (void)r;
    if (missing(a))
        return;
    enable("dma/dma_map_sg/enable");
    int rc = prime_import(open_drm("vgem", false), fd_of("a"), &handle);
    answer_result(a, rc);
    collect();
    for (int i = 0; i < line_count && !found; i++)
        if (strncmp(lines[i], "dma_map_sg:", 11) == 0)
            found = lines[i];
    if (found)
        answer_chunks(a, found);
    else
        answer_raw(a, "event", "null");
}

const struct op_row trace_ops[] = {
    { "trace_enable", do_enable, false }, { "trace_line", trace_line, false }, { "prime_import_traced", import_traced, false },
    { NULL, NULL, false },
};
