"""A small baseline JPEG encoder for grey pictures: moto brings no picture library along."""

import functools
import math
import struct

# One step for every frequency: text stays crisp, and the picture small.
QUANTUM = 24
# Diagonal by diagonal, the direction alternates.
ZIGZAG = sorted(range(64), key=lambda at: (at // 8 + at % 8, at // 8 if (at // 8 + at % 8) % 2 else at % 8))

# The example Huffman tables of the standard, annex K: code counts by length, then the symbols.
DC_COUNTS = bytes.fromhex("00010501010101010100000000000000")
DC_SYMBOLS = bytes(range(12))
AC_COUNTS = bytes.fromhex("0002010303020403050504040000017d")
AC_SYMBOLS = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a"
    "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394"
    "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8"
    "e9eaf1f2f3f4f5f6f7f8f9fa"
)
COSINES = [
    [(math.sqrt(0.125) if u == 0 else 0.5) * math.cos((2 * x + 1) * u * math.pi / 16) for x in range(8)]
    for u in range(8)
]


def encode(rows):
    """rows: equally long bytes of grey values 0–255; width and height must be multiples of 8."""
    height, width = len(rows), len(rows[0])
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            segment(0xDB, b"\x00" + bytes([QUANTUM] * 64)),
            segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
            segment(0xC4, b"\x00" + DC_COUNTS + DC_SYMBOLS),
            segment(0xC4, b"\x10" + AC_COUNTS + AC_SYMBOLS),
            segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
            scan(rows, width, height),
            b"\xff\xd9",
        ]
    )


def segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def scan(rows, width, height):
    dc_codes = codes(DC_COUNTS, DC_SYMBOLS)
    bits, previous = [], 0
    for top in range(0, height, 8):
        band = rows[top : top + 8]
        for left in range(0, width, 8):
            dc, rest = encoded(b"".join([row[left : left + 8] for row in band]))
            size, extra = magnitude(dc - previous)
            previous = dc
            bits += [dc_codes[size], extra, rest]
    return stuffed("".join(bits))


@functools.lru_cache(maxsize=4096)
def encoded(block):
    """Its mean, and the bits of the rest. Text repeats its blocks, in one picture and from one to the next."""
    values = transform([block[at : at + 8] for at in range(0, 64, 8)])
    return values[0], ac_bits(values, codes(AC_COUNTS, AC_SYMBOLS))


def transform(block):
    """The quantised discrete cosine transform, in zigzag order."""
    across = [[sum((row[x] - 128) * cosines[x] for x in range(8)) for cosines in COSINES] for row in block]
    down = [[sum(across[y][u] * cosines[y] for y in range(8)) for u in range(8)] for cosines in COSINES]
    return [round(down[at // 8][at % 8] / QUANTUM) for at in ZIGZAG]


def ac_bits(values, ac_codes):
    bits, zeros = [], 0
    for value in values[1:]:
        if value == 0:
            zeros += 1
            continue
        while zeros > 15:
            bits.append(ac_codes[0xF0])
            zeros -= 16
        size, extra = magnitude(value)
        bits += [ac_codes[zeros << 4 | size], extra]
        zeros = 0
    if zeros:
        bits.append(ac_codes[0])
    return "".join(bits)


def magnitude(value):
    """How many bits the value takes, and those bits; negative values are written as their ones' complement."""
    size = abs(value).bit_length()
    if size == 0:
        return 0, ""
    return size, format(value if value > 0 else value + (1 << size) - 1, f"0{size}b")


@functools.cache
def codes(counts, symbols):
    table, code, at = {}, 0, 0
    for length, count in enumerate(counts, start=1):
        for symbol in symbols[at : at + count]:
            table[symbol] = format(code, f"0{length}b")
            code += 1
        at += count
        code <<= 1
    return table


def stuffed(bits):
    """As bytes; a byte 255 in the data is followed by a zero, so that it is not taken for a marker."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
