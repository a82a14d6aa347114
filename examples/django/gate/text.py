"""What strangers send: text that a database takes, and JSON that ends."""

import json

# No credential is longer.
LONGEST = 8192


def text_of(value):
    """A text that can be looked up, or None: no lone surrogate and no NUL, which databases refuse by an exception."""
    if not isinstance(value, str) or len(value) > LONGEST or "\x00" in value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def object_of(text):
    """The JSON object in a text; of anything else, such as an abyss of brackets, an empty one."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
