# SPDX-License-Identifier: GPL-2.0-or-later
import fcntl
from pathlib import Path

import pytest
import trio
import trio.testing

from nicrig.provision import cache as cache_module
from nicrig.provision.cache import KEPT_BUILDS, Cache, folder, key, remove_tree, tree_sha256

pytestmark = pytest.mark.anyio


class Recipe:
    """Writes one file, and counts how often it ran."""

    def __init__(self, text: str = "built") -> None:
        self.text = text
        self.runs = 0

    async def __call__(self, target: Path) -> None:
        self.runs += 1
        await trio.lowlevel.checkpoint()
        (target / "file").write_text(self.text)


def silent(_: str) -> None:
    pass


def part_key(number: int) -> str:
    return key(str(number))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path, silent)


async def test_a_part_is_built_once_for_its_key(cache: Cache) -> None:
    recipe = Recipe()
    first = await cache.part("image", part_key(1), recipe)
    assert await cache.part("image", part_key(1), recipe) == first
    assert recipe.runs == 1
    assert (first / "file").read_text() == "built"


async def test_other_inputs_are_another_build(cache: Cache) -> None:
    old = await cache.part("image", part_key(1), Recipe("old"))
    new = await cache.part("image", part_key(2), Recipe("new"))
    assert (old / "file").read_text() == "old"
    assert (new / "file").read_text() == "new"


async def test_the_name_leads_to_the_build_used_last(cache: Cache) -> None:
    for number in (1, 2, 1):
        await cache.part("image", part_key(number), Recipe(str(number)))
        assert (cache.root / "image" / "file").read_text() == str(number)


async def test_an_interrupted_build_is_never_taken_for_a_whole_one(cache: Cache) -> None:
    async def interrupted(target: Path) -> None:
        (target / "half").touch()
        await trio.sleep_forever()

    with trio.move_on_after(0):
        await cache.part("image", part_key(1), interrupted)
    assert not cache.has("image", part_key(1))
    whole = await cache.part("image", part_key(1), Recipe())
    assert [path.name for path in whole.iterdir()] == ["file"]


async def test_the_remains_of_a_killed_build_are_swept_away(cache: Cache) -> None:
    remains = cache.root / f".image-{part_key(1)}.1.partial"
    remains.mkdir()
    (remains / "half").touch()
    whole = await cache.part("image", part_key(1), Recipe())
    assert [path.name for path in whole.iterdir()] == ["file"]
    assert not remains.exists()


async def test_a_killed_build_that_still_writes_does_not_reach_the_next(cache: Cache) -> None:
    remains = cache.root / f".image-{part_key(1)}.1.partial"

    async def recipe(target: Path) -> None:
        remains.mkdir()
        (remains / "late").touch()
        (target / "file").touch()

    whole = await cache.part("image", part_key(1), recipe)
    assert [path.name for path in whole.iterdir()] == ["file"]


async def test_a_failed_recipe_raises_and_leaves_nothing(cache: Cache) -> None:
    async def failing(_: Path) -> None:
        raise RuntimeError("no compiler")

    with pytest.raises(RuntimeError, match="no compiler"):
        await cache.part("image", part_key(1), failing)
    assert [path.name for path in cache.root.iterdir()] == [".image.lock"]


async def test_two_at_once_build_it_once(cache: Cache) -> None:
    recipe = Recipe()
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(cache.part, "image", part_key(1), recipe)
    assert recipe.runs == 1


async def test_waiting_for_another_process_is_reported_and_can_be_cancelled(tmp_path: Path) -> None:
    said: list[str] = []
    cache = Cache(tmp_path, said.append)
    with (tmp_path / ".image.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with trio.move_on_after(0.05):
            await cache.part("image", part_key(1), Recipe())
    assert said == ["waiting for another nicrig that is building image"]


async def test_old_builds_are_forgotten_but_not_other_parts(cache: Cache) -> None:
    await cache.part("image-tools", part_key(0), Recipe())
    for number in range(KEPT_BUILDS + 3):
        await cache.part("image", part_key(number), Recipe())
    kept = [number for number in range(KEPT_BUILDS + 3) if cache.has("image", part_key(number))]
    assert len(kept) == KEPT_BUILDS
    assert kept[-1] == KEPT_BUILDS + 2
    assert cache.has("image-tools", part_key(0))


def test_a_key_depends_on_every_input_and_on_where_it_ends() -> None:
    assert key("a", "bc") != key("ab", "c")
    assert key("a", "b") != key("b", "a")
    assert key("a", b"b") == key("a", "b")


def test_a_trees_sum_covers_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = tree_sha256(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = tree_sha256(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({first, second, tree_sha256(tmp_path)}) == 3


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NICRIG_CACHE", str(tmp_path))
    assert folder() == tmp_path
    monkeypatch.delenv("NICRIG_CACHE")
    assert folder() == Path(__file__).resolve().parents[3] / ".cache"


@pytest.mark.parametrize(
    ("variable", "wanted"),
    [("/elsewhere", "/elsewhere/nicrig"), ("", "/home/me/.cache/nicrig"), ("relative", "/home/me/.cache/nicrig")],
)
def test_without_a_checkout_the_folder_is_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, variable: str, wanted: str
) -> None:
    monkeypatch.setattr(cache_module, "CHECKOUT", None)
    monkeypatch.delenv("NICRIG_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    assert folder() == Path(wanted)


def test_a_tree_that_denies_writing_is_removed_too(tmp_path: Path) -> None:
    locked = tmp_path / "tree" / "locked"
    locked.mkdir(parents=True)
    (locked / "file").touch()
    locked.chmod(0o500)
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
