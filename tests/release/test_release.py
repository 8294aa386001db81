from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.release.release import release_of

FILES = st.dictionaries(st.text(min_size=1), st.text(), max_size=4)


def test_the_name_is_of_the_content():
    assert release_of({"a": "1"}).id == release_of({"a": "1"}).id
    assert release_of({"a": "1"}).id != release_of({"a": "2"}).id
    assert release_of({"a": "1"}).id != release_of({"b": "1"}).id


@given(FILES, FILES)
def test_different_files_have_different_names(one, other):
    assert (release_of(one).id == release_of(other).id) == (one == other)


@given(FILES)
def test_the_order_of_files_does_not_matter(files):
    assert release_of(dict(reversed(files.items()))).id == release_of(files).id
