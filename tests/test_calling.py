"""What a sentence says to do can be copied as it stands, at the command line and in Python."""

from dipsearch.calling import from_python, option


def test_an_option_is_an_argument_where_a_function_was_called() -> None:
    assert (option("budget"), option("budget", "30s")) == ("--budget", "--budget 30s")
    with from_python():
        assert (option("budget"), option("budget", "30s")) == ("budget", 'budget="30s"')
    assert option("budget") == "--budget"
