/* SPDX-License-Identifier: Apache-2.0 */
#include "store/frames_private.h"

#include <endian.h>
#include <string.h>

static const char MAGIC[4] = { 'X', 'P', 'F', '1' };

/* As it is in the file: little endian, no gaps. */
typedef struct RawHeader
{
    char magic[sizeof MAGIC];
    uint32_t number;
    uint64_t plain_bytes;
    uint64_t rows;
    uint64_t sealed_bytes;
} RawHeader;
_Static_assert(sizeof(RawHeader) == FRAME_HEADER_BYTES, "the header has gaps");

void
frames_encode_header(const FrameHeader *header, unsigned char ret_bytes[FRAME_HEADER_BYTES])
{
    RawHeader raw = { .number = htole32(header->number),
                      .plain_bytes = htole64(header->plain_bytes),
                      .rows = htole64(header->rows),
                      .sealed_bytes = htole64(header->sealed_bytes) };

    memcpy(raw.magic, MAGIC, sizeof MAGIC);
    memcpy(ret_bytes, &raw, sizeof raw);
}

bool
frames_decode_header(const unsigned char bytes[FRAME_HEADER_BYTES], FrameHeader *ret_header)
{
    RawHeader raw;

    memcpy(&raw, bytes, sizeof raw);
    *ret_header = (FrameHeader){ .number = le32toh(raw.number),
                                 .plain_bytes = le64toh(raw.plain_bytes),
                                 .rows = le64toh(raw.rows),
                                 .sealed_bytes = le64toh(raw.sealed_bytes) };
    return memcmp(raw.magic, MAGIC, sizeof MAGIC) == 0 && ret_header->plain_bytes > 0 &&
           ret_header->plain_bytes <= FRAME_PLAIN_MAX && ret_header->rows > 0 &&
           ret_header->rows <= ret_header->plain_bytes;
}

void
frames_bind(const FrameFile *file, const unsigned char header[FRAME_HEADER_BYTES],
            unsigned char ret_bound[FRAME_BOUND_BYTES])
{
    const uint32_t number = htole32(file->number);

    memcpy(ret_bound, file->snapshot_id, sizeof file->snapshot_id);
    memcpy(ret_bound + sizeof file->snapshot_id, &number, sizeof number);
    memcpy(ret_bound + sizeof file->snapshot_id + sizeof number, header, FRAME_HEADER_BYTES);
}

/* seal.h alone knows what sealing adds, and it grows with the length: search for it. */
bool
frames_unsealed_size(size_t sealed_bytes, size_t *ret_packed_bytes)
{
    size_t low = 0;
    size_t high = sealed_bytes;

    while (low < high)
    {
        const size_t middle = low + (high - low) / 2;

        if (seal_frame_size(middle) < sealed_bytes)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_packed_bytes = low;
    return seal_frame_size(low) == sealed_bytes;
}

void
frames_room(FrameRoom *room, size_t bytes)
{
    const size_t wanted = bytes > room->usual_bytes ? bytes : room->usual_bytes;

    if (room->size_bytes == wanted || (room->size_bytes > bytes && bytes > room->usual_bytes))
        return;
    frames_room_free(room);
    room->bytes = mem_alloc(wanted);
    room->size_bytes = wanted;
}

void
frames_room_free(FrameRoom *room)
{
    mem_free(room->bytes);
    room->bytes = NULL;
    room->size_bytes = 0;
}
