"""The documents name files, commands, options, requirements and defects that exist, and link to what is there."""

import ast
import builtins
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import click
import pytest

from conformance import catalogue, fuzz
from conformance.cli import main
from conformance.fuzz.oracle import checks as fuzz_checks
from conformance.given import Given
from conformance.items import MARKERS
from conformance.suites.withdraws import test_trusted_input
from conformance.suites.withdraws.client import Withdraws
from tests.support import ROOT

GUIDES = ("README.md", "CONTRIBUTING.md", "DEVELOPMENT.md", "SECURITY.md", "DECISIONS.md")
DOCUMENTS = (*GUIDES, "CHANGELOG.md", "REGISTRY.md", "reports/README.md")
# A document names a path from the root of the repository or from the package.
BASES = (ROOT, ROOT / "conformance")
EVERYWHERE = (ROOT / "conformance", ROOT / "specs", ROOT / "tests")
PATH = re.compile(
    r"(?<![\w<>./:-])\.?[\w*][\w.*<>-]*(?:/[\w.*<>-]+)*(?:/|\.(?:py|md|toml|yaml|json|png))(?![\w/(])"
)
# Files that a run or a command makes, in a folder of the reader's.
MADE = re.compile(
    r"acme|guide\.toml|journal/|allure|overview|(?:run|certificate|registry|badge|fuzz|summary|proof|sarif)\.(?:json|md)$|profile\.toml$"
)
COMMAND = re.compile(r"payout-conformance ([a-z][\w-]*)([^\n`|#>]*)")
PRIVATE = re.compile(
    r"\b(?:walk(?:s|er)?|strangers?|shallow|dear|bent|crew|ledger|deck|insides|whoever|misdeeds?)\b",
    re.IGNORECASE,
)


def text(name: str) -> str:
    """A document, each command on one line."""
    return (ROOT / name).read_text().replace("\\\n", "")


def code(line: str, *, fenced: bool) -> str:
    """The text set as code in a line."""
    return line if fenced else " ".join(re.findall(r"`([^`]+)`", line))


def coded(name: str) -> list[str]:
    """The lines of a document, of each what is set as code."""
    fenced, found = False, []
    for line in text(name).splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        else:
            found.append(code(line, fenced=fenced))
    return found


def matches(path: str, folders: tuple[Path, ...] | list[Path]) -> list[Path]:
    """The files and folders that a path names from one of these: `<api>` is any API, `*` any text."""
    pattern = re.sub(r"<\w+>", "*", path.rstrip("/"))
    return [found for folder in folders for found in folder.glob(pattern)]


def missing(line: str) -> list[str]:
    """The paths in a line that name nothing.

    A name alone is looked for in the folders of the other paths in the line or, without any, in the whole repository.
    """
    named = [path for path in PATH.findall(line) if not MADE.search(path)]
    found = {path: matches(path, BASES) for path in named}
    folders = [one if one.is_dir() else one.parent for paths in found.values() for one in paths]
    lacking = []
    for path in named:
        alone = "/" not in path.rstrip("/")
        if found[path] or (alone and matches(path, folders)):
            continue
        if alone and not folders and any(next(base.rglob(path.rstrip("/")), None) for base in EVERYWHERE):
            continue
        lacking.append(path)
    return lacking


def options(command: click.Command) -> set[str]:
    found = command.get_params(click.Context(command))
    return {
        name for one in found if isinstance(one, click.Option) for name in (*one.opts, *one.secondary_opts)
    }


@pytest.mark.parametrize("name", GUIDES)
def test_every_path_in_a_document_exists(name: str) -> None:
    assert [path for line in coded(name) for path in missing(line)] == []


def test_a_path_that_names_nothing_is_noticed() -> None:
    assert missing("conformance/fuzz/oracle/judge.py") == ["conformance/fuzz/oracle/judge.py"]
    assert missing("states/leases.py gives what executor.py sends") == ["executor.py"]
    assert missing("fuzz/execute/resource_pool.py and executor.py, suites/<api>/client.py") == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_in_a_document_resolves(name: str) -> None:
    folder = (ROOT / name).parent
    links = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", text(name))

    for target, anchor in links:
        if target.startswith("http"):
            continue
        page = folder / target if target else ROOT / name
        assert page.exists(), target
        headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE) if anchor else []
        slugs = [re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings]
        assert not anchor or anchor in slugs, f"{target}#{anchor}"


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_in_a_document_exists(name: str) -> None:
    for line in coded(name):
        for command, rest in COMMAND.findall(line):
            assert command in main.commands, line
            given = re.findall(r"(?<=\s)--?[a-z][\w-]*", rest)
            assert set(given) <= options(main.commands[command]), line


def test_every_option_in_the_table_of_run_is_one_of_run() -> None:
    table = text("README.md").partition("| option of `run` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`-.*?`) \|", table, re.MULTILINE)
    named = {option for row in rows for option in re.findall(r"(?<!\w)--?[a-z][\w-]*", row)}

    assert named == options(main.commands["run"]) - {"--help", "-h", "--contract"}


def test_every_command_is_in_the_readme() -> None:
    table = text("README.md").partition("## The commands")[2].partition("\n## ")[0]

    assert [
        name for name in main.commands if not re.search(rf"`(?:payout-conformance )?{name}\b", table)
    ] == []


@pytest.mark.parametrize("name", GUIDES)
def test_every_target_of_make_in_a_document_exists(name: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", text("Makefile"), re.MULTILINE)) | {".venv/ready"}

    assert {one for line in coded(name) for one in re.findall(r"(?<!\w)make ([.\w/-]+)", line)} <= targets


@pytest.mark.parametrize("name", GUIDES)
def test_every_requirement_in_a_document_exists(name: str) -> None:
    known = {one for api in catalogue.apis() for one in catalogue.load(api).by_id()}

    assert set(re.findall(r"\b(?:WD|PI)-\d\d\b", text(name))) <= known


def test_the_readme_counts_the_requirements() -> None:
    number = sum(len(catalogue.load(api).by_id()) for api in catalogue.apis())

    assert f"{number} requirements, each with its checks" in text("README.md")


def test_the_readme_says_how_many_ids_and_requests_a_run_takes() -> None:
    """By the table that was measured: its first row of each API that decides every MUST, and its last one."""
    rows = re.findall(r"^\| ([\w-]+) \| (\d[\d |.]*) \|$", text("specs/resources.md"), re.MULTILINE)
    measured = [(api, [float(one) for one in cells.split(" | ")]) for api, cells in rows]
    enough: dict[str, int] = {}
    requests: dict[str, float] = {}
    for api, (ids, musts, _, decided, _, _, _, sent, *_) in measured:
        requests[api] = sent
        if decided == musts:
            enough.setdefault(api, int(ids))
    readme = " ".join(text("README.md").split())

    assert f"With {enough['withdraws']} ids for each state and owner every MUST of withdraws" in readme
    assert f"with {enough['payout-intents']} every MUST of payout intents" in readme
    assert "sends up to 2,000 requests" in readme
    assert all(700 <= sent <= 2000 for sent in requests.values())


@pytest.mark.parametrize("api", catalogue.apis())
def test_the_table_of_judges_has_the_first_word_of_every_fuzz_check(api: str) -> None:
    named = re.findall(r"^    (\w+(?:, [\w.]+)*)", fuzz_checks.__doc__ or "", re.MULTILINE)
    known = {word for words in named for word in words.split(", ")}

    assert {one.key.split(".")[1] for one in fuzz.checks(api)} <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_has_no_private_words(name: str) -> None:
    assert PRIVATE.findall(text(name)) == []


def test_the_drawing_has_every_layer_of_import_linter_in_its_order() -> None:
    """The packages of a line import from the lines below it only."""
    drawing = text("CONTRIBUTING.md").partition("### The rooms")[2].split("```")[1].splitlines()
    contract = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    layers = [layer.split(" | ") for layer in contract["layers"] if layer != "__main__"]

    def line(name: str) -> int:
        """The line that begins with the module, or has it behind a dot or a comma."""
        (found,) = (at for at, row in enumerate(drawing) if re.search(rf"(?:^|· |, ){name}\b", row))
        return found

    lines = [sorted(map(line, names)) for names in layers]
    assert [line for above, below in pairwise(lines) for line in below if line < above[-1]] == []


def test_the_guide_has_every_marker() -> None:
    named = re.findall(r"^  \| `(\w+)` \|", text("DEVELOPMENT.md"), re.MULTILINE)

    assert sorted(named) == sorted(re.split(r"\W", marker)[0] for marker in MARKERS)


def test_the_ways_to_get_a_resource_exist() -> None:
    named = re.findall(r"^  \| `given(?:\.(\w+))?\(", text("DEVELOPMENT.md"), re.MULTILINE)

    assert "shared" in named
    assert {name for name in named if name and not hasattr(Given, name)} == set()


# -- The example of DEVELOPMENT.md: its commands take too long for a test ---------------------------------------------


def pasted(file: str) -> str:
    """The text that the guide appends to a file."""
    found = re.search(
        rf"^cat >> {re.escape(file)} <<'END'\n(.*?)^END$",
        (ROOT / "DEVELOPMENT.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, file
    return found[1]


DEFECT = "wd-monitoring-needs-no-signature"
REGISTERS = """
import sys
from conformance.sandbox import list_defects
from conformance.sandbox.withdraws import defects_auth
known = {one.id for one in list_defects()}
exec(sys.argv[1], vars(defects_auth))
print(*({one.id for one in list_defects()} - known))
"""


def test_the_line_of_the_guide_makes_a_defect() -> None:
    """Under another id, since whoever follows the guide has the line in the sandbox already."""
    line = pasted("conformance/sandbox/withdraws/defects_auth.py").replace(DEFECT, "wd-of-the-guide")
    done = subprocess.run(
        [sys.executable, "-c", REGISTERS, line], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == ["wd-of-the-guide"], done.stderr


def test_the_defect_of_the_guide_is_the_one_that_is_proved() -> None:
    proofs = re.findall(r"tests\.proof\.prove .*--defect (\S+)", text("DEVELOPMENT.md"))

    assert len(proofs) >= 2
    assert set(proofs) == {DEFECT}


def test_the_options_of_the_proof_exist() -> None:
    lines = [line for line in coded("DEVELOPMENT.md") if "tests.proof.prove" in line]
    named = {option for line in lines for option in re.findall(r"--[\w-]+", line)}
    source = (ROOT / "tests" / "proof" / "prove.py").read_text()

    assert named
    assert named <= set(re.findall(r'add_argument\("(--[\w-]+)"', source))


def test_the_check_of_the_guide_uses_what_the_suite_has() -> None:
    """Each name in it is one of the module that it is appended to, each verb one of the client."""
    tree = ast.parse(pasted("conformance/suites/withdraws/test_trusted_input.py"))
    names = [one for one in ast.walk(tree) if isinstance(one, ast.Name)]
    own = {one.id for one in names if isinstance(one.ctx, ast.Store)}
    own |= {one.arg for one in ast.walk(tree) if isinstance(one, ast.arg)}
    verbs = {
        one.attr
        for one in ast.walk(tree)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "api"
    }

    assert {one.id for one in names} - own <= {*vars(test_trusted_input), *vars(builtins)}
    assert {verb for verb in verbs if not hasattr(Withdraws, verb)} == set()
    assert verbs
