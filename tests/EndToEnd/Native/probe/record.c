#define _GNU_SOURCE
#include "record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_RUNS = 24 };

bool record_read(struct record *r, char *line)
{
    memset(r, 0, sizeof(*r));
    r->line = line;
    r->root = json_parse(line);
    r->family = json_text(r->root, "family", NULL);
    r->name = json_text(r->root, "case", NULL);
    r->boot = json_text(r->root, "boot", "");
    r->op = json_text(r->root, "op", NULL);
    r->step = (int)json_number(r->root, "step", 0);
    r->in = json_find(r->root, "in");
    r->out = json_find(r->root, "out");
    return r->family && r->name && r->op && r->in && r->out;
}

void record_free(struct record *r)
{
    json_free(r->root);
    free(r->line);
}

static void put(struct answers *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct answers *a, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *more = NULL;
    int n = vasprintf(&more, format, list);
    va_end(list);
    if (n < 0)
        abort();
    a->text = realloc(a->text, a->length + (size_t)n + 1);
    if (!a->text)
        abort();
    memcpy(a->text + a->length, more, (size_t)n + 1);
    a->length += (size_t)n;
    free(more);
}

static void put_key(struct answers *a, const char *key)
{
    put(a, "%s\"%s\":", a->length ? "," : "", key);
}

static void put_string(struct answers *a, const char *text, size_t length)
{
    put(a, "\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            put(a, "\\%c", c);
        else if (c == '\n')
            put(a, "\\n");
        else if (c == '\t')
            put(a, "\\t");
        else if (c < 0x20 || c >= 0x7f)
            put(a, "\\u%04x", c);
        else
            put(a, "%c", c);
    }
    put(a, "\"");
}

void answer_number(struct answers *a, const char *key, long long value)
{
    put_key(a, key);
    put(a, "%lld", value);
}

void answer_unsigned(struct answers *a, const char *key, unsigned long long value)
{
    put_key(a, key);
    put(a, "%llu", value);
}

void answer_hex(struct answers *a, const char *key, unsigned long long value)
{
    put_key(a, key);
    put(a, "\"0x%llx\"", value);
}

void answer_bool(struct answers *a, const char *key, bool value)
{
    answer_raw(a, key, value ? "true" : "false");
}

void answer_text(struct answers *a, const char *key, const char *value)
{
    answer_bytes(a, key, value, strlen(value));
}

void answer_bytes(struct answers *a, const char *key, const char *value, size_t length)
{
    put_key(a, key);
    put_string(a, value, length);
}

void answer_hex_byte(struct answers *a, const char *key, unsigned char value)
{
    put_key(a, key);
    put(a, "\"%02x\"", value);
}

void answer_raw(struct answers *a, const char *key, const char *json)
{
    put_key(a, key);
    put(a, "%s", json);
}

void answer_result(struct answers *a, long long rc)
{
    int code = errno;
    answer_number(a, "rc", rc < 0 ? -1 : rc);
    if (rc < 0) {
        const char *name = strerrorname_np(code);
        answer_text(a, "errno", name ? name : "unknown");
    }
}

void answer_success(struct answers *a, bool ok)
{
    answer_result(a, ok ? 0 : -1);
}

void answer_runs(struct answers *a, const char *key, const unsigned char *bytes, size_t length)
{
    put_key(a, key);
    put(a, "[");
    size_t at = 0;
    for (int run = 0; at < length && run < MOST_RUNS; run++) {
        size_t end = at;
        while (end < length && bytes[end] == bytes[at])
            end++;
        put(a, "%s[\"%02x\",%zu]", run ? "," : "", bytes[at], end - at);
        at = end;
    }
    put(a, "]");
}

void answer_skipped(struct answers *a, const char *why)
{
    answer_text(a, "skipped", why);
}

void record_print(const struct record *r, const struct answers *a)
{
    struct answers line = { 0 };
    put(&line, "{\"family\":");
    put_string(&line, r->family, strlen(r->family));
    put(&line, ",\"case\":");
    put_string(&line, r->name, strlen(r->name));
    put(&line, ",\"step\":%d,\"boot\":", r->step);
    put_string(&line, r->boot, strlen(r->boot));
    put(&line, ",\"op\":");
    put_string(&line, r->op, strlen(r->op));
    put(&line, ",\"in\":%.*s,\"out\":{%s}}\n", (int)r->in->raw_length, r->in->raw, a->text ? a->text : "");
    for (size_t done = 0; done < line.length;) {
        ssize_t n = write(STDOUT_FILENO, line.text + done, line.length - done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    free(line.text);
}
