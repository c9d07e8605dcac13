"""Checks the META.json of a folder against the PGXN Meta Spec 1.0.0, and against the folder.

Prints each fault; the exit status is 0 if there is none.
"""

import json
import pathlib
import re
import sys

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-?[A-Za-z][0-9A-Za-z-]*)?")
LICENSES = {
    "agpl_3", "apache_1_1", "apache_2_0", "artistic_1", "artistic_2", "bsd", "freebsd", "gfdl_1_2", "gfdl_1_3",
    "gpl_1", "gpl_2", "gpl_3", "lgpl_2_1", "lgpl_3_0", "mit", "mozilla_1_0", "mozilla_1_1", "openssl", "perl_5",
    "postgresql", "qpl_1_0", "ssleay", "sun", "zlib", "open_source", "restricted", "unrestricted", "unknown"}
REQUIRED = ("abstract", "license", "maintainer", "meta-spec", "name", "provides", "version")
KNOWN = REQUIRED + ("description", "generated_by", "no_index", "prereqs", "release_status", "resources", "tags")
URL = re.compile(r"(https?|git|ssh)://[^/\s]+(/\S*)?")


def faults(folder):
    try:
        meta = json.loads((folder / "META.json").read_text("utf-8"))
    except ValueError as why:
        yield f"no JSON: {why}"
        return
    for key in REQUIRED:
        if not meta.get(key):
            yield f"{key} is missing"
    for key in meta:
        if key not in KNOWN and not key.lower().startswith("x_"):
            yield f"{key} is no key of a META.json"
    if meta.get("license") not in LICENSES:
        yield f"license: {meta.get('license')} is none of the words for one"
    if not VERSION.fullmatch(meta.get("version", "")):
        yield f"version: {meta.get('version')} is no semantic version"
    if meta.get("release_status", "stable") not in ("stable", "testing", "unstable"):
        yield f"release_status: {meta['release_status']}"
    if meta.get("meta-spec", {}).get("version") != "1.0.0":
        yield "meta-spec: version is not 1.0.0"
    for name, extension in meta.get("provides", {}).items():
        yield from provided(folder, meta, name, extension)
    yield from resources(meta.get("resources", {}))
    for phase, relations in meta.get("prereqs", {}).items():
        for relation, needed in relations.items():
            for name, version in needed.items():
                if version != 0 and not VERSION.fullmatch(str(version)):
                    yield f"prereqs: {phase}.{relation}.{name}: {version} is no semantic version"


def provided(folder, meta, name, extension):
    if not VERSION.fullmatch(extension.get("version", "")):
        yield f"provides.{name}: no semantic version"
    if extension.get("version") != meta.get("version"):
        yield f"provides.{name}: version {extension.get('version')}, not {meta.get('version')}"
    # with another file, pgxnclient does not see an extension, and "pgxn load" does nothing
    if not extension.get("file", "").endswith(".sql"):
        yield f"provides.{name}: file is not SQL"
    for key in ("file", "docfile"):
        if key == "file" and key not in extension:
            yield f"provides.{name}: file is missing"
        elif key in extension and not (folder / extension[key]).is_file():
            yield f"provides.{name}.{key}: {extension[key]} is no file"
    if not (folder / f"{name}.control").is_file():
        yield f"provides.{name}: there is no {name}.control"


def resources(all_of_them):
    if not all_of_them:
        yield "resources: there are none"
    for key, value in all_of_them.items():
        if key not in ("homepage", "bugtracker", "repository") and not key.startswith("x_"):
            yield f"resources: {key}"
    urls = {"homepage": all_of_them.get("homepage"),
            "bugtracker.web": all_of_them.get("bugtracker", {}).get("web"),
            "repository.url": all_of_them.get("repository", {}).get("url"),
            "repository.web": all_of_them.get("repository", {}).get("web")}
    for key, url in urls.items():
        if url is not None and not URL.fullmatch(url):
            yield f"resources.{key}: {url} is no URL"
    if "repository" in all_of_them and "type" not in all_of_them["repository"]:
        yield "resources.repository: type is missing"


found = [f"META.json: {fault}" for fault in faults(pathlib.Path(sys.argv[1]))]
print("\n".join(found) if found else "META.json is valid")
sys.exit(bool(found))
