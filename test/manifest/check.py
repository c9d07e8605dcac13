"""Compares the JSON Schema with the reader of manifests.

    check.py MANIFEST_CHECK

MANIFEST_CHECK (tools/manifest_check.cpp) reads documents as dynpgext does; jsonschema validates them with
schema/dynpgext.schema.json.  A document must be valid by the schema exactly if the reader finds no fault,
apart from faults marked as beyond the schema.  The documents are those in good/ and bad/, those in
docs/manifest.md, and their mutations by mutations.py.  Prints "ok - NAME" or "not ok - NAME" for each aspect.
"""

import json
import pathlib
import re
import subprocess
import sys

import jsonschema

import mutations

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parent.parent / "schema" / "dynpgext.schema.json"
PAGE = HERE.parent.parent / "docs" / "manifest.md"
MOST_SHOWN = 5


def ecma_pattern(validator, pattern, instance, schema):
    """JSON Schema's patterns are those of ECMA 262: "$" is the end of the text, not of a line."""
    if validator.is_type(instance, "string") and not re.search(
        pattern.replace("$", r"\Z"), instance
    ):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


class Reader:
    def __init__(self, program):
        self.program = program

    def read(self, texts):
        """The faults of each text, as a list of (pointer, message, beyond_schema); and whether it is JSON."""
        result = subprocess.run(
            [self.program],
            input="".join(text.replace("\n", " ") + "\n" for text in texts),
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        lines = result.stdout.split("\n")[:-1]
        assert len(lines) == len(texts), f"{len(lines)} answers to {len(texts)} documents"
        return [Reading(line) for line in lines]


class Reading:
    def __init__(self, line):
        answer = {"is_json": True, "faults": []} if line == "ok" else json.loads(line)
        self.is_json = answer["is_json"]
        self.faults = answer["faults"]

    def texts(self):
        return [f"{fault['pointer'] or '(document)'}: {fault['message']}" for fault in self.faults]

    def passes_schema(self):
        return all(fault["beyond_schema"] for fault in self.faults)


class Report:
    def __init__(self):
        self.failed = 0

    def say(self, name, problems):
        print(f"{'not ok' if problems else 'ok'} - {name}")
        for problem in problems[:MOST_SHOWN]:
            print("  " + problem.replace("\n", "\n  ")[:2000])
        if len(problems) > MOST_SHOWN:
            print(f"  and {len(problems) - MOST_SHOWN} more")
        self.failed += bool(problems)


def disagreements(validator, reader, documents):
    """The differences between schema and reader, as texts; and the number of documents valid by the
    schema."""
    problems, valid = [], 0
    texts = [json.dumps(document) for document in documents]
    for document, text, reading in zip(documents, texts, reader.read(texts)):
        by_schema = validator.is_valid(document)
        valid += by_schema
        if by_schema == reading.passes_schema():
            continue
        found = next(iter(validator.iter_errors(document)), None)
        problems.append(
            f"{text}\nschema: {found.message if found else 'valid'}\n"
            f"reader: {', '.join(reading.texts()) or 'ok'}"
        )
    return problems, valid


def check_good(report, validator, reader, files):
    documents = []
    for file, reading in zip(files, reader.read([file.read_text("utf-8") for file in files])):
        document = json.loads(file.read_text("utf-8"))
        documents.append(document)
        errors = [f"schema: {error.message}" for error in validator.iter_errors(document)]
        report.say(f"good/{file.name}", errors + [f"reader: {text}" for text in reading.texts()])
    return documents


def check_bad(report, validator, reader, files):
    documents = []
    for file, reading in zip(files, reader.read([file.read_text("utf-8") for file in files])):
        expected = file.with_suffix(".faults").read_text("utf-8").splitlines()
        problems = []
        if reading.texts() != expected or not expected:
            problems = ["expected:"] + expected + ["found:"] + reading.texts()
            problems = ["\n".join(problems)]
        if reading.is_json:
            document = json.loads(file.read_text("utf-8"))
            documents.append(document)
            problems += disagreements(validator, reader, [document])[0]
        report.say(f"bad/{file.name}", problems)
    return documents


def check_page(report, validator, reader, page):
    """The documents shown to users are valid."""
    problems = []
    texts = re.findall(r"^```json\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for text, reading in zip(texts, reader.read(texts)):
        problems += [f"reader: {text}" for text in reading.texts()]
        problems += [f"schema: {e.message}" for e in validator.iter_errors(json.loads(text))]
    report.say(f"{page.name} shows good documents", problems if texts else ["it shows none"])


def keys_in(value):
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_in(item)


def keys_of_schema(value):
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict):
            yield from value["properties"]
        for item in value.values():
            yield from keys_of_schema(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of_schema(item)


def check_mutations(report, validator, reader, name, documents):
    problems, valid = disagreements(validator, reader, documents)
    # only valid, or only invalid, documents would prove nothing
    if not len(documents) // 50 < valid < len(documents) * 49 // 50:
        problems.append(f"{valid} of {len(documents)} documents are valid")
    report.say(f"schema and reader agree about {len(documents)} {name}, {valid} of them valid", problems)


def main():
    reader = Reader(sys.argv[1])
    schema = json.loads(SCHEMA.read_text("utf-8"))
    report = Report()
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        report.say("the schema is one", [])
    except jsonschema.SchemaError as error:
        report.say("the schema is one", [str(error)])
    validator = jsonschema.validators.extend(
        jsonschema.Draft202012Validator, {"pattern": ecma_pattern}
    )(schema)

    good = check_good(report, validator, reader, sorted((HERE / "good").glob("*.json")))
    unused = set(keys_of_schema(schema)) - set(keys_in(good))
    report.say("good documents have every key", sorted(unused))
    check_page(report, validator, reader, PAGE)
    bad = check_bad(report, validator, reader, sorted((HERE / "bad").glob("*.json")))
    check_mutations(report, validator, reader, "documents with one change", list(mutations.single(good)))
    some = list(mutations.several(good + bad, count=2000, seed=20))
    check_mutations(report, validator, reader, "documents with some changes", some)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
