/* What /proc says about the mapping of a case. */
#define _GNU_SOURCE
#include "ops.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The recorder gave the buffer the name that its mapping shows, without a step. */
static void name_as_shown(const struct record *r)
{
    const char prefix[] = "/dmabuf:";
    const char *shown = json_text(r->out, "name", "");
    if (strncmp(shown, prefix, strlen(prefix)) == 0 && shown[strlen(prefix)] && !case_has_op("dma_buf_set_name"))
        set_name(last_buffer(), shown + strlen(prefix));
}

/* The header line of the mapping at the address, in the text of smaps. */
static char *find_entry(char *text, const void *map)
{
    char start[32];
    size_t n = (size_t)snprintf(start, sizeof(start), "%lx-", (unsigned long)(uintptr_t)map);
    for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
        if (strncmp(line, start, n) == 0)
            return line;
    return NULL;
}

static void answer_line(struct answers *a, const char *key, const char *entry, const char *word)
{
    const char *at = strstr(entry, word);
    at = at ? at + strlen(word) : "\n";
    at += strspn(at, " ");
    answer_bytes(a, key, at, strcspn(at, "\n"));
}

static void smaps(const struct record *r, struct answers *a)
{
    void *map = world.map;
    name_as_shown(r);
    char *text = read_text("/proc/self/smaps", NULL);
    char *entry = text ? find_entry(text, map) : NULL;
    if (!entry) {
        answer_result(a, -1);
        free(text);
        return;
    }
    char perms[8] = "", name[256] = "";
    long long resident = 0;
    sscanf(entry, "%*s %7s %*s %*s %*s %255[^\n]", perms, name);
    answer_text(a, "perms", perms);
    answer_text(a, "name", name);
    answer_line(a, "vmflags", entry, "VmFlags:");
    const char *rss = strstr(entry, "\nRss:");
    resident = rss ? strtoll(rss + 5, NULL, 10) : -1;
    answer_number(a, "rss_kb", resident);
    free(text);
}

static void pagemap(const struct record *r, struct answers *a)
{
    uint64_t entries[64] = { 0 };
    size_t count = (size_t)json_number(r->in, "pages", 1);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    off_t at = (off_t)((uintptr_t)world.map / PAGE * sizeof(entries[0]));
    answer_result(a, fd < 0 ? -1 : pread(fd, entries, (count < 64 ? count : 64) * sizeof(entries[0]), at));
    int zero = 1;
    for (size_t i = 0; i < 64; i++)
        zero &= entries[i] == 0;
    answer_number(a, "entries_all_zero", zero);
    if (fd >= 0)
        close(fd);
}

const struct op_row smaps_ops[] = {
    { "smaps", smaps, true }, { "pagemap", pagemap, true },
    { NULL, NULL, false },
};
