/* SPDX-License-Identifier: Apache-2.0 */
/* P3, P5, P19: a snapshot is whole and the one that was made, or it is refused; what is removed is gone. */
#include "scratch.h"

#include "store/snapshots.h"

#define NAME "workspace-42-7"
#define ROWS 20

static int64_t rows_per_frame = 10;

static const char *store;
static Secret *key;
static Snapshot snapshot;
static const int64_t expected[] = { ROWS, 0, 3 };

static SnapshotColumn order_columns[] = { { "id", "bigint", NULL }, { "note \"x\"", "character varying(40)", NULL } };
static SnapshotColumn empty_columns[] = { { "id", "uuid", "'deleted ' || id" } };
static SnapshotFile files[] = {
    { .number = 1, .schema = "shop", .table = "order", .role = "rows", .columns = order_columns, .column_count = 2 },
    { .number = 2, .schema = "shop", .table = "Ünïcode", .role = "rows", .columns = empty_columns, .column_count = 1 },
    { .number = 12, .schema = "public", .table = "nothing", .role = "values" },
};

static void
setup(void)
{
    store = scratch_path("store");
    key = secret_random();
    snapshot = (Snapshot){ .store_path = store,
                           .name = NAME,
                           .key_id = "2-0123456789abcdef0123456789abcdef",
                           .database = "app",
                           .disposal_id = 7,
                           .kind = "workspace",
                           .commitment = "00ff",
                           .fingerprint = "abcd",
                           .made_at = INT64_C(1769860800123456),
                           .files = files,
                           .file_count = 3 };
    memset(snapshot.id, 0x21, sizeof snapshot.id);
    GOOD(snapshots_prepare(&snapshot));
}

static void
teardown(void)
{
    secret_freep(&key);
}

static void
write_file(const char *path, uint32_t number, int64_t rows)
{
    CLEANUP(frames_writer_closep) FrameWriter *writer = NULL;
    FrameFile file = { .path = path, .key = key, .number = number, .level = 1 };
    const FrameMark nothing = { 0 };
    FrameMark mark;

    memcpy(file.snapshot_id, snapshot.id, sizeof file.snapshot_id);
    GOOD(frames_writer_open(&file, &nothing, &writer));
    for (int64_t i = 0; i < rows; i++)
    {
        const char *row = arena_printf(scratch_arena, "%d\tsecret value of %s\n", (int)i, snapshot.name);

        GOOD(frames_add(writer, row, strlen(row)));
        if ((i + 1) % rows_per_frame == 0)
        {
            GOOD(frames_cut(writer, false));
            GOOD(frames_wait(writer, &mark));
        }
    }
    GOOD(frames_cut(writer, true));
    GOOD(frames_wait(writer, &mark));
}

static void
write_files(void)
{
    for (size_t i = 0; i < 3; i++)
        write_file(snapshots_file_path(scratch_arena, &snapshot, true, files[i].number), files[i].number, expected[i]);
}

static const char *
seal(void)
{
    char digest[65] = "";

    GOOD(snapshots_seal(scratch_arena, &snapshot, key, expected, digest));
    return arena_strdup(scratch_arena, digest);
}

static const char *
make(void)
{
    write_files();
    return seal();
}

static Snapshot *
load(const char *digest)
{
    Snapshot *loaded = NULL;

    GOOD(snapshots_load(scratch_arena, store, snapshot.name, digest, &loaded));
    return loaded;
}

static const char *
path_in(const char *name, bool partial)
{
    return arena_printf(scratch_arena, "%s/%s", snapshots_dir(scratch_arena, &snapshot, partial), name);
}

START_TEST(a_sealed_snapshot_loads_as_it_was_made)
{
    const char *digest = make();
    const Snapshot *loaded = load(digest);
    const Bytes manifest = scratch_load(path_in("manifest.json", false));
    unsigned char sha256[32];
    struct stat about;

    seal_sha256(manifest.at, manifest.length, sha256);
    ck_assert_str_eq(digest, text_hex(scratch_arena, sha256, sizeof sha256));
    ck_assert(!file_exists(snapshots_dir(scratch_arena, &snapshot, true)));
    ck_assert_str_eq(loaded->store_path, store);
    ck_assert_str_eq(loaded->name, NAME);
    ck_assert_mem_eq(loaded->id, snapshot.id, 16);
    ck_assert_str_eq(loaded->key_id, snapshot.key_id);
    ck_assert_str_eq(loaded->database, "app");
    ck_assert_int_eq(loaded->disposal_id, 7);
    ck_assert_str_eq(loaded->kind, "workspace");
    ck_assert_str_eq(loaded->commitment, "00ff");
    ck_assert_str_eq(loaded->fingerprint, "abcd");
    ck_assert_int_eq(loaded->made_at, snapshot.made_at);
    ck_assert_uint_eq(loaded->file_count, 3);
    for (size_t i = 0; i < 3; i++)
    {
        const SnapshotFile *file = &loaded->files[i];

        ck_assert_uint_eq(file->number, files[i].number);
        ck_assert_str_eq(file->schema, files[i].schema);
        ck_assert_str_eq(file->table, files[i].table);
        ck_assert_str_eq(file->role, files[i].role);
        ck_assert_uint_eq(file->column_count, files[i].column_count);
        for (size_t n = 0; n < file->column_count; n++)
        {
            ck_assert_str_eq(file->columns[n].name, files[i].columns[n].name);
            ck_assert_str_eq(file->columns[n].type, files[i].columns[n].type);
            ck_assert_pstr_eq(file->columns[n].becomes, files[i].columns[n].becomes);
        }
        ck_assert_int_eq(file->digest.mark.rows, expected[i]);
        ck_assert_str_eq(file->digest.rows, files[i].digest.rows);
        ck_assert_str_eq(file->digest.sha256, files[i].digest.sha256);
    }
    GOOD(snapshots_verify(scratch_arena, loaded, key));
    ck_assert_int_eq(stat(snapshots_dir(scratch_arena, &snapshot, false), &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0700);
    ck_assert_int_eq(stat(path_in("manifest.json", false), &about), 0);
    ck_assert_uint_eq(about.st_mode & 0777, 0600);
    ck_assert_ptr_null(strstr(manifest.at, "secret value"));
    ck_assert_ptr_nonnull(strstr(manifest.at, "\"0012.xpf\""));
}
END_TEST

START_TEST(a_policys_snapshot_has_no_commitment)
{
    snapshot.commitment = NULL;
    ck_assert_ptr_null(load(make())->commitment);
    snapshot.commitment = "00ff";
}
END_TEST

START_TEST(a_file_without_the_expected_rows_is_not_sealed)
{
    static const int64_t wrong[3][3] = { { ROWS + 1, 0, 3 }, { ROWS, 1, 3 }, { ROWS, 0, 2 } };
    char digest[65] = "untouched";

    write_files();
    for (size_t i = 0; i < 3; i++)
    {
        BAD(snapshots_seal(scratch_arena, &snapshot, key, wrong[i], digest), ERR_EVIDENCE, files[i].table);
        ck_assert_str_eq(digest, "untouched");
        ck_assert(!file_exists(snapshots_dir(scratch_arena, &snapshot, false)));
        ck_assert(!file_exists(path_in("manifest.json", true)));
    }
    (void)seal();
}
END_TEST

START_TEST(a_damaged_missing_or_unknown_file_is_not_sealed)
{
    char digest[65];

    write_files();
    const char *first = path_in("0001.xpf", true);
    scratch_flip(first, 50, 1);
    BAD(snapshots_seal(scratch_arena, &snapshot, key, expected, digest), ERR_EVIDENCE, "0001.xpf");
    scratch_flip(first, 50, 1);
    ck_assert_int_eq(rename(first, scratch_path("away")), 0);
    BAD(snapshots_seal(scratch_arena, &snapshot, key, expected, digest), ERR_EVIDENCE, "0001.xpf");
    ck_assert_int_eq(rename(scratch_path("away"), first), 0);
    write_file(path_in("0003.xpf", true), 3, 1);
    BAD(snapshots_seal(scratch_arena, &snapshot, key, expected, digest), ERR_EVIDENCE, "0003.xpf");
    GOOD(file_remove(path_in("0003.xpf", true)));
    (void)seal();
}
END_TEST

START_TEST(sealing_again_after_a_crash_verifies_again)
{
    const char *digest = make();
    char again[65] = "untouched";

    snapshot.made_at += INSTANT_HOUR; /* the second run has another time; the first one's stands */
    ck_assert_str_eq(seal(), digest);
    snapshot.made_at += INSTANT_HOUR;
    GOOD(snapshots_prepare(&snapshot)); /* the second run began with it */
    ck_assert_str_eq(seal(), digest);
    snapshot.disposal_id = 8;
    BAD(snapshots_seal(scratch_arena, &snapshot, key, expected, again), ERR_EVIDENCE, NAME);
    snapshot.disposal_id = 7;
    scratch_flip(path_in("0012.xpf", false), 60, 1);
    BAD(snapshots_seal(scratch_arena, &snapshot, key, expected, again), ERR_EVIDENCE, "0012.xpf");
    ck_assert_str_eq(again, "untouched");
}
END_TEST

START_TEST(what_an_unfinished_manifest_left_goes)
{
    write_files();
    scratch_save(path_in("manifest.json", true), "{}", 2);
    scratch_save(path_in("manifest.json.tmp-a1B2c3", true), "{", 1);
    (void)seal();
    ck_assert(!file_exists(path_in("manifest.json.tmp-a1B2c3", false)));
    GOOD(snapshots_verify(scratch_arena, load(NULL), key));
}
END_TEST

START_TEST(each_flipped_byte_of_the_manifest_is_noticed)
{
    const char *digest = make();
    const char *path = path_in("manifest.json", false);
    const size_t length = scratch_load(path).length;

    for (size_t at = 0; at < length; at++)
    {
        Snapshot *none = NULL;

        scratch_flip(path, at, 0x01);
        BAD(snapshots_load(scratch_arena, store, NAME, digest, &none), ERR_EVIDENCE, path);
        scratch_flip(path, at, 0x01);
        ck_assert_ptr_null(none);
    }
    (void)load(digest);
}
END_TEST

START_TEST(a_missing_manifest_or_snapshot_is_noticed)
{
    Snapshot *none = NULL;

    BAD(snapshots_load(scratch_arena, store, NAME, NULL, &none), ERR_EVIDENCE, NAME "/manifest.json");
    (void)make();
    GOOD(file_remove(path_in("manifest.json", false)));
    BAD(snapshots_load(scratch_arena, store, NAME, NULL, &none), ERR_EVIDENCE, NAME "/manifest.json");
    ck_assert_ptr_null(none);
}
END_TEST

/* The manifest with one piece of text replaced by another. */
static Bytes
edited(const char *from, const char *to)
{
    const Bytes bytes = scratch_load(path_in("manifest.json", false));
    const char *at = strstr(bytes.at, from);
    Text text = TEXT_INIT(scratch_arena);

    ck_assert_msg(at != NULL, "no %s in the manifest", from);
    text_add_bytes(&text, bytes.at, (size_t)(at - bytes.at));
    text_add(&text, to);
    text_add(&text, at + strlen(from));
    return (Bytes){ text_done(&text), text.length };
}

START_TEST(only_what_sealing_writes_is_a_manifest)
{
    static const struct
    {
        const char *from;
        const char *to;
        const char *told;
    } cases[] = {
        { "snapshot 1", "snapshot 2", "format" },
        { "\"format\"", "\"Format\"", "format" },
        { "\"id\": \"21", "\"id\": \"g1", "\"id\"" },
        { "\"id\": \"21", "\"id\": \"1", "\"id\"" },
        { "\"database\": \"app\"", "\"database\": null", "\"database\"" },
        { "\"key\": ", "\"Key\": ", "\"key\"" },
        { "2026-01-31", "2026-02-31", "\"made_at\"" },
        { "\"files\": [", "\"files\": 3, \"more\": [", "\"files\"" },
        { "\"number\": 12", "\"number\": 0", "\"number\"" },
        { "\"number\": 12", "\"number\": 4294967296", "\"number\"" },
        { "\"number\": 12", "\"number\": \"12\"", "\"number\"" },
        { "\"rows\": 20", "\"rows\": -1", "\"rows\"" },
        { "\"rows\": 20", "\"rows\": 20.0", "\"rows\"" },
        { "\"sha256\": \"", "\"sha256\": \"0", "\"sha256\"" },
        { "\"rows_digest\": \"", "\"rows_digest\": \"x", "\"rows_digest\"" },
        { "\"table\": \"order\"", "\"table\": 5", "\"table\"" },
        { "\"columns\": []", "\"columns\": {}", "\"columns\"" },
        { "\"type\": \"uuid\"", "\"type\": 1", "\"columns\"" },
        { "\"disposal\": 7,", "\"disposal\": 7, \"more\": 1,", "more or less" },
        { "\"disposal\": 7,", "", "more or less" },
        { "\"disposal\": 7,", "\"disposal\":  7,", "more or less" },
        { "\"0012.xpf\"", "\"../x.xpf\"", "more or less" },
        { "\"type\": \"uuid\"", "\"type\": \"uuid\", \"type\": \"uuid\"", "damaged" },
        { "]\n}\n", "]\n}", "more or less" },
        { "]\n}\n", "]\n}\n\n", "more or less" },
        { "]\n}\n", "]\n", "damaged" },
    };
    const char *digest = make();
    const char *path = path_in("manifest.json", false);
    const Bytes original = scratch_load(path);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    {
        Snapshot *none = NULL;
        const Bytes changed = edited(cases[i].from, cases[i].to);

        scratch_save(path, changed.at, changed.length);
        BAD(snapshots_load(scratch_arena, store, NAME, NULL, &none), ERR_EVIDENCE, cases[i].told);
        ck_assert_ptr_nonnull(strstr(err_joined(), path));
        ck_assert_ptr_null(none);
        scratch_save(path, original.at, original.length);
    }
    (void)load(digest);
}
END_TEST

START_TEST(a_file_that_is_not_the_manifests_is_noticed)
{
    const Snapshot *loaded = load(make());
    const char *path = path_in("0001.xpf", false);
    const Bytes bytes = scratch_load(path);
    uint64_t sealed = 0;

    for (size_t at = 0; at < bytes.length; at += 7)
    {
        scratch_flip(path, at, 0x20);
        BAD(snapshots_verify(scratch_arena, loaded, key), ERR_EVIDENCE, path);
        scratch_flip(path, at, 0x20);
    }
    memcpy(&sealed, bytes.at + 24, sizeof sealed);
    ck_assert_int_eq(truncate(path, (off_t)(32 + le64toh(sealed))), 0); /* its first frame: true, but not all */
    BAD(snapshots_verify(scratch_arena, loaded, key), ERR_EVIDENCE, "number of rows");
    rows_per_frame = 5;
    write_file(path, 1, ROWS); /* the same rows in other frames */
    rows_per_frame = 10;
    BAD(snapshots_verify(scratch_arena, loaded, key), ERR_EVIDENCE, "length");
    write_file(path, 1, ROWS); /* the same rows, sealed anew */
    BAD(snapshots_verify(scratch_arena, loaded, key), ERR_EVIDENCE, "SHA-256");
    const char *name = snapshot.name;
    snapshot.name = "workspace-42-8"; /* as many rows of the same length, but others */
    write_file(path, 1, ROWS);
    snapshot.name = name;
    BAD(snapshots_verify(scratch_arena, loaded, key), ERR_EVIDENCE, "digest of its rows");
    GOOD(file_remove(path));
    BAD(snapshots_verify(scratch_arena, loaded, key), ERR_EVIDENCE, path);
    scratch_save(path, bytes.at, bytes.length);
    GOOD(snapshots_verify(scratch_arena, loaded, key));
    scratch_save(path_in("0002.xpf.bak", false), "x", 1);
    BAD(snapshots_verify(scratch_arena, loaded, key), ERR_EVIDENCE, "0002.xpf.bak");
}
END_TEST

START_TEST(files_swapped_between_two_snapshots_are_noticed)
{
    const Snapshot *first = load(make());

    snapshot.name = "workspace-43-9";
    memset(snapshot.id, 0x43, sizeof snapshot.id);
    GOOD(snapshots_prepare(&snapshot));
    const Snapshot *second = load(make());
    const char *a = snapshots_file_path(scratch_arena, first, false, 1);
    const char *b = snapshots_file_path(scratch_arena, second, false, 1);
    ck_assert_int_eq(rename(a, scratch_path("c")), 0);
    ck_assert_int_eq(rename(b, a), 0);
    ck_assert_int_eq(rename(scratch_path("c"), b), 0);
    BAD(snapshots_verify(scratch_arena, first, key), ERR_EVIDENCE, a);
    BAD(snapshots_verify(scratch_arena, second, key), ERR_EVIDENCE, b);
}
END_TEST

START_TEST(another_key_opens_nothing)
{
    CLEANUP(secret_freep) Secret *other = secret_random();
    const Snapshot *loaded = load(make());

    BAD(snapshots_verify(scratch_arena, loaded, other), ERR_EVIDENCE, "0001.xpf");
}
END_TEST

START_TEST(a_name_that_leads_elsewhere_is_refused)
{
    static const char *const names[] = {
        "", ".", "..", ".hidden", "a/b", "/", "../x", "x/", "a b", "a\nb", "x.partial"
    };
    const char *kept = path_in("kept", true);

    scratch_save(kept, "x", 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    {
        Snapshot *none = NULL;
        Snapshot other = snapshot;
        char digest[65];

        other.name = names[i];
        BAD(snapshots_remove(store, names[i]), ERR_INTERNAL, "plain name");
        BAD(snapshots_load(scratch_arena, store, names[i], NULL, &none), ERR_INTERNAL, "plain name");
        BAD(snapshots_prepare(&other), ERR_INTERNAL, "plain name");
        BAD(snapshots_seal(scratch_arena, &other, key, expected, digest), ERR_INTERNAL, "plain name");
        BAD(snapshots_verify(scratch_arena, &other, key), ERR_INTERNAL, "plain name");
    }
    ck_assert(file_exists(kept));
}
END_TEST

START_TEST(removing_takes_both_forms_and_nothing_else)
{
    (void)make();
    GOOD(snapshots_prepare(&snapshot));
    GOOD(file_make_dirs(arena_printf(scratch_arena, "%s/" NAME "0", store), 0700));
    GOOD(snapshots_remove(store, NAME));
    ck_assert(!file_exists(snapshots_dir(scratch_arena, &snapshot, false)));
    ck_assert(!file_exists(snapshots_dir(scratch_arena, &snapshot, true)));
    ck_assert(file_exists(arena_printf(scratch_arena, "%s/" NAME "0", store)));
    GOOD(snapshots_remove(store, NAME)); /* it is gone: fine */
    BAD(snapshots_remove(scratch_path("not-mounted"), NAME), ERR_IO, "not-mounted");
}
END_TEST

#ifdef EXPUNGE_FAULTS
static void
seal_it(void)
{
    (void)seal();
}

static void
remove_it(void)
{
    GOOD(snapshots_remove(store, NAME));
}

START_TEST(a_crash_at_any_point_is_made_good_by_the_next_run)
{
    static const char *const sealing[] = { "snapshot.files_verified", "snapshot.manifest_written", "snapshot.renamed" };
    static const char *const removing[] = { "snapshot.removing", "snapshot.removed" };

    for (size_t i = 0; i < sizeof sealing / sizeof *sealing; i++)
    {
        GOOD(snapshots_remove(store, NAME));
        GOOD(snapshots_prepare(&snapshot));
        write_files();
        ck_assert(scratch_killed_at(sealing[i], seal_it));
        GOOD(snapshots_verify(scratch_arena, load(seal()), key));
    }
    for (size_t i = 0; i < sizeof removing / sizeof *removing; i++)
        ck_assert(scratch_killed_at(removing[i], remove_it));
    remove_it();
    ck_assert(!file_exists(snapshots_dir(scratch_arena, &snapshot, false)));
}
END_TEST
#endif

int
main(void)
{
    TCase *tests = tcase_create("snapshots");

    tcase_add_test(tests, a_sealed_snapshot_loads_as_it_was_made);
    tcase_add_test(tests, a_policys_snapshot_has_no_commitment);
    tcase_add_test(tests, a_file_without_the_expected_rows_is_not_sealed);
    tcase_add_test(tests, a_damaged_missing_or_unknown_file_is_not_sealed);
    tcase_add_test(tests, sealing_again_after_a_crash_verifies_again);
    tcase_add_test(tests, what_an_unfinished_manifest_left_goes);
    tcase_add_test(tests, each_flipped_byte_of_the_manifest_is_noticed);
    tcase_add_test(tests, a_missing_manifest_or_snapshot_is_noticed);
    tcase_add_test(tests, only_what_sealing_writes_is_a_manifest);
    tcase_add_test(tests, a_file_that_is_not_the_manifests_is_noticed);
    tcase_add_test(tests, files_swapped_between_two_snapshots_are_noticed);
    tcase_add_test(tests, another_key_opens_nothing);
    tcase_add_test(tests, a_name_that_leads_elsewhere_is_refused);
    tcase_add_test(tests, removing_takes_both_forms_and_nothing_else);
#ifdef EXPUNGE_FAULTS
    tcase_add_test(tests, a_crash_at_any_point_is_made_good_by_the_next_run);
#endif
    return scratch_run(tests, "snapshots", setup, teardown);
}
