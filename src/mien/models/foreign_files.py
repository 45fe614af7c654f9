"""Says what a file is that is not a network, by its first bytes: what people download or name by mistake.

Reads no file.
"""

BEGINNINGS = (
    (
        b"version https://git-lfs",
        "is a pointer of Git LFS and not the file itself: run `git lfs pull` where it is from",
    ),
    (b"<!DOCTYPE", "is a web page and not a model: its site answered with a page; download it again"),
    (b"<html", "is a web page and not a model: its site answered with a page; download it again"),
    (b"\x1f\x8b", "is packed with gzip: unpack it first"),
    (b"BZh", "is packed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "is packed with xz: unpack it first"),
    (b"7z\xbc\xaf", "is a 7z archive: unpack it first"),
    (b"Rar!", "is a rar archive: unpack it first"),
    (b"\xff\xd8\xff", "is a JPEG image and not a model"),
    (b"\x89PNG", "is a PNG image and not a model"),
    (b"\x89HDF", "is a Keras or HDF5 file, which mien does not read: export the network to ONNX"),
)
"""What files begin with, and the end of a sentence about them."""


def describe_foreign(head: bytes) -> str:
    """What a file is that is not a network of any kind, as the end of a sentence; empty where that is not known.

    Args:
        head: its first bytes, 64 or more where it has them.
    """
    if not head:
        return "is empty: copy or download it again"
    if not any(head):
        return "holds nothing but zeros where it begins: copy or download it again"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for beginning, what in BEGINNINGS:
        if start[: len(beginning)].lower() == beginning.lower():
            return what
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32 and b'"' in head[9:12]:
        return "is a safetensors file, which holds weights without their network: `mien export` makes a model of them"
    return ""
