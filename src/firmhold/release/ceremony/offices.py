"""Keys that the trust settings appoint: who tells the time, who directs rollouts, who signs media.

The settings are a document of their own at the desk; what is changed in them is drafted like any
other settings, and signed by the holders of `targets`.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from firmhold.release.authorities import standing_metadata
from firmhold.release.ceremony.cards import Card
from firmhold.release.ceremony.choose import LEAST_DIGITS
from firmhold.release.ceremony.words import short
from firmhold.release.ports import Desk
from firmhold.trust.encoding import pretty_json
from firmhold.trust.errors import Code, Misuse
from firmhold.trust.keys import KeyId, derived_key_id
from firmhold.trust.outer_faults import CeremonyFault
from firmhold.trust.settings.reader import MAX_BYTES, parse_settings
from firmhold.trust.settings.trust_settings import SETTINGS_PATH
from firmhold.trust.tuf.dialect import FIRMHOLD
from firmhold.trust.tuf.roles import read_targets

Settings: TypeAlias = dict[str, Any]
"""Trust settings as the desk edits them: JSON that `parse_settings` finds good."""

FRESHNESS, OPERATORS, OFFLINE = "freshness_keys", "operators", "offline_update"


@dataclass(frozen=True, slots=True)
class Office:
    """An entry of the settings with a key in it."""

    name: str
    holder: str
    key_id: KeyId

    def is_of(self, who: str) -> bool:
        """Tell whether it is a holder's, or bears the key with such an id."""
        by_id = len(who) >= LEAST_DIGITS and self.key_id.startswith(who)
        return self.holder == who or by_id

    def words(self) -> Iterator[str]:
        """Yield what people are told of it."""
        yield f"{self.name} (trust settings): {self.holder}, key {short(self.key_id)}"
        if self.name == FRESHNESS:
            yield "  a new freshness epoch begins: appoint who tells its time (freshness=CARD)"


def settings_of(desk: Desk) -> Settings | None:
    """Return the trust settings that stand at a desk, as JSON; None if there are none."""
    if desk.current("targets") is None or (found := standing_metadata(desk, "targets")) is None:
        return None
    files = read_targets(found.envelope, FIRMHOLD).files
    if SETTINGS_PATH not in files:
        return None
    with desk.file(files[SETTINGS_PATH].hashes["sha256"]) as reader:
        data = reader.read(MAX_BYTES + 1)
    parse_settings(data)
    settings: Settings = json.loads(data)
    return settings


def offices(desk: Desk) -> list[Office]:
    """Return every office of the settings."""
    settings = settings_of(desk)
    return [] if settings is None else [office for office, _, _ in _entries(settings)]


def without(settings: Settings, who: str) -> Settings:
    """Return settings in which the keys of `who` have no office. What is left must be enough."""
    changed: Settings = deepcopy(settings)
    for office, entries, entry in [*_entries(changed)]:
        if office.is_of(who):
            entries.remove(entry)
    left, needed = len(changed[OFFLINE]["keys"]), changed[OFFLINE]["threshold"]
    if left < needed <= len(settings[OFFLINE]["keys"]):
        detail = f"{left} of {needed} would be left: appoint another first"
        raise Misuse(CeremonyFault(code=Code.CEREMONY_UNSOUND, what=OFFLINE, detail=detail))
    return changed


def with_freshness(settings: Settings, card: Card, epoch: int) -> Settings:
    """Return settings in which a key tells the time in an epoch, and none in epochs before."""
    changed: Settings = deepcopy(settings)
    entry = {"epoch": epoch, "holder": card.holder, "key": card.entry}
    kept = [each for each in changed[FRESHNESS] if each["epoch"] >= epoch]
    changed[FRESHNESS] = [*kept, entry]
    return changed


def settings_bytes(settings: Settings) -> bytes:
    """Return settings as they are drafted."""
    data = pretty_json(settings)
    parse_settings(data)
    return data


def _entries(settings: Settings) -> Iterator[tuple[Office, list[Any], Any]]:
    """Yield each office with the list that it stands in, and its entry there."""
    lists = {
        FRESHNESS: settings[FRESHNESS],
        OPERATORS: settings[OPERATORS],
        OFFLINE: settings[OFFLINE]["keys"],
    }
    for name, entries in lists.items():
        for entry in entries:
            key_id = derived_key_id(entry["key"])
            yield Office(name, entry["holder"], key_id), entries, entry
