"""Train a model of your own.

The model `encoder` is the preset model behind `ddx7 match`, `gan` the generator behind `ddx7 generate`: both learn from
DX7 voices. The model `resynth` is an instrument for `ddx7 resynth` and learns from recordings. For more:
`ddx7 train MODEL --help`.
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
