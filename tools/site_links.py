"""For mkdocs: in the site, links from docs/ to other files of the repository point to the repository."""
import posixpath
import re

LINK = re.compile(r"(\]\()(\.\./[^)#\s]+)")


def on_page_markdown(markdown, page, config, files):
    folder = posixpath.dirname(posixpath.join("docs", page.file.src_uri))

    def absolute(link):
        path = posixpath.normpath(posixpath.join(folder, link[2]))
        return f"{link[1]}{config['repo_url']}/{path}"

    return LINK.sub(absolute, markdown)
