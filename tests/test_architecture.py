"""The dependency rules that keep the project easy to find one's way in."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FACECORE = sorted((ROOT / "facecore").glob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
TRAINING = sorted((ROOT / "training").glob("*.py"))

# A facecore module imports only from rows above its own; these stand beside the rows.
ROWS = [
    {
        "errors",
        "labels",
        "label_sets",
        "limits",
        "memory",
        "progress",
        "temp_folders",
        "program_end",
        "user_files",
        "network_files",
        "untrusted_files",
    },
    {"results", "registry"},
    {
        "preprocessing",
        "model_titles",
        "flip",
        "detection",
        "tracking",
        "media",
        "images",
        "video",
        "audio",
        "decoder",
    },
    {"likeness"},
    {
        "pipeline",
        "annotation",
        "heat_maps",
        "label_layout",
        "label_text",
        "segments",
        "stats",
        "datasets",
        "own_data",
    },
    {"hiding"},
    {"session", "live", "evaluation", "export", "card_text"},
    {
        "jobs",
        "batch",
        "comparison",
        "own_models",
        "training",
        "paper",
        "relabel",
        "drilldown",
        "eye_test",
        "solvay",
    },
    {"charts", "cli", "comparison_report"},
]
KERAS_MODULES = {"inference", "explain"}

# Which files may import a heavy or single-purpose library.
ALLOWED = {
    "streamlit": lambda p: p.parent.name == "pages" or p.name == "app.py",
    "streamlit_webrtc": lambda p: p.parent.name == "pages",
    "keras": lambda p: p.stem in KERAS_MODULES or p.parent.name == "training",
    "tensorflow": lambda p: p.stem in KERAS_MODULES or p.parent.name == "training",
    "cleanlab": lambda p: p.parent.name == "training",
    "plotly": lambda p: p.stem.startswith("charts"),
}


def imported_modules(path: Path) -> set[str]:
    """Every module that a file imports at any place, dotted."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def row_of(module: str) -> int | None:
    """The row of the longest name that the module has or begins with."""
    rows = {m: row for row, modules in enumerate(ROWS) for m in modules}
    fitting = [m for m in rows if module == m or module.startswith(f"{m}_")]
    return rows[max(fitting, key=len)] if fitting else None


@pytest.mark.parametrize(
    "path", [*FACECORE, *PAGES, *TRAINING, ROOT / "app.py"], ids=lambda p: p.name
)
def test_library_is_imported_only_where_it_belongs(path):
    tops = {name.split(".")[0] for name in imported_modules(path)}
    wrong = [
        library for library, allowed in ALLOWED.items() if library in tops and not allowed(path)
    ]
    assert not wrong, f"{path.relative_to(ROOT)} must not import {wrong}"


@pytest.mark.parametrize("path", FACECORE, ids=lambda p: p.stem)
def test_facecore_imports_only_from_rows_above(path):
    names = imported_modules(path)
    assert not {n for n in names if n.split(".")[0] in ("pages", "training", "app")}
    if path.stem.startswith("__"):
        return
    own_row = row_of(path.stem)
    used = {n.split(".")[1] for n in names if n.startswith("facecore.")}
    for module in used - {path.stem}:
        if path.stem in KERAS_MODULES:
            assert row_of(module) is not None
            continue
        if module in KERAS_MODULES:
            assert path.stem.startswith("cli_"), (
                f"{path.stem} must receive classifiers, not load them"
            )
            continue
        assert own_row is not None, f"{path.stem} has no row: place it in ROWS"
        row = row_of(module)
        assert row is not None and row <= own_row, f"{path.stem} imports {module} from below"


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_pages_never_import_training(path):
    assert not {n for n in imported_modules(path) if n.split(".")[0] == "training"}


@pytest.mark.parametrize(
    "path", [p for p in PAGES if not p.name.startswith("_")], ids=lambda p: p.name
)
def test_page_is_thin(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 100
    assert not {n.split(".")[0] for n in imported_modules(path)} & {"numpy", "cv2"}


@pytest.mark.parametrize("path", FACECORE, ids=lambda p: p.stem)
def test_module_stays_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_importing_facecore_stays_light():
    code = "import facecore, sys; sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
