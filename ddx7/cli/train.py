"""Teach a model of your own.

`encoder` is the ear behind `ddx7 match`, `gan` the generator behind `ddx7 generate`: both learn from DX7 voices.
`resynth` is an instrument for `ddx7 resynth` and learns from recordings. `ddx7 train MODEL --help` says more.
"""

from typing import Annotated

from tyro.conf import subcommand

from ddx7.cli.train_resynth import Resynth
from ddx7.cli.train_voices import TrainEncoder, TrainGan

Command = (
    Annotated[TrainEncoder, subcommand("encoder")]
    | Annotated[TrainGan, subcommand("gan")]
    | Annotated[Resynth, subcommand("resynth")]
)
