"""Changes documents: each kind of change once at each kind of place, or several at random."""

import copy
import random

VALUES = [
    None, True, False, 0, 1, -1, 1.0, 1.5, 5e3, 1e300, 2, 128, 1099511627776, 1099511627777,
    1099511627776.5, 9223372036854775807, 9223372036854775808, -9223372036854775808,
    -9223372036854775809, -9223372036854775808.0, -9.5e18, 9223372036854775807.0,
    "", " ", "x", "\n", "0", "00", "0g", "FF", "00ff", "00\n", "1 s",
    "1 ms", "25 h", "soon", "null", [], {}, [None], [{}], {"": 0}, [[]], "\u00e4", "\U0001f418",
    " \t\n\r\f\v", "\u00a0", "\u2003", "\ufeff", "\x1c",
]  # fmt: skip
WORDS = [
    "global", "database", "consistent", "recovery_finished", "postmaster", "primary", "standby",
    "both", "by start time", "never", "on_failure", "always", "Never",
]  # fmt: skip
LENGTHS = [62, 63, 64, 94, 95, 96, 100, 101, 127, 128, 254, 255, 256, 257, 258, 1023, 1024]
LONG = LENGTHS + [65536, 65537]
# Members that are inserted into objects without them.
MEMBERS = {
    "dynpgext": [1], "extension": ["x"], "extensions": [[]], "version": ["1"], "allocations": [[]],
    "workers": [[]], "settings": [[]], "library": ["l", {"name": "l"}], "name": ["new"], "size": [1],
    "scope": ["global", "database"], "initial": ["", "x"], "initial_hex": ["", "00"], "type": ["t"],
    "function": ["f"], "connects": [True], "argument": [0], "extra_hex": ["00"], "notify": [True],
    "callback": [True], "start": ["consistent", "recovery_finished", "postmaster"],
    "servers": ["primary", "standby", "both"], "restart": [{}, {"policy": "never"}],
    "policy": ["never"], "delay": ["1 s"], "deadline": ["1 s"], "command": ["x"],
    "interval": ["1 s"], "first_run": ["at_once", "after_interval", "1 s", "once"], "channel": ["c"], "run_as": ["r"], "atomic": [False], "process": ["own", "shared", "none"], "worker": ["new"], "enabled": [True],
    "x": [0], "": [0], "Name": ["x"], "$schema": ["x"],
}  # fmt: skip


def nodes(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from nodes(item, path + (key,))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def with_value(document, path, value):
    if not path:
        return value
    document = copy.deepcopy(document)
    at(document, path[:-1])[path[-1]] = copy.deepcopy(value)
    return document


def without(document, path):
    document = copy.deepcopy(document)
    del at(document, path[:-1])[path[-1]]
    return document


def renamed(document, path, name):
    """The member keeps its place."""
    members = at(document, path[:-1])
    return with_value(
        document, path[:-1], {name if k == path[-1] else k: v for k, v in members.items()}
    )


def changes_of(document, path):
    """(name, function) of each change that makes sense at the path."""
    value = at(document, path)
    for i, other in enumerate(VALUES):
        yield f"value {i}", lambda other=other: with_value(document, path, other)
    for word in WORDS:
        yield word, lambda word=word: with_value(document, path, word)
    if isinstance(value, str):
        for length in LONG if path and path[-1] == "command" else LENGTHS:
            for c in "x", "0", " ", "\u00e4":
                yield f"{length} of {c}", lambda n=length, c=c: with_value(document, path, c * n)
    if path:
        yield "drop", lambda: without(document, path)
    if path and isinstance(path[-1], str):
        for name in path[-1][:-1], path[-1] + "s", path[-1].upper(), path[-1] + " ":
            yield f"rename {name}", lambda name=name: renamed(document, path, name)
    if isinstance(value, list) and value:
        yield "twice", lambda: with_value(document, path, value + value)
        for count in 1000, 1001:
            yield f"{count} items", lambda n=count: with_value(document, path, (value * n)[:n])
    if isinstance(value, dict):
        for name, contents in MEMBERS.items():
            for content in contents:
                yield f"add {name} {content}", lambda name=name, content=content: with_value(
                    document, path + (name,), content
                )


def kind_of(document, path):
    """Equal for places that are read alike: without indexes, but with the neighbouring members."""
    kind = []
    for depth in range(len(path)):
        around = at(document, path[:depth])
        if isinstance(path[depth], str):
            marks = sorted(set(around) & {"command", "library", "servers", "channel", "interval"})
            kind.append((path[depth], tuple(marks)))
    return tuple(kind)


def single(documents):
    done = set()
    for document in documents:
        for path in nodes(document):
            kind = kind_of(document, path)
            for name, change in changes_of(document, path):
                if (kind, name) not in done:
                    done.add((kind, name))
                    yield change()


def several(documents, count, seed):
    chance = random.Random(seed)
    for _ in range(count):
        document = chance.choice(documents)
        for _ in range(chance.randint(1, 4)):
            path = chance.choice(list(nodes(document)))
            changes = list(changes_of(document, path))
            # the inserted text is no larger than the replaced one
            changes = [change for name, change in changes if not name.endswith("items")]
            document = chance.choice(changes)()
        yield document
