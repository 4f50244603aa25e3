"""The text of the display element: name=value | name=value | …, masked, escaped and cut to its limit.

Part of the oracle, used by translate.py alone; written from the filling rules, not from the gateway's code.
"""

import re

LIMIT = 4000
# Groups of digits, one space or hyphen between them.
DIGITS = re.compile(r"(?<![0-9])[0-9]+(?:[ -][0-9]+)*")
GROUP = re.compile(r"[0-9]+")


def display_fields(pairs):
    """At most 4000 characters, whole pairs dropped from the end and counted; None where there is no pair."""
    items = [f"{word(name)}={word(value)}" for name, value in pairs]
    for dropped in range(len(items) + 1):
        kept = items[: len(items) - dropped] + ([f"Truncated={dropped}"] if dropped else [])
        if len(" | ".join(kept)) <= LIMIT:
            return " | ".join(kept) or None
    raise AssertionError("unreachable: the last candidate is one short pair")


def word(text):
    """A name or a value, so that it can't be taken for a separator; % goes first, as it escapes the others."""
    return mask(text).replace("%", "%25").replace("|", "%7C").replace("=", "%3D")


def mask(text):
    """Hides all but the last four digits of what may be a card number.

    A number is made of whole groups: an expiry date behind it must not save it from being recognised.
    """
    return DIGITS.sub(lambda match: _mask_groups(match.group()), text)


def _mask_groups(run):
    groups, out, done, i = list(GROUP.finditer(run)), [], 0, 0
    while i < len(groups):
        for j in range(len(groups), i, -1):
            number = run[groups[i].start() : groups[j - 1].end()]
            if looks_like_card(number):
                out += [run[done : groups[i].start()], _hide(number)]
                done, i = groups[j - 1].end(), j
                break
        else:
            i += 1
    return "".join(out) + run[done:]


def looks_like_card(number):
    digits = "".join(GROUP.findall(number))
    return 13 <= len(digits) <= 19 and luhn(digits)


def luhn(digits):
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _hide(number):
    left, out = sum(c.isdigit() for c in number) - 4, []
    for c in number:
        out.append("*" if c.isdigit() and left > 0 else c)
        left -= c.isdigit()
    return "".join(out)
