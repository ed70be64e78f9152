/* clock_gettime() is outside ISO C. */
#define _DEFAULT_SOURCE 1
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#define YEAR_10000_MS UINT64_C(253402300800000)

static uint64_t read_us(clockid_t clock)
{
	struct timespec now = { 0, 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t wsm__unix_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000u;
}

uint64_t wsm__mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

static char *put(char *out, unsigned number, size_t digits, char then)
{
	for (size_t i = digits; i > 0; i--) {
		out[i - 1] = (char)('0' + number % 10);
		number /= 10;
	}
	out[digits] = then;
	return out + digits + 1;
}

void wsm__timestamp(uint64_t unix_ms, char out[WSM__TIMESTAMP_LEN + 1])
{
	unsigned ms, second, day, era, day_of_era, year_of_era, day_of_year, month_from_march, month, year;
	uint64_t days;

	if (unix_ms >= YEAR_10000_MS)
		unix_ms = YEAR_10000_MS - 1;
	ms = (unsigned)(unix_ms % 1000);
	second = (unsigned)(unix_ms / 1000 % 86400);
	/*
	 * Days since 0000-03-01 in the proleptic Gregorian calendar. Years that begin in March put the leap day last, and
	 * 153 days are five months from any of their starts.
	 */
	days = unix_ms / 86400000u + 719468u;
	era = (unsigned)(days / 146097);
	day_of_era = (unsigned)(days % 146097);
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month_from_march = (5 * day_of_year + 2) / 153;
	day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);

	out = put(out, year, 4, '-');
	out = put(out, month, 2, '-');
	out = put(out, day, 2, 'T');
	out = put(out, second / 3600, 2, ':');
	out = put(out, second / 60 % 60, 2, ':');
	out = put(out, second % 60, 2, '.');
	out = put(out, ms, 3, 'Z');
	*out = '\0';
}
