"""Prints what Apache Cassandra's Python driver says the tokens of keys are: `hex token` a line.

    murmur3.py COUNT SEED      tokens of COUNT random keys
"""

import random
import sys

from cassandra.metadata import Murmur3Token


def token(key):
    return Murmur3Token.hash_fn(key)


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    for i in range(count):
        # Every length up to four blocks, so that each branch of the tail is taken, then longer ones.
        size = i if i <= 64 else rng.randrange(1, 300)
        # Bytes above 0x7F matter: Cassandra takes the tail's as signed.
        key = bytes(rng.choice((0x00, 0x7F, 0x80, 0xFF, rng.randrange(256))) for _ in range(size))
        print(key.hex() or "-", token(key))


main()
