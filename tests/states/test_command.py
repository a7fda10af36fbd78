"""Resources from a command: what it is given, and what becomes of whatever it says."""

import json
import sys
from pathlib import Path

import pytest

from conformance.errors import NotTestable
from conformance.states.command import StateCommand
from conformance.states.prepared_resources import FOLDER, PreparedResources
from conformance.states.resource import Resource, Wanted

PENDING = Wanted("withdraws", "pending")


def script(folder: Path, code: str, *words: str) -> StateCommand:
    """A command that is a small Python program, in the profile's folder."""
    (folder / "make.py").write_text("import json, os, sys\n" + code)
    return StateCommand((sys.executable, "./make.py", *words), folder)


def test_placeholders_are_filled_in(tmp_path: Path) -> None:
    """Each has a value even where nothing special is wanted; the message comes on standard input."""
    code = 'print(json.dumps({"id": "x", "argv": sys.argv[1:], "message": json.load(sys.stdin)}))'
    command = script(
        tmp_path, code, "{status}:{owner}", "{environment}", "{contract}", "{action}", "{id}", "{other}"
    )

    plain = command.setup(PENDING).facts
    special = command.setup(Wanted("payout-intents", "paid", owner="other_merchant")).facts
    elsewhere = command.setup(Wanted("payout-intents", "paid", environment="other")).facts

    assert plain["argv"] == ["pending:primary", "own", "withdraws", "setup", "", "{other}"]
    assert plain["message"] == {
        "action": "setup",
        "state": "a withdraw with status pending",
        "params": {"contract": "withdraws", "status": "pending"},
    }
    assert special["argv"][0] == "paid:other_merchant"
    assert elsewhere["argv"][1] == "other"


@pytest.mark.parametrize(
    ("code", "one"),
    [('print("  id-1  ")', "id-1"), ("print(json.dumps({'id': 7}))", "7"), ("print(12)", "12")],
)
def test_an_id_or_json_is_taken(tmp_path: Path, code: str, one: str) -> None:
    """A command prints one word as the id, or an object with an id."""
    assert script(tmp_path, code).setup(PENDING).id == one


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("print()", "neither an id nor JSON"),
        ("print('made it: id-1')", "'made it: id-1'"),
        ("print('{}')", "neither an id nor JSON"),
        ("print('{\"id\": null}')", "neither an id nor JSON"),
        ("print('{\"id\": true}')", "neither an id nor JSON"),
        ("print('{nonsense')", "neither an id nor JSON"),
        ("sys.exit('no more money')", "exit 1, 'no more money'"),
        ("os.kill(os.getpid(), 9)", "exit -9"),
    ],
)
def test_anything_else_is_not_testable_and_quoted(tmp_path: Path, code: str, says: str) -> None:
    """Never a failure of the target."""
    with pytest.raises(NotTestable) as caught:
        script(tmp_path, code).setup(PENDING)

    assert says in caught.value.message
    assert caught.value.hint


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    """Named, with where it was looked for."""
    with pytest.raises(NotTestable, match=r"can't be run: No such file or directory: \./nope"):
        StateCommand(("./nope",), tmp_path).setup(PENDING)


@pytest.mark.parametrize(
    ("wanted", "placeholder"),
    [
        (Wanted("withdraws", "paid", owner="other_merchant"), "{owner}"),
        (Wanted("payout-intents", "paid", environment="other"), "{environment}"),
    ],
)
def test_a_command_that_cannot_know_is_not_asked(tmp_path: Path, wanted: Wanted, placeholder: str) -> None:
    """Without {owner} it would make one of the primary merchant, and tenancy would fail for nothing."""
    with pytest.raises(NotTestable) as caught:
        script(tmp_path, "print(1)", "{status}").setup(wanted)

    assert placeholder in caught.value.message
    assert placeholder in caught.value.hint


def test_a_command_without_placeholders_reads_the_message(tmp_path: Path) -> None:
    """It has no other way to know what is wanted, so it is asked for all but to tidy up."""
    reads = 'message = json.load(sys.stdin); open("log", "a").write(message["action"] + chr(10))'
    says = 'print(json.dumps({"id": "x", "owner": message["params"].get("owner")}))'
    command = script(tmp_path, f"{reads}; {says}")

    made = command.setup(Wanted("withdraws", "paid", owner="other_merchant"))
    command.settle(made)
    command.teardown(made)

    assert made.facts["owner"] == "other_merchant"
    assert (tmp_path / "log").read_text().splitlines() == ["setup", "settle"]


def test_only_a_command_with_an_action_tears_down_and_settles(tmp_path: Path) -> None:
    """A command without `{action}` is never started for teardown or settle: it would make another resource."""
    code = "open('log', 'a').write(' '.join(sys.argv[1:]) + '\\n'); print('id-1')"
    plain = script(tmp_path, code, "{status}")
    plain.teardown(Resource("id-1", PENDING))
    assert not (tmp_path / "log").exists()
    with pytest.raises(NotTestable, match="can't settle"):
        plain.settle(Resource("id-1", PENDING))

    able = script(tmp_path, code, "{action}", "{id}")
    able.teardown(Resource("id-1", PENDING))
    able.settle(Resource("id-2", PENDING))

    assert (tmp_path / "log").read_text().splitlines() == ["teardown id-1", "settle id-2"]


def test_a_failing_teardown_is_nobodys_business(tmp_path: Path) -> None:
    """A failing teardown is neither recorded nor raised."""
    script(tmp_path, "sys.exit(1)", "{action}").teardown(Resource("id-1", PENDING))


def test_half_of_a_secret_is_never_quoted(tmp_path: Path) -> None:
    """A command's output is cut after its secrets are redacted."""
    command = script(tmp_path, "sys.exit('the-secret-' + 'x' * 155)")
    secret = "the-secret-" + "x" * 155
    command = StateCommand(command._command, tmp_path, lambda text: text.replace(secret, "[redacted]"))

    with pytest.raises(NotTestable) as caught:
        command.setup(PENDING)
    assert "xxx" not in caught.value.message
    assert "[redacted]" in caught.value.message


def test_facts_are_what_the_json_holds(tmp_path: Path) -> None:
    """Checks compare answers with them."""
    facts = {"id": "x", "amount": "1.00", "nested": {"a": [1]}}
    assert script(tmp_path, f"print({json.dumps(json.dumps(facts))})").setup(PENDING).facts == facts


MANY = """
with open("starts", "a") as file:
    file.write(sys.argv[1] + "\\n")
for _ in range(int(sys.argv[1])):
    with open("made", "a") as file:
        file.write(".")
    one = os.path.getsize("made")
    print(json.dumps({"id": f"id-{one}", "amount": one}) if one % 2 else f"id-{one}")
"""


def test_many_come_from_one_start(tmp_path: Path) -> None:
    """Each start makes twice as many as the one before, for all workers; no id is handed out twice."""
    (tmp_path / "run" / FOLDER).mkdir(parents=True)
    workers = []
    for _ in range(2):
        command = script(tmp_path, MANY, "{count}")
        workers.append(StateCommand(command._command, tmp_path, prepared=PreparedResources(tmp_path / "run")))
    made = [workers[turn % 2].setup(PENDING) for turn in range(40)]

    assert len({one.id for one in made}) == 40
    assert all(one.facts == {} or one.facts["amount"] == int(one.id[3:]) for one in made)
    assert (tmp_path / "starts").read_text().split() == ["1", "2", "4", "8", "16", "32"]
    assert len(list((tmp_path / "run" / FOLDER).glob("*.json"))) == 63 - 40


def test_without_a_run_one_start_makes_one(tmp_path: Path) -> None:
    """A resource that `doctor` asks for is kept for no check."""
    command = script(tmp_path, MANY, "{count}")

    assert [command.setup(PENDING).id for _ in range(2)] == ["id-1", "id-2"]


def test_fewer_than_asked_for_will_do(tmp_path: Path) -> None:
    """Fewer ids than `{count}` are accepted; no id at all, or a line that is no id, is not."""
    (tmp_path / FOLDER).mkdir()
    one = StateCommand(("echo", "x{count}"), tmp_path, prepared=PreparedResources(tmp_path))
    assert [one.setup(PENDING).id for _ in range(3)] == ["x1", "x2", "x4"]
    for words in (("true", "{count}"), ("echo", "made", "{count}")):
        with pytest.raises(NotTestable, match="neither an id nor JSON"):
            StateCommand(words, tmp_path, prepared=PreparedResources(tmp_path)).setup(PENDING)
