/* SPDX-License-Identifier: Apache-2.0 */
#include "model/window.h"

#include <string.h>

const Window window_always = { .always = true };

/* "hh:mm", two digits each; 24:00 is not a time of the day: a window until midnight ends at 00:00 */
static bool
parse_minute(const char *text, int *ret_minute)
{
    static const char shape[] = "00:00";

    for (size_t i = 0; i < sizeof(shape) - 1; i++)
    {
        const bool digit = text[i] >= '0' && text[i] <= '9';

        if (shape[i] == '0' ? !digit : text[i] != shape[i])
            return false; /* before the end of text: its NUL is neither */
    }
    const int hour = (text[0] - '0') * 10 + (text[1] - '0');
    const int minute = (text[3] - '0') * 10 + (text[4] - '0');

    if (hour > 23 || minute > 59)
        return false;
    *ret_minute = hour * 60 + minute;
    return true;
}

bool
window_parse(const char *text, Window *ret)
{
    Window window = { 0 };

    if (text == NULL || strlen(text) != strlen("01:00-05:00") || text[5] != '-')
        return false;
    if (!parse_minute(text, &window.from_minute) || !parse_minute(text + 6, &window.to_minute))
        return false;
    if (window.from_minute == window.to_minute)
        return false;
    *ret = window;
    return true;
}

bool
window_is_open(const Window *window, Instant at)
{
    if (window->always)
        return true;
    if (at == INSTANT_NONE)
        return false; /* nobody knows the time: closed */

    const int64_t since_midnight = (at % INSTANT_DAY + INSTANT_DAY) % INSTANT_DAY; /* before 1970 as well */
    const int minute = (int)(since_midnight / INSTANT_MINUTE);

    if (window->from_minute < window->to_minute)
        return minute >= window->from_minute && minute < window->to_minute;
    return minute >= window->from_minute || minute < window->to_minute;
}
