"""Local time by Python's zoneinfo, for the tests of calendar windows.

zones.py SEED SAMPLES [ZONE ...]     without zones: every zone of this machine
Prints, for random times, one line each: zone time offset day-start day-end week-start week-end month-start month-end,
all in whole seconds since 1970 UTC.
"""
import random
import sys
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DAY = 86_400


def offset(zone, t):
    return int((EPOCH + timedelta(seconds=t)).astimezone(zone).utcoffset().total_seconds())


def start_of(zone, d, cache):
    """The first moment whose local time is midnight of the day or later, found by looking at every hour around it."""
    if d not in cache:
        local = (d - date(1970, 1, 1)).days * DAY
        low, high = local - 27 * 3600, local + 27 * 3600
        moments = set()
        before = offset(zone, low)
        t = low
        while t < high:
            moments.add(local - before)
            after = offset(zone, t + 3600)
            if after != before:
                a, b = t, t + 3600
                while b - a > 1:
                    middle = (a + b) // 2
                    if offset(zone, middle) == before:
                        a = middle
                    else:
                        b = middle
                moments.add(b)
                before = after
            t += 3600
        cache[d] = min(m for m in moments if m + offset(zone, m) >= local)
    return cache[d]


def following(first, unit):
    if unit == "month":
        return date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first + timedelta(days=1 if unit == "day" else 7)


def window(zone, t, unit, cache):
    d = (EPOCH + timedelta(seconds=t)).astimezone(zone).date()
    # Some days ahead, then back until the unit has begun.
    first = d + timedelta(days=2)
    while True:
        begins = (
            unit == "day" or (unit == "week" and first.isoweekday() == 1) or (unit == "month" and first.day == 1))
        if begins and start_of(zone, first, cache) <= t:
            break
        first -= timedelta(days=1)
    return start_of(zone, first, cache), start_of(zone, following(first, unit), cache)


def main():
    rng = random.Random(int(sys.argv[1]))
    names = sys.argv[3:] or sorted(available_timezones())
    for name in names:
        zone = ZoneInfo(name)
        cache = {}
        for i in range(int(sys.argv[2])):
            # Mostly our times, where the tables are; some long ago, and some that only the rule at the end covers.
            span = [(-4_000_000_000, 17_000_000_000), (0, 2_200_000_000), (1_500_000_000, 1_900_000_000)][i % 3]
            t = rng.randrange(*span)
            if i % 3:
                # Near a change of the clocks, when there is one in the following year.
                u = t
                while u < t + 366 * DAY and offset(zone, u) == offset(zone, u + DAY):
                    u += DAY
                t = u + rng.randrange(-DAY, 3 * DAY)
            found = [offset(zone, t)]
            for unit in ("day", "week", "month"):
                found += window(zone, t, unit, cache)
            print(name, t, *found)


main()
