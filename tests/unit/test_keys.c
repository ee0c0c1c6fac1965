/* SPDX-License-Identifier: Apache-2.0 */
/* P19: one key per snapshot, outside the database.  P3: destroying the key ends every copy of the snapshot. */
#include "scratch.h"

#include "store/keys.h"

#define SLOT 512
#define WRAPPED_AT 17

static const char *path;
static Secret *master;
static Keys *keys;

static void
setup(void)
{
    path = scratch_path("keys");
    master = secret_random();
    GOOD(keys_create(path, master));
    GOOD(keys_open(path, master, NULL, &keys));
}

static void
teardown(void)
{
    keys_closep(&keys);
    secret_freep(&master);
}

static size_t
slot_of(const char *id)
{
    return (size_t)atoi(id);
}

static size_t
living(void)
{
    size_t count = 999;

    GOOD(keys_count(keys, &count));
    return count;
}

START_TEST(a_made_key_is_loaded_by_another_handle)
{
    CLEANUP(keys_closep) Keys *other = NULL;
    CLEANUP(secret_freep) Secret *made = NULL;
    CLEANUP(secret_freep) Secret *loaded = NULL;
    char id[KEYS_ID_TEXT];

    GOOD(keys_make(keys, id, &made));
    GOOD(keys_open(path, master, NULL, &other));
    GOOD(keys_load(other, id, &loaded));
    ck_assert(scratch_same_key(made, loaded));
    ck_assert(scratch_same_key(keys_commitment_key(keys), keys_commitment_key(other)));
    ck_assert(!scratch_same_key(made, keys_commitment_key(keys)));
    ck_assert(!scratch_same_key(made, master));
    ck_assert_uint_eq(living(), 1);
}
END_TEST

START_TEST(the_master_key_may_go_once_the_file_is_open)
{
    CLEANUP(secret_freep) Secret *made = NULL;
    CLEANUP(secret_freep) Secret *loaded = NULL;
    char id[KEYS_ID_TEXT];

    secret_freep(&master);
    GOOD(keys_make(keys, id, &made));
    GOOD(keys_load(keys, id, &loaded));
    ck_assert(scratch_same_key(made, loaded));
}
END_TEST

START_TEST(a_destroyed_keys_wrapped_bytes_are_not_in_the_file_any_more)
{
    char ids[5][KEYS_ID_TEXT];

    for (size_t i = 0; i < 5; i++)
    {
        CLEANUP(secret_freep) Secret *key = NULL;
        GOOD(keys_make(keys, ids[i], &key));
    }
    const Bytes before = scratch_load(path);
    const char *slot = before.at + slot_of(ids[2]) * SLOT;
    GOOD(keys_destroy(keys, ids[2]));
    const Bytes after = scratch_load(path);
    ck_assert_uint_eq(after.length, before.length);
    ck_assert_ptr_nonnull(memmem(before.at, before.length, slot + WRAPPED_AT, SEAL_WRAPPED_BYTES));
    for (size_t part = 0; part < SEAL_WRAPPED_BYTES; part += 8)
        ck_assert_ptr_null(memmem(after.at, after.length, slot + WRAPPED_AT + part, 8));
    ck_assert_ptr_null(memmem(after.at, after.length, slot + 1, 16));

    CLEANUP(keys_closep) Keys *other = NULL;
    GOOD(keys_open(path, master, NULL, &other));
    for (size_t i = 0; i < 5; i++)
    {
        CLEANUP(secret_freep) Secret *key = NULL;
        if (i != 2)
            GOOD(keys_load(other, ids[i], &key));
        else
            BAD(keys_load(other, ids[i], &key), ERR_EVIDENCE, "the key of this snapshot was destroyed");
        ck_assert((key != NULL) == (i != 2));
    }
    ck_assert_uint_eq(living(), 4);
}
END_TEST

START_TEST(destroying_twice_is_fine_and_spares_the_slots_next_key)
{
    CLEANUP(secret_freep) Secret *first = NULL;
    CLEANUP(secret_freep) Secret *second = NULL;
    CLEANUP(secret_freep) Secret *loaded = NULL;
    char first_id[KEYS_ID_TEXT];
    char second_id[KEYS_ID_TEXT];

    GOOD(keys_make(keys, first_id, &first));
    GOOD(keys_destroy(keys, first_id));
    GOOD(keys_destroy(keys, first_id));
    GOOD(keys_make(keys, second_id, &second));
    ck_assert_uint_eq(slot_of(first_id), slot_of(second_id)); /* the slot is used again */
    ck_assert_str_ne(first_id, second_id);
    GOOD(keys_destroy(keys, first_id));
    GOOD(keys_load(keys, second_id, &loaded));
    ck_assert(scratch_same_key(second, loaded));
    ck_assert(!scratch_same_key(first, loaded));
    BAD(keys_load(keys, first_id, &first), ERR_EVIDENCE, first_id);
}
END_TEST

START_TEST(the_file_grows_by_whole_sectors)
{
    char ids[40][KEYS_ID_TEXT];

    for (size_t i = 0; i < 40; i++)
    {
        CLEANUP(secret_freep) Secret *key = NULL;
        GOOD(keys_make(keys, ids[i], &key));
    }
    ck_assert_uint_eq(living(), 40);
    ck_assert_uint_eq(scratch_load(path).length % SLOT, 0);
    for (size_t i = 0; i < 40; i++)
    {
        CLEANUP(secret_freep) Secret *key = NULL;
        GOOD(keys_load(keys, ids[i], &key));
    }
}
END_TEST

START_TEST(an_interrupted_extension_is_no_damage)
{
    const Bytes bytes = scratch_load(path);
    CLEANUP(secret_freep) Secret *key = NULL;
    char id[KEYS_ID_TEXT];

    scratch_save(path, bytes.at, 2 * SLOT + 100);
    GOOD(keys_make(keys, id, &key));
    ck_assert_uint_eq(slot_of(id), 2);
    ck_assert_uint_eq(living(), 1);
    ck_assert_uint_eq(scratch_load(path).length % SLOT, 0);
}
END_TEST

START_TEST(another_master_key_opens_nothing)
{
    CLEANUP(secret_freep) Secret *other = secret_random();
    Keys *none = NULL;

    BAD(keys_open(path, other, NULL, &none), ERR_CONFIG, path);
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(a_file_that_others_can_read_is_refused)
{
    static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601 };
    Keys *none = NULL;

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    {
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        BAD(keys_open(path, master, NULL, &none), ERR_PERMISSION, path);
        ck_assert_ptr_null(none);
    }
}
END_TEST

START_TEST(an_existing_file_is_never_made_anew)
{
    const Bytes before = scratch_load(path);
    struct stat about;

    BAD(keys_create(path, master), ERR_RAIL, path);
    const Bytes after = scratch_load(path);
    ck_assert_uint_eq(before.length, after.length);
    ck_assert_mem_eq(before.at, after.at, before.length);
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_missing_file_is_an_error_that_names_it)
{
    Keys *none = NULL;

    BAD(keys_open(scratch_path("nowhere"), master, NULL, &none), ERR_IO, "nowhere");
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(each_flipped_byte_of_header_and_commitment_key_is_damage)
{
    for (size_t at = 0; at < 2 * SLOT; at++)
    {
        Keys *none = NULL;

        scratch_flip(path, at, 0x10);
        BAD(keys_open(path, master, NULL, &none), ERR_EVIDENCE, path);
        scratch_flip(path, at, 0x10);
        ck_assert_ptr_null(none);
    }
}
END_TEST

START_TEST(each_flipped_byte_of_a_slot_is_damage_and_the_slot_is_not_reused)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    char id[KEYS_ID_TEXT];
    size_t count = 999;

    GOOD(keys_make(keys, id, &key));
    for (size_t at = 2 * SLOT; at < 3 * SLOT; at++)
    {
        CLEANUP(secret_freep) Secret *next = NULL;
        Secret *none = NULL;
        char next_id[KEYS_ID_TEXT];

        scratch_flip(path, at, 0x01);
        BAD(keys_load(keys, id, &none), ERR_EVIDENCE, "slot 2");
        BAD(keys_count(keys, &count), ERR_EVIDENCE, "slot 2");
        GOOD(keys_make(keys, next_id, &next));
        ck_assert_uint_ne(slot_of(next_id), 2);
        GOOD(keys_destroy(keys, next_id));
        scratch_flip(path, at, 0x01);
        ck_assert_ptr_null(none);
    }
    ck_assert_uint_eq(count, 999);
    GOOD(keys_load(keys, id, &key));
}
END_TEST

START_TEST(a_damaged_slot_is_overwritten_for_its_own_name_only)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    char id[KEYS_ID_TEXT];
    char other[KEYS_ID_TEXT];

    GOOD(keys_make(keys, id, &key));
    scratch_flip(path, 2 * SLOT, 0xff); /* its state */
    (void)snprintf(other, sizeof other, "%s", id);
    other[10] = other[10] == '0' ? '1' : '0';
    const Bytes before = scratch_load(path);
    BAD(keys_destroy(keys, other), ERR_EVIDENCE, "slot 2");
    ck_assert_mem_eq(before.at, scratch_load(path).at, before.length);
    GOOD(keys_destroy(keys, id));
    const Bytes after = scratch_load(path);
    ck_assert_ptr_null(memmem(after.at, after.length, before.at + 2 * SLOT + WRAPPED_AT, 16));
    ck_assert_uint_eq(living(), 0);
}
END_TEST

START_TEST(a_slot_opens_in_its_own_place_only)
{
    CLEANUP(secret_freep) Secret *first = NULL;
    CLEANUP(secret_freep) Secret *second = NULL;
    Secret *none = NULL;
    char ids[2][KEYS_ID_TEXT];
    char moved[KEYS_ID_TEXT + 8];

    GOOD(keys_make(keys, ids[0], &first));
    GOOD(keys_make(keys, ids[1], &second));
    Bytes bytes = scratch_load(path);
    memcpy(bytes.at + 3 * SLOT, bytes.at + 2 * SLOT, SLOT);
    scratch_save(path, bytes.at, bytes.length);
    (void)snprintf(moved, sizeof moved, "3%s", strchr(ids[0], '-'));
    BAD(keys_load(keys, moved, &none), ERR_EVIDENCE, "slot 3");
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(a_key_that_this_file_never_held_does_not_pass_for_a_destroyed_one)
{
    static const char digits[] = "0123456789abcdef0123456789abcdef";
    CLEANUP(secret_freep) Secret *key = NULL;
    Secret *none = NULL;
    char id[KEYS_ID_TEXT];
    const Bytes old = scratch_load(path);

    GOOD(keys_make(keys, id, &key));
    BAD(keys_destroy(keys, arena_printf(scratch_arena, "7-%s", digits)), ERR_EVIDENCE, "slot 7");
    BAD(keys_destroy(keys, arena_printf(scratch_arena, "7777-%s", digits)), ERR_EVIDENCE, "slot 7777");
    BAD(keys_load(keys, arena_printf(scratch_arena, "7-%s", digits), &none), ERR_EVIDENCE, "slot 7");
    scratch_save(path, old.at, old.length); /* an older copy came back */
    BAD(keys_destroy(keys, id), ERR_EVIDENCE, "older copy");
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(what_is_not_a_name_is_refused)
{
    static const char *const names[] = { "",
                                         "-",
                                         "2",
                                         "2-",
                                         "2-0123456789abcdef0123456789abcde",
                                         "2-0123456789abcdef0123456789abcdef0",
                                         "2-0123456789ABCDEF0123456789abcdef",
                                         "2-0123456789abcdef0123456789abcdeg",
                                         "02-0123456789abcdef0123456789abcdef",
                                         "+2-0123456789abcdef0123456789abcdef",
                                         " 2-0123456789abcdef0123456789abcdef",
                                         "-2-0123456789abcdef0123456789abcdef",
                                         "0-0123456789abcdef0123456789abcdef",
                                         "1-0123456789abcdef0123456789abcdef",
                                         "999999999999999-0123456789abcdef0123456789abcdef",
                                         "99999999999999999999999999-0123456789abcdef0123456789abcdef" };
    Secret *none = NULL;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    {
        BAD(keys_load(keys, names[i], &none), ERR_EVIDENCE, "is not a key's name");
        BAD(keys_destroy(keys, names[i]), ERR_EVIDENCE, "is not a key's name");
    }
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(the_commitment_key_is_never_destroyed)
{
    const Bytes bytes = scratch_load(path);
    const char *id = text_hex(scratch_arena, bytes.at + SLOT + 1, 16);

    BAD(keys_destroy(keys, arena_printf(scratch_arena, "1-%s", id)), ERR_EVIDENCE, "is not a key's name");
    ck_assert_mem_eq(bytes.at, scratch_load(path).at, bytes.length);
}
END_TEST

START_TEST(a_file_that_was_replaced_or_cut_is_noticed)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    Secret *none = NULL;
    const char *other = scratch_path("other");
    char id[KEYS_ID_TEXT];

    GOOD(keys_make(keys, id, &key));
    GOOD(keys_create(other, master));
    ck_assert_int_eq(rename(other, path), 0);
    BAD(keys_load(keys, id, &none), ERR_EVIDENCE, "replaced");
    BAD(keys_destroy(keys, id), ERR_EVIDENCE, "replaced");
    for (size_t length = 0; length < 2 * SLOT; length += 73)
    {
        Keys *nothing = NULL;

        ck_assert_int_eq(truncate(path, (off_t)length), 0);
        BAD(keys_open(path, master, NULL, &nothing), ERR_EVIDENCE, path);
    }
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(processes_that_make_keys_at_once_get_different_slots)
{
    for (int i = 0; i < 4; i++)
    {
        const pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child > 0)
            continue;
        for (int n = 0; n < 20; n++)
        {
            CLEANUP(secret_freep) Secret *key = NULL;
            char id[KEYS_ID_TEXT];

            if (keys_make(keys, id, &key) != OK || (n % 2 == 1 && keys_destroy(keys, id) != OK))
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < 4; i++)
    {
        int status = 0;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(living(), 40);
}
END_TEST

#ifdef EXPUNGE_FAULTS
static char fault_id[KEYS_ID_TEXT];

static void
make_one(void)
{
    CLEANUP(secret_freep) Secret *key = NULL;
    char id[KEYS_ID_TEXT];

    GOOD(keys_make(keys, id, &key));
}

static void
destroy_it(void)
{
    GOOD(keys_destroy(keys, fault_id));
}

START_TEST(a_crash_leaves_whole_slots)
{
    CLEANUP(secret_freep) Secret *key = NULL;

    GOOD(keys_make(keys, fault_id, &key));
    ck_assert(scratch_killed_at("key.made", make_one));
    ck_assert_uint_eq(living(), 2);
    ck_assert(scratch_killed_at("key.overwritten", destroy_it));
    ck_assert(scratch_killed_at("key.destroyed", destroy_it));
    GOOD(keys_destroy(keys, fault_id));
    ck_assert_uint_eq(living(), 1);
}
END_TEST
#endif

/* Rotation */

#define MANY 20

typedef struct Made
{
    char id[MANY][KEYS_ID_TEXT];
    Secret *key[MANY];
} Made;

static Made
make_many(void)
{
    Made made;

    for (size_t i = 0; i < MANY; i++)
        GOOD(keys_make(keys, made.id[i], &made.key[i]));
    return made;
}

/* Every key of made is loaded by that handle, and is the one that was made; ends made. */
static void
all_load(Keys *handle, Made *made)
{
    for (size_t i = 0; i < MANY; i++)
    {
        CLEANUP(secret_freep) Secret *loaded = NULL;

        GOOD(keys_load(handle, made->id[i], &loaded));
        ck_assert(scratch_same_key(loaded, made->key[i]));
    }
}

static void
free_made(Made *made)
{
    for (size_t i = 0; i < MANY; i++)
        secret_freep(&made->key[i]);
}

static Secret *next;

static Keys *
open_with(const Secret *master_now, const Secret *master_then)
{
    Keys *handle = NULL;

    GOOD(keys_open(path, master_now, master_then, &handle));
    return handle;
}

static void
rotate(void)
{
    CLEANUP(keys_closep) Keys *handle = open_with(master, next);
    size_t count = 0;

    GOOD(keys_rotate(handle, &count));
}

START_TEST(a_rotation_keeps_every_living_key_and_ends_the_old_master_key)
{
    CLEANUP(secret_freep) Secret *after = next = secret_random();
    CLEANUP(keys_closep) Keys *both = NULL;
    CLEANUP(keys_closep) Keys *alone = NULL;
    CLEANUP(keys_closep) Keys *none = NULL;
    Made made = make_many();
    size_t count = 0;

    GOOD(keys_destroy(keys, made.id[3]));
    GOOD(keys_make(keys, made.id[3], &made.key[3]));
    both = open_with(master, after);
    GOOD(keys_rotate(both, &count));
    ck_assert_uint_eq(count, MANY + 1); /* and the commitment key */
    all_load(both, &made);
    GOOD(keys_rotate(both, &count));
    ck_assert_uint_eq(count, 0);
    alone = open_with(after, NULL);
    all_load(alone, &made);
    ck_assert(scratch_same_key(keys_commitment_key(alone), keys_commitment_key(keys)));
    BAD(keys_open(path, master, NULL, &none), ERR_CONFIG, "the one before a rotation");
    free_made(&made);
}
END_TEST

START_TEST(an_old_copy_opens_nothing_after_a_rotation)
{
    CLEANUP(secret_freep) Secret *after = next = secret_random();
    CLEANUP(keys_closep) Keys *none = NULL;
    Made made = make_many();
    const Bytes old = scratch_load(path);

    rotate();
    scratch_save(path, old.at, old.length);
    BAD(keys_open(path, after, NULL, &none), ERR_CONFIG, path);
    free_made(&made);
}
END_TEST

START_TEST(a_rotation_leaves_no_old_wrapping_in_the_file)
{
    CLEANUP(secret_freep) Secret *after = next = secret_random();
    Made made = make_many();
    const Bytes old = scratch_copy(scratch_load(path));

    ck_assert_ptr_nonnull(after);
    rotate();
    const Bytes now = scratch_load(path);
    ck_assert_uint_eq(old.length, now.length);
    for (size_t slot = 1; slot <= MANY + 1; slot++)
    {
        const char *wrapped = old.at + slot * SLOT + WRAPPED_AT;

        ck_assert_ptr_nonnull(memmem(old.at, old.length, wrapped, SEAL_WRAPPED_BYTES));
        ck_assert_ptr_null(memmem(now.at, now.length, wrapped, SEAL_WRAPPED_BYTES));
    }
    free_made(&made);
}
END_TEST

START_TEST(a_worker_with_the_old_master_key_makes_no_key_that_is_lost)
{
    CLEANUP(secret_freep) Secret *after = next = secret_random();
    Secret *key = NULL;
    char id[KEYS_ID_TEXT] = "";
    Made made = make_many();

    ck_assert_ptr_nonnull(after);
    rotate();
    BAD(keys_make(keys, id, &key), ERR_AGAIN, "rotated");
    BAD(keys_load(keys, made.id[0], &key), ERR_AGAIN, "rotated");
    ck_assert_ptr_null(key);
    GOOD(keys_destroy(keys, made.id[0])); /* needs no master key */
    free_made(&made);
}
END_TEST

START_TEST(a_damaged_slot_stops_a_rotation_before_it_begins)
{
    CLEANUP(secret_freep) Secret *after = next = secret_random();
    CLEANUP(keys_closep) Keys *both = open_with(master, after);
    Made made = make_many();
    size_t count = 0;

    scratch_flip(path, slot_of(made.id[MANY - 1]) * SLOT + WRAPPED_AT, 1);
    const Bytes before = scratch_copy(scratch_load(path));
    BAD(keys_rotate(both, &count), ERR_EVIDENCE, "is damaged");
    const Bytes now = scratch_load(path);
    ck_assert_mem_eq(before.at, now.at, now.length);
    free_made(&made);
}
END_TEST

#ifdef EXPUNGE_FAULTS
START_TEST(a_crash_in_mid_rotation_loses_no_living_key)
{
    static const char *const points[] = { "key.rewrapped:1", "key.rewrapped:7",  "key.rewrapped:20",
                                          "key.rotated",     "key.rewrapped:21", "key.rotation_ended" };
    CLEANUP(secret_freep) Secret *after = next = secret_random();
    Made made = make_many();

    for (size_t p = 0; p < sizeof points / sizeof *points; p++)
    {
        const Bytes before = scratch_copy(scratch_load(path));
        ck_assert(scratch_killed_at(points[p], rotate));
        {
            CLEANUP(keys_closep) Keys *both = open_with(master, after);
            char id[KEYS_ID_TEXT];
            Secret *key = NULL;
            all_load(both, &made);
            GOOD(keys_make(both, id, &key)); /* work goes on */
            secret_freep(&key);
        }
        rotate();
        CLEANUP(keys_closep) Keys *alone = open_with(after, NULL);
        all_load(alone, &made);
        scratch_save(path, before.at, before.length);
    }
    free_made(&made);
}
END_TEST
#endif

int
main(void)
{
    TCase *tests = tcase_create("keys");

    tcase_add_test(tests, a_made_key_is_loaded_by_another_handle);
    tcase_add_test(tests, the_master_key_may_go_once_the_file_is_open);
    tcase_add_test(tests, a_destroyed_keys_wrapped_bytes_are_not_in_the_file_any_more);
    tcase_add_test(tests, destroying_twice_is_fine_and_spares_the_slots_next_key);
    tcase_add_test(tests, the_file_grows_by_whole_sectors);
    tcase_add_test(tests, an_interrupted_extension_is_no_damage);
    tcase_add_test(tests, another_master_key_opens_nothing);
    tcase_add_test(tests, a_file_that_others_can_read_is_refused);
    tcase_add_test(tests, an_existing_file_is_never_made_anew);
    tcase_add_test(tests, a_missing_file_is_an_error_that_names_it);
    tcase_add_test(tests, each_flipped_byte_of_header_and_commitment_key_is_damage);
    tcase_add_test(tests, each_flipped_byte_of_a_slot_is_damage_and_the_slot_is_not_reused);
    tcase_add_test(tests, a_damaged_slot_is_overwritten_for_its_own_name_only);
    tcase_add_test(tests, a_slot_opens_in_its_own_place_only);
    tcase_add_test(tests, a_key_that_this_file_never_held_does_not_pass_for_a_destroyed_one);
    tcase_add_test(tests, what_is_not_a_name_is_refused);
    tcase_add_test(tests, the_commitment_key_is_never_destroyed);
    tcase_add_test(tests, a_file_that_was_replaced_or_cut_is_noticed);
    tcase_add_test(tests, processes_that_make_keys_at_once_get_different_slots);
#ifdef EXPUNGE_FAULTS
    tcase_add_test(tests, a_crash_leaves_whole_slots);
#endif
    tcase_add_test(tests, a_rotation_keeps_every_living_key_and_ends_the_old_master_key);
    tcase_add_test(tests, an_old_copy_opens_nothing_after_a_rotation);
    tcase_add_test(tests, a_rotation_leaves_no_old_wrapping_in_the_file);
    tcase_add_test(tests, a_worker_with_the_old_master_key_makes_no_key_that_is_lost);
    tcase_add_test(tests, a_damaged_slot_stops_a_rotation_before_it_begins);
#ifdef EXPUNGE_FAULTS
    tcase_add_test(tests, a_crash_in_mid_rotation_loses_no_living_key);
#endif
    return scratch_run(tests, "keys", setup, teardown);
}
