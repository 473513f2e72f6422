"""Directory files: what they say, and how exactly they say what is wrong."""

import hashlib
from pathlib import Path

import pytest

from directory.file import DirectoryFileError, parse
from schemas.directory import Account, ApiKey, Number, Organization
from tests.fakes import world

DEMO = Path(__file__).parents[3] / "cli" / "demo" / "directory.yaml"


def problems(text: str, **variables: str) -> tuple[str, ...]:
    with pytest.raises(DirectoryFileError) as found:
        parse(text, source="directory.yaml", variables=variables)
    return found.value.problems


def test_entities_get_kind_id_and_organization_from_their_place() -> None:
    found = parse(world.FILE, source="f", variables={})
    assert found.organizations == {"operator", "acme", "globex"}
    number = found.entities["number", world.TWILIO]
    assert isinstance(number, Number)
    assert (number.organization, number.account) == ("acme", "tw")


def test_an_organizations_defaults_are_an_entity_of_its_own_name() -> None:
    text = world.of("acme", "defaults: {validity_seconds: '${VALIDITY}'}\nbrands: {acme: {name: Acme}}")
    found = parse(text, source="f", variables={"VALIDITY": "3600"}).entities
    assert found["organization", "acme"] == Organization(
        organization="acme", id="acme", validity_seconds=3600
    )
    assert ("brand", "acme") in found  # another kind's id of the same name
    assert parse("organizations: {acme: {brands: }}", source="f", variables={}).entities == {}


def test_a_key_may_have_a_rate_of_its_own() -> None:
    text = world.of("acme", f"api_keys: {{k: {{sha256: '{'0' * 64}', rate: 0.5, burst: 3}}}}")
    key = parse(text, source="f", variables={}).entities["api_key", "k"]
    assert isinstance(key, ApiKey)
    assert (key.rate, key.burst) == (0.5, 3)


def test_variables_are_filled_in() -> None:
    text = world.of(
        "operator",
        """
        accounts:
          tx:
            base_url: http://${HOST}:1
            credentials: {provider: telnyx, api_key: "env:A", public_keys: ["file:${DIR}/k"]}
        """,
    )
    account = parse(text, source="f", variables={"HOST": "h", "DIR": "/d"}).entities["account", "tx"]
    assert isinstance(account, Account)
    assert account.base_url == "http://h:1"
    assert account.credentials.model_dump()["public_keys"] == ("file:/d/k",)
    assert problems(text, HOST="h") == (
        "directory.yaml: operator: accounts: tx: ${DIR} stands for nothing: set the environment variable DIR",
    )


def test_an_api_key_is_kept_as_its_hash(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret\n")
    text = world.of("acme", f"api_keys: {{demo: {{sha256: 'file:{tmp_path}/key'}}}}")
    key = parse(text, source="f", variables={}).entities["api_key", "demo"]
    assert isinstance(key, ApiKey)
    assert key.sha256 == hashlib.sha256(b"secret").hexdigest()


def test_a_missing_secret_names_the_reference() -> None:
    text = world.of("acme", "api_keys: {demo: {sha256: 'env:HELIO_TEST_NO_SUCH'}}")
    (found,) = problems(text)
    assert found == (
        "directory.yaml: acme: api_keys: demo: no secret at env:HELIO_TEST_NO_SUCH: "
        "set the environment variable HELIO_TEST_NO_SUCH"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("organizations: [", "directory.yaml: line 1, column 17: "),
        ("- a", "the file: expected names with a colon, not list"),
        ("organisations: {}", "the file: 'organisations' is not known here; there may be: organizations"),
        ("organizations: {Acme!: {}}", "'Acme!' is no id"),
        (
            world.of("acme", "phones: {}"),
            "acme: 'phones' is not known here; there may be: defaults, accounts",
        ),
        (world.of("acme", "numbers: [a]"), "acme: numbers: expected names with a colon, not list"),
        (world.of("acme", "assistants: {a: {name: A}}"), "acme: assistants: a: numbers: Field required"),
        (
            world.of("acme", "assistants: {a: {name: A, numbers: [], colour: red}}"),
            "acme: assistants: a: colour: Extra inputs are not permitted",
        ),
        (
            world.of("acme", 'numbers: {"+14155550100": {account: a, rate: 0}}'),
            "acme: numbers: +14155550100: rate: Input should be greater than or equal to 0.001",
        ),
        (
            world.of("acme", "numbers: {+14155550100: {account: a}}"),
            'acme: numbers: 14155550100: id: Input should be a valid string (put it in quotes: "+1555...")',
        ),
        (
            world.of("acme", "api_keys:\n  k: {sha256: abc}"),
            "acme: api_keys: k: sha256: String should match pattern",
        ),
        (
            world.of("acme", "defaults: {validity_seconds: 172801}"),
            "acme: defaults: validity_seconds: Input should be less than or equal to 172800",
        ),
        (
            world.of("acme", "defaults: {on_unknown: retry}"),
            "acme: defaults: on_unknown: Input should be 'hold', 'resend' or 'fail'",
        ),
        (
            world.of("acme", "defaults: {colour: red}"),
            "acme: defaults: colour: Extra inputs are not permitted",
        ),
        (
            world.of("acme", "retired: {numbers: [14155550100]}"),
            "acme: retired: numbers: expected a list of ids; numbers stand in quotes",
        ),
        (world.of("acme", "retired: {defaults: [a]}"), "acme: retired: 'defaults' is not known here"),
        (
            world.of("acme", "brands: {b: {name: B}}\nretired: {brands: [b]}"),
            "acme: retired: brand b is in the file as well",
        ),
        (
            world.of("acme", f"api_keys: {{k: {{sha256: '{'0' * 64}', former: []}}}}"),
            "acme: api_keys: k: former: it is what rotating a key leaves behind; leave it out",
        ),
        (
            world.of("acme", "defaults: {quiet_hours: {start: 21:00, end: 08:00}}"),
            'acme: defaults: quiet_hours.start: Input should be a valid string (put it in quotes: "21:00")',
        ),
        (world.of("acme", "defaults: [a]"), "acme: defaults: expected names with a colon, not list"),
        (
            world.of("acme", "defaults: {id: globex}"),
            "acme: defaults: id: it is what the place in the file says",
        ),
        (
            world.of("acme", "brands: {x: {name: X, organization: globex}}"),
            "acme: brands: x: organization: it is what the place in the file says",
        ),
        (
            world.of("acme", f"api_keys: {{k: {{sha256: '{'0' * 64}', rate: 0}}}}"),
            "acme: api_keys: k: rate: Input should be greater than or equal to 0.001",
        ),
        (world.of("acme", "assistants:\n  a: {name: A, numbers: []}\n  a: {}"), "a comes twice"),
        (
            "organizations:\n  a: {brands: {x: {name: X}}}\n  b: {brands: {x: {name: X}}}",
            "b: brands: x: it is in the file twice, also under a",
        ),
    ],
)
def test_problems_name_the_place(text: str, sentence: str) -> None:
    found = problems(text)
    assert any(sentence in one for one in found), found
    assert all(one.startswith("directory.yaml: ") for one in found)


def test_all_problems_are_told_at_once() -> None:
    text = world.of("acme", "assistants: {a: {name: A}, b: {numbers: []}}")
    assert len(problems(text)) == 2


def test_a_value_that_may_be_a_secret_is_never_told() -> None:
    text = world.of(
        "operator",
        "accounts: {t: {credentials: {provider: telnyx, api_key: KEYSECRET, public_keys: ['env:X']}}}",
    )
    (found,) = problems(text)
    assert "KEYSECRET" not in found
    assert "env:NAME or file:PATH" in found


def test_the_demo_file_is_what_the_issue_asks_for(tmp_path: Path) -> None:
    for name in ("api_key", "second_api_key", "operator_api_key"):
        (tmp_path / name).write_text(name)
    variables = {"HELIO_SIMULATOR": "http://127.0.0.1:1", "HELIO_SECRETS": str(tmp_path)}
    made = world.directory(DEMO.read_text(), variables)
    numbers = [entity for entity in made.entities() if entity.kind == "number"]
    assert len(numbers) >= 12
    for organization in ("acme", "globex"):
        accounts = [made.account(n.account) for n in numbers if n.organization == organization]
        assert {a.provider for a in accounts if a is not None} == {"twilio", "telnyx", "vonage"}
