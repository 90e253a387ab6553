#!/usr/bin/env python3
"""Writes src/text/unicode_classes.inc: what the tokenizers need to know about every code point, from Unicode 16.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install unicodedata2==16.0.0
    /tmp/venv/bin/python scripts/make_unicode_tables.py src/text/unicode_classes.inc

The table has two stages: kBlockOfCodePoint[code_point / 128] names a block, kClassBlocks[block][code_point % 128] is an
OR of the bits below (the enum in unicode_classes.h). Checked against the tokenizers library on every code point.
"""
import sys

import unicodedata2 as unicodedata

LETTER, NUMBER, SPACE, WORD, COMPOSING, UNKNOWN_TO_NFC = 1, 2, 4, 8, 16, 32
BLOCK = 128

# White_Space, which is what \s means to the reference's regular expressions.
SPACES = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}

# Other_Alphabetic outside of the categories L, M and Nl: circled, squared and negative letters.
SYMBOL_LETTERS = {*range(0x24B6, 0x24EA), *range(0x1F130, 0x1F14A), *range(0x1F150, 0x1F16A), *range(0x1F170, 0x1F18A)}

# The reference's normaliser knows the characters of Unicode 9. Later ones that reorder or compose are, to it, plain
# characters; these are all of them (a combining class, a canonical decomposition, or the second half of one).
ADDED_AFTER_UNICODE_9 = [
    (0x07FD, 0x07FD), (0x0897, 0x089F), (0x08CA, 0x08D3), (0x09FE, 0x09FE), (0x0C3C, 0x0C3C), (0x0D3B, 0x0D3C),
    (0x0EBA, 0x0EBA), (0x1715, 0x1715), (0x1ABF, 0x1ACE), (0x1DF6, 0x1DFA), (0xA82C, 0xA82C), (0x105C9, 0x105C9),
    (0x105E4, 0x105E4), (0x10D24, 0x10D27), (0x10D69, 0x10D6D), (0x10EAB, 0x10EAC), (0x10EFD, 0x10EFF),
    (0x10F46, 0x10F50), (0x10F82, 0x10F85), (0x11070, 0x11070), (0x1133B, 0x1133B), (0x11383, 0x11385),
    (0x1138E, 0x11391), (0x113B8, 0x113D0), (0x1145E, 0x1145E), (0x11839, 0x1183A), (0x11930, 0x11943),
    (0x119E0, 0x119E0), (0x11A34, 0x11A34), (0x11A47, 0x11A47), (0x11A99, 0x11A99), (0x11D42, 0x11D45),
    (0x11D97, 0x11D97), (0x11F41, 0x11F42), (0x1611E, 0x1612F), (0x16D63, 0x16D6A), (0x16FF0, 0x16FF1),
    (0x1E08F, 0x1E08F), (0x1E130, 0x1E136), (0x1E2AE, 0x1E2AE), (0x1E2EC, 0x1E2EF), (0x1E4EC, 0x1E4EF),
    (0x1E5EE, 0x1E5EF),
]


def second_halves():
    """Characters that a composition can swallow: NFC_Quick_Check=Maybe."""
    found = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # Hangul vowels and finals
    for code in range(0x110000):
        fields = unicodedata.decomposition(chr(code)).split()
        composed = unicodedata.normalize("NFC", unicodedata.normalize("NFD", chr(code))) == chr(code)
        if len(fields) == 2 and not fields[0].startswith("<") and composed:
            found.add(int(fields[1], 16))
    return found


def classes():
    seconds = second_halves()
    later = {code for first, last in ADDED_AFTER_UNICODE_9 for code in range(first, last + 1)}
    for code in range(0x110000):
        char = chr(code)
        category = unicodedata.category(char)
        bits = 0
        if category[0] == "L":
            bits |= LETTER
        if category[0] == "N":
            bits |= NUMBER
        if code in SPACES:
            bits |= SPACE
        if category[0] in "LM" or category in ("Nd", "Nl", "Pc") or code in (0x200C, 0x200D) or code in SYMBOL_LETTERS:
            bits |= WORD
        if 0xD800 <= code < 0xE000:
            pass
        elif code in later:
            bits |= UNKNOWN_TO_NFC
        elif unicodedata.combining(char) or code in seconds or unicodedata.normalize("NFC", char) != char:
            bits |= COMPOSING
        yield bits


def rows(values, per_row):
    for start in range(0, len(values), per_row):
        yield ",".join(str(value) for value in values[start:start + per_row]) + ","


def main():
    table = list(classes())
    blocks, block_of = {}, []
    for start in range(0, len(table), BLOCK):
        block = tuple(table[start:start + BLOCK])
        block_of.append(blocks.setdefault(block, len(blocks)))
    with open(sys.argv[1], "w") as out:
        out.write(f"// Written by scripts/make_unicode_tables.py from Unicode {unicodedata.unidata_version}; do not edit.\n")
        out.write(f"constexpr uint8_t kBlockOfCodePoint[{len(block_of)}] = {{\n")
        out.writelines(row + "\n" for row in rows(block_of, 64))
        out.write(f"}};\nconstexpr uint8_t kClassBlocks[{len(blocks)}][{BLOCK}] = {{\n")
        for block in blocks:
            out.write("{" + ",".join(map(str, block)) + "},\n")
        out.write("};\n")
    assert unicodedata.unidata_version == "16.0.0" and len(blocks) <= 256


if __name__ == "__main__":
    main()
