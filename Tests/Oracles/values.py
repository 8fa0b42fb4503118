"""Prints how Apache Cassandra's Python driver serialises values: `type <tab> text <tab> hex` a line.

    values.py COUNT SEED

The text is what Millrace reads for the type; the hex is what the driver sends to a server. The last lines are composite
partition keys: `token <tab> text of an int and a text, separated by a bar <tab> token`.
"""

import datetime
import decimal
import json
import random
import struct
import sys
import uuid

from cassandra import cqltypes as t
from cassandra.metadata import Murmur3Token
from cassandra.util import Date, Duration, Time

count, seed = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)
VERSION = 4


def whole(bits):
    edge = rng.choice((0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))))
    return edge if rng.random() < 0.3 else rng.randrange(-(2 ** (bits - 1)), 2 ** (bits - 1))


def text():
    return "".join(rng.choice("a\u00e9\u20ac\U0001f600 \"\\b") for _ in range(rng.randrange(6)))


def scalar(name):
    """A value for the driver, and its text."""
    if name in ("tinyint", "smallint", "int", "bigint"):
        n = whole({"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}[name])
        return n, str(n)
    if name == "varint":
        n = whole(rng.choice((8, 16, 64, 65, 200)))
        return n, str(n)
    if name == "decimal":
        d = decimal.Decimal((rng.randrange(2), [rng.randrange(1, 10) for _ in range(rng.randrange(1, 30))], rng.randrange(-25, 25)))
        return d, str(d)
    if name == "double":
        d = rng.choice((0.0, -0.0, 1.5, rng.uniform(-1e300, 1e300), rng.random()))
        return d, repr(d)
    if name == "float":
        d = struct.unpack(">f", struct.pack(">f", rng.uniform(-1e30, 1e30)))[0]
        return d, repr(d)
    if name == "boolean":
        b = rng.random() < 0.5
        return b, "true" if b else "false"
    if name == "text":
        s = text()
        return s, s
    if name == "blob":
        b = bytes(rng.randrange(256) for _ in range(rng.randrange(8)))
        return b, "0x" + b.hex()
    if name == "uuid":
        u = uuid.UUID(int=rng.getrandbits(128))
        return u, str(u)
    if name == "inet":
        if rng.random() < 0.5:
            s = ".".join(str(rng.randrange(256)) for _ in range(4))
        else:
            s = ":".join("%x" % rng.choice((0, 0, rng.randrange(65536))) for _ in range(8))
        return s, s
    if name == "date":
        d = Date(datetime.date(1970, 1, 1) + datetime.timedelta(days=rng.randrange(-700000, 2900000)))
        return d, str(d)
    if name == "time":
        d = Time(rng.randrange(86400 * 10**9))
        return d, str(d)
    if name == "timestamp":
        ms = rng.randrange(-(10**13), 10**14)
        return ms, str(ms)
    if name == "duration":
        sign = rng.choice((1, -1))
        months, days, nanos = (sign * rng.randrange(1 << rng.randrange(1, bits)) for bits in (31, 31, 60))
        parts = [(abs(months), "mo"), (abs(days), "d"), (abs(nanos), "ns")]
        s = "".join("%d%s" % p for p in parts if p[0]) or "0s"
        negative = months < 0 or days < 0 or nanos < 0
        return Duration(months, days, nanos), ("-" if negative else "") + s
    raise ValueError(name)


TYPES = {
    "tinyint": t.ByteType, "smallint": t.ShortType, "int": t.Int32Type, "bigint": t.LongType, "varint": t.IntegerType,
    "decimal": t.DecimalType, "double": t.DoubleType, "float": t.FloatType, "boolean": t.BooleanType,
    "text": t.UTF8Type, "blob": t.BytesType, "uuid": t.UUIDType, "inet": t.InetAddressType, "date": t.SimpleDateType,
    "time": t.TimeType, "timestamp": t.DateType, "duration": t.DurationType,
}


def composed():
    """A type, a value for the driver, its text, and the driver's type."""
    which = rng.randrange(3)
    if which == 0:
        values = [whole(32) for _ in range(rng.randrange(4))]
        return "list<int>", values, json.dumps(values), t.ListType.apply_parameters([t.Int32Type])
    if which == 1:
        keys = sorted({text() for _ in range(rng.randrange(4))}, key=lambda s: s.encode())
        value = {k: whole(64) for k in keys}
        return "map<text, bigint>", value, json.dumps(value), t.MapType.apply_parameters([t.UTF8Type, t.LongType])
    value = (whole(32), rng.choice((None, text())))
    return "tuple<int, text>", value, json.dumps(value), t.TupleType.apply_parameters([t.Int32Type, t.UTF8Type])


def line(*parts):
    print("\t".join(parts))


for i in range(count):
    if rng.random() < 0.15:
        name, value, written, kind = composed()
    else:
        name = rng.choice(sorted(TYPES))
        value, written = scalar(name)
        kind = TYPES[name]
    line(name, written, kind.serialize(value, VERSION).hex())

for i in range(count // 10):
    number, word = whole(32), text()
    parts = [t.Int32Type.serialize(number, VERSION), t.UTF8Type.serialize(word, VERSION)]
    # As the driver puts a routing key together (cassandra.query.BoundStatement).
    key = b"".join(struct.pack(">H%dsB" % len(p), len(p), p, 0) for p in parts)
    line("token", "%d|%s" % (number, word), str(Murmur3Token.hash_fn(key)))
