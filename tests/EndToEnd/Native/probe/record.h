/* A line of a recording, and the line that the probe prints for it. */
#ifndef PROBE_RECORD_H
#define PROBE_RECORD_H

#include "json.h"

#include <stdio.h>

struct record {
    char *line;
    struct json *root;
    const char *family;
    const char *name;       /* of the case */
    const char *boot;
    const char *op;
    int step;
    const struct json *in;
    const struct json *out; /* read for names of fds and for what the recorder did without a step of its own; never copied to an answer */
};

/* Takes over the line. False where it is no record. */
bool record_read(struct record *r, char *line);
void record_free(struct record *r);

/* The fields of `out`, in the order in which they were given. */
struct answers {
    char *text;
    size_t length;
};

void answer_number(struct answers *a, const char *key, long long value);
void answer_unsigned(struct answers *a, const char *key, unsigned long long value);
void answer_hex(struct answers *a, const char *key, unsigned long long value);
void answer_bool(struct answers *a, const char *key, bool value);
void answer_text(struct answers *a, const char *key, const char *value);
void answer_bytes(struct answers *a, const char *key, const char *value, size_t length);
void answer_hex_byte(struct answers *a, const char *key, unsigned char value);
/* `json` is JSON already. */
void answer_raw(struct answers *a, const char *key, const char *json);
/* rc as it is, or -1 and the name of errno. */
void answer_result(struct answers *a, long long rc);
/* 0 or -1: for calls that return an address or a descriptor. */
void answer_success(struct answers *a, bool ok);
/* Ranges of equal bytes as [[byte, count], ...], 24 of them at most. */
void answer_runs(struct answers *a, const char *key, const unsigned char *bytes, size_t length);
/* The operation cannot be asked for on this machine; the comparison counts it apart. */
void answer_skipped(struct answers *a, const char *why);

/* One line, with one write, so that lines of several processes never mix. */
void record_print(const struct record *r, const struct answers *a);

#endif
