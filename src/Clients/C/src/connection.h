/* SPDX-License-Identifier: Apache-2.0 */
/* A connection from inside: one request, one answer, and news in between. */
#ifndef COCO_CONNECTION_H
#define COCO_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "cocoguest.h"
#include "wire.h"

#define CALL_BODY_BYTES 160u

struct coco {
    int socket;
    int dead;               /* the stream is out of step or at its end: nothing can be asked any more */
    uint64_t last_id;
    uint8_t *answer;        /* body of the last answer */
    size_t capacity;
    coco_revoked_fn *revoked;
    void *context;
};

/* A request, and what came back. */
struct call {
    enum wire_operation operation;
    uint8_t body[CALL_BODY_BYTES]; /* fixed fields; to is behind the last one */
    struct wire to;
    const void *data;       /* bytes behind the fixed fields */
    size_t data_length;
    int bad_name;           /* a text does not fit: it is not sent */
    struct wire from;       /* body of the answer */
    size_t length;          /* its bytes */
    int fd;                 /* that came with it, or -1; the caller owns it */
};

void coco_call_init(struct call *call, enum wire_operation operation);
void coco_call_put_name(struct call *call, const char *text);
void coco_call_put_fd(struct call *call, int32_t fd);

/*
 * Sends the request and reads the answer. Returns 0 when it succeeded and its body has exactly (or, with more, at least) least bytes; else
 * -1, and the call has no fd then.
 */
int coco_call_run(struct coco *c, struct call *call, size_t least, int more);

/* Notes a failure of this side. Returns -1. */
int coco_error_local(int number, const char *operation, const char *step, const char *sentence);
/* Notes a failure that the server told. Returns -1. */
int coco_error_remote(int number, struct wire *body);

#endif
