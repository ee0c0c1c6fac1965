/* SPDX-License-Identifier: Apache-2.0 */
#include "model/shape.h"

#include "base/text.h"
#include <string.h>
#include <strings.h>

#define NAME_BYTES_MAX 63 /* PostgreSQL cuts longer ones silently: NAMEDATALEN - 1 */

static const char blanks[] = " \t\r\n";

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* PostgreSQL takes every byte above ASCII for a letter */
static bool
starts_identifier(char c)
{
    return is_letter(c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool
continues_identifier(char c)
{
    return starts_identifier(c) || is_digit(c) || c == '$';
}

/* ---- plain texts ---- */

/* Bytes of the well-formed UTF-8 sequence at s (RFC 3629: shortest form, no surrogates), or 0. */
static size_t
utf8_length(const unsigned char *s)
{
    static const struct
    {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };

    for (size_t extra = 0; extra < sizeof(forms) / sizeof(forms[0]); extra++)
    {
        if ((s[0] & forms[extra].mask) != forms[extra].lead)
            continue;
        uint32_t point = s[0] & (unsigned char)~forms[extra].mask;

        for (size_t i = 1; i <= extra; i++)
        {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
            point = point << 6 | (s[i] & 0x3f);
        }
        const bool good = point >= forms[extra].least && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        return good ? extra + 1 : 0;
    }
    return 0;
}

/* layout: line breaks and tabs are fine */
static const char *
check_bytes(const char *text, bool layout)
{
    const unsigned char *s = (const unsigned char *)text;

    if (text_blank(text))
        return "is blank";
    while (*s != '\0')
    {
        const size_t length = utf8_length(s);

        if (length == 0)
            return "is not UTF-8";
        if ((*s < 0x20 || *s == 0x7f) && !(layout && strchr(blanks, *s) != NULL))
            return "holds a control character";
        s += length;
    }
    return NULL;
}

const char *
shape_text(const char *text)
{
    return check_bytes(text, false);
}

const char *
shape_name(const char *text)
{
    if (text_blank(text))
        return "is blank";
    if (!is_letter(text[0]) && !is_digit(text[0]))
        return "does not begin with a letter or digit";
    for (const char *c = text; *c != '\0'; c++)
        if (!is_letter(*c) && !is_digit(*c) && strchr("_-.", *c) == NULL)
            return "holds a character that no name may have";
    if (strlen(text) > NAME_BYTES_MAX)
        return "is longer than 63 characters";
    return NULL;
}

const char *
shape_path(const char *text)
{
    const char *wrong = check_bytes(text, false);

    if (wrong != NULL)
        return wrong;
    if (text[0] != '/')
        return "is not an absolute path";
    for (const char *part = text; part != NULL; part = strchr(part, '/'))
    {
        part++;
        const size_t length = strcspn(part, "/");

        if ((length == 1 || length == 2) && memcmp(part, "..", length) == 0)
            return "goes through \".\" or \"..\"";
    }
    return NULL;
}

const char *
shape_secret(const char *text)
{
    if (text_blank(text))
        return "is blank";
    if (text_starts(text, "file:"))
        return shape_path(text + strlen("file:"));
    if (!text_starts(text, "credential:"))
        return "begins with neither \"credential:\" nor \"file:\"";
    return shape_name(text + strlen("credential:"));
}

/* ---- intervals ---- */

/* ISO 8601 has an order; it wants the units of a day behind a T.  Every word is one that PostgreSQL knows. */
static const struct
{
    char iso;
    bool of_day;
    double seconds;
    const char *words[7];
} units[] = {
    { 'Y', false, 365.25 * 86400, { "years", "year", "yrs", "yr", "y" } },
    { 'M', false, 30 * 86400.0, { "months", "month", "mons", "mon" } },
    { 'W', false, 7 * 86400.0, { "weeks", "week", "w" } },
    { 'D', false, 86400, { "days", "day", "d" } },
    { 'H', true, 3600, { "hours", "hour", "hrs", "hr", "h" } },
    { 'M', true, 60, { "minutes", "minute", "mins", "min" } },
    { 'S', true, 1, { "seconds", "second", "secs", "sec", "s" } },
    { '\0', true, 0.001, { "milliseconds", "millisecond", "ms" } },
};
#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))
#define LONGEST_SECONDS (1000 * 365.25 * 86400)

typedef struct Interval
{
    double seconds;
    bool named[UNIT_COUNT];
} Interval;

static size_t
find_unit(const char *word)
{
    for (size_t u = 0; u < UNIT_COUNT; u++)
        for (const char *const *known = units[u].words; *known != NULL; known++)
            if (strcasecmp(word, *known) == 0)
                return u;
    return UNIT_COUNT;
}

/* Unsigned, with an optional fraction; moves *cursor behind it.  NULL, or what is wrong. */
static const char *
read_number(const char **cursor, double *ret_number)
{
    const char *c = *cursor;
    double number = 0;
    double place = 1;

    if (*c == '-' || *c == '+')
        return *c == '-' ? "is negative" : "has a sign";
    if (!is_digit(*c))
        return strcasecmp(c, "ago") == 0 ? "is negative (\"ago\")" : "lacks a number before a unit";
    for (; is_digit(*c); c++)
        number = number * 10 + (*c - '0');
    if (*c == '.' && is_digit(c[1]))
        for (c++; is_digit(*c); c++)
            number += (*c - '0') * (place /= 10);
    *cursor = c;
    *ret_number = number;
    return NULL;
}

static const char *
add_unit(Arena *arena, Interval *interval, size_t unit, double number)
{
    /* PostgreSQL takes no fraction of a second beside milliseconds: they stand in the same place */
    const size_t place = units[unit].iso == '\0' ? unit - 1 : unit;

    if (interval->named[place])
        return arena_printf(arena, "names %s twice", units[place].words[0]);
    interval->named[place] = true;
    interval->seconds += number * units[unit].seconds;
    return NULL;
}

static const char *
read_words(Arena *arena, const char *text, Interval *interval)
{
    const char *c = text + strspn(text, blanks);

    while (*c != '\0')
    {
        double number = 0;
        const char *wrong = read_number(&c, &number);

        if (wrong != NULL)
            return wrong;
        c += strspn(c, blanks);
        const char *word = c;

        while (is_letter(*c))
            c++;
        if (c == word)
            return *c == '\0' || is_digit(*c) ? "has no unit" : "is not a list of numbers with units";
        word = arena_strndup(arena, word, (size_t)(c - word));
        const size_t unit = find_unit(word);

        if (unit == UNIT_COUNT)
            return strcasecmp(word, "m") == 0 ? "has the unit \"m\", which may be minutes or months"
                                              : arena_printf(arena, "has the unknown unit \"%s\"", word);
        if ((wrong = add_unit(arena, interval, unit, number)) != NULL)
            return wrong;
        if (*c != '\0' && strchr(blanks, *c) == NULL)
            return "lacks a space behind a unit"; /* "90days" is one to PostgreSQL, "1year6months" is not */
        c += strspn(c, blanks);
    }
    return NULL;
}

/* P[nY][nM][nW][nD][T[nH][nM][nS]] */
static const char *
read_iso(Arena *arena, const char *text, Interval *interval)
{
    static const char wrong_iso[] = "is not an ISO 8601 duration";
    const char *c = text + 1;
    bool of_day = false;

    for (size_t unit = 0; *c != '\0';)
    {
        double number = 0;

        if (*c == 'T' && !of_day)
        {
            of_day = true;
            c++;
        }
        const char *wrong = read_number(&c, &number);

        if (wrong != NULL)
            return strchr("+-", *c) != NULL && *c != '\0' ? wrong : wrong_iso;
        while (unit < UNIT_COUNT && (units[unit].iso != *c || units[unit].of_day != of_day))
            unit++;
        if (*c == '\0' || unit == UNIT_COUNT)
            return wrong_iso;
        if ((wrong = add_unit(arena, interval, unit, number)) != NULL)
            return wrong;
        c++;
    }
    return c[-1] == 'P' || c[-1] == 'T' ? wrong_iso : NULL;
}

const char *
shape_interval(Arena *arena, const char *text, bool zero_allowed)
{
    Interval interval = { 0 };
    const char *wrong = check_bytes(text, false);

    if (wrong == NULL)
        wrong = text[0] == 'P' ? read_iso(arena, text, &interval) : read_words(arena, text, &interval);
    if (wrong != NULL)
        return wrong;
    if (!(interval.seconds > 0) && !zero_allowed)
        return "is zero";
    if (interval.seconds > LONGEST_SECONDS)
        return "is longer than 1000 years";
    return NULL;
}

/* ---- SQL ---- */

/* Behind the quoted text that begins at c, or NULL when it does not end.  A doubled quote is two texts side by side,
 * which comes to the same here; a backslash escapes in E'…' only (standard_conforming_strings). */
static const char *
skip_quoted(const char *text, const char *c)
{
    const char quote = *c;
    const bool escapes = quote == '\'' && c > text && (c[-1] == 'e' || c[-1] == 'E') &&
                         (c - 1 == text || !continues_identifier(c[-2]));

    for (c++; *c != '\0'; c++)
    {
        if (escapes && *c == '\\' && c[1] != '\0')
            c++;
        else if (*c == quote && escapes && c[1] == quote)
            c++;
        else if (*c == quote)
            return c + 1;
    }
    return NULL;
}

const char *
shape_sql(const char *text)
{
    char closing[64];
    size_t depth = 0;
    const char *wrong = check_bytes(text, true);

    if (wrong != NULL)
        return wrong;
    for (const char *c = text; *c != '\0'; c++)
    {
        if (*c == '\'' || *c == '"')
        {
            const char *behind = skip_quoted(text, c);

            if (behind == NULL)
                return "has an unclosed quote";
            c = behind - 1;
        }
        else if (*c == '(' || *c == '[')
        {
            if (depth == sizeof(closing))
                return "nests too deep";
            closing[depth++] = *c == '(' ? ')' : ']';
        }
        else if (*c == ')' || *c == ']')
        {
            if (depth == 0 || closing[--depth] != *c)
                return "has unbalanced parentheses";
        }
        else if (*c == ';')
            return "holds a semicolon";
        else if (*c == '$' && (c == text || !continues_identifier(c[-1])))
            return "holds a parameter or dollar quote";
        else if (*c == ',' && depth == 0)
            return "holds a comma between two expressions";
        else if ((c[0] == '-' && c[1] == '-') || (c[0] == '/' && c[1] == '*'))
            return "holds a comment";
    }
    return depth == 0 ? NULL : "has unbalanced parentheses";
}

/* ---- names of tables and columns ---- */

static const char *
read_quoted_part(Arena *arena, const char **cursor, const char **ret_part)
{
    Text part = TEXT_INIT(arena);
    const char *c = *cursor + 1;

    for (; *c != '"' || c[1] == '"'; c++)
    {
        if (*c == '\0')
            return "has an unclosed quote";
        text_add_bytes(&part, c, 1);
        if (*c == '"')
            c++;
    }
    *cursor = c + 1;
    *ret_part = text_done(&part);
    return NULL;
}

/* One name; moves *cursor behind it.  NULL, or what is wrong. */
static const char *
read_part(Arena *arena, const char **cursor, const char **ret_part)
{
    const char *c = *cursor;
    const char *part = NULL;

    if (*c == '"')
    {
        const char *wrong = read_quoted_part(arena, cursor, &part);

        if (wrong != NULL)
            return wrong;
    }
    else
    {
        if (!starts_identifier(*c))
            return *c == '\0' || strchr(".,() \t", *c) != NULL ? "lacks a name" : "has a name that needs double quotes";
        while (continues_identifier(*c))
            c++;
        char *folded = arena_strndup(arena, *cursor, (size_t)(c - *cursor));

        for (char *f = folded; *f != '\0'; f++)
            if (*f >= 'A' && *f <= 'Z')
                *f = (char)(*f - 'A' + 'a');
        *cursor = c;
        part = folded;
    }
    if (part[0] == '\0')
        return "lacks a name";
    if (strlen(part) > NAME_BYTES_MAX)
        return "has a name longer than 63 bytes";
    *ret_part = part;
    return NULL;
}

static const char *
read_table(Arena *arena, const char **cursor, TableName *ret_table)
{
    TableName table = { 0 };
    const char *wrong = read_part(arena, cursor, &table.schema);

    if (wrong != NULL)
        return wrong;
    if (**cursor != '.')
        return "names no schema";
    (*cursor)++;
    if ((wrong = read_part(arena, cursor, &table.table)) != NULL)
        return wrong;
    if (**cursor == '.')
        return "has more than two parts";
    if (text_starts(table.schema, "pg_") || text_equal(table.schema, "information_schema"))
        return "names a table of PostgreSQL itself";
    if (text_equal(table.schema, "expunge"))
        return "names a table of expunge itself";
    *ret_table = table;
    return NULL;
}

/* "column, column)" */
static const char *
read_columns(Arena *arena, const char **cursor, EdgeEnd *end)
{
    size_t room = 0;

    for (;;)
    {
        const char *column = NULL;

        *cursor += strspn(*cursor, blanks);
        const char *wrong = read_part(arena, cursor, &column);

        if (wrong != NULL)
            return wrong;
        for (size_t i = 0; i < end->column_count; i++)
            if (text_equal(end->columns[i], column))
                return "names a column twice";
        ARENA_PUSH(arena, end->columns, end->column_count, room, column);
        *cursor += strspn(*cursor, blanks);
        if (**cursor != ',' && **cursor != ')')
            return "lacks a \",\" or \")\" behind a column";
        if (*(*cursor)++ == ')')
            break;
    }
    size_t with_end = end->column_count;

    ARENA_PUSH(arena, end->columns, with_end, room, NULL);
    return NULL;
}

static const char *
check_end(const char *cursor)
{
    return *cursor == '\0' ? NULL : "has something behind the name";
}

const char *
shape_column(Arena *arena, const char *text, const char **ret_column)
{
    const char *column = NULL;
    const char *wrong = check_bytes(text, false);

    if (wrong == NULL)
        wrong = read_part(arena, &text, &column);
    if (wrong == NULL)
        wrong = check_end(text);
    if (wrong == NULL)
        *ret_column = column;
    return wrong;
}

const char *
shape_table(Arena *arena, const char *text, TableName *ret_table)
{
    TableName table = { 0 };
    const char *wrong = check_bytes(text, false);

    if (wrong == NULL)
        wrong = read_table(arena, &text, &table);
    if (wrong == NULL)
        wrong = check_end(text);
    if (wrong == NULL)
        *ret_table = table;
    return wrong;
}

const char *
shape_edge_end(Arena *arena, const char *text, EdgeEnd *ret_end)
{
    EdgeEnd end = { 0 };
    const char *wrong = check_bytes(text, false);

    if (wrong == NULL)
        wrong = read_table(arena, &text, &end.table);
    if (wrong != NULL)
        return wrong;
    text += strspn(text, blanks);
    if (*text != '(')
        return "names no columns";
    text++;
    if ((wrong = read_columns(arena, &text, &end)) == NULL)
        wrong = check_end(text);
    if (wrong == NULL)
        *ret_end = end;
    return wrong;
}
