/* Which function performs which operation. */
#ifndef PROBE_OPS_H
#define PROBE_OPS_H

#include "world.h"

struct op_row {
    const char *op;     /* "name", or "family/name" where a name means two things */
    void (*run)(const struct record *r, struct answers *a);
    bool on_map;        /* it works on the mapping that `in` names, m if none: not run where there is none */
};

/* Each table ends with an empty row. */
extern const struct op_row heap_ops[], device_ops[], smaps_ops[], file_ops[], file_change_ops[], range_ops[], memory_ops[], fence_ops[], info_ops[],
    life_ops[], account_ops[], udmabuf_ops[], drm_ops[], fault_ops[], trace_ops[];

/* Opens the heap's node, allocates, closes the node again. The buffer, or -1 with errno. */
int heap_allocate(const char *heap, uint64_t length, uint32_t fd_flags, uint64_t heap_flags);
/* One ioctl on a fresh descriptor of a heap's node. */
int heap_ioctl(const char *heap, unsigned long command, void *argument);

/* open flags by name, joined by bars, or in hex. */
int open_flags_of(const char *words);
int protection_of(const char *word);

/* mmap by the name of the descriptor, as vgem and udmabuf cases use it. */
void mmap_named(const struct record *r, struct answers *a);
void read_named(const struct record *r, struct answers *a);

/* "ok", or the signal and its code: one byte read, or read and written back. */
const char *touch(volatile unsigned char *at, bool write);

/* DMA_BUF_SET_NAME. */
int set_name(int fd, const char *name);
/* A fence of the case's software timeline, which begins with it. */
int timeline(void);
int new_fence(void);
void advance_timeline(uint32_t by);
int import_fence(int buffer, uint32_t flags);
int export_sync_file(int buffer, uint32_t flags);

/* Slots that debugfs shows, -1 without a pool. */
long long swiotlb_used(void);

/* The node of a DRM driver, or -1 with errno. */
int open_drm(const char *driver, bool render);
int prime_import(int node, int buffer, uint32_t *handle);
int gem_close(int node, uint32_t handle);

#endif
