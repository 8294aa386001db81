"""Reads a page as a browser would: which tags it has, what they say, and that each is closed."""

from html.parser import HTMLParser


class Reader(HTMLParser):
    """Sees that every tag is closed but those of ``void``, and what the page would fetch or run."""

    def __init__(self, void):
        super().__init__()
        self.void = void
        self.open, self.seen, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)


def read(text, void):
    reader = Reader(void)
    reader.feed(text)
    assert not reader.open
    return reader
