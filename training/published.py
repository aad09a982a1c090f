"""What the published files of STGR hold: rows by task and by source.

The numbers are those that others counted in the files STGR-SFT.json and STGR-RL.json; the paper (arXiv 2510.20579,
Sec. 3.1) has 30k and 36k rows, which is less by the 1,168 rows that PLM-RDCap has beyond the paper's 2,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .rows import CHOICE, GROUNDED, OPEN, TEMPORAL, TEMPORAL_CHOICE, VISUAL


@dataclass(frozen=True, slots=True)
class Published:
    """What a published file holds."""

    name: str
    tasks: Mapping[str, int]
    sources: Mapping[str, int]

    @property
    def rows(self) -> int:
        """How many rows there are.

        >>> SFT.rows, RL.rows
        (31166, 37231)
        """
        return sum(self.tasks.values())


_ANNOTATED = {
    "STR_activitynet": 891,
    "STR_coin": 670,
    "STR_didemo": 629,
    "STR_plm_rdcap": 3168,
    "STR_queryd": 104,
    "STR_qvhighlight": 1585,
}
_GENERAL = {"videor1_free_from": 2000, "videor1_mcq": 13000}

SFT = Published(
    "STGR-SFT.json",
    {VISUAL: 5000, TEMPORAL: 4119, GROUNDED: 7047, CHOICE: 13000, OPEN: 2000},
    {
        **_ANNOTATED,
        "TVG_ActivityNet": 228,
        "TVG_QVhighlight": 989,
        "TVG_didemo": 225,
        "TVG_hirest_grounding": 61,
        "TVG_internvid_vtime": 1065,
        "TVG_queryd": 154,
        "TVG_tacos": 1397,
        "TreeVGR": 5000,
        **_GENERAL,
    },
)
RL = Published(
    "STGR-RL.json",
    {VISUAL: 5000, TEMPORAL: 2280, TEMPORAL_CHOICE: 2904, GROUNDED: 12047, CHOICE: 13000, OPEN: 2000},
    {
        **_ANNOTATED,
        "TVG_activitynet": 692,
        "TVG_qvhighlight": 2212,
        "gqa": 5000,
        "timerft": 2280,
        "videoespresso_train_video": 5000,
        **_GENERAL,
    },
)
