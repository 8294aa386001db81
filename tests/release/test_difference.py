from hypothesis import given
from hypothesis import strategies as st

from zephyr_deploy.release.difference import changed, difference

FILES = st.dictionaries(st.sampled_from(["a", "b", "c.sh"]), st.text(), max_size=3)


def test_a_change_reads_as_a_patch():
    said = difference({"x": "one\ntwo\n"}, {"x": "one\n2\n"}, old_name="old", new_name="new")
    assert said == "--- old/x\n+++ new/x\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"


def test_files_that_come_and_go():
    said = difference({"gone": "1\n"}, {"new": "2"}, old_name="a", new_name="b")
    assert "--- a/gone\n+++ /dev/null\n" in said
    assert "--- /dev/null\n+++ b/new\n" in said
    assert said.endswith("+2\n\\ No newline at end of file\n")


@given(FILES, FILES)
def test_what_differs_is_told(old, new):
    assert (changed(old, new) == ()) == (old == new)
    if any(text for path in changed(old, new) for text in (old.get(path), new.get(path))):
        assert difference(old, new, old_name="old", new_name="new")
