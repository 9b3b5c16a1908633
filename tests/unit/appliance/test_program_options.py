# Copyright (c) 2026, the vcfleet.certs authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option parser against what Boost.Program_options 1.74 itself said to the same words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simvc.tools.certool_help import help_text
from simvc.tools.certool_options import CONFIG_KEYS, CONFIG_OPTIONS, OPTIONS, parse_arguments
from simvc.tools.program_options import ParseError, Values, parse_config

GEN = (
    "ambiguous and matches '--genCIScert', '--gencert', '--gencrl', '--gencsr', '--gencsrfromcert', '--genkey', "
    "and '--genselfcacert'"
)


def given_names(*argv: str) -> dict[str, str]:
    values = parse_arguments(list(argv))
    return {name: values.text(name) for name in OPTIONS if name in values}


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--waitVMCA"], "unrecognised option '--waitVMCA'"),
        (["--genKey"], "unrecognised option '--genKey'"),
        (["--bogus=1"], "unrecognised option '--bogus=1'"),
        (["-genkey"], "unrecognised option '-genkey'"),
        (["-x"], "unrecognised option '-x'"),
        (["--gen"], f"option '--gen' is {GEN}"),
        (["--gen=1"], f"option '--gen=1' is {GEN}"),
        (["--out"], "option '--out' is ambiguous and matches '--outcert', and '--outprivkey'"),
        (["--Name"], "the required argument for option '--Name' is missing"),
        (["--priv"], "the required argument for option '--privkey' is missing"),
        (["--Name="], "the argument for option '--Name' should follow immediately after the equal sign"),
        (["--privk="], "the argument for option '--privk' should follow immediately after the equal sign"),
        (
            ["--privkey", "--cert="],
            "the argument for option '--privkey' should follow immediately after the equal sign",
        ),
        (["--="], "the argument for option should follow immediately after the equal sign"),
        (["--privkey=a", "--privkey=b"], "option '--privkey' cannot be specified more than once"),
        (["--genkey", "--genk"], "option '--genkey' cannot be specified more than once"),
        (["--PKCS12", "--PKCS12"], "option '--PKCS12' cannot be specified more than once"),
        (["--help=init", "--help=files"], "option '--help' cannot be specified more than once"),
        (["--genkey=1"], "option '--genkey' does not take any arguments"),
        (["--wait", "abc"], "the argument ('abc') for option '--wait' is invalid"),
        (["--viewe", "0x1"], "the argument ('0x1') for option '--viewerror' is invalid"),
        (["--wait", ""], "the argument for option '--wait' is invalid"),
        (["--predate=99999999999"], "the argument ('99999999999') for option '--predate' is invalid"),
        (["--wait=x", "--bogus"], "unrecognised option '--bogus'"),
    ],
)
def test_refused(argv: list[str], text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_arguments(argv)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (["--priv", "k"], {"privkey": "k"}),
        (["--genke"], {"genkey": ""}),
        (["--privkey", "-x"], {"privkey": "-x"}),
        (["--privkey", "--cert"], {"privkey": "--cert"}),
        (["--privkey", "--"], {"privkey": "--"}),
        (["--cert=a=b"], {"cert": "a=b"}),
        (["--Name", ""], {"Name": ""}),
        (["foo", "\u2013-gencert", "-"], {}),
        (["--", "--genkey"], {}),
        (["--=x"], {}),
        (["--wait=+5", "--port", "-3"], {"wait": "5", "port": "-3"}),
        (["--help", "init"], {"help": "init"}),
        (["--help", "--help"], {"help": ""}),
        (["--help", "--", "init"], {"help": ""}),
    ],
)
def test_accepted(argv: list[str], found: dict[str, str]) -> None:
    assert given_names(*argv) == found


@pytest.mark.parametrize("group", ["init", "functions", "config", "files"])
def test_each_group_has_a_help_of_its_own(group: str) -> None:
    assert help_text(group) != help_text("general")
    assert help_text("bogus") == help_text("general")


def from_config(text: str, *argv: str) -> dict[str, str]:
    values = parse_arguments(list(argv))
    values.store(parse_config(text, CONFIG_OPTIONS))
    return {key: values.text(key) for key in CONFIG_KEYS if key in values}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Organization = A # B\n", {"Organization": "A"}),
        ("\n  \t\r\nName\t=\tx y\r\n", {"Name": "x y"}),
        ("Name = a = b", {"Name": "a = b"}),
        ('Country = "US"', {"Country": '"US"'}),
        ("OrgUnit =\n", {"OrgUnit": ""}),
        ("# only a comment", {}),
        ("", {}),
    ],
)
def test_config_accepted(text: str, found: dict[str, str]) -> None:
    assert from_config(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Country US", "the options configuration file contains an invalid line 'Country US'"),
        (" ; comment # x", "the options configuration file contains an invalid line '; comment'"),
        ("Bogus = 1", "unrecognised option 'Bogus'"),
        ("country = US", "unrecognised option 'country'"),
        ("privkey = x", "unrecognised option 'privkey'"),
        ("[sec]\nCountry = US", "unrecognised option 'sec.Country'"),
        ("[sec.]\nCountry = US", "unrecognised option 'sec.Country'"),
        ("= value", "unrecognised option"),
        ("Name = A\nName = B", "option 'Name' cannot be specified more than once"),
        ("Name = A\nName = B\nBogus = 1", "unrecognised option 'Bogus'"),
    ],
)
def test_config_refused(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        from_config(text)
    assert str(caught.value) == message


def test_the_command_line_wins_over_the_config() -> None:
    assert from_config("Name = file\nState = x", "--Name=mine") == {"Name": "mine", "State": "x"}


@given(st.lists(st.text(alphabet="-=abNameGENgencertprivkey \u2013", max_size=12), max_size=5))
def test_any_command_line_is_parsed_or_refused_in_words(argv: list[str]) -> None:
    try:
        parse_arguments(argv)
    except ParseError as error:
        assert str(error)


@given(st.text(max_size=80))
def test_any_config_is_parsed_or_refused_in_words(text: str) -> None:
    try:
        Values(CONFIG_OPTIONS, {}).store(parse_config(text, CONFIG_OPTIONS))
    except ParseError as error:
        assert str(error)


@given(st.sampled_from(CONFIG_KEYS), st.text(alphabet=st.characters(exclude_characters="#\r\n", codec="utf-8")))
def test_a_value_is_what_stands_between_the_blanks(key: str, value: str) -> None:
    assert from_config(f"{key} = {value}\n") == {key: value.strip(" \t\r\n")}
