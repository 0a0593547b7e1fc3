"""Records keys, their canonical bytes and hashes, from the specification alone (docs/reference/state-format.md).

Python 3, standard library only, nothing shared with the engine's code. Run: python3 make-hashes.py > golden/key-hashes.json
Each key is written in the notation of the golden files: JSON, with {"$type": text} for what JSON hasn't.
"""
import json
import random
import struct

MASK = 0xFFFFFFFF


def murmur3_x86_32(data, seed=0):
    h = seed
    blocks = len(data) // 4
    for block in struct.unpack_from("<%dI" % blocks, data):
        k = (block * 0xCC9E2D51) & MASK
        k = ((k << 15) | (k >> 17)) & MASK
        h ^= (k * 0x1B873593) & MASK
        h = ((h << 13) | (h >> 19)) & MASK
        h = (h * 5 + 0xE6546B64) & MASK
    tail = data[blocks * 4:]
    if tail:
        k = (int.from_bytes(tail, "little") * 0xCC9E2D51) & MASK
        k = ((k << 15) | (k >> 17)) & MASK
        h ^= (k * 0x1B873593) & MASK
    h ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h ^= h >> shift
        h = (h * factor) & MASK
    h ^= h >> 16
    return h - (1 << 32) if h & 0x80000000 else h


def varuint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


# A key is a pair (kind, content).
def encode(key):
    kind, content = key
    if kind == "null":
        return b"\x01"
    if kind == "boolean":
        return b"\x03" if content else b"\x02"
    if kind == "number":
        if content != content:
            return b"\x04" + bytes.fromhex("000000000000f87f")
        return b"\x04" + struct.pack("<d", 0.0 if content == 0 else content)
    if kind == "bigint":
        size = 1
        while not -(1 << (8 * size - 1)) <= content < 1 << (8 * size - 1):
            size += 1
        return b"\x05" + content.to_bytes(size, "little", signed=True)
    if kind == "string":
        return b"\x07" + content.encode("utf-8")
    if kind == "bytes":
        return b"\x08" + content
    if kind == "timestamp":
        return b"\x09" + struct.pack("<q", content)
    if kind == "tuple":
        parts = [encode(part) for part in content]
        return b"\x0a" + b"".join(varuint(len(part)) + part for part in parts)
    raise ValueError(kind)


def readable(key):
    kind, content = key
    if kind in ("null", "boolean", "string"):
        return content
    if kind == "number":
        if content != content or content in (float("inf"), float("-inf")) or str(content) == "-0.0":
            return {"$number": {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0"}[str(content)]}
        return int(content) if content == int(content) and abs(content) < 2**53 else content
    if kind == "bigint":
        return {"$bigint": str(content)}
    if kind == "bytes":
        return {"$bytes": content.hex()}
    if kind == "timestamp":
        return {"$date": content}
    return [readable(part) for part in content]


def keys():
    rng = random.Random(1)
    for text in ["", "a", "ab", "abc", "abcd", "card-0001", "Zürich", "日本", "😀", "a\u0000b", "x" * 47, "x" * 48, "é" * 200]:
        yield ("string", text)
    for n in [0.0, -0.0, 1.0, -1.0, 42.0, 1.5, 2**31, 2**53, 1e300, 5e-324, float("nan"), float("inf"), float("-inf")]:
        yield ("number", float(n))
    for n in [0, 1, -1, 42, 127, 128, -128, -129, 255, 256, 2**31, -2**31, 2**63 - 1, -2**63, 2**64, 10**40, -10**40]:
        yield ("bigint", n)
    yield from [("boolean", True), ("boolean", False)]
    for size in (0, 1, 2, 3, 4, 5, 16, 130):
        yield ("bytes", bytes(rng.randrange(256) for _ in range(size)))
    for ms in [0, 1, -1, 1609459200000, 8640000000000000, -8640000000000000]:
        yield ("timestamp", ms)
    a, n = ("string", "a"), ("null", None)
    yield from [("tuple", parts) for parts in (
        [], [n], [a], [a, n], [n, a], [a, ("number", 1.0)], [a, ("bigint", 1)], [("string", "ab"), ("string", "c")],
        [a, ("string", "bc")], [("tuple", [a]), a], [("tuple", [a, a])], [("string", "x" * 126)], [("string", "x" * 127)],
        [("string", "x" * 200), ("boolean", True)], [("tuple", [("string", "y" * 130)])], [("timestamp", 5), ("bytes", b"\x00")],
    )]
    for _ in range(40):
        yield ("string", "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789-") for _ in range(rng.randrange(1, 40))))
        yield ("number", float(rng.randrange(-10**12, 10**12)) / rng.choice([1, 1, 4, 1000]))
        yield ("bigint", rng.randrange(-2**80, 2**80))


lines = []
for key in keys():
    data = encode(key)
    lines.append(json.dumps({"key": readable(key), "bytes": data.hex(), "hash": murmur3_x86_32(data)}, ensure_ascii=True))
print('{"source": "make-hashes.py, an implementation of docs/reference/state-format.md in Python",\n"keys": [\n' + ",\n".join(lines) + "\n]}")
