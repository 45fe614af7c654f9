"""One sentence for any exception: what happened to which file, and what to do. Catches nothing and prints nothing.

mien's own errors are sentences already. Of the others, those that a machine or a file brings about have a remedy (a
full disk, missing rights, damaged data); what is left is a mistake of mien's, and the sentence says so.
"""

import errno
import os
from concurrent.futures import BrokenExecutor

from mien.errors import MienError

REMEDIES = {
    errno.ENOENT: "does not exist",
    errno.EACCES: "may not be used by this account: change its rights, or choose a different place",
    errno.EPERM: "may not be used by this account: change its rights, or choose a different place",
    errno.ENOSPC: "could not be written, because the disk is full: free some space, or choose a different place",
    errno.EDQUOT: "could not be written, because the quota of this account is used up: free some space, or choose a "
    "different place",
    errno.EFBIG: "could not be written, because no file may have this size here: choose a different place",
    errno.EROFS: "is on a read-only disk: choose a different place",
    errno.ENAMETOOLONG: "has a name that is too long for the file system: shorten it",
    errno.EISDIR: "is a folder where a file is needed: choose a different name",
    errno.ENOTDIR: "needs a folder where there is a file: choose a different name",
    errno.ELOOP: "is a link that leads back to itself: remove it",
    errno.EEXIST: "exists already: choose a different name, or remove it",
    errno.ENOTEMPTY: "exists already and is not empty: choose a different name, or remove it",
    errno.EBUSY: "is in use: close it in the other program, and run this again",
    errno.EIO: "could not be read or written, because the disk reports an error: check the disk",
    errno.EMFILE: "could not be opened, because too many files are open: raise the limit with `ulimit -n 4096`",
    errno.ENFILE: "could not be opened, because too many files are open on this machine: close other programs",
    errno.ENOMEM: "needs more memory than there is: use a smaller file, or fewer --workers",
    errno.EILSEQ: "has a name that the file system does not take: rename it",
    errno.EINVAL: "is not possible here: choose a different name or place",
}
"""What a number of the operating system means for a file, and the remedy."""

WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""Numbers that only writing gives."""

ADVICE = "; run again with --debug"
"""What to do where mien has no remedy: the traceback is for those who fix mien."""

LONGEST_NAME, LONGEST_REASON = 160, 200
"""Maximum number of characters of a file's name, and of a library's message, in a sentence."""


def describe(reason: BaseException, name: str = "") -> str:
    """Describe an exception in one sentence that names the file or row, and the remedy.

    The sentence can be written everywhere: bytes of file names that are not UTF-8 are written out, as in \\udce9.

    Args:
        reason: any exception.
        name: the file or row that was worked on; empty where there is none, or where the exception knows it.

    Example:
        >>> describe(OSError(28, "No space left on device", "report.html"))
        'report.html could not be written, because the disk is full: free some space, or choose a different place'
    """
    return _sentence(reason, name).encode("utf-8", "backslashreplace").decode()


def _sentence(reason: BaseException, name: str) -> str:
    if isinstance(reason, MienError):
        return str(reason)
    if isinstance(reason, OSError) and reason.errno is not None:
        return _of_system(reason, name)
    file, work = shortened(name) or "a file", shortened(name) or "this command"
    if isinstance(reason, MemoryError):
        return f"{work} needs more memory than there is: use a smaller file, or fewer --workers"
    if isinstance(reason, UnicodeEncodeError):
        return f"{file} holds a name that is not valid Unicode, which cannot be written here: rename it"
    if isinstance(reason, UnicodeDecodeError):
        return f"{file} is not UTF-8 text: save it again as UTF-8"
    if isinstance(reason, RecursionError):
        return f"{file} is nested too deeply to be read: it is damaged, or was made to do harm"
    if isinstance(reason, EOFError):
        return f"{file} ends too early: it is cut short; get it again"
    if isinstance(reason, BrokenExecutor):
        return f"{work} lost a worker process, most often for lack of memory: use fewer --workers"
    if isinstance(reason, ImportError):
        return f"{work} needs a package that is missing or broken ({_named(reason)}): run `mien doctor`"
    undone = "could not be processed" if name else "could not be completed"
    return f"{work} {undone}: mien did not expect this ({_named(reason)}){ADVICE}"


def shortened(name: str) -> str:
    """A name of a length that fits a sentence: its beginning and its end."""
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}...{name[-half:]}"


def _of_system(reason: OSError, name: str) -> str:
    """What the operating system said, about the file that it said it of."""
    # The number of an open file is not a name.
    file = "" if isinstance(reason.filename, int | None) else os.fsdecode(reason.filename)
    remedy = REMEDIES.get(reason.errno or 0, f"could not be used ({reason.strerror or _named(reason)})")
    if not file and reason.errno in WRITING:
        # What was worked on is read, so another file is meant.
        return f"{shortened(name)}: a file {remedy}" if name else f"a file {remedy}"
    worked_on = f"{shortened(name)}: " if name and file and file not in name and name not in file else ""
    return f"{worked_on}{shortened(file or name) or 'a file or folder'} {remedy}"


def _named(reason: BaseException) -> str:
    """The kind of an exception and the first line of what it says."""
    said = " ".join(str(reason).split())
    kind = type(reason).__name__
    kind = f"{type(reason).__module__}.{kind}" if kind == "error" else kind
    return f"{kind}: {said[:LONGEST_REASON]}" if said else kind
