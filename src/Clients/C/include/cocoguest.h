/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A C client of CocoGuest: buffers of emulated confidential-computing guests, as real shared memory of this program.
 *
 * It speaks the control protocol (docs/protocol.md) on the fd broker's Unix socket and needs nothing but libc. A connection is one
 * process of a guest, which loses all it holds when the connection is closed or this program ends. All integers of the guest (fds,
 * addresses, errnos) are the emulated ones; pointers, and coco_socket()'s fd, are this program's.
 *
 * Every function that returns int returns 0, or -1 with errno set to the errno that the guest's kernel would give, and the step and
 * the field at fault in coco_last_error(). A server that is gone is ECONNRESET: the connection is dead then, and memory that was mapped
 * reads zeros or what it last held. A connection is for one thread at a time; different connections do not disturb each other.
 */
#ifndef COCOGUEST_H
#define COCOGUEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COCO_VERSION_MAJOR 0
#define COCO_VERSION_MINOR 1

/* Bytes of a name, without the zero behind it. */
#define COCO_NAME_BYTES 64

/* fd_flags of coco_alloc: O_ACCMODE and O_CLOEXEC, in the numbers of the guest's kernel. */
#define COCO_RDONLY 0x0u
#define COCO_RDWR 0x2u
#define COCO_CLOEXEC 0x80000u

/* prot and flags of coco_mmap. */
#define COCO_PROT_READ 0x1u
#define COCO_PROT_WRITE 0x2u
#define COCO_PROT_OF_FD 0xffffffffu /* what the fd's access mode allows */
#define COCO_MAP_SHARED 0x1u
#define COCO_MAP_PRIVATE 0x2u

/* flags of coco_sync: DMA_BUF_SYNC_*. */
#define COCO_SYNC_READ 0x1u
#define COCO_SYNC_WRITE 0x2u
#define COCO_SYNC_RW 0x3u
#define COCO_SYNC_START 0x0u
#define COCO_SYNC_END 0x4u

/* flags of coco_register_device. */
#define COCO_DEVICE_TRUSTED 0x1u  /* inside the guest's trust boundary (TDISP) */
#define COCO_DEVICE_MEDIATED 0x2u /* reaches memory by coco_dma_read and coco_dma_write only; maps give no memory */

/* A connection, which is a process of a guest. */
struct coco;

/* 128 bits that name a process or stand for a buffer on its way; hex digits of gRPC clients, two a byte, in the order written. */
struct coco_handle {
    uint8_t bytes[16];
};

/* Why the last call of this thread failed. */
struct coco_error {
    int number;                /* errno */
    char operation[49];        /* in the kernel's words, for example "dma_buf_map_attachment" */
    char step[65];             /* the step of it that failed, for example "check mapping" */
    char field[33];            /* what was at fault of the request; "" where nothing was */
    char sentence[257];        /* for people */
    char text[512];            /* all of it in one line */
};

struct coco_heap {
    char name[COCO_NAME_BYTES + 1];
    uint64_t valid_heap_flags;
    uint32_t minor;
};

struct coco_buffer {
    int32_t fd;                /* of the emulated process */
    int host_visible;          /* the host reads it in plain: mappings are real memory */
    uint64_t size;             /* whole pages */
    uint64_t ino;
};

struct coco_stat {
    uint64_t size;
    uint64_t ino;
    uint64_t count;            /* references on the file */
    int shared;
    int host_visible;
    int named;                 /* it was given a name once */
    uint32_t chunks;
    uint32_t attachments;
    char exp_name[COCO_NAME_BYTES + 1];
    char name[COCO_NAME_BYTES + 1];
};

/* What coco_mmap made. */
struct coco_memory {
    void *data;                /* the bytes; NULL for private memory, which only coco_load and coco_store reach */
    uint64_t address;          /* in the emulated process */
    uint64_t length;
    uint64_t backing_id;       /* identity of the memory; revocations name it; 0 for private memory */
    int read_only;
};

struct coco_segment {
    uint64_t dma_address;
    uint64_t length;
};

/* What coco_map made. */
struct coco_mapping {
    struct coco_segment *segments; /* in buffer order; coco_unmap frees them */
    size_t count;
    int bounced;               /* through swiotlb: the device sees a snapshot */
    void *data;                /* the buffer's bytes for a device that is no mediated one; else NULL */
    uint64_t length;           /* of data */
    uint64_t backing_id;
    int read_only;
};

enum coco_direction {
    COCO_BIDIRECTIONAL = 0,
    COCO_TO_DEVICE = 1,
    COCO_FROM_DEVICE = 2
};

/* Text of the last failure of this thread: operation, step, sentence, errno and field. Valid until the next call. */
const char *coco_last_error(void);

/* The same in parts. */
const struct coco_error *coco_last_error_parts(void);

/*
 * Connects and agrees on a version. path NULL: $COCOGUEST_BROKER_SOCKET, else broker.sock beside $COCOGUEST_SOCKET if it is there, else
 * in $XDG_RUNTIME_DIR/cocoguest, else in /tmp/cocoguest-UID. Returns NULL on failure. The socket is close-on-exec.
 */
struct coco *coco_connect(const char *path);

/* Ends the process and unmaps nothing: memory that is mapped here reads zeros from then on. NULL is fine. */
void coco_close(struct coco *c);

/*
 * Starts the process. guest NULL or "": the guest "default". name is for people. handle, when not NULL, gets what other programs name the
 * process by. One process for each connection: EBUSY for a second.
 */
int coco_open_process(struct coco *c, const char *guest, const char *name, struct coco_handle *handle);

/* Fills up to room heaps; count gets how many there are. */
int coco_list_heaps(struct coco *c, struct coco_heap *heaps, size_t room, size_t *count);

/* DMA_HEAP_IOCTL_ALLOC. */
int coco_alloc(struct coco *c, const char *heap, uint64_t len, uint32_t fd_flags, uint64_t heap_flags, struct coco_buffer *buffer);

/* close of one fd. */
int coco_release(struct coco *c, int32_t fd);

/* mmap; length 0: to the end of the buffer. Shared mappings of host-visible buffers are real memory. */
int coco_mmap(struct coco *c, int32_t fd, uint32_t prot, uint32_t flags, uint64_t offset, uint64_t length, struct coco_memory *memory);

/* munmap, here and in the guest. */
int coco_munmap(struct coco *c, struct coco_memory *memory);

/* Reads and writes memory of the emulated process at an address, private memory too. */
int coco_load(struct coco *c, uint64_t address, void *data, size_t length);
int coco_store(struct coco *c, uint64_t address, const void *data, size_t length);

/* DMA_BUF_IOCTL_SYNC. A START may wait for fences. */
int coco_sync(struct coco *c, int32_t fd, uint64_t flags);

/* DMA_BUF_SET_NAME: at most 31 bytes. */
int coco_set_name(struct coco *c, int32_t fd, const char *name);

int coco_stat(struct coco *c, int32_t fd, struct coco_stat *stat);

/*
 * Makes a token that stands for the buffer until somebody imports it: another connection, or a gRPC client. to NULL: any process of the
 * guest. expires_after_ns 0: 60 seconds.
 */
int coco_export(struct coco *c, int32_t fd, const struct coco_handle *to, uint64_t expires_after_ns, struct coco_handle *token);
int coco_import(struct coco *c, const struct coco_handle *token, struct coco_buffer *buffer);

/* 32 hex digits and a zero, as gRPC clients write handles and tokens; and back (-1 with EINVAL for other text). */
void coco_handle_text(const struct coco_handle *handle, char text[33]);
int coco_handle_parse(const char *text, struct coco_handle *handle);

/* A device of this process. kind is for people. */
int coco_register_device(struct coco *c, const char *name, const char *kind, uint64_t dma_mask, uint64_t min_align_mask, uint32_t flags);
int coco_unregister_device(struct coco *c, const char *name);

/* dma_buf_attach; device NULL or "": the built-in emu0, which is mediated. */
int coco_attach(struct coco *c, int32_t fd, const char *device, uint64_t *attachment);
int coco_detach(struct coco *c, uint64_t attachment);

/* dma_buf_map_attachment on a CPU of the guest. May wait for fences. */
int coco_map(struct coco *c, uint64_t attachment, enum coco_direction direction, uint32_t cpu, struct coco_mapping *mapping);
int coco_unmap(struct coco *c, uint64_t attachment, struct coco_mapping *mapping);

/* What a device reads and writes at a DMA address. */
int coco_dma_read(struct coco *c, const char *device, uint64_t dma_address, void *data, size_t length);
int coco_dma_write(struct coco *c, const char *device, uint64_t dma_address, const void *data, size_t length);

/*
 * Calls back when memory was taken back: its pages read zeros then, wherever they are mapped. The callback runs inside whatever call
 * of this library finds the news, and must not call the library itself.
 */
typedef void coco_revoked_fn(void *context, uint64_t backing_id);
void coco_on_revoked(struct coco *c, coco_revoked_fn *revoked, void *context);

/* Becomes readable when there is news, for poll(2); coco_dispatch then reads it without waiting. */
int coco_socket(const struct coco *c);
int coco_dispatch(struct coco *c);

#ifdef __cplusplus
}
#endif

#endif
