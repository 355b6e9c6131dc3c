/* A small reader of JSON: enough for one line of a recording. */
#ifndef PROBE_JSON_H
#define PROBE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_kind kind;
    char *key;           /* of an object's member, else NULL */
    char *text;          /* a string's bytes (Latin-1) or a number's digits, NUL terminated; else NULL */
    size_t length;       /* of text: a string may hold NUL bytes */
    const char *raw;     /* where the value stands in the line */
    size_t raw_length;
    struct json *first;  /* of an array or object */
    struct json *next;   /* sibling */
};

/* The value that the line holds, or NULL where it is no JSON. The line has to outlive it. */
struct json *json_parse(const char *line);
void json_free(struct json *value);

/* A member, or NULL. */
const struct json *json_find(const struct json *object, const char *key);
bool json_has(const struct json *object, const char *key);

/* A member of kind string, or `otherwise`. */
const char *json_text(const struct json *object, const char *key, const char *otherwise);

/* A member as a number: true, decimal or 0x hex, in quotes or not; negative numbers wrap. */
uint64_t json_number(const struct json *object, const char *key, uint64_t otherwise);
uint64_t json_number_of(const struct json *value);
bool json_flag(const struct json *object, const char *key);

/* Two hex digits, with or without 0x. */
unsigned char json_byte(const struct json *value);

#endif
