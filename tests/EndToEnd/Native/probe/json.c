#define _GNU_SOURCE
#include "json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at;
    bool bad;
};

static struct json *read_value(struct reader *r);

static void skip_blanks(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\n')
        r->at++;
}

static bool accept(struct reader *r, char wanted)
{
    skip_blanks(r);
    if (*r->at != wanted)
        return false;
    r->at++;
    return true;
}

static unsigned read_hex4(struct reader *r)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)*r->at)) {
            r->bad = true;
            return 0;
        }
        int digit = tolower((unsigned char)*r->at++);
        value = value * 16 + (unsigned)(isdigit(digit) ? digit - '0' : digit - 'a' + 10);
    }
    return value;
}

/* Recorded strings are bytes of the kernel: code points up to 0xff, one byte each. */
static char read_escape(struct reader *r)
{
    char c = *r->at ? *r->at++ : '\0';
    switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'u': return (char)(unsigned char)read_hex4(r);
    case '"': case '\\': case '/': return c;
    default: r->bad = true; return c;
    }
}

static char *read_string(struct reader *r, size_t *length)
{
    /* What is read is never longer than what is left of the line. */
    char *text = malloc(strlen(r->at) + 1);
    size_t n = 0;
    if (!text)
        abort();
    while (*r->at && *r->at != '"') {
        unsigned char c = (unsigned char)*r->at++;
        if (c == '\\')
            text[n++] = read_escape(r);
        else if ((c == 0xc2 || c == 0xc3) && *r->at)
            text[n++] = (char)(unsigned char)(((c & 3) << 6) | ((unsigned char)*r->at++ & 0x3f));
        else
            text[n++] = (char)c;
    }
    if (*r->at == '"')
        r->at++;
    else
        r->bad = true;
    text[n] = '\0';
    if (length)
        *length = n;
    return text;
}

static void read_members(struct reader *r, struct json *parent, char end)
{
    struct json **last = &parent->first;
    if (accept(r, end))
        return;
    do {
        char *key = NULL;
        if (end == '}') {
            if (!accept(r, '"')) {
                r->bad = true;
                return;
            }
            key = read_string(r, NULL);
            if (!accept(r, ':'))
                r->bad = true;
        }
        *last = read_value(r);
        (*last)->key = key;
        last = &(*last)->next;
    } while (!r->bad && accept(r, ','));
    if (!accept(r, end))
        r->bad = true;
}

static bool accept_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static void read_number(struct reader *r, struct json *value)
{
    size_t n = strspn(r->at, "+-0123456789.eE");
    value->kind = JSON_NUMBER;
    value->text = strndup(r->at, n);
    value->length = n;
    r->at += n;
    r->bad |= n == 0;
}

static struct json *read_value(struct reader *r)
{
    struct json *value = calloc(1, sizeof(*value));
    if (!value)
        abort();
    skip_blanks(r);
    value->raw = r->at;
    if (accept(r, '{')) {
        value->kind = JSON_OBJECT;
        read_members(r, value, '}');
    } else if (accept(r, '[')) {
        value->kind = JSON_ARRAY;
        read_members(r, value, ']');
    } else if (accept(r, '"')) {
        value->kind = JSON_STRING;
        value->text = read_string(r, &value->length);
    } else if (accept_word(r, "true")) {
        value->kind = JSON_TRUE;
    } else if (accept_word(r, "false")) {
        value->kind = JSON_FALSE;
    } else if (!accept_word(r, "null")) {
        read_number(r, value);
    }
    value->raw_length = (size_t)(r->at - value->raw);
    return value;
}

struct json *json_parse(const char *line)
{
    struct reader r = { .at = line };
    struct json *value = read_value(&r);
    skip_blanks(&r);
    if (r.bad || *r.at) {
        json_free(value);
        return NULL;
    }
    return value;
}

void json_free(struct json *value)
{
    while (value) {
        struct json *next = value->next;
        json_free(value->first);
        free(value->key);
        free(value->text);
        free(value);
        value = next;
    }
}

const struct json *json_find(const struct json *object, const char *key)
{
    for (const struct json *m = object ? object->first : NULL; m; m = m->next)
        if (m->key && strcmp(m->key, key) == 0)
            return m;
    return NULL;
}

bool json_has(const struct json *object, const char *key)
{
    return json_find(object, key) != NULL;
}

const char *json_text(const struct json *object, const char *key, const char *otherwise)
{
    const struct json *m = json_find(object, key);
    return m && m->kind == JSON_STRING ? m->text : otherwise;
}

uint64_t json_number_of(const struct json *value)
{
    if (!value->text)
        return value->kind == JSON_TRUE;
    if (value->text[0] == '-')
        return (uint64_t)strtoll(value->text, NULL, 10);
    return strtoull(value->text, NULL, strncmp(value->text, "0x", 2) == 0 ? 16 : 10);
}

uint64_t json_number(const struct json *object, const char *key, uint64_t otherwise)
{
    const struct json *m = json_find(object, key);
    return m && m->kind != JSON_NULL ? json_number_of(m) : otherwise;
}

bool json_flag(const struct json *object, const char *key)
{
    const struct json *m = json_find(object, key);
    return m && m->kind != JSON_STRING && json_number_of(m) != 0;
}

unsigned char json_byte(const struct json *value)
{
    return value && value->text ? (unsigned char)strtoul(value->text, NULL, 16) : 0;
}
