"""The output of a measuring program, and whether all its bounds are kept."""

_missed = []


def say(text):
    print(f"== {text}", flush=True)


def show(what, value):
    print(f"       {what:<58} {value}", flush=True)


def judge(what, value, limit):
    """The first word of a line with a bound."""
    if value <= limit:
        return "ok    "
    _missed.append(what)
    return "MISSED"


def bound(what, value, limit):
    print(f"{judge(what, value, limit)} {what:<58} {value:.4g}  (at most {limit:.6g})", flush=True)


def missed():
    return list(_missed)
