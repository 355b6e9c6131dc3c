/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"

static _Thread_local struct coco_error last;

static void copy(char *target, size_t room, const char *text)
{
    size_t length = strlen(text);
    if (length >= room) {
        length = room - 1;
    }
    memcpy(target, text, length);
    target[length] = '\0';
}

static int note(int number)
{
    const char *open = last.field[0] == '\0' ? "" : ", field ";
    /* A text that is cut is good enough for people; programs read the parts. */
    int written = snprintf(last.text, sizeof last.text, "%s: %s: %s (errno %d%s%s)", last.operation, last.step, last.sentence, number, open,
                           last.field);
    if (written < 0) {
        last.text[0] = '\0';
    }
    last.number = number;
    errno = number;
    return -1;
}

int coco_error_local(int number, const char *operation, const char *step, const char *sentence)
{
    copy(last.operation, sizeof last.operation, operation);
    copy(last.step, sizeof last.step, step);
    copy(last.sentence, sizeof last.sentence, sentence);
    last.field[0] = '\0';
    return note(number);
}

int coco_error_remote(int number, struct wire *body)
{
    coco_wire_get_text(body, last.operation, sizeof last.operation - 1);
    coco_wire_get_text(body, last.step, sizeof last.step - 1);
    coco_wire_get_text(body, last.field, sizeof last.field - 1);
    coco_wire_get_text(body, last.sentence, sizeof last.sentence - 1);
    return note(number);
}

const struct coco_error *coco_last_error_parts(void)
{
    return &last;
}

const char *coco_last_error(void)
{
    return last.text;
}
