"""Every sentence that people read in reports, pages and instructions, by code, in one file per language.

`en.toml` and `vi.toml` are shipped; a further language is one more file, in a folder that the environment variable
MIEN_MESSAGES names. Results carry a `Message` (a code and its arguments), and whoever shows it calls `translate` or
`Message.text`. Does not hold help, errors and log lines of commands, which are English.
"""

from mien.messages.catalogue import Catalogue, check_language, find_catalogue, languages
from mien.messages.message import Argument, Message, Text, has_message, number, text_of, translate

__all__ = [
    "Argument",
    "Catalogue",
    "Message",
    "Text",
    "check_language",
    "find_catalogue",
    "has_message",
    "languages",
    "number",
    "text_of",
    "translate",
]
