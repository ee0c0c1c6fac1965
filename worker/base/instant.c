/* SPDX-License-Identifier: Apache-2.0 */
#include "base/instant.h"

#include <assert.h>
#include <inttypes.h>
#include <time.h>

typedef struct Civil
{
    int year;
    int month;
    int day;
} Civil;

static Instant
read_clock(clockid_t clock)
{
    struct timespec now;
    const int failed = clock_gettime(clock, &now);

    assert(failed == 0);
    (void)failed;
    return (Instant)now.tv_sec * INSTANT_SECOND + now.tv_nsec / 1000;
}

Instant
instant_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t
instant_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* The proleptic Gregorian calendar in eras of 400 years (146,097 days) that begin on 1 March:
 * https://howardhinnant.github.io/date_algorithms.html */
static int64_t
days_from_civil(Civil date)
{
    const int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static Civil
civil_from_days(int64_t days)
{
    const int64_t shifted = days + 719468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    const int64_t day_of_era = shifted - era * 146097;
    const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted_month = (5 * day_of_year + 2) / 153;
    const int month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);

    return (Civil){ .year = (int)(year_of_era + era * 400 + (month <= 2 ? 1 : 0)),
                    .month = month,
                    .day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1) };
}

static int64_t
floor_days(Instant at)
{
    return at / INSTANT_DAY - (at % INSTANT_DAY < 0 ? 1 : 0);
}

char *
instant_format_day(Arena *arena, Instant at)
{
    if (at == INSTANT_NONE)
        return arena_strdup(arena, "-");
    const Civil date = civil_from_days(floor_days(at));

    return arena_printf(arena, "%04d-%02d-%02d", date.year, date.month, date.day);
}

char *
instant_format(Arena *arena, Instant at)
{
    if (at == INSTANT_NONE)
        return arena_strdup(arena, "-");
    const int64_t in_day = (at % INSTANT_DAY + INSTANT_DAY) % INSTANT_DAY;
    const int hour = (int)(in_day / INSTANT_HOUR);
    const int minute = (int)(in_day % INSTANT_HOUR / INSTANT_MINUTE);
    const int second = (int)(in_day % INSTANT_MINUTE / INSTANT_SECOND);
    const int micro = (int)(in_day % INSTANT_SECOND);
    const char *day = instant_format_day(arena, at);

    if (micro == 0)
        return arena_printf(arena, "%sT%02d:%02d:%02dZ", day, hour, minute, second);
    return arena_printf(arena, "%sT%02d:%02d:%02d.%06dZ", day, hour, minute, second, micro);
}

/* Exactly count digits, in [min, max]. */
static bool
take_number(const char **at, int count, int min, int max, int *ret)
{
    int number = 0;

    for (int i = 0; i < count; i++, (*at)++)
    {
        if (**at < '0' || **at > '9')
            return false;
        number = number * 10 + (**at - '0');
    }
    *ret = number;
    return number >= min && number <= max;
}

static bool
take_char(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

static int
days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool
take_date(const char **at, Instant *ret)
{
    Civil date;

    if (!take_number(at, 4, 1, 9999, &date.year) || !take_char(at, '-') || !take_number(at, 2, 1, 12, &date.month) ||
        !take_char(at, '-') || !take_number(at, 2, 1, days_in_month(date.year, date.month), &date.day))
        return false;
    *ret = days_from_civil(date) * INSTANT_DAY;
    return true;
}

static bool
take_time(const char **at, Instant *ret)
{
    int hour, minute, second;
    int64_t micro = 0;

    if (!take_number(at, 2, 0, 23, &hour) || !take_char(at, ':') || !take_number(at, 2, 0, 59, &minute) ||
        !take_char(at, ':') || !take_number(at, 2, 0, 59, &second))
        return false;
    if (take_char(at, '.'))
    {
        int64_t weight = INSTANT_SECOND;

        for (; **at >= '0' && **at <= '9'; (*at)++)
        {
            weight /= 10;
            if (weight == 0)
                return false; /* finer than a microsecond */
            micro += (**at - '0') * weight;
        }
        if (weight == INSTANT_SECOND)
            return false;
    }
    *ret = hour * INSTANT_HOUR + minute * INSTANT_MINUTE + second * INSTANT_SECOND + micro;
    return true;
}

/* What must be subtracted to get UTC. */
static bool
take_zone(const char **at, Instant *ret)
{
    int hour, minute = 0;

    if (take_char(at, 'Z'))
    {
        *ret = 0;
        return true;
    }
    const bool west = **at == '-';
    if (!take_char(at, '+') && !take_char(at, '-'))
        return false;
    if (!take_number(at, 2, 0, 23, &hour) || (take_char(at, ':') && !take_number(at, 2, 0, 59, &minute)))
        return false;
    *ret = (hour * INSTANT_HOUR + minute * INSTANT_MINUTE) * (west ? -1 : 1);
    return true;
}

bool
instant_parse(const char *text, Instant *ret)
{
    Instant date, time = 0, zone = 0;

    if (!take_date(&text, &date))
        return false;
    if (*text != '\0' && ((!take_char(&text, 'T') && !take_char(&text, ' ')) || !take_time(&text, &time) ||
                          !take_zone(&text, &zone) || *text != '\0'))
        return false;
    const Instant at = date + time - zone;
    const int year = civil_from_days(floor_days(at)).year;
    if (year < 1 || year > 9999) /* the zone's doing */
        return false;
    *ret = at;
    return true;
}

char *
instant_format_age(Arena *arena, int64_t microseconds)
{
    const char *const sign = microseconds <= -INSTANT_SECOND ? "-" : "";
    const uint64_t age = microseconds < 0 ? 0 - (uint64_t)microseconds : (uint64_t)microseconds;

    if (age >= 2 * (uint64_t)INSTANT_DAY)
        return arena_printf(arena, "%s%" PRIu64 " days", sign, age / (uint64_t)INSTANT_DAY);
    if (age >= (uint64_t)INSTANT_DAY)
        return arena_printf(arena, "%s1 day", sign);
    if (age >= (uint64_t)INSTANT_HOUR)
        return arena_printf(arena, "%s%" PRIu64 " h", sign, age / (uint64_t)INSTANT_HOUR);
    if (age >= (uint64_t)INSTANT_MINUTE)
        return arena_printf(arena, "%s%" PRIu64 " min", sign, age / (uint64_t)INSTANT_MINUTE);
    return arena_printf(arena, "%s%" PRIu64 " s", sign, age / (uint64_t)INSTANT_SECOND);
}
