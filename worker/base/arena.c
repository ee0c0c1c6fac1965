/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK_BYTES 8192
#define LARGEST_STEP_BYTES (UINT32_C(1) << 20)
#define ALIGNMENT _Alignof(max_align_t)

typedef struct Block Block;
struct Block
{
    Block *older;
    size_t size;
    size_t used;
    max_align_t bytes[];
};

struct Arena
{
    Block *newest; /* the only one that is filled further */
    size_t next_size;
};

static _Noreturn void
out_of_memory(void)
{
    (void)fputs("expunge: out of memory\n", stderr);
    abort();
}

void *
mem_alloc(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);

    if (memory == NULL)
        out_of_memory();
    return memory;
}

void
mem_free(void *memory)
{
    free(memory);
}

Arena *
arena_new(void)
{
    Arena *arena = mem_alloc(sizeof *arena);

    arena->next_size = FIRST_BLOCK_BYTES;
    return arena;
}

void
arena_free(Arena *arena)
{
    if (arena == NULL)
        return;
    for (Block *block = arena->newest, *older; block != NULL; block = older)
    {
        older = block->older;
        free(block);
    }
    free(arena);
}

void
arena_freep(Arena **arena)
{
    arena_free(*arena);
    *arena = NULL;
}

void
arena_reset(Arena *arena)
{
    Block *largest = arena->newest;

    for (Block *block = arena->newest; block != NULL; block = block->older)
        if (block->size > largest->size)
            largest = block;
    for (Block *block = arena->newest, *older; block != NULL; block = older)
    {
        older = block->older;
        if (block != largest)
            free(block);
    }
    arena->newest = largest;
    if (largest != NULL)
    {
        largest->older = NULL;
        largest->used = 0;
    }
}

static void
add_block(Arena *arena, size_t size)
{
    const size_t block_size = size > arena->next_size ? size : arena->next_size;

    if (block_size > SIZE_MAX - sizeof(Block))
        out_of_memory();
    Block *block = malloc(sizeof *block + block_size); /* not cleared: each allocation clears its own */
    if (block == NULL)
        out_of_memory();
    *block = (Block){ .older = arena->newest, .size = block_size };
    arena->newest = block;
    if (arena->next_size < LARGEST_STEP_BYTES)
        arena->next_size *= 2;
}

void *
arena_alloc(Arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT)
        out_of_memory();
    bytes = bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (arena->newest == NULL || arena->newest->size - arena->newest->used < bytes)
        add_block(arena, bytes);
    void *memory = (char *)arena->newest->bytes + arena->newest->used;
    arena->newest->used += bytes;
    return memset(memory, 0, bytes);
}

char *
arena_strdup(Arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *
arena_strndup(Arena *arena, const char *text, size_t length)
{
    const size_t taken = strnlen(text, length);
    char *copy = arena_alloc(arena, taken + 1, 1);

    memcpy(copy, text, taken);
    return copy;
}

/* clang asks for a format that it can follow */
char *arena_vprintf(Arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);

char *
arena_printf(Arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

char *
arena_vprintf(Arena *arena, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    assert(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1, 1);
    (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void *
arena_grow(Arena *arena, void *items, size_t count, size_t *room, size_t size)
{
    if (*room > SIZE_MAX / 2)
        out_of_memory();
    const size_t new_room = *room < 8 ? 8 : *room * 2;
    void *grown = arena_alloc(arena, new_room, size);

    if (count > 0)
        memcpy(grown, items, count * size);
    *room = new_room;
    return grown;
}
