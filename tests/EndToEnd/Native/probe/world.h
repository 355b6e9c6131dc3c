/*
 * What a case holds: descriptors and mappings by the names that records have for them. A case runs in a process of its own, so this state, and
 * the state that files of operations keep for themselves, is that of one case; the end of the process closes everything.
 */
#ifndef PROBE_WORLD_H
#define PROBE_WORLD_H

#include "record.h"

#include <sys/types.h>

enum { PAGE = 4096 };

/* The case that runs. */
struct world {
    const struct record *records;
    size_t count;
    void *map;           /* the mapping that records call m, or NULL */
    size_t map_length;   /* in whole pages */
    uint64_t map_offset;
};

extern struct world world;

/* Gives a descriptor of a buffer, or of another file, the name that records have for it. */
void name_buffer(const char *name, int fd);
void name_file(const char *name, int fd);
void forget_name(const char *name);
/* -1 where nothing has the name. "h" opens the heap that the case's name has. */
int fd_of(const char *name);
/* The descriptor that `in` calls `fd`. */
int fd_in(const struct record *r);
/* The buffer that was named last. */
int last_buffer(void);

/* True where the dot-separated name of the case has this word. */
bool case_has_word(const char *word);
bool case_has_op(const char *op);

/* A mapping by the name of its descriptor; NULL where there is none. */
void *map_of(const char *name);
void name_map(const char *name, void *map, size_t length);
/* The mapping m; the whole last buffer, shared, where no step made one. NULL where that fails. */
unsigned char *user_map(void);
/* The mapping that `in` calls `map`; NULL with errno ENXIO where there is none. */
unsigned char *map_in(const struct record *r);
void *map_whole(int fd, size_t *length);
void unmap_user(void);
/* Unmaps and closes what the case made, standard streams excepted. */
void close_everything(void);

/* All bytes of a text file (to be freed), NUL terminated, or NULL with errno. */
char *read_text(const char *path, size_t *length);
/* Number after the word in a text file, or `otherwise`. */
long long number_in_file(const char *path, const char *word, long long otherwise);
/* How many descriptors are open; fills the list with the first of them. */
int open_fds(int *list, int most);
/* Objects that the debugfs file of dma-bufs counts, or -1. */
long long live_buffers(void);
/* A pipe of the case: [0] to read, [1] to write. */
int *case_pipe(void);
double seconds_now(void);

uint64_t round_up_page(uint64_t n);

#endif
