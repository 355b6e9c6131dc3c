/* SPDX-License-Identifier: Apache-2.0 */
/* What the test programs share: a check that says where it failed. Each program takes the broker's socket as its first argument. */
#ifndef COCO_TESTS_CHECK_H
#define COCO_TESTS_CHECK_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cocoguest.h"

#define CHECK(condition)                                                                                                       \
    do {                                                                                                                       \
        if (!(condition)) {                                                                                                    \
            fprintf(stderr, "%s:%d: %s is not so; errno %d; last failure: %s\n", __FILE__, __LINE__, #condition, errno,         \
                    coco_last_error());                                                                                        \
            exit(1);                                                                                                           \
        }                                                                                                                      \
    } while (0)

/* The call is refused with this errno. */
#define REFUSED(wanted, call) CHECK((call) == -1 && errno == (wanted) && coco_last_error_parts()->number == (wanted))

/* A connection with a process of the guest "default". */
static inline struct coco *open_process(const char *path, const char *name, struct coco_handle *handle)
{
    struct coco *c = coco_connect(path);
    CHECK(c != NULL);
    CHECK(coco_open_process(c, NULL, name, handle) == 0);
    return c;
}

#endif
