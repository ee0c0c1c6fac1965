/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h -- memory that is freed all at once.  Out of memory ends the process: nothing here returns NULL. */
#ifndef EXPUNGE_ARENA_H
#define EXPUNGE_ARENA_H

#include "err.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);   /* NULL is fine */
void arena_freep(Arena **arena); /* for CLEANUP */
void arena_reset(Arena *arena);  /* all allocations end; the largest block is kept for reuse */

/* Zeroed, aligned for any type.  count * size is checked for overflow. */
void *arena_alloc(Arena *arena, size_t count, size_t size) __attribute__((returns_nonnull, malloc));
char *arena_strdup(Arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_strndup(Arena *arena, const char *text, size_t length) __attribute__((returns_nonnull));
char *arena_printf(Arena *arena, const char *format, ...) PRINTF_LIKE(2, 3) __attribute__((returns_nonnull));
char *arena_vprintf(Arena *arena, const char *format, va_list args) __attribute__((returns_nonnull));

#define ARENA_NEW(arena, Type) ((Type *)arena_alloc((arena), 1, sizeof(Type)))
#define ARENA_ARRAY(arena, Type, count) ((Type *)arena_alloc((arena), (count), sizeof(Type)))

/* A growing array: T *items; size_t count; size_t room.  Appends in amortised constant time; the old copy stays in the
 * arena until its end. */
void *arena_grow(Arena *arena, void *items, size_t count, size_t *room, size_t size) __attribute__((returns_nonnull));
#define ARENA_PUSH(arena, items, count, room, value)                                                                   \
    do                                                                                                                 \
    {                                                                                                                  \
        if ((count) == (room))                                                                                         \
            (items) = arena_grow((arena), (items), (count), &(room), sizeof *(items));                                 \
        (items)[(count)++] = (value);                                                                                  \
    } while (0)

/* Memory outside arenas, for foreign handles' own structs and large buffers: ends the process when there is none. */
void *mem_alloc(size_t size) __attribute__((returns_nonnull, malloc)); /* zeroed */
void mem_free(void *memory);

#endif
