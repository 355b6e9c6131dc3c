/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCO_MAP_H
#define COCO_MAP_H

#include <stdint.h>

/* Maps a received fd and closes it; without an fd (-1) data gets NULL. Returns 0 or -1. */
int coco_map_fd(int *fd, uint64_t offset, uint64_t length, int prot, void **data);

#endif
